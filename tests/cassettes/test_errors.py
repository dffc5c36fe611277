"""Every recorded error of a provider: what it means for the next try, and what the client is told.

What is expected follows from rules on the status and on what the message says, in `RULES`: they are ours to state and
not what the code happens to do.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from typing import Any, NamedTuple

import openai
import pytest

from tests.cassettes.clients import GREETING, gather, openai_client
from tests.cassettes.records import FOLDER, Record, needs_records
from tests.fakes.replay import Replay
from tests.gateway import Gateway, channel, gateway
from uni_api.dialects import registry
from uni_api.errors import Fault, FaultKind
from uni_api.relay.verdict import Verdict, judge

pytestmark = needs_records


class Rule(NamedTuple):
    """Errors of one of `statuses` (None: any) whose body says `words` are of one of `kinds`."""

    kinds: tuple[FaultKind, ...]
    statuses: tuple[int, ...] | None
    words: str = ""


RULES = (
    # The content, not the key, although the status is that of a key.
    Rule(("filtered",), None, r"violates usage guidelines|content management policy|content_filter"),
    # Hosts that say 400 for a key they do not know.
    Rule(("auth",), None, r"API key not valid|Incorrect API key"),
    Rule(("auth",), (401, 403)),
    Rule(("too_long",), (400, 500), r"too long|exceeds? the (context|maximum number of tokens)|available context size"),
    Rule(("too_long",), (400, 500), r"Input Tokens Exceeded|max context length|too large to process"),
    # Hosts that say 400 for a model they do not have, or no longer have.
    Rule(("not_found",), (400,), r"model_not_found|decommissioned|invalid_model|supported API model names"),
    Rule(("not_found",), (400,), r"[Mm]odel [^ ]+ (does not exist|is not supported\. Supported)|Model not found"),
    Rule(("not_found",), (400,), r"model identifier is invalid"),
    Rule(("not_found",), (404,)),
    # A quota of the minute is a rate; both mean another key.
    Rule(("rate", "quota"), (429,), r"exceeded your current quota"),
    Rule(("rate",), (429,)),
    Rule(("overloaded", "timeout"), (408, 500, 501, 502, 503, 504, 529)),
    Rule(("bad_request",), (400, 422)),
)

VERDICTS: Mapping[FaultKind, Verdict] = {
    "rate": Verdict.NEXT_KEY,
    "quota": Verdict.NEXT_KEY,
    "auth": Verdict.NEXT_KEY,
    "overloaded": Verdict.RETRY,
    "timeout": Verdict.RETRY,
    "not_found": Verdict.NEXT_CHANNEL,
    "too_long": Verdict.REFUSE,
    "filtered": Verdict.REFUSE,
    "bad_request": Verdict.REFUSE,
}

_DIALECTS = {"anthropic": "anthropic", "gemini": "gemini", "vertex": "gemini", "bedrock": "converse"}
_ENGINES = {
    "openai_chat": ("gpt", "/v1/chat/completions"),
    "openai_responses": ("responses", "/v1/responses"),
    "anthropic": ("claude", "/v1/messages"),
    "gemini": ("gemini", "/v1beta"),
    "converse": ("bedrock", ""),
}
"""By dialect: how a channel is configured that speaks it here."""


def dialect_of(record: Record) -> str:
    """The dialect in which this provider's errors are said; that of OpenAI for whoever has none of their own."""
    name = _DIALECTS.get(record["provider"], "openai_chat")
    if record["endpoint"] == "responses":
        name = "openai_responses"
    if record["provider"] == "cohere" and "cohere" in registry.BACKS:
        name = "cohere"
    return name


@cache
def errors() -> tuple[Record, ...]:
    with (FOLDER / "errors.jsonl").open(encoding="utf-8") as lines:
        return tuple(map(json.loads, lines))


def rule_for(record: Record) -> Rule:
    body = record["response_body"]
    return next(
        rule
        for rule in RULES
        if (rule.statuses is None or record["status"] in rule.statuses) and re.search(rule.words, body)
    )


def shown_status(record: Record) -> int:
    """The upstream's status; but a refused key is a 401, whatever its host says."""
    is_key = rule_for(record).kinds == ("auth",) and record["status"] == 400
    return 401 if is_key else int(record["status"])


def told(record: Record) -> str:
    """The sentence in an error body, wherever its host puts it."""
    body = json.loads(record["response_body"].removeprefix("data:"))
    error = body.get("error", body)
    if isinstance(error, str):
        return error
    sentence = error.get("message") or error.get("detail")
    assert isinstance(sentence, str), body
    return sentence


