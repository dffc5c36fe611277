"""Bodies that no client should send: always a clear refusal, in the OpenAI shape, and the next request is served."""

import copy
import gzip
import json
import random
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cassettes.rich import RICH
from tests.hostile.clear import assert_clear, assert_discreet
from tests.hostile.house import CLIENT_KEY, MODELS, House
from tests.hostile.raw import Reply, connect, drain, read_reply, replies, request, talk

GOOD = b'{"model":"gpt","messages":[{"role":"user","content":"Hi"}]}'
DEEP = 10_000

models = pytest.mark.parametrize("model", MODELS)


def post(house: House, body: bytes, *headers: str) -> Reply:
    (reply,) = talk(house.port, request(body, headers, key=CLIENT_KEY))
    return reply


@pytest.fixture(autouse=True)
def _serves_on(house: House) -> Iterator[None]:
    yield
    assert post(house, GOOD).status == 200


def test_random_bytes(house: House) -> None:
    dice = random.Random(1)
    for size in (0, 1, 2, 3, 10, 100, 5_000, 100_000):
        for _ in range(5):
            assert_clear(post(house, dice.randbytes(size)), 400)


@models
def test_truncated_json(house: House, model: str) -> None:
    whole = json.dumps(RICH["parallel calls with images in results"] | {"model": model}).encode()
    for end in range(0, len(whole), 37):
        assert_clear(post(house, whole[:end]), 400)


def test_json_that_is_no_object(house: House) -> None:
    for body in (
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b"true",
        b"[[]]",
        b"{}{}",
        GOOD + b"x",
        GOOD + GOOD,
        b"\xef\xbb\xbf[]",
    ):
        assert_clear(post(house, body), 400)


def _deep(body: str) -> Iterator[bytes]:
    """`body` with its `@` replaced by deep values: some that a parser still takes, some it does not."""
    for depth in (240, 480, 950, DEEP):
        yield body.replace("@", "[" * depth + "]" * depth).encode()
        yield body.replace("@", '{"a":' * depth + "1" + "}" * depth).encode()
        yield body.replace("@", '{"items":' * depth + "{}" + "}" * depth).encode()
        half = depth // 2
        yield body.replace("@", '{"properties":{"a":' * half + "{}" + "}}" * half).encode()
        yield body.replace("@", '{"anyOf":[' * half + "{}" + "]}" * half).encode()
    yield body.replace("@", "[" * DEEP).encode()


@models
@pytest.mark.parametrize(
    "body",
    [
        "@",
        '{"model":"#","messages":@}',
        '{"model":"#","messages":[{"role":"user","content":@}]}',
        '{"model":"#","messages":[{"role":"user","content":[{"type":"text","text":"x","rest":@}]}]}',
        '{"model":"#","messages":[{"role":"user","content":"x"}],"unknown":@}',
        '{"model":"#","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":'
        '{"name":"f","parameters":@}}]}',
        '{"model":"#","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema",'
        '"json_schema":{"name":"s","schema":@}}}',
    ],
)
def test_deep_json(house: House, model: str, body: str) -> None:
    for deep in _deep(body.replace("#", model)):
        reply = post(house, deep)
        if reply.status != 200:
            assert_clear(reply, 400, 413)


@models
def test_deep_json_inside_arguments(house: House, model: str) -> None:
    """Arguments are text: what is in it is none of the gateway's business until it has to be an object."""
    for arguments in _deep("@"):
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments.decode()}}
        messages = [
            {"role": "user", "content": "x"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": arguments.decode()},
        ]
        reply = post(house, json.dumps({"model": model, "messages": messages}).encode())
        if reply.status != 200:
            assert_clear(reply, 400)


@models
def test_a_schema_that_refers_to_itself(house: House, model: str) -> None:
    schemas = [
        {"$ref": "#"},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/Missing"}}},
        {"type": "object", "properties": {"a": {"$ref": "https://example.invalid/schema.json"}}},
        {"$ref": 7},
        {"$ref": "#/$defs/D0", "$defs": {f"D{n}": {"items": {"$ref": f"#/$defs/D{n + 1}"}} for n in range(5000)}},
        {"$defs": {f"D{n}": {"anyOf": [{"$ref": f"#/$defs/D{n + 1}"}] * 8} for n in range(30)}, "$ref": "#/$defs/D0"},
    ]
    for schema in schemas:
        function = {"name": "f", "parameters": schema}
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "x"}],
            "tools": [{"type": "function", "function": function}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}},
        }
        started = time.monotonic()
        reply = post(house, json.dumps(body).encode())
        assert time.monotonic() - started < 2, schema
        if reply.status != 200:
            assert_clear(reply, 400)


