"""Lists of models as hosts give them, and how each is read.

Sources (read 2026-11-24): the REST references of the OpenAI, Anthropic, Gemini, GitHub Models, Azure OpenAI, Cloudflare
and Databricks APIs under "list models", "catalog", "deployments", "models/search" and "serving-endpoints".
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from msgspec import Struct, structs

from uni_api.errors import Fault
from uni_api.providers.base import Address, Headers, Listing, Page

T = TypeVar("T")

ASK: Headers = (("accept", "application/json"),)
"""The headers that every call for a list has."""


def listing(address: Address, read: Callable[[Address, bytes], Page]) -> Listing:
    """A list whose pages are read by `read`, which is told the address of the page."""
    return Listing(address=address, read=partial(read, address))


def with_query(address: Address, **parameters: str) -> Address:
    """`address` with these query parameters, instead of those it has by the same names."""
    parts = urlsplit(address.url)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **parameters}
    return structs.replace(address, url=parts._replace(query=urlencode(query)).geturl())


# --- OpenAI, and what most hosts made of it


class _Model(Struct):
    id: str = ""
    name: str = ""

    @property
    def called(self) -> str:
        """What a request calls it. An id that is a URI (azureml://) is no name for requests."""
        return self.name if not self.id or ("://" in self.id and self.name) else self.id


class _Models(Struct):
    data: list[_Model] | None = None
    models: list[_Model] | None = None


def read_models(address: Address, body: bytes) -> Page:
    """`{"data": [{"id"}]}`, or the same under `models`, or the bare list; by `name` where there is no id."""
    if body.lstrip()[:1] == b"[":
        return Page(_names(model.called for model in decoded(body, list[_Model])))
    found = decoded(body, _Models)
    models = found.data if found.data is not None else found.models
    if models is None:
        raise _unreadable(body)
    return Page(_names(model.called for model in models))


# --- Anthropic


class _AnthropicModels(Struct):
    data: list[_Model]
    has_more: bool = False
    last_id: str | None = None


def read_anthropic(address: Address, body: bytes) -> Page:
    """Pages follow each other by the last id of the one before."""
    found = decoded(body, _AnthropicModels)
    more = with_query(address, after_id=found.last_id) if found.has_more and found.last_id else None
    return Page(_names(model.id for model in found.data), _following(address, more))


# --- Gemini


class _GeminiModel(Struct, rename="camel"):
    name: str = ""
    supported_generation_methods: list[str] | None = None

    @property
    def answers(self) -> bool:
        """Whether it generates content; a host that does not say is believed to list only such."""
        methods = self.supported_generation_methods
        return methods is None or "generateContent" in methods


class _GeminiModels(Struct, rename="camel"):
    models: list[_GeminiModel] = []
    next_page_token: str | None = None


def read_gemini(address: Address, body: bytes) -> Page:
    """Only models that generate content, without the `models/` before their names."""
    found = decoded(body, _GeminiModels)
    more = with_query(address, pageToken=found.next_page_token) if found.next_page_token else None
    names = (model.name.removeprefix("models/") for model in found.models if model.answers)
    return Page(_names(names), _following(address, more))


# --- Azure OpenAI: deployments, which are what requests name


class _Deployment(Struct):
    id: str = ""
    status: str = "succeeded"


class _Deployments(Struct):
    data: list[_Deployment]


def read_deployments(address: Address, body: bytes) -> Page:
    """Only deployments that are ready."""
    return Page(_names(one.id for one in decoded(body, _Deployments).data if one.status == "succeeded"))


# --- Cloudflare


class _Found(Struct):
    name: str = ""


class _Counts(Struct, frozen=True):
    page: int = 1
    per_page: int = 0
    total_count: int = 0


class _Search(Struct):
    result: list[_Found]
    result_info: _Counts = _Counts()


def read_search(address: Address, body: bytes) -> Page:
    """Pages are numbered from 1."""
    found = decoded(body, _Search)
    counts = found.result_info
    more = found.result and counts.page * counts.per_page < counts.total_count
    following = with_query(address, page=str(counts.page + 1)) if more else None
    return Page(_names(one.name for one in found.result), _following(address, following))


# --- Databricks


class _Endpoint(Struct):
    name: str = ""
    task: str | None = None


class _Endpoints(Struct):
    endpoints: list[_Endpoint] = []


def read_endpoints(address: Address, body: bytes) -> Page:
    """Serving endpoints for chat, and those that do not say what they are for."""
    found = decoded(body, _Endpoints)
    return Page(_names(one.name for one in found.endpoints if one.task is None or one.task.endswith("/chat")))


def _following(address: Address, following: Address | None) -> Address | None:
    """The next page, unless it is the same: a host that repeats itself is not asked again."""
    return None if following is None or following.url == address.url else following


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name)


def decoded(body: bytes, kind: type[T]) -> T:
    """A list of models as its host spells it. Raises Fault for anything else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _unreadable(body) from error


def _unreadable(body: bytes) -> Fault:
    return Fault("protocol", "The upstream's list of models can't be read.", raw=body[:4096])
