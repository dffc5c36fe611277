"""Streams of every host's spelling become the same events, however their bytes are cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cassettes.records import OPENAI_FAMILIES, needs_records, records
from tests.dialects import laws
from tests.fakes import cuts
from uni_api.canon import (
    Broke,
    Call,
    Choice,
    Citation,
    Event,
    Finish,
    Finished,
    Media,
    Metered,
    Noted,
    Part,
    Reply,
    Rest,
    Seal,
    Started,
    Text,
    Thinking,
    Token,
    Usage,
    fold,
)
from uni_api.dialects.openai_chat import read_reply, reader
from uni_api.framing import Frame

REALM = "openai_chat:host"
DONE = b"data: [DONE]\n\n"


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": choices, **fields}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def call(index: int | None = 0, id: str | None = None, name: str | None = None, arguments: str | None = None) -> Any:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    entry = {"index": index, "id": id, "function": function}
    return {"tool_calls": [{key: value for key, value in entry.items() if value is not None}]}


def events(*pieces: bytes) -> list[Event]:
    found = laws.events_of(reader(REALM), pieces)
    laws.check_grammar(found)
    return found


def parts(*deltas: dict[str, Any]) -> tuple[Part, ...]:
    return fold(events(*map(chunk, deltas), chunk({}, "stop"), DONE)).choices[0].parts


def fault(*pieces: bytes) -> Broke:
    last = events(*pieces)[-1]
    assert isinstance(last, Broke)
    return last


def test_a_plain_stream() -> None:
    stream = [
        chunk({"role": "assistant", "content": ""}, system_fingerprint="fp"),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "cost": 3}),
        DONE,
    ]
    assert fold(events(*stream)) == Reply(
        id="c1",
        model="m",
        created=5,
        choices=(Choice(parts=(Text(text="Hello"),), finish=Finish("stop", "stop")),),
        usage=Usage(input=1, output=2),
        rest=Rest(
            "openai_chat",
            {"system_fingerprint": "fp", "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": 3}},
        ),
    )


@pytest.mark.parametrize(
    ("deltas", "wanted"),
    [
        ([{"reasoning_content": "h"}, {"reasoning_content": "m", "content": ""}, {"content": "a"}], ["hm", "a"]),
        ([{"reasoning": "hm", "content": None}, {"content": "a", "reasoning": None}], ["hm", "a"]),
        ([{"refusal": "n"}, {"refusal": "o"}], ["no"]),
        (
            [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}, {"content": "a"}],
            ["hm", "a"],
        ),
        ([{"content": "a"}, {"reasoning": "b"}, {"content": "c"}], ["a", "b", "c"]),
        ([{"content": ["a", {"type": "text", "text": "b"}]}], ["ab"]),
    ],
)
def test_words(deltas: list[dict[str, Any]], wanted: list[str]) -> None:
    found = parts(*deltas)
    assert [part.text for part in found if isinstance(part, Text | Thinking)] == wanted


@pytest.mark.parametrize(
    "deltas",
    [
        [call(0, "a", "f", ""), call(0, None, None, '{"x"'), call(0, None, None, ":1}"), call(1, "b", "g", "{}")],
        [
            call(0, "a", "f"),
            call(1, "b", "g"),
            call(0, None, None, '{"x"'),
            call(1, None, None, "{}"),
            call(0, None, None, ":1}"),
        ],
        [call(0, "a", "f", '{"x":1}'), call(0, "b", "g", "{}")],
        [call(None, "a", "f", '{"x"'), call(None, None, None, ":1}"), call(None, "b", "g", "{}")],
        [call(None, "a", "f", ""), call(None, "b", "g", "{}"), call(None, "a", None, '{"x":1}')],
        [call(0, "a", "", '{"x"'), call(0, "a", "f", ":1}"), call(7, "b", "g", "{}")],
        [call(3, "a", "f", '{"x":1}'), call(0, "b", "g"), call(0, None, "", "{}")],
        [{"tool_calls": [*call(0, "a", "f", '{"x":1}')["tool_calls"], *call(1, "b", "g", "{}")["tool_calls"]]}],
    ],
)
def test_calls_however_they_are_numbered(deltas: list[dict[str, Any]]) -> None:
    assert parts(*deltas) == (Call(id="a", name="f", arguments='{"x":1}'), Call(id="b", name="g", arguments="{}"))


def test_calls_after_text_and_text_after_calls() -> None:
    found = parts({"content": "let me "}, call(0, "a", "f", "{}"), {"content": "look"})
    assert found == (Text(text="let me "), Call(id="a", name="f", arguments="{}"), Text(text="look"))


def test_a_call_without_an_id_gets_one() -> None:
    first, second = parts(call(0, None, "f", "{}"), call(1, None, "f", "{}"))
    assert isinstance(first, Call) and isinstance(second, Call)
    assert first.id and second.id and first.id != second.id


def test_a_call_that_is_never_named_still_closes() -> None:
    (found,) = parts(call(0, "a", None, "{}"))
    assert found == Call(id="a", name="", arguments="{}")


def test_custom_and_legacy_calls() -> None:
    custom = {"tool_calls": [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]}
    more = {"tool_calls": [{"index": 0, "custom": {"input": " y"}}]}
    assert parts(custom, more) == (Call(id="c", name="f", arguments="x y", custom=True),)
    (old,) = parts({"function_call": {"name": "f", "arguments": ""}}, {"function_call": {"arguments": "{}"}})
    assert isinstance(old, Call) and (old.name, old.arguments) == ("f", "{}") and old.id


def test_reasoning_details_and_their_seals() -> None:
    def detail(**fields: Any) -> dict[str, Any]:
        return {"reasoning": fields.get("text"), "reasoning_details": [{"type": "reasoning.text", **fields}]}

    sealed = {"type": "reasoning.encrypted", "data": "d"}
    found = parts(
        detail(text="h"), detail(text="m"), detail(signature="s"), {"content": "a"}, {"reasoning_details": [sealed]}
    )
    assert found == (
        Thinking(text="hm", seal=Seal(realm=REALM, token="s")),
        Text(text="a"),
        Thinking(withheld=True, seal=Seal(realm=REALM, token="d")),
    )


@pytest.mark.parametrize(
    ("deltas", "thoughts", "text"),
    [
        ([{"thinking": "hm"}, {"content": "a"}], "hm", "a"),
        ([{"reasoning": {"steps": 3}}, {"content": "a"}], "", "a"),
        ([{"reasoning": "hm", "reasoning_content": "hm"}, {"content": "a"}], "hm", "a"),
        ([{"content": [{"type": "thinking", "thinking": [], "closed": True}]}, {"content": "a"}], "", "a"),
        ([{"content": [{"type": "thinking", "thinking": "hm", "closed": True}]}, {"content": "a"}], "hm", "a"),
        (
            [{"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]}],
            "hm",
            "",
        ),
        ([{"content": "<think>hm</think>\n\na"}], "hm", "a"),
        ([{"content": "\n<think>\nhm\n</think>"}, {"content": "\n"}, {"content": "a\n"}], "hm", "a\n"),
        ([{"content": "<think>\n\n</think>\n\na"}], "", "a"),
        ([{"content": "<think>never closed </thi"}], "never closed </thi", ""),
        ([{"content": "<thin"}], "", "<thin"),
        ([{"content": "a <think>b</think>"}], "", "a <think>b</think>"),
        ([{"content": "no opening</think>a"}], "", "no opening</think>a"),
        ([{"content": "<think>a</think>b<think>c</think>"}], "a", "b<think>c</think>"),
        ([{"reasoning": "hm", "content": ""}, {"content": "<think>b</think>"}], "hm", "<think>b</think>"),
        ([{"content": "  "}], "", "  "),
        ([{"content": "<thi", "refusal": "no"}], "", "<thi"),
    ],
    ids=repr,
)
def test_every_spelling_of_reasoning(deltas: list[dict[str, Any]], thoughts: str, text: str) -> None:
    """In a stream as in a whole answer, and in a stream of single characters."""
    pieces = [piece for delta in deltas for piece in _in_characters(delta)]
    whole = _joined(deltas)
    for found in (parts(*deltas), parts(*pieces), _read_whole(whole) if whole else parts(*deltas)):
        assert "".join(part.text for part in found if isinstance(part, Thinking)) == thoughts
        assert "".join(part.text for part in found if isinstance(part, Text) and not part.refusal) == text


def _in_characters(delta: dict[str, Any]) -> list[dict[str, Any]]:
    content = delta.get("content")
    if len(delta) > 1 or not isinstance(content, str):
        return [delta]
    return [{"content": character} for character in content]


def _joined(deltas: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The whole message of deltas that all have text for content."""
    out: dict[str, Any] = {}
    for delta in deltas:
        for name, value in delta.items():
            if not isinstance(value, str):
                return None
            out[name] = out.get(name, "") + value
    return out


