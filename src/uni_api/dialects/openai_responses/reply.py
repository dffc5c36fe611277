"""Whole answers, wire to canon.

Source: `response.py` of the official SDK (read 2026-11-24).
"""

from uni_api.canon import Call, Choice, Reply, Rest
from uni_api.dialects.openai_responses._output import read_item, scored
from uni_api.dialects.openai_responses._words import NAME, Block, block, blocks, text_or_none
from uni_api.dialects.openai_responses.error import fault_of
from uni_api.dialects.openai_responses.usage import beyond_usage, read_finish, read_usage
from uni_api.errors import Fault

_SPENT = frozenset({"id", "object", "model", "created_at", "status", "incomplete_details", "output", "usage", "error"})


def read_reply(body: Block, realm: str, /) -> Reply:
    """Raises Fault when `body` is an error in disguise, an answer that is not there yet, or none at all."""
    if not isinstance(body, dict):
        raise Fault("protocol", "The upstream's answer is not a JSON object.")
    _refuse(body)
    items = blocks(body.get("output"))
    parts = tuple(part for item in items for _, part in read_item(item, realm))
    calls = any(isinstance(part, Call) for part in parts)
    choice = Choice(
        parts=parts,
        finish=read_finish(body, calls=calls),
        logprobs=tuple(token for item in items for token in scored(item)),
    )
    usage = body.get("usage")
    return Reply(
        id=text_or_none(body.get("id")),
        model=text_or_none(body.get("model")),
        created=read_created(body),
        choices=(choice,),
        usage=read_usage(usage) if isinstance(usage, dict) else None,
        rest=read_rest(body),
    )


def _refuse(response: Block) -> None:
    """Raises Fault when `response` is no answer: it failed, is still being made, or is something else."""
    refuse_failed(response)
    if not isinstance(response.get("output"), list):
        raise Fault("protocol", "The upstream's answer has no output.")
    if response.get("status") in ("queued", "in_progress") and not response["output"]:
        raise Fault("protocol", "The upstream answers in the background; its answer is not there yet.")


def refuse_failed(response: Block) -> None:
    """Raises Fault when `response` says that it failed."""
    status = response.get("status")
    if response.get("type") == "error" or (response.get("error") and not response.get("output")):
        raise fault_of(response)
    if status == "failed":
        raise fault_of(response if response.get("error") else {"message": "The upstream failed to answer."})
    if status == "cancelled":
        raise Fault("protocol", "The upstream cancelled its answer.")


def read_created(response: Block) -> int | None:
    """When the answer was begun, in seconds since 1970. Hosts that do not say send nothing, or 0."""
    value = response.get("created_at")
    return int(value) if isinstance(value, int | float) and 0 < value < 1e12 else None


def read_rest(response: Block) -> Rest | None:
    """What is said about the whole answer beyond canon; its leftovers of usage under `usage`."""
    fields = {name: value for name, value in response.items() if name not in _SPENT and value is not None}
    if more := beyond_usage(block(response.get("usage"))):
        fields["usage"] = more
    return Rest(NAME, fields) if fields else None
