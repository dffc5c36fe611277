"""The demo as a provider: it speaks the chat format, and is nowhere."""

import pytest

from uni_api.errors import Fault
from uni_api.providers.base import Door, Given, Hints, Provider, Quirks, Site
from uni_api.providers.demo import Demo
from uni_api.secret import Secret

DEMO: Provider = Demo()
SITE = Site(base_url="https://nowhere.example/v1")


def test_it_speaks_the_chat_format_in_a_realm_of_its_own() -> None:
    assert (DEMO.name, DEMO.dialect(SITE, "m"), DEMO.realm(SITE, "m")) == ("demo", "openai_chat", "demo")


@pytest.mark.parametrize("stream", [False, True])
def test_it_has_no_address_and_repeats_no_key(stream: bool) -> None:
    with pytest.raises(Fault) as caught:
        DEMO.address(Door(SITE, Secret("sk-hidden")), "m", stream=stream)
    assert caught.value.kind == "connect"
    assert "sk-hidden" not in caught.value.message


def test_no_name_asks_for_anything() -> None:
    assert DEMO.hints("m-think-2048-high", "m") == Hints()
    assert DEMO.quirks(SITE, "m") == Quirks()


def test_it_needs_neither_an_address_nor_a_key() -> None:
    (door,) = DEMO.doors(Given(keys=(Secret("k"),)))
    assert door.secrets == ()
