"""The built-in upstream: answers without any key or network. The relay serves it; there is nowhere to connect to."""

from msgspec import Struct

from uni_api.errors import Fault
from uni_api.providers.base import NO_QUIRKS, Address, Door, Endpoint, Given, Hints, Listing, Quirks, Site


class Demo(Struct, frozen=True):
    """Answers inside the gateway, in the OpenAI chat format."""

    name: str = "demo"

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        return (Door(Site(base_url=given.base_url or "")),)

    def dialect(self, site: Site, model: str, /) -> str:
        return "openai_chat"

    def realm(self, site: Site, model: str, /) -> str:
        return "demo"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """Raises Fault: the demo has no address."""
        raise Fault("connect", "The demo upstream is inside the gateway and has no address.")

    def hints(self, alias: str, model: str, /) -> Hints:
        return Hints()

    def quirks(self, site: Site, model: str, /) -> Quirks:
        return NO_QUIRKS

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        return ()
