"""A candidate made ready for use: everything about it that does not depend on the request, decided once."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct, structs

from uni_api.canon import Media
from uni_api.config.plan import Channel, Plan
from uni_api.config.policy import Waits
from uni_api.dialects import Back, Front, Verbatim, registry
from uni_api.dialects.edits import Edits
from uni_api.errors import Fault
from uni_api.framing import SseDecoder
from uni_api.providers.base import REMOVE, Address, Call, FrameDecoder, Grant, Sign
from uni_api.providers.registry import words_for
from uni_api.relay.answer import line
from uni_api.relay.tokens import Tokens
from uni_api.relay.upstream import LocalUpstream, UpstreamResponse
from uni_api.routing import Candidate, Try
from uni_api.secret import Secret
from uni_api.transport import Head, HttpClient, Proxy, Response, Timeouts, compile_head

FIRST_ATTEMPT = line(b"x-uni-api-attempts", b"1")

MOST_WAYS = 10_000
"""Doors whose addresses a lane keeps; with more, the oldest is made anew when it comes up."""


class Way(Struct):
    """One door, for whole answers or for streams: its address, and the head of its requests.

    `head` is that of every request; None where it depends on more than the door, or on a token that is still to be got:
    then `token` is what it was last compiled with.
    """

    address: Address
    headers: tuple[tuple[str, str], ...]
    head: Head | None = None
    token: Secret | None = None


class Lane:
    """How to reach one candidate from clients of one front.

    verbatim: the dialect's bytes can travel untouched, or None when the request has to be translated · plain: they can
    whatever they say · edits: top-level fields that the host or api.yaml wants changed, the same in both lanes ·
    signed, signed_first: what an answer says of who served it, at whatever attempt, and at the first one. Heads are
    compiled per door.
    """

    def __init__(
        self,
        candidate: Candidate,
        front: Front,
        role: str | None,
        plan: Plan,
        http: HttpClient,
        tokens: Tokens,
        local: Mapping[str, LocalUpstream],
    ) -> None:
        channel = candidate.channel
        provider, site = channel.provider, channel.doors[0].site
        quirks = provider.quirks(site, candidate.model)
        self.candidate = candidate
        self.dialect = provider.dialect(site, candidate.model)
        self.back: Back = registry.back(self.dialect)
        self.realm = provider.realm(site, candidate.model)
        self.hints = provider.hints(candidate.alias, candidate.model)
        self.edits = quirks.edits.then(_overrides(candidate))
        self.tools = channel.tools and quirks.tools
        self.images = channel.image and quirks.images
        self.developer = quirks.developer
        self.thoughts = quirks.thoughts
        self.needs_bytes = self.back.needs_bytes if quirks.links else _every_link
        self.normalize_reasoning = channel.normalize_reasoning
        same = front.name == self.dialect and front.name in registry.VERBATIM
        untouched = self.tools and self.images and not channel.normalize_reasoning
        self.verbatim: Verbatim | None = registry.verbatim(front.name) if same and untouched else None
        self.plain = self.verbatim is not None and self.developer and self.thoughts
        self.triggers = plan.error_triggers
        self._silence = plan.wait_for(channel, candidate.alias, candidate.model)
        facts = _facts(candidate, front, self.dialect, role)
        self._waits = {stream: plan.waits_for(channel, facts, stream=stream) for stream in (False, True)}
        self.proxy = Proxy(channel.proxy.reveal()) if channel.proxy is not None else None
        self._timeouts = {stream: _timeouts(waits, self._silence) for stream, waits in self._waits.items()}
        self._http = http
        self._tokens = tokens
        self._local = local.get(provider.name)
        self._ways: dict[tuple[int, bool], Way] = {}
        self.signed = line(b"x-uni-api-provider", ascii(channel.name)[1:-1].encode())
        self.signed_first = self.signed + FIRST_ATTEMPT

    @property
    def wait(self) -> float:
        """Seconds until a stream has to show content."""
        first = self._waits[True].first_byte
        return self._silence if first is None else first

    def way(self, attempt: Try, *, stream: bool) -> Way:
        """How this try reaches its door. Raises Fault when there is no way that can be written down."""
        slot = (attempt.place, stream)
        way = self._ways.get(slot)
        if way is None:
            if len(self._ways) >= MOST_WAYS:
                del self._ways[next(iter(self._ways))]
            way = self._ways[slot] = self._opened(attempt, stream)
        return way

    def at_once(self, attempt: Try, body: bytes, *, stream: bool) -> Response | None:
        """Send, where there is nothing to wait for before that: a connection, a token, a signature.

        The response has no head yet; `send` waits for it.
        """
        way = self._ways.get((attempt.place, stream))
        if way is None or way.head is None or way.token is not None:
            return None
        return self._http.at_once(way.head, body, timeouts=self._timeouts[stream], proxy=self.proxy)

    def send(
        self, attempt: Try, body: bytes, *, stream: bool, begun: Response | None = None
    ) -> Awaitable[UpstreamResponse]:
        """Comes to the head of the upstream's answer, of the one that was `begun` where it was. Raises Fault."""
        if self._local is not None:
            return self._local.send(body)
        way = self._ways.get((attempt.place, stream)) or self.way(attempt, stream=stream)
        address = way.address
        if address.sign is not None:
            return self._send_signed(way, address.sign, body, self._timeouts[stream])
        if address.grant is not None:
            return self._send_granted(way, address.grant, body, self._timeouts[stream])
        assert way.head is not None
        return self._http.send(way.head, body, timeouts=self._timeouts[stream], proxy=self.proxy, begun=begun)

    def decoder(self, attempt: Try) -> Callable[[], FrameDecoder]:
        """How this try's stream is framed."""
        return SseDecoder if self._local is not None else self.way(attempt, stream=True).address.decoder

    def error_reader(self, attempt: Try, *, stream: bool) -> Callable[[int, bytes], Fault]:
        """What reads an answer to this try whose status is no success."""
        errors = None if self._local is not None else self.way(attempt, stream=stream).address.errors
        return (self.back if errors is None else registry.back(errors)).read_error

    def secrets(self, attempt: Try, *, stream: bool) -> tuple[Secret, ...]:
        """What an answer to this try must not show."""
        own = attempt.door.secrets
        way = self._ways.get((attempt.place, stream))
        return own if way is None or way.token is None else (*own, way.token)

    def _opened(self, attempt: Try, stream: bool) -> Way:
        channel = self.candidate.channel
        address = channel.provider.address(attempt.door, self.candidate.model, stream=stream)
        headers = headers_for(channel, address)
        alone = address.sign is None and address.grant is None
        if not alone:
            return Way(address, headers)
        head = compile_head("POST", address.url, headers)
        keeps_chunks = stream and self.verbatim is not None and not self.triggers
        return Way(address, headers, structs.replace(head, keeps_chunks=keeps_chunks))

    async def _send_signed(self, way: Way, sign: Sign, body: bytes, timeouts: Timeouts) -> UpstreamResponse:
        url = way.address.url
        signature = sign(Call("POST", url, way.headers, body), self._tokens.now())
        head = compile_head("POST", url, (*way.headers, *signature))
        return await self._http.send(head, body, timeouts=timeouts, proxy=self.proxy)

    async def _send_granted(self, way: Way, grant: Grant, body: bytes, timeouts: Timeouts) -> UpstreamResponse:
        token = await self._tokens.get(grant, self.proxy)
        if way.head is None or way.token != token:
            entry = ("authorization", f"Bearer {token.reveal()}")
            way.head = compile_head("POST", way.address.url, (*way.headers, entry))
            way.token = token
        response = await self._http.send(way.head, body, timeouts=timeouts, proxy=self.proxy)
        if response.status == 401:
            self._tokens.forget(grant, token)
        return response

    def __repr__(self) -> str:
        return f"<Lane {self.candidate!r} {'verbatim' if self.verbatim else 'translated'} {self.dialect}>"


