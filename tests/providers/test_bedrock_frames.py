import base64
import json
from collections.abc import Iterable
from itertools import pairwise
from struct import pack
from zlib import crc32

import pytest
from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.model import ServiceModel  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as some

from uni_api.canon import Broke
from uni_api.dialects import anthropic
from uni_api.errors import Fault, FaultKind
from uni_api.framing import Frame
from uni_api.providers.bedrock_frames import InvokeStreamDecoder
from uni_api.relay.verdict import Verdict, judge


def message(payload: bytes, **headers: str) -> bytes:
    """One message of an AWS event stream. `type` and `event_type` stand for `:message-type` and `:event-type`."""
    names = {"type": ":message-type", "event_type": ":event-type", "exception_type": ":exception-type"}
    block = b""
    for name, value in headers.items():
        key = names[name].encode()
        block += bytes([len(key)]) + key + b"\x07" + pack("!H", len(value)) + value.encode()
    prelude = pack("!II", 16 + len(block) + len(payload), len(block))
    whole = prelude + pack("!I", crc32(prelude)) + block + payload
    return whole + pack("!I", crc32(whole))


def chunk(event: bytes) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(event).decode(), "p": "abcdefgh"}).encode()
    return message(payload, event_type="chunk", type="event")


def exception(name: str, payload: bytes = b'{"message": "no"}') -> bytes:
    return message(payload, exception_type=name, type="exception")


def frames(pieces: Iterable[bytes]) -> list[Frame]:
    decoder = InvokeStreamDecoder()
    return [*(frame for piece in pieces for frame in decoder.feed(piece)), *decoder.close()]


def test_a_chunk_is_the_event_within() -> None:
    assert frames([chunk(b'{"type":"ping"}') + chunk(b'{"type":"message_stop"}')]) == [
        Frame(b'{"type":"ping"}'),
        Frame(b'{"type":"message_stop"}'),
    ]


@given(events=some.lists(some.binary(max_size=40), max_size=4), cuts=some.lists(some.integers(0, 400), max_size=6))
def test_it_does_not_matter_how_the_bytes_are_cut(events: list[bytes], cuts: list[int]) -> None:
    raw = b"".join(map(chunk, events))
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    assert frames(raw[a:b] for a, b in pairwise(edges)) == [Frame(event) for event in events]


def test_events_of_other_types_are_passed_over() -> None:
    assert frames([message(b"", event_type="initial-response", type="event") + chunk(b"x")]) == [Frame(b"x")]


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"bytes": 5}', b'{"bytes": "%%%"}', b"\xff", b"[" * 5000])
def test_a_chunk_without_an_event_is_a_fault(payload: bytes) -> None:
    with pytest.raises(Fault) as caught:
        frames([message(payload, event_type="chunk", type="event")])
    assert caught.value.kind == "protocol"


def test_a_stream_that_is_cut_off_is_a_fault() -> None:
    with pytest.raises(Fault, match="within a message"):
        frames([chunk(b"x")[:-1]])


EXCEPTIONS: dict[str, tuple[FaultKind, int, Verdict]] = {
    "internalServerException": ("overloaded", 500, Verdict.RETRY),
    "modelStreamErrorException": ("overloaded", 500, Verdict.RETRY),
    "modelTimeoutException": ("timeout", 504, Verdict.RETRY),
    "serviceUnavailableException": ("overloaded", 529, Verdict.RETRY),
    "throttlingException": ("rate", 429, Verdict.NEXT_KEY),
    "validationException": ("bad_request", 400, Verdict.REFUSE),
    "ThrottlingException": ("rate", 429, Verdict.NEXT_KEY),
    "somethingNewException": ("overloaded", 500, Verdict.RETRY),
}


def broken_by(raw: bytes) -> Fault:
    reader = anthropic.reader("bedrock")
    [event] = [event for frame in frames([raw]) for event in reader.feed(frame)]
    assert isinstance(event, Broke)
    return event.fault


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_mean_what_they_mean_to_the_maker(name: str) -> None:
    fault = broken_by(exception(name))
    assert (fault.kind, fault.status, judge(fault)) == EXCEPTIONS[name]
    assert fault.message == "no"


def test_every_exception_of_the_service_is_known() -> None:
    service = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    members = service.operation_model("InvokeModelWithResponseStream").output_shape.members["body"].members
    assert set(members) - {"chunk"} <= set(EXCEPTIONS)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'{"message": "m", "originalStatusCode": 400, "originalMessage": "prompt is too long"}', "prompt is too long"),
        (b"broken", "broken"),
        (b'{"message": 5}', '{"message": 5}'),
        (b"{}", "The upstream broke off: modelStreamErrorException."),
    ],
)
def test_the_words_of_an_exception_are_kept(payload: bytes, message: str) -> None:
    assert broken_by(exception("modelStreamErrorException", payload)).message == message


@pytest.mark.parametrize(
    ("status", "kind", "verdict"),
    [
        (400, "bad_request", Verdict.REFUSE),
        (413, "too_long", Verdict.REFUSE),
        (429, "rate", Verdict.NEXT_KEY),
        (500, "overloaded", Verdict.RETRY),
        (529, "overloaded", Verdict.RETRY),
    ],
)
def test_an_error_of_the_model_keeps_its_status(status: int, kind: FaultKind, verdict: Verdict) -> None:
    said = {"message": "m", "originalStatusCode": status, "originalMessage": "the model's own words"}
    fault = broken_by(exception("modelStreamErrorException", json.dumps(said).encode()))
    assert (fault.kind, fault.status, judge(fault)) == (kind, status, verdict)
    assert fault.message == "the model's own words"


def test_what_came_before_an_exception_is_kept() -> None:
    first, error = frames([chunk(b"{}") + exception("throttlingException")])
    assert first == Frame(b"{}")
    assert json.loads(error.data) == {"type": "error", "error": {"type": "rate_limit_error", "message": "no"}}
