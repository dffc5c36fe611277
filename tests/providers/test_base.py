"""What an entry of api.yaml comes to where nothing special is asked: one door for each key."""

import pytest

from uni_api.dialects.edits import Edits
from uni_api.providers.base import NO_QUIRKS, Address, Door, Given, Quirks, Site, Unfit, each_key
from uni_api.secret import Secret

URL = "https://a.b/v1"


def test_each_key_is_a_door() -> None:
    one, two = each_key(Given(base_url=URL, keys=(Secret("k1"), Secret("k2"))))
    assert one.site is two.site
    assert (one.key, two.key) == (Secret("k1"), Secret("k2"))


def test_there_is_a_door_without_a_key() -> None:
    assert each_key(Given(base_url=URL)) == (Door(Site(base_url=URL)),)


def test_an_entry_without_an_address_is_told_to_name_one() -> None:
    with pytest.raises(Unfit, match="base_url") as caught:
        each_key(Given(keys=(Secret("k"),)))
    assert caught.value.field == "provider"


def test_a_door_knows_all_its_secrets_and_shows_none() -> None:
    door = Door(Site(base_url=URL, secrets={"session": Secret("hidden-session")}), Secret("hidden-key"))
    assert {secret.reveal() for secret in door.secrets} == {"hidden-key", "hidden-session"}
    assert "hidden" not in repr(door) + repr(Address(url="https://hidden", headers=(("a", "hidden"),)))


def test_quirks_are_taken_together() -> None:
    one = Quirks(edits=Edits(rename={"a": "b"}), developer=False, thoughts=False)
    other = Quirks(edits=Edits(drop=frozenset({"c"})), tools=False, images=False, links=False)
    both = one.then(other)
    assert both == Quirks(
        edits=Edits(rename={"a": "b"}, drop=frozenset({"c"})),
        developer=False,
        thoughts=False,
        tools=False,
        images=False,
        links=False,
    )
    assert NO_QUIRKS.then(NO_QUIRKS) == NO_QUIRKS
