"""What hosts and model families want otherwise than the OpenAI chat format says, as data.

A row holds where both of its patterns match; all rows that hold are taken together. Only what a host documents, or says
in its own errors, has a row, each with its source and the day it was read; whatever has none is sent as the client said
it. A field that a host refuses is taken out, and the client is told (`x-uni-api-losses`).
"""

import re

from msgspec import Struct

from uni_api.dialects.edits import Edits
from uni_api.providers.base import NO_QUIRKS, Quirks

CHAT = "openai_chat"
RESPONSES = "openai_responses"


class Row(Struct, frozen=True, kw_only=True):
    """One fact. `host` and `model` match whole names in lower case; of a model, what follows the last slash."""

    host: re.Pattern[str]
    model: re.Pattern[str]
    quirks: Quirks
    source: str
    dialects: frozenset[str]


def quirks_of(host: str, model: str, dialect: str = CHAT) -> Quirks:
    """What `host` (as in a URL, with its port) wants of requests for `model`."""
    name = model.rpartition("/")[2].lower()
    found = NO_QUIRKS
    for row in ROWS:
        if dialect in row.dialects and row.host.fullmatch(host) and row.model.fullmatch(name):
            found = found.then(row.quirks)
    return found


def _row(
    source: str, quirks: Quirks, *, host: str = r".*", model: str = r".*", dialects: tuple[str, ...] = (CHAT,)
) -> Row:
    return Row(
        host=re.compile(host), model=re.compile(model), quirks=quirks, source=source, dialects=frozenset(dialects)
    )


def _renamed(**names: str) -> Quirks:
    return Quirks(edits=Edits(rename=names))


def _refused(*names: str) -> Quirks:
    return Quirks(edits=Edits(refuse=frozenset(names)))


def _dropped(*names: str) -> Quirks:
    return Quirks(edits=Edits(drop=frozenset(names)))


_NO_DEVELOPER = Quirks(developer=False)
_NO_THOUGHTS = Quirks(thoughts=False)
_NEWER_LIMIT = _renamed(max_tokens="max_completion_tokens")
_OLDER_LIMIT = _renamed(max_completion_tokens="max_tokens")

_ADAPTS = r"(?!openrouter\.ai\Z).*"
"""Every host but those that fit the fields to the model themselves."""
_AZURE = r".*\.azure\.(?:com|us|cn)"
_FREELY_NAMED = r"(?:.*[^a-z0-9])?"
"""What may stand before the model's name in that of a deployment."""

_O_SERIES = r"o[134](?:-(?!preview).*)?"
_GPT_5 = r"gpt-5(?:-(?!chat).*)?"
_GPT_5_AND_LATER = r"gpt-[5-9](?:[.-].*)?"
_REASONING_SOURCE = 'learn.microsoft.com, "Azure OpenAI reasoning models", "Not supported" (2026-11-24)'
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")
_XAI = r"(?:.*\.)?api\.x\.ai"
_XAI_SOURCE = 'docs.x.ai, "Reasoning", and its live errors as quoted in github.com/mnfst/modelparams.dev/pull/20'


def _family(source: str, quirks: Quirks, model: str, dialects: tuple[str, ...] = (CHAT,)) -> tuple[Row, ...]:
    """Rows of a model family: under its own name anywhere, and somewhere in the name of a deployment at Azure."""
    return (
        _row(source, quirks, host=_ADAPTS, model=model, dialects=dialects),
        _row(source, quirks, host=_AZURE, model=_FREELY_NAMED + model, dialects=dialects),
    )