HUGE = 100 * 1024 * 1024


def test_a_huge_body_is_refused_before_it_is_read(house: House) -> None:
    before = house.gateway.memory()
    wire = connect(house.port)
    with wire:
        wire.sendall(request(b"", [], key=CLIENT_KEY).replace(b"Content-Length: 0", b"Content-Length: %d" % HUGE))
        wire.sendall(b"x" * 65536)
        assert_clear(read_reply(wire), 413)
    assert house.gateway.memory() - before < 8 * 1024 * 1024


def test_a_huge_body_of_unknown_length_is_refused_on_the_way(house: House) -> None:
    before = peak = house.gateway.memory()
    head = request(b"", ["Transfer-Encoding: chunked"], key=CLIENT_KEY).replace(b"Content-Length: 0\r\n", b"")
    piece = b"%x\r\n%b\r\n" % (1 << 20, b" " * (1 << 20))
    with connect(house.port) as wire:
        wire.sendall(head)
        answered = b""
        try:
            for _ in range(HUGE >> 20):
                wire.sendall(piece)
                peak = max(peak, house.gateway.memory())
        except (ConnectionResetError, BrokenPipeError):
            pass
        answered = drain(wire)
    assert peak - before < 140 * 1024 * 1024
    for reply in replies(answered):
        assert_clear(reply, 413)
    assert wait_for_memory(house, before + 16 * 1024 * 1024)


def wait_for_memory(house: House, limit: int, seconds: float = 5.0) -> bool:
    """Whether memory falls below `limit` bytes in time."""
    end = time.monotonic() + seconds
    while house.gateway.memory() > limit:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_memory_returns_to_its_baseline(house: House) -> None:
    filler = "x" * (8 << 20)
    big = json.dumps({"model": "gpt", "messages": [{"role": "user", "content": filler}]}).encode()
    assert post(house, big).status == 200
    before = house.gateway.memory()
    for model in (*MODELS, "gpt"):
        body = big.replace(b'"gpt"', json.dumps(model).encode())
        for _ in range(6):
            assert post(house, body).status == 200
            assert_clear(post(house, body[:-1]), 400)
    assert wait_for_memory(house, before + 24 * 1024 * 1024), (before >> 20, house.gateway.memory() >> 20)


class Literal:
    """Stands for JSON text that `json.dumps` would never write."""

    def __init__(self, text: str) -> None:
        self.text = text