def wait_in(record: Record) -> float | None:
    """Seconds that the body says to wait."""
    found = re.search(r'"retryDelay": ?"([\d.]+)s"', record["response_body"])
    return float(found[1]) if found else None


def test_every_recorded_error_means_what_it_says() -> None:
    wrong = []
    for record in errors():
        name = dialect_of(record)
        fault = registry.back(name).read_error(record["status"], record["response_body"].encode())
        rule = rule_for(record)
        seen = (fault.kind, fault.status, fault.retry_after, fault.message)
        right = (
            fault.kind in rule.kinds
            and fault.status == shown_status(record)
            and fault.retry_after == wait_in(record)
            and fault.message.strip() == told(record).strip()
            and judge(fault) is VERDICTS[fault.kind]
        )
        if not right:
            wrong.append(f"{record['id']} {name} {record['status']}, not {rule.kinds}: {seen}")
    print(f"errors: {len(errors()) - len(wrong)}/{len(errors())} as they should be")
    assert not wrong, "\n".join(wrong)


def test_every_rule_is_met() -> None:
    met = {RULES.index(rule_for(record)) for record in errors()}
    assert met == set(range(len(RULES)))


# --- through the gateway ---

EXCEPTIONS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


def chosen(dialect: str) -> tuple[Record, ...]:
    return tuple(record for record in errors() if dialect_of(record) == dialect)


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with ExitStack() as stack:
        providers = []
        for name, (engine, path) in _ENGINES.items():
            upstream = stack.enter_context(Replay(chosen(name)))
            models = [f"rec-{number}" for number in range(len(chosen(name)))]
            providers.append(channel(name, upstream.url + path, models, engine=engine))
        plan = {
            "providers": providers,
            "api_keys": [{"api": f"sk-{name}", "model": [f"{name}/*"]} for name in _ENGINES],
        }
        yield stack.enter_context(gateway(plan))


def heard(running: Gateway, dialect: str, *, stream: bool) -> dict[int, Any]:
    async def run() -> dict[int, Any]:
        async with openai_client(running.base_url, f"sk-{dialect}") as client:

            async def ask(number: int) -> Any:
                body: dict[str, Any] = {"model": f"rec-{number}", "messages": GREETING, "stream": stream}
                return await client.chat.completions.create(**body)

            return await gather(ask, range(len(chosen(dialect))))

    return asyncio.run(run())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", _ENGINES)
def test_the_client_is_told(running: Gateway, dialect: str, stream: bool) -> None:
    wrong = []
    for number, error in heard(running, dialect, stream=stream).items():
        record = chosen(dialect)[number]
        status = shown_status(record)
        wanted = EXCEPTIONS.get(status, openai.InternalServerError)
        if not (type(error) is wanted and error.status_code == status and _is_told(error.body, told(record))):
            wrong.append(f"{record['id']} {status}: {error!r} {getattr(error, 'body', None)}")
    print(f"{dialect} errors as the SDK hears them: {len(chosen(dialect)) - len(wrong)}/{len(chosen(dialect))}")
    assert not wrong, "\n".join(wrong)


def _is_told(error: Any, sentence: str) -> bool:
    """Whether an error object says `sentence` (of keys in it, only that there was one) and has a type."""
    words = [re.escape(piece) for piece in re.split(r"[\w.-]*\*{3,}[\w.-]*", sentence.strip())]
    fits = re.fullmatch(r"\S*".join(words), error["message"].strip()) is not None
    return fits and isinstance(error["type"], str) and bool(error["type"]) and error["code"] is not None


def test_a_refused_key_makes_room_for_the_next_and_a_bad_request_does_not() -> None:
    key = next(record for record in chosen("openai_chat") if record["status"] == 401)
    bad = next(record for record in chosen("openai_chat") if rule_for(record).kinds == ("bad_request",))
    for record, attempts in ((key, 2), (bad, 1)):
        with Replay([record]) as upstream:
            two = channel("two", f"{upstream.url}/v1/chat/completions", ["rec-0"], engine="gpt") | {"api": ["k1", "k2"]}
            with gateway({"providers": [two], "api_keys": [{"api": "sk-client-of-the-tests", "model": ["all"]}]}) as on:
                reply = on.post(json.dumps({"model": "rec-0", "messages": GREETING}).encode())
        assert reply.status == record["status"]
        assert reply.headers["x-uni-api-attempts"] == str(attempts)


def test_no_fault_is_left_without_a_verdict() -> None:
    assert all(judge(Fault(kind, "m")) is verdict for kind, verdict in VERDICTS.items())