def headers_for(channel: Channel, address: Address) -> tuple[tuple[str, str], ...]:
    """What a request says in its head: the headers of `address`, but for those that api.yaml sets itself."""
    own = {name.lower() for name, _ in channel.headers}
    return (*((name, value) for name, value in address.headers if name.lower() not in own), *channel.headers)


def _facts(candidate: Candidate, front: Front, dialect: str, role: str | None) -> dict[str, tuple[str, ...]]:
    """What rules for timeouts may ask of a call."""
    channel = candidate.channel
    return {
        "endpoint": (front.endpoint,),
        "request_type": ("chat",),
        "method": ("POST",),
        "engine": (*words_for(channel.provider), dialect),
        "provider": (channel.name,),
        "model": (candidate.alias, candidate.model),
        "request_model": (candidate.alias,),
        "upstream_model": (candidate.model,),
        "role": (role,) if role is not None else (),
    }


def _timeouts(waits: Waits, silence: float) -> Timeouts:
    usual = Timeouts()
    return Timeouts(
        connect=usual.connect if waits.connect is None else waits.connect,
        write=usual.write if waits.write is None else waits.write,
        first_byte=silence if waits.first_byte is None else waits.first_byte,
        idle=silence if waits.idle is None else waits.idle,
        total=waits.total,
    )


def _every_link(media: Media) -> bool:
    return media.url is not None


def _overrides(candidate: Candidate) -> Edits:
    """What api.yaml wants changed: for the whole channel, and after that for the model."""
    channel = candidate.channel
    edits = Edits()
    for fields in (channel.overrides, channel.model_overrides.get(candidate.alias, {})):
        edits = edits.then(
            Edits(
                set={name: value for name, value in fields.items() if value is not REMOVE},
                drop=frozenset(name for name, value in fields.items() if value is REMOVE),
            )
        )
    return edits
