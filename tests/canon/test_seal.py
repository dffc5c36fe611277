"""Seals: packed for the way through a client, opened again, and nothing else taken for one."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialects import laws
from uni_api.canon import Seal, pack, unpack
from uni_api.canon.seal import MOST_PACKED, last_realm


@given(laws.seals)
def test_what_is_packed_is_unpacked(seal: Seal) -> None:
    packed = pack(seal)
    assert packed.startswith("ua1.")
    assert set(packed[4:]) <= set(string.ascii_letters + string.digits + "-_")
    assert unpack(packed, Seal) == seal


@given(st.lists(laws.seals))
def test_plain_data_of_seals_travels_too(seals: list[Seal]) -> None:
    assert unpack(pack(seals), list[Seal]) == seals


@pytest.mark.parametrize(
    "text", ["", "ua1.", "ua1.e30", "ua1.!!!!", "ua1.AAAA", "ua1.\u20ac", "ua2.e30", "Ev4BCkYIBRgCKkA", "ua1.bnVsbA"]
)
def test_anything_else_is_none(text: str) -> None:
    assert unpack(text, Seal) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert unpack("ua1." + text, Seal) is None or text


@given(laws.seals, st.data())
def test_a_cut_blob_is_none(seal: Seal, data: st.DataObject) -> None:
    packed = pack(seal)
    at = data.draw(st.integers(0, len(packed) - 1))
    assert unpack(packed[:at], Seal) is None


def body(*texts: str) -> bytes:
    return json.dumps({"messages": [{"data": text} for text in texts]}).encode()


SEAL = pack(Seal(realm="a:host", token="x", id="1"))


@pytest.mark.parametrize(
    ("texts", "realm"),
    [
        ((), None),
        (("ua1", "x ua1.e30"), None),
        ((SEAL,), "a:host"),
        ((SEAL, pack(Seal(realm="b:host", token='"realm":"c"'))), "b:host"),
        ((pack([{"part": {"seal": Seal(realm="d", token="x")}}]),), "d"),
        ((SEAL, pack(["nothing"]), "ua1.!!!!", "ua1."), "a:host"),
        ((SEAL, *["ua1."] * MOST_PACKED), None),
    ],
)
def test_the_last_realm_in_a_body(texts: tuple[str, ...], realm: str | None) -> None:
    assert last_realm(body(*texts)) == realm


def test_a_body_that_is_cut_off_has_no_realm() -> None:
    assert last_realm(b'{"data":"ua1.') is None
    assert last_realm(b'{"data":"' + SEAL.encode()[:20]) is None
