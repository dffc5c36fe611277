import pytest

from uni_api.providers.base import NO_QUIRKS
from uni_api.providers.quirks import RESPONSES, ROWS, Row, quirks_of

OPENAI = "api.openai.com"
SAMPLING = {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
NEWER = {"max_tokens": "max_completion_tokens"}
OLDER = {"max_completion_tokens": "max_tokens"}


def refused(host: str, model: str) -> set[str]:
    return set(quirks_of(host, model).edits.refuse)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.source[:60])
def test_every_row_names_its_source_and_the_day(row: Row) -> None:
    assert row.source.endswith("(2026-11-24)")
    assert row.quirks != NO_QUIRKS


@pytest.mark.parametrize(
    "model", ["gpt-4o", "gpt-4.1-mini", "gpt-3.5-turbo", "gpt-35-turbo", "llama-3.3-70b", "gpt-oss-120b"]
)
@pytest.mark.parametrize("host", [OPENAI, "relay.example", "127.0.0.1:8080", "mine.openai.azure.com"])
def test_what_has_no_row_is_left_alone(host: str, model: str) -> None:
    assert quirks_of(host, model) is NO_QUIRKS


@pytest.mark.parametrize(
    "model",
    ["o1", "o1-2024-12-17", "o3", "o3-mini", "o4-mini", "gpt-5", "gpt-5-mini", "gpt-5-pro", "openai/gpt-5", "O3"],
)
@pytest.mark.parametrize("host", [OPENAI, "relay.example", "mine.openai.azure.com"])
def test_reasoning_models_refuse_sampling(host: str, model: str) -> None:
    edits = quirks_of(host, model).edits
    assert edits.rename == NEWER
    assert edits.refuse >= SAMPLING


@pytest.mark.parametrize(
    "model", ["gpt-5.1", "gpt-5.2-pro", "gpt-5.4-mini", "gpt-5-chat-latest", "gpt-5-chat", "gpt-6"]
)
def test_later_models_and_chat_models_take_sampling(model: str) -> None:
    edits = quirks_of(OPENAI, model).edits
    assert edits.rename == NEWER
    assert not edits.refuse


@pytest.mark.parametrize(
    ("model", "stop", "parallel"),
    [
        ("o3", True, True),
        ("o4-mini", True, True),
        ("o3-mini", False, True),
        ("o1", False, True),
        ("gpt-5", False, False),
    ],
)
def test_stop_and_parallel_calls(model: str, stop: bool, parallel: bool) -> None:
    found = refused(OPENAI, model)
    assert ("stop" in found, "parallel_tool_calls" in found) == (stop, parallel)


def test_a_family_is_not_seen_in_the_middle_of_a_name_elsewhere() -> None:
    assert quirks_of("api.siliconflow.cn", "AIDC-AI/Marco-o1") is NO_QUIRKS


def test_openrouter_fits_the_fields_itself() -> None:
    assert quirks_of("openrouter.ai", "openai/gpt-5") is NO_QUIRKS


def test_responses_have_other_fields() -> None:
    edits = quirks_of(OPENAI, "o3", RESPONSES).edits
    assert edits.refuse == {"temperature", "top_p", "top_logprobs"}
    assert not edits.rename
    assert quirks_of("api.mistral.ai", "mistral-large", RESPONSES) is NO_QUIRKS


def test_mistral() -> None:
    found = quirks_of("api.mistral.ai", "mistral-small-latest")
    assert found.edits.rename == {**OLDER, "seed": "random_seed"}
    assert found.edits.refuse == {"store"}
    assert not found.developer
    assert found.tools
    assert quirks_of("codestral.mistral.ai", "codestral-latest") == found


@pytest.mark.parametrize(
    ("host", "rename"),
    [
        ("api.deepseek.com", OLDER),
        ("api.z.ai", OLDER),
        ("open.bigmodel.cn", OLDER),
        ("api.moonshot.ai", {}),
        ("api.moonshot.cn", {}),
        ("dashscope.aliyuncs.com", {}),
        ("api.cerebras.ai", {}),
    ],
)
def test_hosts_without_the_developer_role(host: str, rename: dict[str, str]) -> None:
    found = quirks_of(host, "m")
    assert not found.developer
    assert found.edits.rename == rename
    assert not found.edits.refuse


def test_cerebras_knows_the_role_for_one_family() -> None:
    found = quirks_of("api.cerebras.ai", "gpt-oss-120b")
    assert found.developer and found.edits == NO_QUIRKS.edits


@pytest.mark.parametrize("host", ["api.mistral.ai", "api.groq.com", "api.cerebras.ai"])
def test_hosts_that_refuse_reasoning_in_a_history(host: str) -> None:
    assert not quirks_of(host, "m").thoughts
    assert quirks_of("api.deepseek.com", "m").thoughts


def test_groq() -> None:
    assert refused("api.groq.com", "openai/gpt-oss-120b") == {"logprobs", "top_logprobs", "logit_bias"}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("grok-3", set()),
        ("grok-3-mini", {"presence_penalty", "frequency_penalty", "stop"}),
        ("grok-4", {"presence_penalty", "frequency_penalty", "stop", "reasoning_effort"}),
        ("grok-4-1-fast-non-reasoning", {"presence_penalty", "frequency_penalty", "reasoning_effort"}),
        ("grok-4.20-0309-reasoning", {"presence_penalty", "frequency_penalty", "stop", "reasoning_effort"}),
        ("grok-4.3", {"presence_penalty", "frequency_penalty", "stop"}),
        ("grok-code-fast-1", {"presence_penalty", "frequency_penalty", "stop", "reasoning_effort"}),
    ],
)
@pytest.mark.parametrize("host", ["api.x.ai", "us-east-1.api.x.ai"])
def test_xai(host: str, model: str, fields: set[str]) -> None:
    assert refused(host, model) == fields


def test_perplexity_has_no_tools() -> None:
    assert not quirks_of("api.perplexity.ai", "sonar").tools


@pytest.mark.parametrize("host", ["adb-1.2.azuredatabricks.net", "dbc.cloud.databricks.com", "1.gcp.databricks.com"])
def test_databricks(host: str) -> None:
    edits = quirks_of(host, "databricks-claude-sonnet-4-5").edits
    assert edits.rename == OLDER
    assert edits.drop == {"stream_options"}


def test_serverless_models_of_azure() -> None:
    assert quirks_of("x.eastus2.models.ai.azure.com", "m").edits.drop == {"stream_options"}


@pytest.mark.parametrize("host", ["localhost:11434", "ollama.com"])
def test_ollama_in_the_openai_format(host: str) -> None:
    assert quirks_of(host, "llama3.2").edits.rename == OLDER


def test_gemini_in_the_openai_format() -> None:
    edits = quirks_of("generativelanguage.googleapis.com", "gemini-3-pro").edits
    assert edits.without_nulls
    assert edits.refuse == {"frequency_penalty"}


def test_all_rows_that_hold_are_taken_together() -> None:
    edits = quirks_of("mine.openai.azure.com", "o3-mini").edits
    assert edits.rename == NEWER
    assert edits.refuse == SAMPLING | {"parallel_tool_calls"}
