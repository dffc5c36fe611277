"""What the vendor's own SDK says against a body: its service model, checked member by member.

The SDK's validator knows required members, types, unions and lower bounds. Enums, patterns and upper bounds, which it
leaves to the service, are checked here.
"""

import base64
import re
from functools import cache
from typing import Any

from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.model import ServiceModel  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]


@cache
def _service() -> Any:
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))


def shape(name: str) -> Any:
    return _service().shape_for(name)


def request_problems(body: Any) -> list[str]:
    """What ConverseRequest says against `body`, whose blobs are base64."""
    found: list[str] = []
    wanted = shape("ConverseRequest")
    params = _checked(body | {"modelId": "a.model"}, wanted, "body", found)
    report = ParamValidator().validate(params, wanted)
    return [*found, *(report.generate_report().splitlines() if report.has_errors() else ())]


def _checked(value: Any, wanted: Any, path: str, found: list[str]) -> Any:
    """`value` with its blobs decoded; enters in `found` what the SDK would let pass."""
    match wanted.type_name:
        case "structure" if not getattr(wanted, "is_document_type", False) and isinstance(value, dict):
            members = wanted.members
            return {
                name: _checked(inner, members[name], f"{path}.{name}", found) if name in members else inner
                for name, inner in value.items()
            }
        case "list" if isinstance(value, list):
            _bounds(len(value), wanted, path, found)
            return [_checked(inner, wanted.member, f"{path}[{at}]", found) for at, inner in enumerate(value)]
        case "map" if isinstance(value, dict):
            return {name: _checked(inner, wanted.value, f"{path}.{name}", found) for name, inner in value.items()}
        case "blob" if isinstance(value, str):
            try:
                return base64.b64decode(value, validate=True)
            except ValueError:
                found.append(f"{path}: not base64")
        case "string" if isinstance(value, str):
            _text(value, wanted, path, found)
        case "integer" | "float" if isinstance(value, int | float):
            _bounds(value, wanted, path, found)
        case _:
            pass
    return value


def _text(value: str, wanted: Any, path: str, found: list[str]) -> None:
    _bounds(len(value), wanted, path, found)
    if wanted.enum and value not in wanted.enum:
        found.append(f"{path}: {value!r} is none of {wanted.enum}")
    pattern = wanted.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        found.append(f"{path}: {value!r} does not match {pattern}")


def _bounds(size: float, wanted: Any, path: str, found: list[str]) -> None:
    if size > wanted.metadata.get("max", size):
        found.append(f"{path}: {size} is more than {wanted.metadata['max']}")


_DOCUMENT_NAME = re.compile(r"[a-zA-Z0-9()\[\]-]+( [a-zA-Z0-9()\[\]-]+)*")


def order_problems(body: Any) -> list[str]:
    """What the rules beyond the service model say against `body`."""
    found: list[str] = []
    roles = [message["role"] for message in body["messages"]]
    if roles != ["user" if at % 2 == 0 else "assistant" for at in range(len(roles))]:
        found.append(f"roles: {roles}")
    owed: list[str] = []
    titles: list[str] = []
    for at, message in enumerate(body["messages"]):
        content = message["content"]
        if not content:
            found.append(f"messages[{at}]: empty")
        given = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
        if sorted(given) != sorted(owed) or len(set(given)) != len(given):
            found.append(f"messages[{at}]: results {given} for calls {owed}")
        if any("toolResult" in block for block in content[len(given) :] if "cachePoint" not in block) and not any(
            "cachePoint" in block for block in content
        ):
            found.append(f"messages[{at}]: results are not first")
        owed = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
        found += [f"messages[{at}]: empty text" for block in content if not block.get("text", "x").strip()]
        documents = [block["document"]["name"] for block in content if "document" in block]
        if documents and not any("text" in block for block in content):
            found.append(f"messages[{at}]: a document without text")
        titles += documents
    if len(set(titles)) != len(titles):
        found.append(f"documents of the same name: {titles}")
    found += [f"document name {title!r}" for title in titles if not _DOCUMENT_NAME.fullmatch(title)]
    if any("toolUse" in block for message in body["messages"] for block in message["content"]):
        found += [] if body.get("toolConfig") else ["toolConfig: missing, though the history holds calls"]
    return found


def problems(body: Any) -> list[str]:
    return [*request_problems(body), *order_problems(body)]