def _read_whole(message: dict[str, Any]) -> tuple[Part, ...]:
    body = {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}]}
    return read_reply(body, REALM).choices[0].parts


@given(st.lists(st.sampled_from(["<think>", "</think>", "<thi", "nk>", "</", "a", "b ", "\n", " "]), max_size=9))
def test_tags_are_found_however_the_text_is_cut(words: list[str]) -> None:
    text = "".join(words)
    one = parts({"content": text})
    assert parts(*({"content": word} for word in words)) == one
    assert parts(*({"content": character} for character in text)) == one
    assert _read_whole({"content": text}) == one


def test_a_call_ends_the_head_of_the_text() -> None:
    found = parts({"content": "<thi"}, call(0, "a", "f", "{}"))
    assert found == (Text(text="<thi"), Call(id="a", name="f", arguments="{}"))
    found = parts({"content": "<think>hm"}, call(0, "a", "f", "{}"))
    assert found == (Thinking(text="hm"), Call(id="a", name="f", arguments="{}"))


def test_blocks_in_the_makers_own_form_and_their_seals() -> None:
    """As LiteLLM streams them: the words twice, the signature in a block of its own."""

    def block(**fields: Any) -> dict[str, Any]:
        return {"reasoning_content": fields.get("thinking"), "thinking_blocks": [{"type": "thinking", **fields}]}

    redacted = {"thinking_blocks": [{"type": "redacted_thinking", "data": "d"}]}
    found = parts(
        block(thinking="h", signature=None),
        block(thinking="m", signature=None),
        block(thinking="", signature="s"),
        redacted,
        {"content": "a"},
    )
    form = Rest("openai_chat", {"format": "thinking_blocks"}, frozenset({"format"}))
    wanted = (
        Thinking(text="hm", seal=Seal(realm=REALM, token="s"), rest=form),
        Thinking(withheld=True, seal=Seal(realm=REALM, token="d"), rest=form),
        Text(text="a"),
    )
    assert found == wanted
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, redacted["thinking_blocks"][0]]
    assert _read_whole({"content": "a", "reasoning_content": "hm", "thinking_blocks": blocks}) == wanted


