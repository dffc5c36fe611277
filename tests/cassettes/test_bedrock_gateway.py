"""Recorded answers of Bedrock through the running gateway, behind signatures that botocore has checked.

Claude's answers of InvokeModel must say to the official OpenAI SDK what Anthropic's own SDK hears; for streams it is
given the events that botocore finds in the recorded bytes. Those of Converse are held to what botocore hears of them.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]

from tests.cassettes import oracle
from tests.cassettes.records import Record, needs_records
from tests.cassettes.test_bedrock import parsed_stream, parsed_whole, recorded
from tests.cassettes.views import View, differences
from tests.fakes.bedrock import Account, SignedReplay
from tests.fakes.cuts import Cut, awkwardly, every, randomly, whole
from tests.fakes.replay import Delivery, body
from tests.fakes.upstream import event
from tests.gateway import Gateway, config, gateway

pytestmark = needs_records

ACCOUNT = Account(session_token="AQoDYXdzEPT//session==", region="eu-west-1")

CLAUDE = tuple(
    one
    for endpoint in ("invoke", "invoke-stream")
    for one in recorded(endpoint)
    if "anthropic_version" in (one["request_json"] or {})
)
CONVERSE = tuple(one for endpoint in ("converse", "converse-stream") for one in recorded(endpoint))
RECORDS = (*CLAUDE, *CONVERSE)


def upstream_name(number: int) -> str:
    return f"us.anthropic.rec-{number}-v1:0" if number < len(CLAUDE) else f"amazon.rec-{number}-v1:0"


def as_from_anthropic(record: Record) -> Record:
    """`record` as Anthropic's own API would have sent it."""
    if not record["stream"]:
        return record
    messages = EventStreamBuffer()
    messages.add_data(body(record))
    events = [json.loads(base64.b64decode(json.loads(message.payload)["bytes"])) for message in messages]
    text = b"".join(event(one, one["type"]) for one in events).decode()
    sse = {"response_body": text, "response_base64": False, "stream_format": "sse"}
    return record | sse | {"response_headers": {"content-type": "text/event-stream"}}


@cache
def heard_directly() -> tuple[View | Exception, ...]:
    heard = oracle.hear_anthropic(tuple(as_from_anthropic(one) for one in CLAUDE))
    return tuple(heard[number] for number in range(len(CLAUDE)))


def expected(number: int) -> View | Exception:
    if number < len(CLAUDE):
        return heard_directly()[number]
    record = RECORDS[number]
    return (parsed_stream if record["stream"] else parsed_whole)(body(record))


@dataclass(frozen=True)
class Stage:
    gateway: Gateway
    upstream: SignedReplay

    def judge(self, how: str, cut: Cut, *, streams: bool | None = None) -> None:
        self.upstream.delivery = Delivery(cut=cut, framing="chunked")
        heard = oracle.hear_openai(RECORDS, self.gateway.base_url, self.gateway.key, streams)
        wrong: dict[str, Any] = {}
        for number, seen in heard.items():
            wanted = expected(number)
            if isinstance(wanted, View) and isinstance(seen, View):
                found: Any = differences(wanted, seen)
            else:
                found = (repr(wanted), repr(seen))
            if found:
                wrong[RECORDS[number]["id"]] = found
        print(f"bedrock by signature, {how}: identical {len(heard) - len(wrong)}/{len(heard)}")
        assert not wrong, "\n".join(f"{id}: {str(found)[:700]}" for id, found in list(wrong.items())[:12])
        assert not self.upstream.refused


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with ExitStack() as stack:
        upstream = stack.enter_context(SignedReplay(RECORDS, ACCOUNT))
        entry = {
            "provider": "bedrock",
            "base_url": upstream.url,
            "aws_access_key": ACCOUNT.access_key,
            "aws_secret_key": ACCOUNT.secret_key,
            "aws_session_token": ACCOUNT.session_token,
            "region": ACCOUNT.region,
            "model": [{upstream_name(number): f"rec-{number}"} for number in range(len(RECORDS))],
        }
        yield Stage(stack.enter_context(gateway(config(entry))), upstream)


CUTS = {"every 7 bytes": every(7), "in awkward places": awkwardly, "at random": randomly(5)}


def test_answers_say_the_same(stage: Stage) -> None:
    assert len(CLAUDE) > 40
    stage.judge("as they are", whole)


@pytest.mark.parametrize("name", CUTS)
def test_streams_do_not_depend_on_the_cut(stage: Stage, name: str) -> None:
    stage.judge(name, CUTS[name], streams=True)


def test_what_was_sent_is_what_invoke_model_takes(stage: Stage) -> None:
    """Runs last: looks at every request of the tests before."""
    sent = [request for request in stage.upstream.received if "/us.anthropic." in request.path]
    for request in sent:
        assert request.target.count("/") == 3
        assert "%3A0/invoke" in request.target
        asked = json.loads(request.body)
        assert asked["anthropic_version"] == "bedrock-2023-05-31"
        assert asked["max_tokens"] > 0
        assert not {"model", "stream"} & asked.keys()
