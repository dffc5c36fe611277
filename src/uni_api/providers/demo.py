"""The built-in upstream: answers without any key or network. The relay serves it; there is nowhere to connect to."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from uni_api.errors import Fault
from uni_api.providers.base import Address, Hints, Site
from uni_api.secret import Secret


class Demo(Struct, frozen=True):
    """Answers inside the gateway, in the OpenAI chat format."""

    name: str = "demo"

    @property
    def dialect(self) -> str:
        return "openai_chat"

    def realm(self, site: Site, /) -> str:
        return "demo"

    def address(self, site: Site, model: str, key: Secret | None, *, stream: bool) -> Address:
        """Raises Fault: the demo has no address."""
        raise Fault("connect", "The demo upstream is inside the gateway and has no address.")

    def hints(self, alias: str, model: str, /) -> Hints:
        return Hints()

    def edits(self, model: str, body: Mapping[str, Any], /) -> Mapping[str, Any]:
        return {}
