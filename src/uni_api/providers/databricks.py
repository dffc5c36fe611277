"""Databricks serving endpoints, on every cloud.

Source: docs.databricks.com, "Foundation model REST API reference", "Query a chat model", "Personal access token
authentication" (read 2026-11-24): tokens travel as `Authorization: Bearer`. The `-u token:...` of some examples is the
same token for curl, and is not accepted for OAuth.
"""

import re

from msgspec import Struct

from uni_api.dialects.edits import Edits
from uni_api.providers._address import BEARER, JSON, accept, bearer, hostname, parse, segment
from uni_api.providers.base import Address, Door, Endpoint, Given, Hints, Listing, Quirks, Site, each_key
from uni_api.providers.listings import ASK, listing, read_endpoints
from uni_api.providers.openai import OpenAI, chat_url
from uni_api.providers.quirks import quirks_of

_HOSTS = re.compile(
    r".+\.(?:azuredatabricks\.net|databricks\.azure\.(?:us|cn)|cloud\.databricks\.(?:com|us|mil)|gcp\.databricks\.com)"
)
_ENDPOINT = re.compile(r"(?P<root>.*?)(?:/serving-endpoints(?:/(?P<name>[^/]+)(?:/invocations)?)?)?")
_OPENAI = re.compile(r".*(?:/chat/completions|/v1)")


class Databricks(Struct, frozen=True):
    """A workspace whose serving endpoints speak the OpenAI chat format, let in by `Authorization: Bearer`."""

    name: str = "databricks"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return each_key(given)

    def dialect(self, site: Site, model: str, /) -> str:
        return "openai_chat"

    def realm(self, site: Site, model: str, /) -> str:
        return f"openai_chat:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model is the endpoint's name, in the URL; or in the body, where the URL names the OpenAI form."""
        entry = bearer(door.key)
        return Address(
            url=invocations_url(door.site.base_url, model),
            headers=(*JSON, accept(stream=stream), *entry),
            scheme=BEARER if entry else "",
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        return OpenAI().hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        found = quirks_of(parse(site.base_url).host, model)
        if _OPENAI.fullmatch(parse(site.base_url).path):
            return found
        return found.then(Quirks(edits=Edits(drop=frozenset({"model"}))))

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        entry = bearer(door.key)
        url = f"{parse(door.site.base_url).origin}/api/2.0/serving-endpoints"
        return (listing(Address(url=url, headers=(*ASK, *entry), scheme=BEARER if entry else ""), read_endpoints),)


def lives_at(base_url: str) -> bool:
    return _HOSTS.fullmatch(hostname(base_url)) is not None


def invocations_url(base_url: str, model: str) -> str:
    """The endpoint of `model` in any form of base URL. An endpoint that the URL names itself is taken as written."""
    base = parse(base_url)
    if _OPENAI.fullmatch(base.path):
        return chat_url(base_url)
    found = _ENDPOINT.fullmatch(base.path)
    root, name = (found["root"], found["name"]) if found else (base.path, None)
    return base.url(f"{root}/serving-endpoints/{name or segment(model)}/invocations")
