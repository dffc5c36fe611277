"""Cloudflare Workers AI: the OpenAI format, and the native one where the address asks for it.

Source: developers.cloudflare.com, "Workers AI: OpenAI compatible API endpoints", "REST API", "AI Gateway: Workers AI",
and api.cloudflare.com's reference of `ai/models/search` (read 2026-11-24).
"""

import re
from urllib.parse import quote

from msgspec import Struct

from uni_api.providers._address import BEARER, JSON, accept, bearer, hostname, parse
from uni_api.providers.base import NO_QUIRKS, Address, Door, Endpoint, Given, Hints, Listing, Quirks, Site, Unfit
from uni_api.providers.listings import ASK, listing, read_search
from uni_api.providers.openai import OpenAI
from uni_api.providers.quirks import quirks_of

_HOME = "https://api.cloudflare.com/client/v4"
_GATEWAY = "gateway.ai.cloudflare.com"

_ACCOUNT = re.compile(r"(?P<root>.*/accounts/[^/]+)(?:/ai(?P<rest>/.*)?)?")
_BEHIND_GATEWAY = re.compile(r"(?P<root>.*/workers-ai)(?P<rest>/.*)?")
_NATIVE = re.compile(r"/run(?:/.*)?|/@.*")


class _Place(Struct, frozen=True):
    """`chat` and `native` are the roots of the two APIs; `native_asked` says which the address names."""

    chat: str
    native: str
    search: str | None
    native_asked: bool


class Cloudflare(Struct, frozen=True):
    """An account of Workers AI, directly or behind AI Gateway, let in by `Authorization: Bearer`."""

    name: str = "cloudflare"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        """The account is told by `cf_account_id`, or stands in the address."""
        site = Site(base_url=_with_account(given.base_url or _HOME, given.account))
        return tuple(Door(site, key) for key in given.keys) or (Door(site),)

    def dialect(self, site: Site, model: str, /) -> str:
        return "workers_ai" if _place(site).native_asked else "openai_chat"

    def realm(self, site: Site, model: str, /) -> str:
        return f"{self.dialect(site, model)}:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The native form names the model in the URL, slashes and all."""
        place, base = _place(door.site), parse(door.site.base_url)
        path = f"{place.native}/{_path(model)}" if place.native_asked else f"{place.chat}/chat/completions"
        entry = bearer(door.key)
        return Address(
            url=base.url(path), headers=(*JSON, accept(stream=stream), *entry), scheme=BEARER if entry else ""
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        return OpenAI().hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return NO_QUIRKS if _place(site).native_asked else quirks_of(parse(site.base_url).host, model)

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """Models that generate text. AI Gateway has no such list."""
        place = _place(door.site)
        if place.search is None:
            return ()
        entry = bearer(door.key)
        url = f"{parse(door.site.base_url).origin}{place.search}?task=Text+Generation&per_page=100"
        return (listing(Address(url=url, headers=(*ASK, *entry), scheme=BEARER if entry else ""), read_search),)


def lives_at(base_url: str) -> bool:
    host = hostname(base_url)
    return host == "api.cloudflare.com" or (host == _GATEWAY and "/workers-ai" in parse(base_url).path)


def _with_account(base_url: str, account: str | None) -> str:
    """`base_url` with the account in its path. Raises Unfit when nothing tells the account."""
    base = parse(base_url)
    if _ACCOUNT.fullmatch(base.path) or _BEHIND_GATEWAY.fullmatch(base.path):
        return base_url
    if account is None:
        raise Unfit("provider", 'missing "cf_account_id"; write the id of the Cloudflare account')
    return base.url(f"{base.path or '/client/v4'}/accounts/{quote(account, safe='')}")


def _place(site: Site) -> _Place:
    path = parse(site.base_url).path
    if gateway := _BEHIND_GATEWAY.fullmatch(path):
        root, rest = gateway["root"], gateway["rest"] or ""
        return _Place(f"{root}/v1", root, None, _NATIVE.fullmatch(rest) is not None)
    account = _ACCOUNT.fullmatch(path)
    root, rest = (account["root"], account["rest"] or "") if account else (path, "")
    return _Place(f"{root}/ai/v1", f"{root}/ai/run", f"{root}/ai/models/search", _NATIVE.fullmatch(rest) is not None)


def _path(model: str) -> str:
    """`model` as part of a path. Dots in a row are quoted too: some proxies resolve them."""
    return quote(model, safe="/@:").replace("..", "%2E%2E")
