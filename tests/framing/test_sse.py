"""Server-sent events: the same frames at every split, within bounds, in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uni_api.errors import Fault
from uni_api.framing import Frame, SseDecoder
from uni_api.framing.sse import comment, encode


def frames(*pieces: bytes) -> list[Frame]:
    decoder = SseDecoder()
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    return found + decoder.close()


def datas(*pieces: bytes) -> list[bytes]:
    return [frame.data for frame in frames(*pieces)]


@pytest.mark.parametrize(
    ("stream", "wanted"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\n\r\n\rdata: b\r\n\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b": ping\n\ndata: a\n\n:\n\n", [b"a"]),
        (b"id: 1\nretry: 5\ndata: a\nunknown\n\n", [b"a"]),
        (b"event: x\n\n", []),
        (b"data\n\n", [b""]),
        (b"data:\n\n", [b""]),
        (b"data: a\ndata\ndata: b\n\n", [b"a\n\nb"]),
        (b"database: a\n\n", []),
        (b"data: \x00\xff\n\n", [b"\x00\xff"]),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        (b"data: no blank line", [b"no blank line"]),
        (b"data: no blank line\r", [b"no blank line"]),
        (b"", []),
        (b"\xef\xbb", []),
    ],
)
def test_frames_of_a_stream(stream: bytes, wanted: list[bytes]) -> None:
    assert datas(stream) == wanted


def test_the_name_of_an_event_lasts_until_its_blank_line() -> None:
    assert frames(b"event: ping\ndata: 1\n\ndata: 2\n\nevent:pong\r\ndata: 3\r\n\r\n") == [
        Frame(b"1", b"ping"),
        Frame(b"2"),
        Frame(b"3", b"pong"),
    ]


def test_a_byte_order_mark_counts_only_at_the_start() -> None:
    assert datas(b"\xef", b"\xbb", b"\xbfdata: a\n\n", b"\xef\xbb\xbfdata: b\n\n") == [b"a"]


lines = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"data",
        b"data: \xe2\x82\xac",
        b"event: x",
        b": c",
        b"",
        b"id: 1",
        b"data: \x00",
        b"\xef\xbb\xbf",
    ]
)
streams = st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r", b"\r\n"]))).map(
    lambda pairs: b"".join(line + end for line, end in pairs)
)


@given(streams, st.sampled_from([b"", b"\xef\xbb\xbf", b"data: first\n\n"]))
def test_every_split_gives_the_same_frames(body: bytes, start: bytes) -> None:
    stream = start + body
    whole = frames(stream)
    for at in range(len(stream) + 1):
        assert frames(stream[:at], stream[at:]) == whole, at
    assert frames(*(stream[at : at + 1] for at in range(len(stream)))) == whole


def test_a_frame_comes_with_the_byte_that_ends_it() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [Frame(b"a")]
    assert decoder.feed(b"data: b\r\n\r") == [Frame(b"b")]
    assert decoder.feed(b"\ndata: c\n\n") == [Frame(b"c")]


def test_an_event_of_eight_megabytes() -> None:
    data = b"x" * (8 << 20)
    assert datas(b"data: " + data + b"\n\n") == [data]


def test_a_large_event_in_small_pieces() -> None:
    """Joining a growing buffer at every piece would copy 16 GB here, and show in the time that this test takes."""
    stream = b"data: " + b"y" * (1 << 20) + b"\n\n"
    assert datas(*(stream[at : at + 32] for at in range(0, len(stream), 32))) == [b"y" * (1 << 20)]


@pytest.mark.parametrize("pieces", [[b"data: 123456789012"], [b"data: 1"] * 9, [b"data: 123456\n", b"data: 12345\n"]])
def test_an_event_past_the_limit_is_a_fault(pieces: list[bytes]) -> None:
    decoder = SseDecoder(limit=10)
    with pytest.raises(Fault, match="more than 10 bytes") as caught:
        for piece in pieces:
            decoder.feed(piece)
    assert caught.value.kind == "protocol"


def test_the_limit_is_for_one_event_not_for_the_stream() -> None:
    decoder = SseDecoder(limit=10)
    assert len(decoder.feed(b"data: 1234\n\n" * 50)) == 50
    assert decoder.feed(b": " + b"c" * 6 + b"\n") == []


def test_what_is_encoded_is_decoded() -> None:
    assert frames(encode(b"{}") + comment("still here") + encode(b"[]", b"done")) == [
        Frame(b"{}"),
        Frame(b"[]", b"done"),
    ]


def test_repr_tells_what_is_held() -> None:
    decoder = SseDecoder()
    decoder.feed(b"data: ab\ndata: c")
    assert repr(decoder) == "<SseDecoder 7 bytes of a line and 3 of data held>"
