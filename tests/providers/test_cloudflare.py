import pytest

from uni_api.canon import Reasoning
from uni_api.providers.base import NO_QUIRKS, Given, Hints, Site, Unfit
from uni_api.providers.cloudflare import Cloudflare, lives_at
from uni_api.secret import Secret

PROVIDER = Cloudflare()
ACCOUNT = "https://api.cloudflare.com/client/v4/accounts/acc"
GATEWAY = "https://gateway.ai.cloudflare.com/v1/acc/gw/workers-ai"
CHAT, NATIVE = "openai_chat", "workers_ai"
MODEL = "@cf/meta/llama-3.1-8b-instruct"


@pytest.mark.parametrize(
    ("base_url", "account", "dialect", "url"),
    [
        (None, "acc", CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        ("https://api.cloudflare.com", "acc", CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        ("https://api.cloudflare.com/client/v4/", "acc", CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        (ACCOUNT, None, CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        (ACCOUNT, "other", CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        (f"{ACCOUNT}/ai", None, CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        (f"{ACCOUNT}/ai/v1", None, CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        (f"{ACCOUNT}/ai/v1/chat/completions", None, CHAT, f"{ACCOUNT}/ai/v1/chat/completions"),
        (f"{ACCOUNT}/ai/run", None, NATIVE, f"{ACCOUNT}/ai/run/{MODEL}"),
        (f"{ACCOUNT}/ai/run/@cf/own", None, NATIVE, f"{ACCOUNT}/ai/run/{MODEL}"),
        ("http://localhost:1", "acc", CHAT, "http://localhost:1/client/v4/accounts/acc/ai/v1/chat/completions"),
        (GATEWAY, None, CHAT, f"{GATEWAY}/v1/chat/completions"),
        (f"{GATEWAY}/v1", None, CHAT, f"{GATEWAY}/v1/chat/completions"),
        (f"{GATEWAY}/v1/chat/completions", None, CHAT, f"{GATEWAY}/v1/chat/completions"),
        (f"{GATEWAY}/@cf/own", None, NATIVE, f"{GATEWAY}/{MODEL}"),
    ],
)
def test_address(base_url: str | None, account: str | None, dialect: str, url: str) -> None:
    [door] = PROVIDER.doors(Given(base_url=base_url, account=account, keys=(Secret("k"),)))
    address = PROVIDER.address(door, MODEL, stream=False)
    assert address.url == url
    assert (address.scheme, dict(address.headers)["authorization"]) == ("bearer token", "Bearer k")
    assert PROVIDER.dialect(door.site, MODEL) == dialect
    assert PROVIDER.realm(door.site, MODEL) == f"{dialect}:{url.split('/')[2]}"


def test_names_can_not_leave_their_place() -> None:
    [door] = PROVIDER.doors(Given(base_url=f"{ACCOUNT}/ai/run"))
    assert PROVIDER.address(door, "@cf/../x?y#z", stream=False).url == f"{ACCOUNT}/ai/run/@cf/%2E%2E/x%3Fy%23z"
    [door] = PROVIDER.doors(Given(account="../a"))
    assert "/accounts/..%2Fa/ai/" in PROVIDER.address(door, "m", stream=False).url


@pytest.mark.parametrize("base_url", [None, "https://api.cloudflare.com/client/v4"])
def test_an_account_is_needed(base_url: str | None) -> None:
    with pytest.raises(Unfit, match="cf_account_id"):
        PROVIDER.doors(Given(base_url=base_url))


def test_without_a_key_there_is_one_door() -> None:
    [door] = PROVIDER.doors(Given(account="acc"))
    assert (door.key, PROVIDER.address(door, "m", stream=False).scheme) == (None, "")


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (ACCOUNT, True),
        ("https://api.cloudflare.com", True),
        (GATEWAY, True),
        ("https://gateway.ai.cloudflare.com/v1/acc/gw/compat", False),
        ("https://api.cloudflare.com.evil.example", False),
    ],
)
def test_where_accounts_live(base_url: str, expected: bool) -> None:
    assert lives_at(base_url) is expected


def test_hints_and_quirks_are_those_of_the_format() -> None:
    assert PROVIDER.hints("oss-high", "@cf/openai/gpt-oss-120b") == Hints(reasoning=Reasoning(effort="high"))
    assert PROVIDER.quirks(Site(base_url=f"{ACCOUNT}/ai/run"), MODEL) is NO_QUIRKS


def test_models_that_generate_text_are_searched_page_by_page() -> None:
    [door] = PROVIDER.doors(Given(account="acc", keys=(Secret("k"),)))
    [found] = PROVIDER.listings(door)
    assert found.address.url == f"{ACCOUNT}/ai/models/search?task=Text+Generation&per_page=100"
    page = found.read(b'{"result":[{"name":"@cf/a"}],"result_info":{"page":1,"per_page":100,"total_count":101}}')
    assert page.models == ("@cf/a",)
    assert page.next is not None
    assert page.next.url == f"{found.address.url}&page=2"
    assert page.next.headers == found.address.headers


def test_a_gateway_lists_no_models() -> None:
    [door] = PROVIDER.doors(Given(base_url=GATEWAY))
    assert PROVIDER.listings(door) == ()
