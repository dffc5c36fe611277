"""What each kind of fault means for the next try."""

from typing import get_args

import pytest

from uni_api.errors import DEFAULT_STATUS, Fault, FaultKind
from uni_api.relay.verdict import Verdict, judge

TABLE: dict[FaultKind, Verdict] = {
    # The way there, or what stands at its end: another channel may do better, and this one later.
    "connect": Verdict.RETRY,
    "timeout": Verdict.RETRY,
    "overloaded": Verdict.RETRY,
    "protocol": Verdict.RETRY,
    # What this channel can't do at all.
    "not_found": Verdict.NEXT_CHANNEL,
    "unsayable": Verdict.NEXT_CHANNEL,
    # Whose key it is.
    "rate": Verdict.NEXT_KEY,
    "quota": Verdict.NEXT_KEY,
    "auth": Verdict.NEXT_KEY,
    # What is asked, or that nobody is left to be told.
    "bad_request": Verdict.REFUSE,
    "too_long": Verdict.REFUSE,
    "filtered": Verdict.REFUSE,
    "cancelled": Verdict.REFUSE,
}


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(get_args(FaultKind)) == set(DEFAULT_STATUS)


@pytest.mark.parametrize("kind", TABLE)
def test_verdict(kind: FaultKind) -> None:
    assert judge(Fault(kind, "no")) is TABLE[kind]


@pytest.mark.parametrize("kind", TABLE)
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_the_kind_alone_decides(kind: FaultKind, status: int) -> None:
    """A status is what the client is shown; upstreams use the same one for many things."""
    assert judge(Fault(kind, "invalid api key, rate limit", status=status, code="insufficient_quota")) is TABLE[kind]