def test_a_thought_signature_seals_its_call() -> None:
    delta = call(0, "a", "f", "{}")
    delta["tool_calls"][0]["extra_content"] = {"google": {"thought_signature": "s"}}
    (found,) = parts(delta)
    assert isinstance(found, Call) and found.seal == Seal(realm=REALM, token="s")


def test_sound_images_and_sources() -> None:
    spot = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 1}
    found = parts(
        {"content": "a"},
        {"annotations": [{"type": "url_citation", "url_citation": spot}]},
        {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}]},
        {"audio": {"id": "audio_1"}},
        {"audio": {"data": "eHl6", "transcript": "he"}},
        {"audio": {"data": "eHl6", "transcript": "llo", "expires_at": 9}},
    )
    assert found == (
        Text(text="a", citations=(Citation(url="https://a.example", title="A", start=0, end=1),)),
        Media(kind="image", mime="image/png", data=b"x"),
        Media(
            kind="audio",
            data=b"xyzxyz",
            rest=Rest("openai_chat", {"id": "audio_1", "transcript": "hello", "expires_at": 9}),
        ),
    )


def test_choices_that_come_interleaved() -> None:
    reply = fold(
        events(
            chunk({"content": "a"}, index=1),
            chunk({"content": "b"}, index=0),
            chunk({"content": "A"}, index=1),
            chunk({}, "stop", index=1),
            chunk({"content": "B"}, "length", index=0),
            DONE,
        )
    )
    assert [one.parts for one in reply.choices] == [(Text(text="bB"),), (Text(text="aA"),)]


