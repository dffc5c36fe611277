"""Requests, canon to wire.

Source: `response_create_params.py` of the official SDK; developers.openai.com, page "Reasoning models", on reasoning
without stored state (read 2026-11-24).

What is sent unless the client says otherwise: `store: false`, as chat completions are not stored either; and
`include: ["reasoning.encrypted_content"]` for models that reason, without which their reasoning could not come back.
A summary of the reasoning is asked for only by a client that wants to see it, since some accounts may not have one.
"""

from uni_api.canon import Losses, Request, Rest
from uni_api.dialects.openai_responses._items import write_items
from uni_api.dialects.openai_responses._options import (
    write_include,
    write_limit,
    write_reasoning,
    write_sampling,
    write_text,
    write_web_search,
)
from uni_api.dialects.openai_responses._tools import write_choice, write_tools
from uni_api.dialects.openai_responses._words import NAME, Block
from uni_api.dialects.openai_terms import ALIKE, RESPONSES_ONLY, kin

_SAID = frozenset({"verbosity", "reasoning", "web_search_options"})
"""Fields of the chat format that are said here in another place."""


def write_request(request: Request, losses: Losses, /) -> Block:
    input = write_items(request.turns, losses)
    out: Block = {"model": request.model, "input": input}
    tools = write_tools(request, losses)
    if (search := write_web_search(request)) is not None:
        tools.append(search)
    if tools:
        out["tools"] = tools
    if (choice := write_choice(request, tools, losses)) is not None:
        out["tool_choice"] = choice
    if request.parallel is not None:
        out["parallel_tool_calls"] = request.parallel
    for name, said in (("text", write_text(request, losses)), ("reasoning", write_reasoning(request, losses))):
        if said:
            out[name] = said
    write_limit(out, request, losses)
    write_sampling(out, request, losses)
    if request.user is not None:
        spelt = (kin(request.rest).get(":spelt") or {}).get("user") or {}
        out["safety_identifier" if "safety_identifier" in spelt else "user"] = request.user
    if request.stream:
        out["stream"] = True
    _unsayable(request, losses)
    _merge_rest(out, request.rest, losses)
    out.setdefault("store", False)
    if include := write_include(request, input):
        out["include"] = list(dict.fromkeys([*include, *(out.get("include") or ())]))
    return out


def _unsayable(request: Request, losses: Losses) -> None:
    for at, _ in enumerate(request.stop):
        losses.add(f"stop[{at}]", "tuning", "the API knows no stop sequences")
    if any(kind != "text" for kind in request.modalities):
        losses.add("modalities", "meaning", "the API answers in text")
    if request.cache is not None:
        losses.add("cache", "hint", "the API finds what to cache by itself")


def _merge_rest(out: Block, rest: Rest | None, losses: Losses) -> None:
    """Put back what canon has no word for: all of this dialect's, and of the chat format's what it shares with it."""
    if rest is None or rest.dialect == NAME:
        losses.merge(out, rest, NAME)
        return
    shared = {name: value for name, value in kin(rest).items() if name in ALIKE | RESPONSES_ONLY}
    for name, value in shared.items():
        out.setdefault(name, value)
    left = {name: value for name, value in rest.fields.items() if name not in shared and name not in _SAID}
    losses.drop(Rest(rest.dialect, left, rest.hints))
