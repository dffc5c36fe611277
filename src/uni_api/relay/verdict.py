"""What a fault means for the next try: one table, for everyone who asks."""

from enum import Enum, auto

from uni_api.errors import Fault, FaultKind


class Verdict(Enum):
    """NEXT_KEY: only this key is at fault · RETRY: it may pass, so try elsewhere, and here again when nobody else is
    left · NEXT_CHANNEL: try elsewhere · REFUSE: nobody would answer otherwise."""

    NEXT_KEY = auto()
    RETRY = auto()
    NEXT_CHANNEL = auto()
    REFUSE = auto()


_TABLE: dict[FaultKind, Verdict] = {
    "connect": Verdict.RETRY,
    "timeout": Verdict.RETRY,
    "overloaded": Verdict.RETRY,
    "rate": Verdict.NEXT_KEY,
    "quota": Verdict.NEXT_KEY,
    "auth": Verdict.NEXT_KEY,
    "bad_request": Verdict.REFUSE,
    "too_long": Verdict.REFUSE,
    "filtered": Verdict.REFUSE,
    "not_found": Verdict.NEXT_CHANNEL,
    "protocol": Verdict.RETRY,
    "cancelled": Verdict.REFUSE,
    "unsayable": Verdict.NEXT_CHANNEL,
}


def judge(fault: Fault) -> Verdict:
    return _TABLE[fault.kind]
