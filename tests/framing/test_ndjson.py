"""JSON lines: the same frames at every split, within bounds, in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.errors import Fault
from uni_api.framing import Frame, NdjsonDecoder


def datas(*pieces: bytes) -> list[bytes]:
    decoder = NdjsonDecoder()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close()
    assert all(frame.event == b"" for frame in frames)
    return [frame.data for frame in frames]


@pytest.mark.parametrize(
    ("stream", "wanted"),
    [
        (b"{}\n[]\n", [b"{}", b"[]"]),
        (b"{}\r\n[]\r\n", [b"{}", b"[]"]),
        (b"\n\n{}\n \t\r\n\n[]\n\n", [b"{}", b"[]"]),
        (b"  {} \n", [b"{}"]),
        (b'{"a": "\xe2\x82\xac"}\n', [b'{"a": "\xe2\x82\xac"}']),
        (b"{}\nno line feed", [b"{}", b"no line feed"]),
        (b"no line feed\r", [b"no line feed"]),
        (b'{"a": "\\n"}\n', [b'{"a": "\\n"}']),
        (b"\x00\xff\n", [b"\x00\xff"]),
        (b"\r", []),
        (b"", []),
    ],
)
def test_frames_of_a_stream(stream: bytes, wanted: list[bytes]) -> None:
    assert datas(stream) == wanted


lines = st.sampled_from([b'{"a":1}', b"{}", b"", b" ", b'"\xe2\x82\xac"', b"\x00", b"not json"])
streams = st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r\n"]))).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


@given(streams, st.sampled_from([b"", b"no end", b"{}\r"]))
def test_every_split_gives_the_same_frames(body: bytes, tail: bytes) -> None:
    stream = body + tail
    whole = datas(stream)
    for at in range(len(stream) + 1):
        assert datas(stream[:at], stream[at:]) == whole, at
    assert datas(*(stream[at : at + 1] for at in range(len(stream)))) == whole


def test_a_frame_comes_with_the_byte_that_ends_it() -> None:
    decoder = NdjsonDecoder()
    assert decoder.feed(b'{"a":') == []
    assert decoder.feed(b"1}") == []
    assert decoder.feed(b"\n{") == [Frame(b'{"a":1}')]
    assert decoder.feed(b"}\n") == [Frame(b"{}")]
    assert decoder.close() == []


def test_closing_twice_gives_nothing_more() -> None:
    decoder = NdjsonDecoder()
    decoder.feed(b"{}")
    assert decoder.close() == [Frame(b"{}")]
    assert decoder.close() == []


def test_a_large_line_in_small_pieces() -> None:
    """Joining a growing buffer at every piece would copy 16 GB here, and show in the time that this test takes."""
    stream = b"y" * (1 << 20) + b"\n"
    assert datas(*(stream[at : at + 32] for at in range(0, len(stream), 32))) == [b"y" * (1 << 20)]


@pytest.mark.parametrize("pieces", [[b"12345678901"], [b"12"] * 6, [b"12345678901\n"], [b"123456", b"78901\n"]])
def test_a_line_past_the_limit_is_a_fault(pieces: list[bytes]) -> None:
    decoder = NdjsonDecoder(limit=10)
    with pytest.raises(Fault, match="more than 10 bytes") as caught:
        for piece in pieces:
            decoder.feed(piece)
    assert caught.value.kind == "protocol"


def test_the_limit_is_for_one_line_not_for_the_stream() -> None:
    decoder = NdjsonDecoder(limit=10)
    assert len(decoder.feed(b"1234567890\n" * 50)) == 50


def test_repr_tells_what_is_held() -> None:
    decoder = NdjsonDecoder()
    decoder.feed(b"{}\n{")
    assert repr(decoder) == "<NdjsonDecoder 1 bytes of a line held>"
