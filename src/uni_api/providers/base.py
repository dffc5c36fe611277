"""What a provider is, and what it is told."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from uni_api.canon import Foreign, Reasoning
from uni_api.dialects.edits import NO_EDITS, Edits
from uni_api.framing import Frame, SseDecoder
from uni_api.secret import Secret


class Given(Struct, frozen=True, kw_only=True):
    """What an entry of api.yaml tells of its host, as it was written there. `credentials`: the content of that file."""

    base_url: str | None = None
    engine: str | None = None
    keys: tuple[Secret, ...] = ()
    projects: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    account: str | None = None
    client_email: str | None = None
    private_key: Secret | None = None
    credentials: Secret | None = None
    token_uri: str | None = None
    aws_access_key: Secret | None = None
    aws_secret_key: Secret | None = None
    aws_session_token: Secret | None = None


class Unfit(Exception):
    """An entry of api.yaml can't be used as it is. `field` is the key at fault, the message what to write instead."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class Lacking(Unfit):
    """No credentials are given. They may lie in a file: the one that the environment variable `variable` names, else
    `file` below the home directory. `otherwise` are the doors there are without them."""

    def __init__(
        self, field: str, message: str, *, variable: str, file: str, otherwise: tuple["Door", ...] = ()
    ) -> None:
        super().__init__(field, message)
        self.variable = variable
        self.file = file
        self.otherwise = otherwise


class Site(Struct, frozen=True, kw_only=True):
    """One configured host: `base_url` as written, and what else its provider must know of it, such as a region."""

    base_url: str
    options: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}


class Door(Struct, frozen=True):
    """One way into a channel: a site and the key that opens it. Doors of one channel take turns."""

    site: Site
    key: Secret | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Everything that must not be seen by anybody but the host."""
        own = tuple(self.site.secrets.values())
        return own if self.key is None else (self.key, *own)


class FrameDecoder(Protocol):
    """Cuts the bytes of a stream into frames. Raises Fault("protocol") for bytes that are not of its framing."""

    def feed(self, chunk: bytes, /) -> list[Frame]: ...

    def close(self) -> list[Frame]: ...


class Call(Struct, frozen=True):
    """An HTTP request as a signature sees it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


Headers = tuple[tuple[str, str], ...]

Sign = Callable[[Call, float], Headers]
"""The headers that let a call in, given the time in seconds since 1970."""


class Token(Struct, frozen=True):
    """A token that opens a door for `lifetime` seconds."""

    value: Secret
    lifetime: float


class Grant(Protocol):
    """How a token that does not last is got. Pure; whoever asks for it sends the call and keeps the token."""

    @property
    def id(self) -> str:
        """The same for all who can share a token, and no secret."""

    def call(self, now: float, /) -> Call:
        """The request for a token. `now` is in seconds since 1970."""

    def read(self, status: int, body: bytes, /) -> Token:
        """Raises Fault("auth") when the token is refused, and another Fault when it is worth asking again."""


class Address(Struct, frozen=True, kw_only=True):
    """Where one kind of call goes: an absolute URL and the headers that let it in. Holds the key: never log it.

    scheme: how the key is shown, in words for people, empty when there is none · sign: headers that depend on the whole
    call · grant: a token to get first, sent as `Authorization: Bearer` · decoder: how a streamed answer is framed ·
    errors: the dialect in which errors are said when it is not that of the answers.
    """

    url: str
    headers: Headers
    scheme: str = ""
    sign: Sign | None = None
    grant: Grant | None = None
    decoder: Callable[[], FrameDecoder] = SseDecoder
    errors: str | None = None

    def __repr__(self) -> str:
        return "<Address>"


class Hints(Struct, frozen=True, kw_only=True):
    """What a model's alias asks for by its spelling (`-think-2048`, `-high`, `-search`).

    tools: tools of the host's own, for requests that bring none.
    """

    reasoning: Reasoning | None = None
    tools: tuple[Foreign, ...] = ()


class Quirks(Struct, frozen=True, kw_only=True):
    """What a host wants otherwise than its dialect says, as data.

    edits: top-level fields, the same in both lanes · developer: whether it knows the role `developer` · thoughts:
    whether it takes plain reasoning in a history · tools, images: whether it takes them at all · links: whether it
    fetches links to media as its dialect says.
    """

    edits: Edits = NO_EDITS
    developer: bool = True
    thoughts: bool = True
    tools: bool = True
    images: bool = True
    links: bool = True

    def then(self, later: "Quirks") -> "Quirks":
        """Both: what either does not take is not taken, and the edits of `later` come after these."""
        return Quirks(
            edits=self.edits.then(later.edits),
            developer=self.developer and later.developer,
            thoughts=self.thoughts and later.thoughts,
            tools=self.tools and later.tools,
            images=self.images and later.images,
            links=self.links and later.links,
        )


NO_QUIRKS = Quirks()


class Page(Struct, frozen=True):
    """One page of a list of models, and the address of the next."""

    models: tuple[str, ...]
    next: Address | None = None


class Listing(Struct, frozen=True, kw_only=True):
    """Where a host lists its models (a GET), and how its answer is read. `read` raises Fault for anything else."""

    address: Address
    read: Callable[[bytes], Page]


Endpoint = Literal["moderations"]
"""Kinds of work beside chat, by the last word of their paths."""


class Provider(Protocol):
    """Where a dialect is spoken and what it costs to be let in. Pure: the same arguments give the same answer."""

    @property
    def name(self) -> str: ...

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        """Every way in that an entry of api.yaml describes; at least one. Raises Unfit."""

    def dialect(self, site: Site, model: str, /) -> str:
        """The name of the dialect that chat at `site` is spoken in for `model`."""

    def realm(self, site: Site, model: str, /) -> str:
        """Who can open the opaque blobs that this host issues."""

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """Where a chat call for `model` goes."""

    def hints(self, alias: str, model: str, /) -> Hints:
        """What the client-facing name `alias` of the upstream's `model` asks for."""

    def quirks(self, site: Site, model: str, /) -> Quirks: ...

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        """Where `model` does another kind of work than chat, in OpenAI's format; None where there is no such place."""

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """Where its models are listed; empty where there is no such place."""


def each_key(given: Given) -> tuple[Door, ...]:
    """One door for each key at the given `base_url`, or a single door without a key. Raises Unfit."""
    if given.base_url is None:
        raise Unfit(
            "provider",
            'missing "base_url"; write the address of the API, such as base_url: https://api.example.com/v1',
        )
    site = Site(base_url=given.base_url)
    return tuple(Door(site, key) for key in given.keys) or (Door(site),)


class _Remove:
    def __repr__(self) -> str:
        return "REMOVE"


REMOVE: Any = _Remove()
"""The value of an override that takes its field out."""
