"""No key of an upstream is in what a client or a log sees."""

import pytest

from uni_api.errors import Fault
from uni_api.relay.redact import hidden, redact, scrub
from uni_api.secret import Secret

KEY = Secret("sk-proj-a1B2.c3_D4")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Incorrect API key provided: sk-proj-a1B2.c3_D4.", "Incorrect API key provided: [key]."),
        ("sk-proj-a1B2.c3_D4sk-proj-a1B2.c3_D4", "[key][key]"),
        ("Incorrect API key provided: sk-pr***********c3_D4. See", "Incorrect API key provided: [key] See"),
        ("Bearer AIza**** is wrong", "Bearer [key] is wrong"),
        ("nothing to hide", "nothing to hide"),
        ("2 ** 3 is **bold**, *it*, a*b and f(**kwargs)", "2 ** 3 is **bold**, *it*, a*b and f(**kwargs)"),
        ("", ""),
    ],
)
def test_keys_are_taken_out_of_text(said: str, shown: str) -> None:
    assert scrub(said, [KEY]) == shown


def test_masked_keys_are_taken_out_where_no_key_is_known() -> None:
    for none in ([], [Secret("")]):
        assert scrub("sk-12***89 and sk-1234", none) == "[key] and sk-1234"


def test_a_fault_is_redacted_in_place_and_in_its_traceback() -> None:
    fault = Fault("auth", f"bad {KEY.reveal()}", status=401, raw=b"kept for no one")
    assert redact(fault, [KEY]) is fault
    assert (fault.message, str(fault), fault.status, fault.kind) == ("bad [key]", "bad [key]", 401, "auth")
    assert KEY.reveal() not in repr(fault)


def test_bytes_that_are_relayed_lose_the_key_only() -> None:
    data = b'data: {"error":{"message":"sk-proj-a1B2.c3_D4, **bold** \xff"}}\n\n'
    assert hidden(data, [KEY]) == b'data: {"error":{"message":"[key], **bold** \xff"}}\n\n'
    for none in ([], [Secret("")]):
        assert hidden(data, none) is data
