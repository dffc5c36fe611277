import json
from pathlib import Path
from typing import Any

import pytest

from tests.config.files import CLIENTS, plan, problems
from tests.fakes.vertex import EMAIL, pem
from uni_api.config import credentials
from uni_api.providers.base import Lacking, Unfit
from uni_api.secret import Secret

LACKING = Lacking("credentials", "missing", variable="THE_FILE", file=".config/it.json")


def account(**more: Any) -> str:
    fields = {"type": "service_account", "project_id": "of-file", "client_email": EMAIL, "private_key": pem()}
    return json.dumps({**fields, **more})


def channel(body: str) -> str:
    return f"providers: [{{provider: p, model: [gemini-2.5-pro], {body}}}]\n{CLIENTS}"


def test_the_environment_goes_before_the_usual_place(tmp_path: Path) -> None:
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "it.json").write_text("usual")
    (tmp_path / "named.json").write_text("named")
    home = {"HOME": str(tmp_path)}
    assert credentials.usual(LACKING, home) == Secret("usual")
    assert credentials.usual(LACKING, {**home, "THE_FILE": str(tmp_path / "named.json")}) == Secret("named")
    assert credentials.usual(LACKING, {"HOME": str(tmp_path / "nobody")}) is None
    assert credentials.usual(LACKING, {}) is None


def test_a_file_that_the_environment_names_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match=r"which THE_FILE names, can't be read: No such file"):
        credentials.usual(LACKING, {"THE_FILE": str(tmp_path / "none.json")})


def test_the_home_directory_has_a_short_name(tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("\ufeff{}")
    assert credentials.named("~/key.json", {"HOME": str(tmp_path)}) == Secret("{}")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (credentials.MAX_BYTES + 1)], ids=["no text", "large"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Unfit):
        credentials.named(str(tmp_path / "file"), {})
    with pytest.raises(Unfit):
        credentials.named(str(tmp_path), {})
    with pytest.raises(Unfit):
        credentials.named("a\0b", {})


def test_a_channel_names_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(account(token_uri="https://tokens.example/token"))
    [found] = plan(channel(f"engine: vertex, credentials: '{file}'")).channels
    [door] = found.doors
    grant = found.provider.address(door, "gemini-2.5-pro", stream=False).grant
    assert door.site.options["project"] == "of-file"
    assert grant is not None
    assert grant.call(0).url == "https://tokens.example/token"


def test_a_project_without_a_key_is_let_in_by_the_default_credentials(tmp_path: Path) -> None:
    file = tmp_path / "adc.json"
    user = {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}
    file.write_text(json.dumps(user | {"quota_project_id": "payer"}))
    [found] = plan(channel("project_id: mine"), GOOGLE_APPLICATION_CREDENTIALS=str(file)).channels
    [door] = found.doors
    address = found.provider.address(door, "gemini-2.5-pro", stream=False)
    assert "/projects/mine/" in address.url
    assert ("x-goog-user-project", "payer") in address.headers


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file"),
        ("{", "is not the JSON file of a Google account"),
        ('{"type": "external_account"}', "is neither of type service_account nor authorized_user"),
        (account(private_key="-----BEGIN PRIVATE KEY-----\nbm9uZQ==\n-----END PRIVATE KEY-----"), "can't be read"),
        (account(client_email=""), 'has no "client_email"'),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "f.json"
    if content is not None:
        file.write_text(content)
    [found] = problems(channel(f"project_id: p, credentials: '{file}'"))
    assert "providers[0].credentials: " in found
    assert said in found
    assert "bm9uZQ" not in found


def test_without_any_credentials_there_is_a_problem() -> None:
    [found] = problems(channel("project_id: p"))
    assert "missing credentials; write client_email and private_key" in found


def test_a_proxy_on_the_way_may_have_credentials_of_its_own() -> None:
    [found] = plan(channel("project_id: p, base_url: 'http://localhost:1'")).channels
    [door] = found.doors
    address = found.provider.address(door, "gemini-2.5-pro", stream=False)
    assert address.url.startswith("http://localhost:1/v1/projects/p/locations/global/")
    assert address.scheme == ""
