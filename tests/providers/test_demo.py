"""The demo as a provider: it speaks the chat format, and is nowhere."""

import pytest

from uni_api.errors import Fault
from uni_api.providers.base import Hints, Provider, Site
from uni_api.providers.demo import Demo
from uni_api.secret import Secret

DEMO: Provider = Demo()
SITE = Site(base_url="https://nowhere.example/v1")


def test_it_speaks_the_chat_format_in_a_realm_of_its_own() -> None:
    assert (DEMO.name, DEMO.dialect, DEMO.realm(SITE)) == ("demo", "openai_chat", "demo")


@pytest.mark.parametrize("stream", [False, True])
def test_it_has_no_address_and_repeats_no_key(stream: bool) -> None:
    with pytest.raises(Fault) as caught:
        DEMO.address(SITE, "m", Secret("sk-hidden"), stream=stream)
    assert caught.value.kind == "connect"
    assert "sk-hidden" not in caught.value.message


def test_no_name_asks_for_anything() -> None:
    assert DEMO.hints("m-think-2048-high", "m") == Hints()
    assert DEMO.edits("m", {"model": "m"}) == {}