def test_log_probabilities_are_scored() -> None:
    scored = {"content": [{"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}]}
    body = {
        "id": "c",
        "choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": scored, "finish_reason": "stop"}],
    }
    reply = fold(events(b"data: " + json.dumps(body).encode() + b"\n\n"))
    assert reply.choices[0].logprobs == (Token(text="a", logprob=-1),)


def test_the_first_chunk_may_be_a_filter_report() -> None:
    report = chunk(id="", model="", prompt_filter_results=[{"prompt_index": 0}])
    found = events(report, chunk({"content": "a"}, "stop"), DONE)
    assert found[0] == Started(id="c1", model="m", created=5)
    assert found[-1] == Noted(Rest("openai_chat", {"prompt_filter_results": [{"prompt_index": 0}]}))


def test_usage_in_groqs_place_and_in_the_finish_chunk() -> None:
    told = {"prompt_tokens": 1, "completion_tokens": 2}
    for stream in (
        [chunk({"content": "a"}), chunk({}, "stop", x_groq={"usage": told})],
        [chunk({"content": "a"}), chunk({}, "stop", usage=told), DONE],
    ):
        assert Metered(Usage(input=1, output=2)) in events(*stream)


def test_unknown_words_of_a_delta_are_noted() -> None:
    reply = fold(events(chunk({"content": "a", "channel": "final", "padding": None}), chunk({}, "stop"), DONE))
    assert reply.choices[0].rest == Rest("openai_chat", {"message": {"channel": "final"}})


def test_a_stream_that_ends_without_done_but_finished_is_whole() -> None:
    assert not any(isinstance(event, Broke) for event in events(chunk({"content": "a"}, "stop")))


def test_a_stream_that_is_done_but_never_finished_is_whole() -> None:
    found = events(chunk({"content": "a"}), chunk({}, ""), DONE)
    assert not any(isinstance(event, Finished) for event in found)
    assert fold(found).choices[0].parts == (Text(text="a"),)


def test_words_after_the_finish_are_passed_over() -> None:
    reply = fold(events(chunk({"content": "a"}, "stop"), chunk({"content": "b"}, "stop"), DONE))
    assert reply.choices[0].parts == (Text(text="a"),)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([], "protocol"),
        ([chunk({"content": "a"})], "protocol"),
        ([b"data: {oops\n\n"], "protocol"),
        ([b"data: 5\n\n"], "protocol"),
        ([chunk({"content": 5})], "protocol"),
        ([chunk({"tool_calls": 5})], "protocol"),
        ([chunk({"tool_calls": [5]})], "protocol"),
        ([b'data: {"choices": [5]}\n\n'], "protocol"),
        ([b'data: {"error": {"message": "m", "code": 429}}\n\n', DONE], "rate"),
        ([chunk({"content": "a"}), b'data: {"error": {"message": "m"}}\n\n'], "overloaded"),
        ([chunk({"content": "a"}, error={"message": "m", "code": 502})], "overloaded"),
        ([chunk({}, x_groq={"error": "m"})], "overloaded"),
        ([b'data: {"object": "error", "message": "m", "code": 400}\n\n'], "bad_request"),
        ([b'data: {"choices": [{"index": 0, "delta": {}, "error": {"message": "m", "code": 503}}]}\n\n'], "overloaded"),
    ],
)
def test_what_breaks_a_stream(pieces: list[bytes], kind: str) -> None:
    broke = fault(*pieces)
    assert broke.fault.kind == kind and broke.fault.message


def test_nothing_is_said_after_a_break() -> None:
    codec = reader(REALM)
    assert [type(event).__name__ for event in codec.feed(Frame(b"oops"))] == ["Broke"]
    assert list(codec.feed(Frame(b'{"choices":[]}'))) == [] and list(codec.close()) == []


def test_blank_events_are_passed_over() -> None:
    assert list(reader(REALM).feed(Frame(b""))) == [] and list(reader(REALM).feed(Frame(b" "))) == []


@given(
    st.sampled_from(
        ["content", "tool_calls", "reasoning_details", "annotations", "audio", "images", "role", "delta", "choices"]
    ),
    laws.json_values,
)
def test_no_chunk_raises(name: str, value: Any) -> None:
    for body in ({"choices": [{"index": 0, "delta": {name: value}}]}, {"choices": [{name: value}]}, {name: value}):
        codec = reader(REALM)
        list(codec.feed(Frame(json.dumps(body).encode())))
        list(codec.close())


def test_every_cut_gives_the_same_events() -> None:
    stream = b"".join(
        [
            chunk({"role": "assistant", "reasoning_content": "hé"}),
            b": ping\r\n\r\n",
            chunk({"content": "a €"}),
            chunk(call(0, "a", "f", '{"x":"ü"}')),
            chunk({}, "tool_calls"),
            DONE,
        ]
    )
    laws.check_splits(lambda: reader(REALM), stream)


@needs_records
@pytest.mark.parametrize("family", OPENAI_FAMILIES)
def test_recorded_streams_say_the_same_however_they_are_cut(family: str) -> None:
    checked = 0
    for number, record in enumerate(records(family)):
        if not record["stream"]:
            continue
        data = record["response_body"].encode()
        whole = events(data)
        assert laws.same(laws.events_of(reader(REALM), cuts.awkwardly(data)), whole), record["id"]
        assert laws.same(laws.events_of(reader(REALM), cuts.randomly(number)(data)), whole), record["id"]
        checked += 1
    assert checked
