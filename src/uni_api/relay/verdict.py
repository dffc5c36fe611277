"""What a fault means for the next try: one table, for everyone who asks."""

from enum import Enum, auto

from uni_api.errors import Fault, FaultKind


class Verdict(Enum):
    """NEXT_KEY: only this key is at fault · NEXT_CHANNEL: try elsewhere · REFUSE: nobody would answer otherwise."""

    NEXT_KEY = auto()
    NEXT_CHANNEL = auto()
    REFUSE = auto()


_TABLE: dict[FaultKind, Verdict] = {
    "connect": Verdict.NEXT_CHANNEL,
    "timeout": Verdict.NEXT_CHANNEL,
    "overloaded": Verdict.NEXT_CHANNEL,
    "rate": Verdict.NEXT_KEY,
    "quota": Verdict.NEXT_KEY,
    "auth": Verdict.NEXT_KEY,
    "bad_request": Verdict.REFUSE,
    "too_long": Verdict.REFUSE,
    "filtered": Verdict.REFUSE,
    "not_found": Verdict.NEXT_CHANNEL,
    "protocol": Verdict.NEXT_CHANNEL,
    "cancelled": Verdict.REFUSE,
    "unsayable": Verdict.NEXT_CHANNEL,
}


def judge(fault: Fault) -> Verdict:
    return _TABLE[fault.kind]
