"""A candidate made ready for use: everything about it that does not depend on the request, decided once."""

from collections.abc import Awaitable, Mapping
from typing import Any

from uni_api.config.plan import Plan
from uni_api.dialects import Back, Verbatim, registry
from uni_api.dialects.merge import merged
from uni_api.providers.base import REMOVE
from uni_api.relay.upstream import LocalUpstream, UpstreamResponse
from uni_api.routing import Candidate, Try
from uni_api.transport import Head, HttpClient, Proxy, Timeouts, compile_head


class Lane:
    """How to reach one candidate from clients of one front.

    verbatim: the dialect's bytes can travel untouched, or None when the request has to be translated · edits, removals:
    top-level fields that the host or api.yaml wants changed, the same in both lanes · heads are compiled per key.
    """

    def __init__(
        self, candidate: Candidate, front: str, plan: Plan, http: HttpClient, local: Mapping[str, LocalUpstream]
    ) -> None:
        channel = candidate.channel
        provider = channel.provider
        self.candidate = candidate
        self.dialect = provider.dialect
        self.back: Back = registry.back(provider.dialect)
        self.realm = provider.realm(channel.site)
        self.hints = provider.hints(candidate.alias, candidate.model)
        same = front == provider.dialect and front in registry.VERBATIM
        self.verbatim: Verbatim | None = registry.verbatim(front) if same and channel.tools and channel.image else None
        self.edits, self.removals = _edits(candidate)
        self.wait = plan.wait_for(channel, candidate.alias, candidate.model)
        self.proxy = Proxy(channel.proxy.reveal()) if channel.proxy is not None else None
        self._timeouts = Timeouts(first_byte=self.wait, idle=self.wait)
        self._http = http
        self._local = local.get(provider.name)
        self._heads: dict[tuple[int, bool], Head] = {}
        self.shown_name = ascii(channel.name)[1:-1].encode()

    def send(self, attempt: Try, body: bytes, *, stream: bool) -> Awaitable[UpstreamResponse]:
        """Comes to the head of the upstream's answer. Raises Fault."""
        if self._local is not None:
            return self._local.send(body)
        slot = (attempt.place, stream)
        head = self._heads.get(slot)
        if head is None:
            head = self._heads[slot] = self._compile(attempt, stream)
        return self._http.send(head, body, timeouts=self._timeouts, proxy=self.proxy)

    def _compile(self, attempt: Try, stream: bool) -> Head:
        channel = self.candidate.channel
        address = channel.provider.address(channel.site, self.candidate.model, attempt.key, stream=stream)
        own = {name.lower() for name, _ in channel.headers}
        headers = [(name, value) for name, value in address.headers if name.lower() not in own]
        return compile_head("POST", address.url, [*headers, *channel.headers])

    def __repr__(self) -> str:
        return f"<Lane {self.candidate!r} {'verbatim' if self.verbatim else 'translated'} {self.dialect}>"


def _edits(candidate: Candidate) -> tuple[dict[str, Any], frozenset[str]]:
    channel = candidate.channel
    edits: dict[str, Any] = {}
    removals: set[str] = set()
    wanted = channel.provider.edits(candidate.model, {})
    for source in (wanted, channel.overrides, channel.model_overrides.get(candidate.alias, {})):
        for name, value in source.items():
            if value is REMOVE:
                removals.add(name)
                edits.pop(name, None)
            else:
                removals.discard(name)
                edits[name] = merged(edits.get(name), value)
    return edits, frozenset(removals)
