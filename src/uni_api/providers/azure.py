"""Azure OpenAI and Microsoft Foundry: one resource, several APIs, told apart by their paths.

Source: learn.microsoft.com, Foundry documentation, "Azure OpenAI v1 API", "Azure OpenAI REST API reference",
"Endpoints for Foundry Models", "Deploy and use Claude models", and the list of changes of the API versions; the
clients for Azure in openai-python and anthropic-sdk-python (read 2026-11-24).
"""

import re
from urllib.parse import parse_qs

from msgspec import Struct

from uni_api.dialects.edits import Edits
from uni_api.providers._address import JSON, Base, accept, bearer, hostname, is_jwt, parse, segment
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.anthropic import lives_at as is_anthropic
from uni_api.providers.base import Address, Door, Endpoint, Given, Headers, Hints, Listing, Quirks, Site, each_key
from uni_api.providers.listings import ASK, listing, read_deployments
from uni_api.providers.openai import OpenAI
from uni_api.providers.quirks import quirks_of
from uni_api.secret import Secret

_HOSTS = re.compile(r"(?:.+\.)?azure\.(?:com|us|cn)")
_OTHER_HOSTS = re.compile(r"models\.inference\.ai\.azure\.com|.+\.models\.ai\.azure\.com|.+\.inference\.ml\.azure\.com")
"""Hosts below azure.com that speak the plain OpenAI format: GitHub's models, and models served by themselves."""

ENTRA = "Entra bearer token"

_DEPLOYMENTS_VERSION = "2023-03-15-preview"
"""The last version of the API in which a resource lists its deployments to those who have its key."""

_STREAMED_USAGE_SINCE = "2024-08-01-preview"
"""The first api-version that knows `stream_options`; those before it refuse the field."""


class _Api(Struct, frozen=True):
    """One of the APIs: the paths that name it, its dialect, its endpoint, and the api-version where it wants one."""

    paths: re.Pattern[str]
    dialect: str
    endpoint: str
    version: str = ""


def _apis(*rows: tuple[str, str, str, str]) -> tuple[_Api, ...]:
    return tuple(_Api(re.compile(paths), *rest) for paths, *rest in rows)


_CHAT = "2025-01-01-preview"
_APIS = _apis(
    (r"(?P<root>.*/anthropic)(?:/v1(?:/messages)?)?", "anthropic", "{root}/v1/messages", ""),
    (r"(?P<root>.*/openai/v1)/responses", "openai_responses", "{root}/responses", ""),
    (r"(?P<root>.*/openai)/responses", "openai_responses", "{root}/responses", "2025-04-01-preview"),
    (r"(?P<root>.*/openai/v1)(?:/chat/completions)?", "openai_chat", "{root}/chat/completions", ""),
    (r"(?P<root>.*/models)(?:/chat/completions)?", "openai_chat", "{root}/chat/completions", "2024-05-01-preview"),
    (
        r"(?P<root>.*/openai/deployments/[^/]+)(?:/(?:chat/)?completions)?",
        "openai_chat",
        "{root}/chat/completions",
        _CHAT,
    ),
    (
        r"(?P<root>.*/azure-openai/[^/]+/[^/]+)(?:/chat/completions)?",  # Cloudflare AI Gateway
        "openai_chat",
        "{root}/chat/completions",
        _CHAT,
    ),
    (r"(?P<root>.*)/chat/completions", "openai_chat", "{root}/chat/completions", _CHAT),
    (
        r"(?P<root>.*?)(?:/openai(?:/deployments)?)?",
        "openai_chat",
        "{root}/openai/deployments/{model}/chat/completions",
        _CHAT,
    ),
)
"""The first whose `paths` match. A path that names no API is where the resource's deployments are."""


class Azure(Struct, frozen=True):
    """A resource of Azure OpenAI or Foundry, let in by its key or by an Entra token."""

    name: str = "azure"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return _found(parse(site.base_url))[0].dialect

    def realm(self, site: Site, model: str, /) -> str:
        return f"{self.dialect(site, model)}:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The URL names the deployment where its API wants that; else the body does."""
        base = parse(door.site.base_url)
        api, root = _found(base)
        if api.dialect == "anthropic":
            return Anthropic().address(door, model, stream=stream)
        url = base.origin + api.endpoint.format(root=root, model=segment(model)) + _query(base, api)
        entry, scheme = _entry(door.key)
        return Address(url=url, headers=(*JSON, accept(stream=stream), *entry), scheme=scheme)

    def hints(self, alias: str, model: str, /) -> Hints:
        return OpenAI().hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        base = parse(site.base_url)
        api, _ = _found(base)
        found = quirks_of(base.host, model, api.dialect)
        if api.version == _CHAT and _version(base, api) < _STREAMED_USAGE_SINCE:
            return found.then(Quirks(edits=Edits(drop=frozenset({"stream_options"}))))
        return found

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """Its deployments, which are what requests name. A gateway before it has no such list."""
        base = parse(door.site.base_url)
        if "/azure-openai/" in base.path:
            return ()
        entry, scheme = _entry(door.key)
        url = f"{base.origin}/openai/deployments?api-version={_DEPLOYMENTS_VERSION}"
        return (listing(Address(url=url, headers=(*ASK, *entry), scheme=scheme), read_deployments),)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names a resource, directly or behind Cloudflare's gateway; not one of its Claude models."""
    host = hostname(base_url)
    if is_anthropic(base_url):
        return False
    if host == "gateway.ai.cloudflare.com":
        return "/azure-openai/" in parse(base_url).path
    return _HOSTS.fullmatch(host) is not None and _OTHER_HOSTS.fullmatch(host) is None


def _found(base: Base) -> tuple[_Api, str]:
    """The API that a base URL names, and the part of its path that stays."""
    path = re.sub("/{2,}", "/", base.path)
    for api in _APIS:
        if found := api.paths.fullmatch(path):
            return api, found["root"]
    raise AssertionError(path)


def _query(base: Base, api: _Api) -> str:
    """The query as written, with the api-version that the API wants where none is given."""
    if not api.version or "api-version" in parse_qs(base.query[1:]):
        return base.query
    return f"{base.query}&api-version={api.version}" if base.query else f"?api-version={api.version}"


def _version(base: Base, api: _Api) -> str:
    return parse_qs(base.query[1:]).get("api-version", [api.version])[0]


def _entry(key: Secret | None) -> tuple[Headers, str]:
    """The header that shows the key, and what that is called."""
    if key is None:
        return (), ""
    if is_jwt(key):
        return bearer(key), ENTRA
    return (("api-key", key.reveal()),), "api-key"
