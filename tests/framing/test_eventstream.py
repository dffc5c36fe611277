"""AWS event streams: the same frames at every split, no damage unnoticed, within bounds."""

import itertools
import struct
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from uni_api.errors import Fault
from uni_api.framing import EventStreamDecoder, Frame
from uni_api.framing.eventstream import MAX_HEADERS, MAX_MESSAGE

Header = tuple[bytes, int, bytes]
"""Name, type of value, and the value with its length where it says one."""


def text(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def message(headers: list[Header], payload: bytes) -> bytes:
    block = b"".join(bytes([len(name)]) + name + bytes([kind]) + value for name, kind, value in headers)
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    whole = prelude + struct.pack("!I", crc32(prelude)) + block + payload
    return whole + struct.pack("!I", crc32(whole))


def event(name: bytes, payload: bytes, *more: Header) -> bytes:
    said = [(b":event-type", 7, text(name)), (b":message-type", 7, text(b"event"))]
    return message([*said, *more], payload)


def frames(*pieces: bytes) -> list[Frame]:
    decoder = EventStreamDecoder()
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    return found + decoder.close()


EVERY_TYPE: list[Header] = [
    (b"yes", 0, b""),
    (b"no", 1, b""),
    (b"byte", 2, b"\x80"),
    (b"short", 3, b"\x01\x02"),
    (b"integer", 4, b"\x01\x02\x03\x04"),
    (b"long", 5, bytes(8)),
    (b"bytes", 6, text(b"\x00\xff")),
    (b"string", 7, text("é".encode())),
    (b"time", 8, struct.pack("!q", 1_700_000_000_000)),
    (b"uuid", 9, bytes(range(16))),
]


def test_a_message_is_a_frame() -> None:
    assert frames(event(b"metadata", b'{"a":1}')) == [Frame(b'{"a":1}', b"metadata")]


def test_every_type_of_header_is_passed_over() -> None:
    assert frames(event(b"x", b"p", *EVERY_TYPE)) == [Frame(b"p", b"x")]
    for header in EVERY_TYPE:
        assert frames(message([header, (b":event-type", 7, text(b"x"))], b"")) == [Frame(b"", b"x")]


def test_a_name_that_is_no_string_is_no_name() -> None:
    assert frames(message([(b":event-type", 6, text(b"x"))], b"p")) == [Frame(b"p")]


def test_a_message_without_headers_is_a_frame_without_name() -> None:
    assert frames(message([], b"")) == [Frame(b"")]


def test_exceptions_bear_their_name() -> None:
    said = [(b":exception-type", 7, text(b"throttlingException")), (b":message-type", 7, text(b"exception"))]
    assert frames(message(said, b'{"message":"slow down"}')) == [
        Frame(b'{"message":"slow down"}', b"exception:throttlingException")
    ]


def test_errors_bear_their_code_and_their_message() -> None:
    said = [
        (b":message-type", 7, text(b"error")),
        (b":error-code", 7, text(b"InternalError")),
        (b":error-message", 7, text(b"An internal error.")),
    ]
    assert frames(message(said, b"")) == [Frame(b"An internal error.", b"exception:InternalError")]


headers = st.lists(st.sampled_from(EVERY_TYPE), max_size=4, unique_by=lambda header: header[0])
messages = st.builds(lambda name, data, more: event(name, data, *more), st.binary(max_size=12), st.binary(), headers)


@given(st.lists(messages, max_size=5), st.data())
def test_frames_do_not_depend_on_the_cut(stream: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(stream)
    edges = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[start:end] for start, end in itertools.pairwise([0, *edges, len(whole)])]
    assert frames(*pieces) == frames(whole) == frames(*(bytes([byte]) for byte in whole))


names = st.text("abcXYZ-", max_size=10).map(str.encode)


@given(st.lists(st.tuples(names, st.binary()), max_size=4), headers)
def test_the_oracle_reads_the_same(said: list[tuple[bytes, bytes]], more: list[Header]) -> None:
    stream = b"".join(event(name, payload, *more) for name, payload in said)
    buffer: Any = EventStreamBuffer()
    buffer.add_data(stream)
    wanted = [Frame(one.payload, one.headers[":event-type"].encode()) for one in buffer]
    assert frames(stream) == wanted


@given(messages, st.data())
def test_a_flipped_bit_is_noticed(one: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, len(one) * 8 - 1))
    damaged = bytearray(one)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Fault) as caught:
        frames(bytes(damaged))
    assert caught.value.kind == "protocol"


@given(messages, st.data())
def test_a_message_cut_off_is_noticed(one: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(1, len(one) - 1))
    with pytest.raises(Fault, match="ended within a message"):
        frames(one[:end])


@given(st.binary(min_size=12))
def test_garbage_is_a_fault_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(Fault):
        frames(garbage)


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", crc32(lengths))


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (prelude(MAX_MESSAGE + 1, 0), "more than 16777216 bytes"),
        (prelude(MAX_MESSAGE, MAX_HEADERS + 1), "lengths"),
        (prelude(15, 0), "lengths"),
        (prelude(20, 5), "lengths"),
    ],
)
def test_lengths_are_checked_before_anything_is_held(start: bytes, why: str) -> None:
    with pytest.raises(Fault, match=why):
        EventStreamDecoder().feed(start)


def test_the_largest_message_is_taken() -> None:
    payload = bytes(MAX_MESSAGE - 16)
    whole = message([], payload)
    assert len(whole) == MAX_MESSAGE
    assert frames(whole[:5], whole[5:]) == [Frame(payload)]


@pytest.mark.parametrize(
    "block",
    [
        b"\x05ab",  # a name past the end
        b"\x01a",  # no type
        b"\x01a\x0a",  # a type that there is none of
        b"\x01a\x04\x00",  # a number past the end
        b"\x01a\x07\x00",  # half a length
        b"\x01a\x07\x00\x05ab",  # a string past the end
    ],
)
def test_headers_that_do_not_add_up_are_a_fault(block: bytes) -> None:
    lengths = struct.pack("!II", 16 + len(block), len(block))
    whole = lengths + struct.pack("!I", crc32(lengths)) + block
    with pytest.raises(Fault, match="headers"):
        frames(whole + struct.pack("!I", crc32(whole)))


def test_repr_shows_no_content() -> None:
    decoder = EventStreamDecoder()
    decoder.feed(event(b"x", b"secret")[:-1])
    assert "secret" not in repr(decoder)
