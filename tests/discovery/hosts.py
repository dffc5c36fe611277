"""A host that lists its models, and channels that ask it."""

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.wire import Connection, Received, WireServer, head
from uni_api.config.plan import Channel
from uni_api.errors import Fault
from uni_api.providers.base import Address, Door, Given, Listing, Page, each_key
from uni_api.providers.openai import OpenAI
from uni_api.secret import Secret


class Lists(OpenAI, frozen=True):
    """Lists `{"models": [...], "next": path}` at /list of its host."""

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        assert door.key is not None
        return (Listing(address=_address(door, "/list"), read=lambda body: _page(door, body)),)


def _address(door: Door, path: str) -> Address:
    assert door.key is not None
    entry = (("authorization", f"Bearer {door.key.reveal()}"),)
    return Address(url=door.site.base_url + path, headers=entry)


def _page(door: Door, body: bytes) -> Page:
    try:
        said = json.loads(body)
    except ValueError:
        raise Fault("protocol", "Not a list.") from None
    return Page(tuple(said["models"]), _address(door, said["next"]) if "next" in said else None)


class Host(WireServer):
    """Answers GET for a path with what `pages` has there, to those who show a key of `keys`.

    A number is a status; None is silence until the peer leaves.
    """

    def __init__(self, pages: Mapping[str, Any], *keys: str) -> None:
        super().__init__(self._answer)
        self.pages = dict(pages)
        self.keys = keys

    async def _answer(self, request: Received, connection: Connection) -> bool:
        page = self.pages[request.path]
        if page is None:
            await connection.pause(3600)
            return False
        status, body = 200, b""
        if (request.header("authorization") or "").removeprefix("Bearer ") not in self.keys:
            status = 401
        elif isinstance(page, int):
            status = page
        else:
            said = page if isinstance(page, dict) else {"models": list(page)}
            body = json.dumps(said).encode()
        await connection.send(head(status, (("content-length", str(len(body))),)) + body)
        return True


def channel(name: str, base_url: str, *keys: str, position: int = 0, proxy: str | None = None) -> Channel:
    return Channel(
        name=name,
        position=position,
        provider=Lists(),
        doors=each_key(Given(base_url=base_url, keys=tuple(map(Secret, keys)))),
        models={},
        discover=True,
        proxy=Secret(proxy) if proxy is not None else None,
    )
