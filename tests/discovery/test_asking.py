"""One host asked for its models over real sockets: pages, keys, limits, and everything that can be wrong."""

import asyncio

import pytest

from tests.discovery.hosts import Host, channel
from uni_api.config.plan import Channel
from uni_api.discovery import Asker
from uni_api.discovery.asking import MAX_MODELS
from uni_api.errors import Fault
from uni_api.relay.tokens import Tokens
from uni_api.transport import HttpClient


def ask(where: Channel, *, limit: float = 5.0) -> tuple[str, ...]:
    async def main() -> tuple[str, ...]:
        http = HttpClient()
        try:
            return await Asker(http, Tokens(http, lambda: 0.0), limit=limit).models(where)
        finally:
            await http.aclose()

    return asyncio.run(main())


def test_pages_are_read_to_the_last_and_names_come_once() -> None:
    pages = {"/list": {"models": ["b", "a"], "next": "/more"}, "/more": {"models": ["a", "c"]}}
    with Host(pages, "k") as host:
        assert ask(channel("p", host.url, "k")) == ("b", "a", "c")
        assert [request.path for request in host.received] == ["/list", "/more"]
        assert {request.method for request in host.received} == {"GET"}


def test_another_key_is_tried_when_one_is_refused() -> None:
    with Host({"/list": ["a"]}, "good") as host:
        assert ask(channel("p", host.url, "bad", "good", "never")) == ("a",)
        assert len(host.received) == 2


@pytest.mark.parametrize(
    ("page", "kind"), [(500, "protocol"), (403, "auth"), (429, "rate"), (302, "protocol"), ([], "protocol")]
)
def test_what_is_no_list_is_a_fault(page: int | list[str], kind: str) -> None:
    with Host({"/list": page}, "k") as host, pytest.raises(Fault) as caught:
        ask(channel("p", host.url, "k"))
    assert caught.value.kind == kind


def test_silence_ends_in_time() -> None:
    with Host({"/list": None}, "k") as host, pytest.raises(Fault) as caught:
        ask(channel("p", host.url, "k"), limit=0.2)
    assert caught.value.kind == "timeout"


def test_a_list_without_end_is_cut() -> None:
    pages = {"/list": {"models": [f"m{number}" for number in range(MAX_MODELS + 5)], "next": "/list"}}
    with Host(pages, "k") as host:
        assert len(ask(channel("p", host.url, "k"))) == MAX_MODELS
        assert len(host.received) == 1


def test_an_endless_chain_of_pages_ends() -> None:
    with Host({"/list": {"models": ["a"], "next": "/list"}}, "k") as host:
        assert ask(channel("p", host.url, "k")) == ("a",)
        assert len(host.received) == 100


def test_the_host_is_asked_through_the_channels_proxy() -> None:
    with pytest.raises(Fault) as caught:
        ask(channel("p", "http://198.51.100.1", "k", proxy="http://127.0.0.1:1"))
    assert caught.value.kind == "connect"