WRONG: tuple[Any, ...] = (
    None,
    7,
    -1,
    0.5,
    "",
    "text",
    [],
    [None],
    [[]],
    {},
    {"type": "text"},
    {"a": {"b": []}},
    True,
    Literal("1" + "0" * 400),
    Literal("1e999"),
    Literal("NaN"),
    Literal("-Infinity"),
    Literal('"\\ud800"'),
    Literal('"\\ud800\\u0041\\udfff"'),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value inside `value`."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in children:
        yield (*path, key)
        yield from places(inner, (*path, key))


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> bytes:
    changed = copy.deepcopy(body)
    at = changed
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = "@@literal@@" if isinstance(value, Literal) else value
    text = json.dumps(changed)
    return (text.replace('"@@literal@@"', value.text) if isinstance(value, Literal) else text).encode()


@models
@pytest.mark.parametrize("name", RICH)
def test_wrong_types_in_every_field(house: House, model: str, name: str) -> None:
    body = RICH[name] | {"model": model, "stream": False, "stream_options": {"include_usage": True}, "stop": ["a"]}
    unclear: list[str] = []
    with connect(house.port) as wire:
        for path in places(body):
            if path == ("model",) or path[0] == "stream":
                continue
            for value in WRONG:
                sent = replaced(body, path, value)
                wire.sendall(request(sent, key=CLIENT_KEY, close=False))
                reply = read_reply(wire)
                try:
                    if reply.status != 200:
                        assert_clear(reply, 400, 413, 415, 422)
                    assert_discreet(reply)
                except AssertionError as error:
                    shown = value.text if isinstance(value, Literal) else value
                    unclear.append(f"{'.'.join(map(str, path))} = {shown!r}: {str(error)[:200]}")
    assert not unclear, "\n".join([f"{len(unclear)} unclear answers", *unclear[:20]])


@models
def test_wrong_types_in_model_and_stream(house: House, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "x"}], "stream": False}
    for value in WRONG:
        assert_clear(post(house, replaced(body, ("model",), value)), 400, 404)
        if value is not True:
            reply = post(house, replaced(body, ("stream",), value))
            if reply.status != 200:
                assert_clear(reply, 400)


@models
def test_missing_fields(house: House, model: str) -> None:
    assert_clear(post(house, b"{}"), 400)
    assert_clear(post(house, b'{"messages":[]}'), 400)
    reply = post(house, json.dumps({"model": model}).encode())
    if reply.status != 200:
        assert assert_clear(reply, 400)["param"] in ("messages", None)


@models
def test_duplicate_keys(house: House, model: str) -> None:
    body = '{"model":"nobody","messages":[],"model":"#","messages":[{"role":"user","content":"x"}]}'
    assert post(house, body.replace("#", model).encode()).status == 200
    assert_clear(post(house, body.replace("#", "?").replace("nobody", model).encode()), 404)


@models
def test_invalid_utf8(house: House, model: str) -> None:
    for bad in (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf"):
        body = b'{"model":"%b","messages":[{"role":"user","content":"%b"}]}' % (model.encode(), bad)
        reply = post(house, body)
        if reply.status != 200:
            assert_clear(reply, 400)
        assert_clear(post(house, b'{"model":"%b","messages":[]}' % bad), 400, 404)
        assert_clear(post(house, b'{"%b":1,"messages":[]}' % bad), 400)


def test_content_types(house: House) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\x7f", ""):
        reply = post(house, GOOD, f"Content-Type: {kind}")
        if reply.status != 200:
            assert_clear(reply, 400, 415)


def test_compressed_bodies(house: House) -> None:
    assert post(house, gzip.compress(GOOD), "Content-Encoding: gzip").status == 200
    assert post(house, zlib.compress(GOOD), "Content-Encoding: deflate").status == 200
    assert_clear(post(house, GOOD, "Content-Encoding: gzip"), 400)
    assert_clear(post(house, gzip.compress(GOOD)[:-6], "Content-Encoding: gzip"), 400)
    assert_clear(post(house, GOOD, "Content-Encoding: br"), 415)
    assert_clear(post(house, gzip.compress(GOOD), "Content-Encoding: gzip, gzip"), 400, 415)
    assert_clear(post(house, gzip.compress(GOOD)), 400)


def test_a_compression_bomb(house: House) -> None:
    before = house.gateway.memory()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(1000)) + packer.flush()
    assert_clear(post(house, bomb, "Content-Encoding: gzip"), 413)
    assert wait_for_memory(house, before + 24 * 1024 * 1024), (before >> 20, house.gateway.memory() >> 20)


def test_keys_are_never_repeated(house: House) -> None:
    for wrong in ("sk-canary-client-wrong", "x" * 10_000, "clé", ""):
        (reply,) = talk(house.port, request(GOOD, key=wrong))
        assert_clear(reply, 401, 431)
    (reply,) = talk(house.port, request(GOOD, key="none", path="/v1/chat/completions?key=sk-canary-client-query"))
    assert_clear(reply, 401)
    unknown = f'{{"model":"{CLIENT_KEY}","messages":[]}}'.encode()
    assert post(house, unknown).status == 404
