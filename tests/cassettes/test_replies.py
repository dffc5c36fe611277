"""Every recorded answer through the running gateway, heard by the official OpenAI SDK.

OpenAI-format families must come out field by field as they come without a gateway. Anthropic and Gemini answers must
say what their own SDKs hear: text, reasoning, calls, finish reason, usage.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cassettes import oracle
from tests.cassettes.records import ENDPOINTS, OPENAI_FAMILIES, Record, needs_records, records
from tests.cassettes.views import View, differences
from tests.fakes.cuts import Cut, awkwardly, every, randomly
from tests.fakes.replay import Delivery, Replay
from tests.gateway import Gateway, channel, gateway

pytestmark = needs_records

_SEVERAL = "several answers recorded as one stream: the SDK keeps the last, a relay can't take back what it sent"
_IN_PIECES = "arguments in pieces (partialArgs): the SDK shows each piece as a call, the gateway puts them together"
_FAILED = "an error in a 200: the SDK shows a completion without choices, the gateway an error that says the same"
ACCEPTED: Mapping[str, str] = {
    "anthropic-000ba4b6217f": _SEVERAL,
    "anthropic-880cc018c761": _SEVERAL,
    "anthropic-9b8161084b12": _SEVERAL,
    "gemini-42fdf0456ab3": _IN_PIECES,
    "gemini-5ec29dd4b752": _IN_PIECES,
    "openrouter-258f985f8663": _FAILED,
    "openrouter-f9f743043cac": _FAILED,
}
"""Differences that are right, by record id, each with its reason."""

TRANSLATED = ("anthropic", "gemini")


@dataclass(frozen=True)
class Stage:
    """The gateway with one replay upstream behind each family; the key of a family reaches only its own."""

    gateway: Gateway
    upstreams: Mapping[str, Replay]

    def hear(self, family: str, streams: bool | None = None) -> oracle.Heard:
        return oracle.hear_openai(records(family), self.gateway.base_url, f"sk-{family}", streams)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstreams = {family: Replay(records(family)) for family in ENDPOINTS}
        for upstream in upstreams.values():
            stack.enter_context(upstream)
        plan = {
            "providers": [_channel(family, upstream) for family, upstream in upstreams.items()],
            "api_keys": [{"api": f"sk-{family}", "model": [f"{family}/*"]} for family in upstreams],
        }
        yield Stage(stack.enter_context(gateway(plan)), upstreams)


def _channel(family: str, upstream: Replay) -> dict[str, Any]:
    path, engine = {"anthropic": ("/v1/messages", "claude"), "gemini": ("/v1beta", "gemini")}.get(
        family, ("/v1/chat/completions", "gpt")
    )
    models = [f"rec-{number}" for number in range(len(upstream.records))]
    return channel(family, upstream.url + path, models, engine=engine)


@pytest.fixture(scope="module")
def direct() -> Mapping[str, oracle.Heard]:
    """What each provider's own SDK hears without a gateway, for the translated families."""
    return {
        "anthropic": oracle.hear_anthropic(records("anthropic")),
        "gemini": oracle.hear_gemini(records("gemini")),
    }


@pytest.mark.parametrize("family", OPENAI_FAMILIES)
def test_openai_format_answers_come_out_as_they_are(stage: Stage, family: str) -> None:
    upstream = stage.upstreams[family]
    expected = oracle.dump_openai(records(family), f"{upstream.url}/v1", "sk-direct")
    seen = oracle.dump_openai(records(family), stage.gateway.base_url, f"sk-{family}")
    wrong: dict[str, Any] = {}
    for number, record in enumerate(records(family)):
        one, other = expected[number], seen[number]
        if isinstance(one, Exception):
            if not _same_error(one, other):
                wrong[record["id"]] = (repr(one), repr(other))
        elif one != other:
            wrong[record["id"]] = repr(other) if isinstance(other, Exception) else _first_difference(one, other)
    _judge(family, "whole", len(records(family)), wrong)


@pytest.mark.parametrize("family", TRANSLATED)
def test_translated_answers_say_the_same(stage: Stage, direct: Mapping[str, oracle.Heard], family: str) -> None:
    _judge(family, "whole", *_compared(records(family), direct[family], stage.hear(family)))


CUTS = {"inside characters and line ends": awkwardly, "every 7 bytes": every(7), "at random": randomly(5)}


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("family", TRANSLATED)
def test_translated_streams_do_not_depend_on_the_cut(
    stage: Stage, direct: Mapping[str, oracle.Heard], family: str, name: str
) -> None:
    heard = _hear_cut(stage, family, CUTS[name])
    _judge(family, name, *_compared(records(family), direct[family], heard))


@pytest.mark.parametrize("family", OPENAI_FAMILIES)
def test_openai_format_streams_do_not_depend_on_the_cut(stage: Stage, family: str) -> None:
    expected = stage.hear(family, streams=True)
    heard = _hear_cut(stage, family, awkwardly)
    _judge(family, "inside characters and line ends", *_compared(records(family), expected, heard))


def _hear_cut(stage: Stage, family: str, cut: Cut) -> oracle.Heard:
    upstream = stage.upstreams[family]
    upstream.delivery = Delivery(cut=cut)
    try:
        return stage.hear(family, streams=True)
    finally:
        upstream.delivery = Delivery()


def _compared(of: tuple[Record, ...], expected: oracle.Heard, heard: oracle.Heard) -> tuple[int, dict[str, Any]]:
    wrong: dict[str, Any] = {}
    for number, seen in heard.items():
        wanted = expected[number]
        if isinstance(wanted, Exception):
            if not _same_error(wanted, seen):
                wrong[of[number]["id"]] = (repr(wanted), repr(seen))
        elif isinstance(seen, View):
            if found := differences(wanted, seen):
                wrong[of[number]["id"]] = found
        else:
            wrong[of[number]["id"]] = repr(seen)
    return len(heard), wrong


def _same_error(wanted: Exception, seen: object) -> bool:
    """Both failed, and the client is told what the upstream said."""
    return isinstance(seen, Exception) and getattr(wanted, "message", str(wanted)) in str(seen)


def _first_difference(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> Any:
    if len(one) != len(other):
        return f"{len(one)} objects became {len(other)}"
    return next((a, b) for a, b in zip(one, other, strict=True) if a != b)


def _judge(family: str, how: str, total: int, wrong: dict[str, Any]) -> None:
    unexplained = {key: value for key, value in wrong.items() if key not in ACCEPTED}
    print(f"{family:14} {how:32} identical {total - len(wrong)}/{total}, accepted {len(wrong) - len(unexplained)}")
    shown = "\n".join(f"{key}: {str(value)[:700]}" for key, value in list(unexplained.items())[:12])
    assert not unexplained, f"{family}, {how}: {len(unexplained)} of {total} differ\n{shown}"
