"""Recorded answers of Vertex AI through the running gateway, behind tokens that are got with a service account.

Gemini's and Claude's answers must say to the official OpenAI SDK what their makers' own SDKs hear.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.cassettes import oracle
from tests.cassettes.records import FOLDER, Record, needs_records
from tests.cassettes.typed import anthropic_problems, gemini_problems
from tests.cassettes.views import View, differences
from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery
from tests.fakes.vertex import EMAIL, TokenServer, VertexReplay, pem
from tests.gateway import Gateway, config, gateway

pytestmark = needs_records

GEMINI = ("generateContent", "streamGenerateContent")
CLAUDE = ("rawPredict", "streamRawPredict")

_IN_PIECES = "arguments in pieces (partialArgs): the SDK shows each piece as a call, the gateway puts them together"
ACCEPTED: Mapping[str, str] = {
    "vertex-2126759856c7": "blocked by Model Armor, which the view does not know for a filter",
    "vertex-c7ad93553855": _IN_PIECES,
    "vertex-f0320b1b590a": _IN_PIECES,
}
"""Differences that are right, by record id, each with its reason."""


@cache
def recorded(endpoints: tuple[str, ...]) -> tuple[Record, ...]:
    with (FOLDER / "vertex.jsonl").open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return tuple(one for one in found if one["endpoint"] in endpoints and one["status"] == 200)


def all_records() -> tuple[Record, ...]:
    return (*recorded(CLAUDE), *recorded(GEMINI))


def upstream_name(number: int) -> str:
    return f"claude-rec-{number}@20250929" if number < len(recorded(CLAUDE)) else f"gemini-rec-{number}"


def _as_events(record: Record) -> Record:
    """A few answers to `streamRawPredict` are one event with the whole message; the SDK reads those as a body."""
    start = "event: message\ndata: "
    if not record["response_body"].startswith(start):
        return record
    whole_body = {"response_body": record["response_body"].removeprefix(start), "stream": False}
    return record | whole_body | {"response_headers": {"content-type": "application/json"}}


def _without_traffic_type(record: Record) -> Record:
    """Another enum that was recorded as a number, and that Google's SDK for Python can't read."""
    if "enum-encoding" not in record["query"]:
        return record
    return record | {"response_body": re.sub(r'"trafficType": \d+,?', "", record["response_body"])}


@cache
def heard_directly() -> tuple[View | Exception, ...]:
    claude = oracle.hear_anthropic(tuple(map(_as_events, recorded(CLAUDE))))
    gemini = oracle.hear_gemini(tuple(map(_without_traffic_type, recorded(GEMINI))))
    return (*(claude[number] for number in sorted(claude)), *(gemini[number] for number in sorted(gemini)))


@dataclass(frozen=True)
class Stage:
    gateway: Gateway
    upstream: VertexReplay
    tokens: TokenServer

    def judge(self, how: str, cut: Cut, *, streams: bool | None = None) -> None:
        self.upstream.delivery = Delivery(cut=cut)
        records, expected = all_records(), heard_directly()
        heard = oracle.hear_openai(records, self.gateway.base_url, self.gateway.key, streams)
        wrong: dict[str, Any] = {}
        for number, seen in heard.items():
            wanted = expected[number]
            if isinstance(wanted, View) and isinstance(seen, View):
                found: Any = differences(wanted, seen)
            else:
                found = (repr(wanted), repr(seen))
            if found:
                wrong[records[number]["id"]] = found
        print(f"vertex, {how}: identical {len(heard) - len(wrong)}/{len(heard)}")
        unexplained = {id: found for id, found in wrong.items() if id not in ACCEPTED}
        assert not unexplained, "\n".join(f"{id}: {str(found)[:900]}" for id, found in list(unexplained.items())[:12])


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        tokens = stack.enter_context(TokenServer())
        upstream = stack.enter_context(VertexReplay(all_records(), tokens.issued))
        entry = {
            "provider": "vertex",
            "base_url": upstream.url,
            "project_id": "project-1",
            "client_email": EMAIL,
            "private_key": pem().replace("\n", "\\n"),
            "token_uri": tokens.token_uri,
            "region": ["us-east5", "global"],
            "model": [{upstream_name(number): f"rec-{number}"} for number in range(len(all_records()))],
        }
        yield Stage(stack.enter_context(gateway(config(entry))), upstream, tokens)


CUTS = {"every 7 bytes": every(7), "in awkward places": awkwardly, "at random": randomly(5)}


def test_answers_say_the_same(stage: Stage) -> None:
    assert len(recorded(CLAUDE)) >= 16
    assert len(recorded(GEMINI)) >= 150
    stage.judge("as they are", whole)


@pytest.mark.parametrize("name", CUTS)
def test_streams_do_not_depend_on_the_cut(stage: Stage, name: str) -> None:
    stage.judge(name, CUTS[name], streams=True)


def test_what_was_sent_is_what_vertex_takes(stage: Stage) -> None:
    """Runs last: looks at every request of the tests before."""
    assert len(stage.tokens.received) == 1
    assert not stage.tokens.refused
    for request in stage.upstream.received:
        asked = json.loads(request.body)
        assert request.path.startswith("/v1/projects/project-1/locations/")
        assert "key" not in request.query
        if "/publishers/anthropic/" in request.path:
            assert asked.pop("anthropic_version") == "vertex-2023-10-16"
            assert "model" not in asked
            assert asked.get("stream", False) is request.path.endswith(":streamRawPredict")
            assert not anthropic_problems({**asked, "model": "claude-sonnet-4-5"})
        else:
            assert not gemini_problems(asked)
            assert (request.query == "alt=sse") is request.path.endswith(":streamGenerateContent")