ROWS: tuple[Row, ...] = (
    *_family(_REASONING_SOURCE, _NEWER_LIMIT, _O_SERIES),
    *_family(_REASONING_SOURCE, _NEWER_LIMIT, _GPT_5_AND_LATER),
    *_family(_REASONING_SOURCE, _refused(*_SAMPLING), _O_SERIES),
    # Not GPT-5.1 and later: those take temperature, top_p and logprobs as long as they do not reason, which is their
    # default (platform.openai.com, "Using GPT-5.2", "Parameter compatibility").
    *_family(_REASONING_SOURCE, _refused(*_SAMPLING), _GPT_5),
    *_family(_REASONING_SOURCE, _refused("temperature", "top_p", "top_logprobs"), _O_SERIES, (RESPONSES,)),
    *_family(_REASONING_SOURCE, _refused("temperature", "top_p", "top_logprobs"), _GPT_5, (RESPONSES,)),
    *_family(
        "openai-python 3, types/chat/completion_create_params.py, `stop` (2026-11-24)",
        _refused("stop"),
        r"(?:o3(?!-mini)|o4-mini)(?:-.*)?",
    ),
    *_family(
        'learn.microsoft.com, "Azure OpenAI reasoning models", table of features, parallel tool calls (2026-11-24)',
        _refused("parallel_tool_calls"),
        _O_SERIES,
    ),
    _row(
        "422 extra_forbidden of serverless deployments, github.com/NousResearch/hermes-agent/pull/109143 (2026-11-24)",
        _dropped("stream_options"),
        host=r".*\.(?:models\.ai\.azure\.com|inference\.ml\.azure\.com)",
    ),
    _row(
        'docs.mistral.ai, "Chat Completion Endpoints": max_tokens, random_seed; 422 extra_forbidden for others, '
        "github.com/editor-code-assistant/eca/issues/231, github.com/Gitlawb/openclaude/issues/739 (2026-11-24)",
        _renamed(max_completion_tokens="max_tokens", seed="random_seed").then(_refused("store")).then(_NO_DEVELOPER),
        host=r"(?:.*\.)?mistral\.ai",
    ),
    _row(
        "422 extra_forbidden for reasoning_content, github.com/charmbracelet/crush/issues/1590 (2026-11-24)",
        _NO_THOUGHTS,
        host=r"(?:.*\.)?mistral\.ai",
    ),
    _row(
        "\"property 'reasoning_content' is unsupported\", github.com/janhq/jan/issues/8136 (2026-11-24)",
        _NO_THOUGHTS,
        host=r"api\.groq\.com",
    ),
    _row(
        "\"property 'messages.2.assistant.reasoning_content' is unsupported\", "
        "github.com/Kilo-Org/kilocode/issues/10375 (2026-11-24)",
        _NO_THOUGHTS,
        host=r"api\.cerebras\.ai",
    ),
    _row(
        'api-docs.deepseek.com, "Create chat completion": max_tokens only; "unknown variant `developer`", '
        "github.com/earendil-works/pi/issues/1048 (2026-11-24)",
        _OLDER_LIMIT.then(_NO_DEVELOPER),
        host=r"api\.deepseek\.com",
    ),
    _row(
        "github.com/openclaw/openclaw/issues/8579 (2026-11-24)",
        _NO_DEVELOPER,
        host=r"api\.moonshot\.(?:ai|cn)",
    ),
    _row(
        'docs.z.ai and docs.bigmodel.cn, "Chat completion": max_tokens only; error 1214 for the role, '
        "github.com/vastsa/PI-Desktop/issues/30 (2026-11-24)",
        _OLDER_LIMIT.then(_NO_DEVELOPER),
        host=r"api\.z\.ai|open\.bigmodel\.cn",
    ),
    _row(
        "\"developer is not one of ['system', 'assistant', 'user', 'tool', 'function']\", "
        "github.com/NeuroAIHub/BrainPilot/issues/549 (2026-11-24)",
        _NO_DEVELOPER,
        host=r".*\.aliyuncs\.com",
    ),
    _row(
        'console.groq.com, "OpenAI Compatibility", unsupported features: a 400 error (2026-11-24)',
        _refused("logprobs", "top_logprobs", "logit_bias"),
        host=r"api\.groq\.com",
    ),
    _row(
        'inference-docs.cerebras.ai, "OpenAI Compatibility": the role is known for gpt-oss only (2026-11-24)',
        _NO_DEVELOPER,
        host=r"api\.cerebras\.ai",
        model=r"(?!gpt-oss).*",
    ),
    _row(
        f"{_XAI_SOURCE} (2026-11-24)",
        _refused("presence_penalty", "frequency_penalty"),
        host=_XAI,
        model=r"grok-(?:3-mini|[4-9]|code|build|latest).*",
    ),
    _row(
        f"{_XAI_SOURCE} (2026-11-24)",
        _refused("stop"),
        host=_XAI,
        model=r"grok-(?:3-mini|[4-9]|code|build|latest)(?!.*non-reasoning).*",
    ),
    _row(
        f'{_XAI_SOURCE}; "Model grok-code-fast-1 does not support parameter reasoningEffort." (2026-11-24)',
        _refused("reasoning_effort"),
        host=_XAI,
        model=r"grok-(?:4(?!\.[3-9](?:-|\Z))|code|build).*",
    ),
    _row(
        'docs.spring.io, "Perplexity Chat", differences from OpenAI: no tool calling (2026-11-24)',
        Quirks(tools=False),
        host=r"api\.perplexity\.ai",
    ),
    _row(
        "docs.databricks.com, chat request: max_tokens; 'unknown field \"stream_options\"', "
        "github.com/continuedev/continue/issues/12936; usage comes with every chunk (2026-11-24)",
        _OLDER_LIMIT.then(_dropped("stream_options")),
        host=r".*\.(?:azuredatabricks\.net|databricks\.com|databricks\.azure\.(?:us|cn))",
    ),
    _row(
        'docs.ollama.com, "OpenAI compatibility", supported request fields: max_tokens only (2026-11-24)',
        _OLDER_LIMIT,
        host=r".*:11434|(?:.*\.)?ollama\.com",
    ),
    _row(
        "'Unknown name \"frequency_penalty\"', github.com/MinLL/SkyrimNet-GamePlugin/issues/77; null is no value for "
        "stop, github.com/AI-DM-Foundry/AI-Combat-Assistant-Pf2e/pull/8 (2026-11-24)",
        _refused("frequency_penalty").then(Quirks(edits=Edits(without_nulls=True))),
        host=r"generativelanguage\.googleapis\.com",
    ),
)
