"""Hosts of the OpenAI format behind the running gateway: where a request goes, what of it, what the client is told."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.cassettes import clients
from tests.fakes.upstream import Upstream, answer
from tests.fakes.wire import Received
from tests.gateway import Answer, channel, config, gateway
from uni_api.cli import main

REPLY = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def exchanged(path: str, body: dict[str, Any], reply: Any = REPLY, **entry: Any) -> tuple[Received, Any, Answer]:
    """The request that the upstream got at `path` of its own, its body, and the client's answer."""
    with Upstream({"*": answer(reply)}) as upstream:
        models = [entry.pop("model", body["model"])]
        with gateway(config(channel("host", upstream.url + path, models, **entry))) as running:
            got = running.post(json.dumps({"messages": clients.GREETING, **body}).encode())
        assert got.status == 200, got.body
        [request] = upstream.received
        return request, json.loads(request.body), got


def test_a_reasoning_model_gets_the_fields_that_it_knows() -> None:
    given = {"model": "o3", "max_tokens": 5, "temperature": 0.5, "stop": ["x"], "seed": 7, "metadata": None}
    request, body, got = exchanged("/v1", given, engine="gpt")
    assert body == {
        "messages": clients.GREETING,
        "model": "o3",
        "max_completion_tokens": 5,
        "seed": 7,
        "metadata": None,
    }
    told = got.headers["x-uni-api-losses"]
    assert "temperature" in told
    assert "stop" in told
    assert (request.path, request.header("authorization")) == ("/v1/chat/completions", "Bearer sk-upstream-host")


def test_a_model_without_quirks_gets_every_byte() -> None:
    raw = b'{ "model":"m", "messages":[{"role":"developer","content":"x"}],  "max_tokens": 5, "user":null, "x":[1.0] }'
    with Upstream({"*": answer(REPLY)}) as upstream:
        with gateway(config(channel("host", f"{upstream.url}/v1", ["m"], engine="gpt"))) as running:
            got = running.post(raw)
        [request] = upstream.received
    assert got.status == 200
    assert "x-uni-api-losses" not in got.headers
    assert json.loads(request.body) == json.loads(raw)
    for value in (b'[{"role":"developer","content":"x"}]', b"[1.0]", b"null"):
        assert value in request.body


def test_openrouter_gets_its_own_fields_and_no_advertising() -> None:
    own = {"provider": {"order": ["a"]}, "reasoning": {"effort": "low"}, "models": ["b"], "transforms": []}
    request, body, got = exchanged("/api/v1", {"model": "m-high", **own}, engine="openrouter", model={"m": "m-high"})
    assert {name: body[name] for name in own} == own
    assert "reasoning_effort" not in body
    names = {name for name, _ in request.headers}
    assert not names & {"http-referer", "x-title", "referer"}
    assert json.loads(got.body) == REPLY


def test_openrouter_takes_the_effort_of_an_alias_for_every_model() -> None:
    _, body, _ = exchanged("/api/v1", {"model": "m-high"}, engine="openrouter", model={"vendor/m": "m-high"})
    assert (body["model"], body["reasoning_effort"]) == ("vendor/m", "high")


def test_databricks_is_told_the_model_in_the_address_alone() -> None:
    request, body, _ = exchanged("", {"model": "a b", "stream": False}, engine="azure-databricks")
    assert request.target == "/serving-endpoints/a%20b/invocations"
    assert body == {"messages": clients.GREETING, "stream": False}
    assert request.header("authorization") == "Bearer sk-upstream-host"


def test_an_account_of_cloudflare_speaks_the_openai_format() -> None:
    request, body, _ = exchanged("", {"model": "@cf/a/b", "tools": []}, cf_account_id="acc")
    assert request.target == "/client/v4/accounts/acc/ai/v1/chat/completions"
    assert body == {"messages": clients.GREETING, "model": "@cf/a/b", "tools": []}


def test_the_native_form_of_cloudflare() -> None:
    reply = {"result": {"response": "Hi.", "usage": REPLY["usage"]}, "success": True, "errors": [], "messages": []}
    path = "/client/v4/accounts/acc/ai/run"
    request, body, got = exchanged(path, {"model": "@cf/a/b"}, reply, engine="cloudflare")
    assert request.target == f"{path}/@cf/a/b"
    assert body["messages"] == clients.GREETING
    assert json.loads(got.body)["choices"][0]["message"]["content"] == "Hi."


def test_claude_at_foundry() -> None:
    reply = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [{"type": "text", "text": "Hi."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    request, body, got = exchanged("/anthropic", {"model": "my-claude"}, reply, engine="azure")
    assert request.target == "/anthropic/v1/messages"
    assert request.header("x-api-key") == "sk-upstream-host"
    assert request.header("anthropic-version") == "2023-06-01"
    assert body["model"] == "my-claude"
    assert json.loads(got.body)["choices"][0]["message"]["content"] == "Hi."


@pytest.mark.parametrize(
    ("path", "entry", "listed", "target"),
    [
        (
            "",
            {"engine": "azure"},
            {"data": [{"id": "prod", "status": "succeeded"}]},
            "/openai/deployments?api-version=2023-03-15-preview",
        ),
        ("", {"engine": "databricks"}, {"endpoints": [{"name": "prod"}]}, "/api/2.0/serving-endpoints"),
        (
            "",
            {"cf_account_id": "a"},
            {"result": [{"name": "prod"}]},
            "/client/v4/accounts/a/ai/models/search?task=Text+Generation&per_page=100",
        ),
        ("/v1/chat/completions", {"engine": "gpt"}, {"data": [{"id": "prod"}]}, "/v1/models"),
        ("/v1/messages", {}, {"data": [{"id": "prod"}]}, "/v1/models?limit=1000"),
        ("/v1beta", {}, {"models": [{"name": "models/prod"}]}, "/v1beta/models?pageSize=1000"),
    ],
)
def test_models_are_asked_of_the_host(
    tmp_path: Path, path: str, entry: dict[str, Any], listed: Any, target: str
) -> None:
    file = tmp_path / "api.yaml"
    with Upstream({"*": answer(listed)}) as upstream:
        file.write_text(json.dumps(config({"provider": "host", "base_url": upstream.url + path, "api": "k", **entry})))
        result = CliRunner().invoke(main, ["models", "--config", str(file)])
        assert upstream.received[0].target == target
    assert (result.exit_code, result.stdout) == (0, "host/prod\n"), result.output
