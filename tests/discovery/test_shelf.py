"""Lists on disk: kept, found again, and never in the way."""

import json
from pathlib import Path

import pytest

from tests.discovery.hosts import channel
from uni_api.discovery.shelf import NAME, Shelf, label, usual_folder


def test_what_is_saved_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    Shelf(folder).save({"x": ("a", "b")})
    assert Shelf(folder).load() == {"x": ("a", "b")}
    assert [path.name for path in folder.iterdir()] == [NAME]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"x": 1}', b'{"x": ["a", 2]}', b"\xff", b"[" * 100_000])
def test_a_spoilt_file_is_no_list(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    assert Shelf(tmp_path).load() == {}
    Shelf(tmp_path).save({"x": ("a",)})
    assert Shelf(tmp_path).load() == {"x": ("a",)}


def test_a_place_that_can_not_be_used_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for shelf in (Shelf(None), Shelf(tmp_path / "file"), Shelf(tmp_path / "absent")):
        assert shelf.load() == {}
    Shelf(tmp_path / "file").save({"x": ("a",)})
    Shelf(None).save({"x": ("a",)})
    assert (tmp_path / "file").read_text() == "in the way"


def test_the_file_tells_neither_keys_nor_addresses(tmp_path: Path) -> None:
    where = channel("p", "https://hidden-host.example/v1", "hidden-key")
    Shelf(tmp_path).save({label(where): ("a",)})
    text = (tmp_path / NAME).read_text()
    assert "hidden" not in text
    assert list(json.loads(text).values()) == [["a"]]


def test_the_same_host_and_key_have_one_label() -> None:
    one = channel("p", "https://a.b/v1", "k", "more")
    assert label(one) == label(channel("q", "https://a.b/v1", "k", position=3))
    others = [channel("p", "https://a.b/v2", "k"), channel("p", "https://a.b/v1", "l")]
    assert len({label(each) for each in (one, *others)}) == 3


def test_where_lists_are_kept() -> None:
    assert usual_folder({"UNI_API_CACHE": "/x", "XDG_CACHE_HOME": "/y", "HOME": "/z"}) == Path("/x")
    assert usual_folder({"XDG_CACHE_HOME": "/y", "HOME": "/z"}) == Path("/y/uni-api")
    assert usual_folder({"HOME": "/z"}) == Path("/z/.cache/uni-api")
    assert usual_folder({}) is None
