"""Every dialect by its name. A dialect is imported when it is first asked for, so that nothing unused is loaded."""

from functools import cache
from importlib import import_module
from typing import cast

from uni_api.dialects.faces import Back, Front, Verbatim

FRONTS = {"openai_chat": "uni_api.dialects.openai_chat"}
BACKS = {
    "openai_chat": "uni_api.dialects.openai_chat",
    "openai_responses": "uni_api.dialects.openai_responses",
    "anthropic": "uni_api.dialects.anthropic",
    "gemini": "uni_api.dialects.gemini",
    "gemini_vertex": "uni_api.dialects.gemini.vertex",
    "converse": "uni_api.dialects.converse",
    "cohere": "uni_api.dialects.cohere",
    "ollama": "uni_api.dialects.ollama",
    "workers_ai": "uni_api.dialects.workers_ai",
}
VERBATIM = {"openai_chat": "uni_api.dialects.openai_chat.verbatim"}


@cache
def front(name: str) -> Front:
    return cast(Front, import_module(FRONTS[name]))


@cache
def back(name: str) -> Back:
    return cast(Back, import_module(BACKS[name]))


@cache
def verbatim(name: str) -> Verbatim:
    return cast(Verbatim, import_module(VERBATIM[name]))
