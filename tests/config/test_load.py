from pathlib import Path

import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan, problems, provider
from uni_api.config.load import load
from uni_api.errors import ConfigError

CANARY = "C4n4ry-Secret-0123456789"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "api.yaml")
    assert caught.value.problems == (
        f"{tmp_path / 'api.yaml'}: there is no such file; write one, or name another with --config",
    )


def test_directory_instead_of_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(tmp_path)


def test_file_is_loaded_with_the_environment_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "from-outside")
    file = tmp_path / "api.yaml"
    file.write_text(provider("base_url: https://a.b, api: '${MY_KEY}', model: [m]"))
    assert load(file).channels[0].doors[0].secrets[0].reveal() == "from-outside"


def test_all_problems_at_once_in_file_order() -> None:
    text = """
providers:
  - provider: openai
    api: {key: x}
    tools: no
    base_url: ftp://x
    engine: clade
    preferences: 7
  - base_url: https://a
  - provider: nowhere
  - nonsense
api_keys:
  - model: all
"""
    assert problems(text, TIMEOUT="soon") == (
        "environment variable TIMEOUT: expected a number of seconds greater than 0",
        "api.yaml:4:10: providers[0].api: expected the API key, found a map",
        "api.yaml:5:12: providers[0].tools: expected true or false, found text",
        "api.yaml:6:15: providers[0].base_url: not a usable address; write an http:// or https:// URL",
        'api.yaml:7:13: providers[0].engine: there is no engine "clade"; did you mean "claude"?',
        "api.yaml:8:18: providers[0].preferences: expected a map of preferences, found a number",
        'api.yaml:9:5: providers[1]: missing "provider"; write the channel\'s name, such as provider: openai',
        'api.yaml:10:15: providers[2]: missing "base_url"; write the address of the API, such as '
        "base_url: https://api.example.com/v1",
        "api.yaml:11:5: providers[3]: expected a map with provider, base_url, api and model, found text",
        'api.yaml:13:5: api_keys[0]: missing "api"; write the key that clients are to send, such as '
        "api: sk-<long random text>",
    )


@pytest.mark.parametrize("clients", ["", "api_keys:\n", "api_keys: []\n"])
def test_no_client_key(clients: str) -> None:
    [problem] = problems(PROVIDERS + clients)
    assert "list at least one key under api_keys:" in problem or "write at least one key, as - api:" in problem


def test_empty_and_repeated_client_keys() -> None:
    found = problems(PROVIDERS + "api_keys:\n  - api: ''\n  - api: k1\n  - api: k1\n")
    assert found == (
        "api.yaml:3:10: api_keys[0].api: expected the client's key, found empty text",
        "api.yaml:5:10: api_keys[2].api: the same key as api_keys[1]; give each entry its own",
    )


def test_no_provider() -> None:
    assert "list at least one channel" in problems(CLIENTS)[0]
    assert "write at least one channel" in problems("providers: []\n" + CLIENTS)[0]


def test_unknown_keys_warn_and_are_problems_when_strict() -> None:
    text = "providers: [{provider: openai, api: k, modle: x, model: [m]}]\napi_keys: [{api: k}]\nextra: 1\n"
    expected = (
        'api.yaml:1:40: providers[0]: unknown key "modle"; did you mean "model"?',
        'api.yaml:3:1: unknown key "extra"; it is ignored',
    )
    assert plan(text).warnings == expected
    assert problems(text, strict=True) == expected


def test_notes_and_own_keys_are_allowed_anywhere() -> None:
    text = """
x-top: ${UNDEFINED}
notes: [a, {b: c}]
providers:
  - provider: openai
    api: k
    model: [m]
    notes: ${UNDEFINED}
    x-mine: 1
    preferences: {notes: 1, x-y: 2}
api_keys: [{api: k, notes: 1, preferences: {notes: 2}}]
preferences: {notes: 3}
"""
    assert plan(text, strict=True).warnings == ()


def test_idle_keys_are_read_and_told() -> None:
    text = PROVIDERS + CLIENTS + "preferences:\n  video_providers: {}\n  hedging: {winner_policy: first}\n"
    assert plan(text).warnings == (
        "api.yaml:4:3: preferences.video_providers is read but has no effect yet",
        "api.yaml:5:13: preferences.hedging.winner_policy is read but has no effect yet",
    )
    [problem] = problems(PROVIDERS + CLIENTS + "preferences: {cooldown_period: soon}\n")
    assert problem.endswith("preferences.cooldown_period: expected a number of seconds, found text")


def test_empty_values_are_absent_ones() -> None:
    text = """
providers:
  - provider: openai
    api: k
    model: [m]
    tools:
    preferences:
api_keys: [{api: k}]
preferences:
"""
    assert plan(text).channels[0].tools is True


def test_environment_fills_any_text() -> None:
    text = provider("base_url: 'https://${HOST}/v1', api: '${A}${B:-b}', model: ['${M:-m}: x', '$${A}'], tools: '${T}'")
    [channel] = plan(text, HOST="h.example", A="a", B="", T="false").channels
    assert channel.doors[0].site.base_url == "https://h.example/v1"
    assert channel.doors[0].secrets[0].reveal() == "ab"
    assert set(channel.models) == {"m: x", "${A}"}
    assert channel.tools is False


def test_environment_can_not_write_yaml() -> None:
    [channel] = plan(provider("base_url: https://a.b, api: k, model: ['${M}']"), M="x]\nevil: 1").channels
    assert list(channel.models) == ["x]\nevil: 1"]


def test_missing_variable_is_named_with_its_place() -> None:
    assert problems(provider("base_url: https://a.b, api: '${KEY}', model: ['${M}']")) == (
        "api.yaml:1:55: providers[0].api: environment variable KEY is not set; set it, or write ${KEY:-default} "
        "($${KEY} for the text itself)",
        "api.yaml:1:73: providers[0].model[0]: environment variable M is not set; set it, or write ${M:-default} "
        "($${M} for the text itself)",
    )


@pytest.mark.parametrize(("text", "seconds"), [("", 100.0), ("30", 30.0), ("2.5", 2.5)])
def test_timeout_of_the_environment(text: str, seconds: float) -> None:
    assert plan(PROVIDERS + CLIENTS, TIMEOUT=text).timeout == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "1e999", "true"])
def test_bad_timeout_of_the_environment(text: str) -> None:
    [problem] = problems(PROVIDERS + CLIENTS, TIMEOUT=text)
    assert problem == "environment variable TIMEOUT: expected a number of seconds greater than 0"


SECRET_PLACES = [
    "providers: [{{provider: p, base_url: https://a.b, api: {0}, tools: 5, model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, base_url: https://a.b, api: [{0}, {{{0}: x}}], model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, base_url: https://a.b, api: '{0} x', model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, base_url: 'https://u:{0}@a.b', model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, base_url: '{0}', model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, engine: '{0}', model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, private_key: '{0}', project_id: {{}}, model: [m]}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, aws_access_key: {0}, aws_secret_key: '{0}\u00e9', model: 5}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, preferences: {{proxy: 'http://u:{0}@'}}}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, preferences: {{proxy: 'socks5://[u]:[{0}]@[h]:[1]'}}}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, preferences: {{proxy: '{0}'}}}}]\napi_keys: [{{api: k}}]",
    'providers: [{{provider: p, preferences: {{headers: {{x: "{0}\\n"}}}}}}]\napi_keys: [{{api: k}}]',
    'providers: [{{provider: p, preferences: {{headers: {{x: "{0}\\r\\ny"}}}}}}]\napi_keys: [{{api: k}}]',
    "providers: [{{provider: p, preferences: {{headers: '{0}'}}}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, preferences: {{headers: {{host: '{0}', 'a b': '{0}'}}}}}}]\napi_keys: [{{api: k}}]",
    "providers: [{{provider: p, base_url: https://a.b, model: [m]}}]\napi_keys: [{{api: {0}}}, {{api: {0}}}]",
    "providers: [{{provider: p, base_url: https://a.b, model: [m]}}]\napi_keys: [{{api: 'a {0}'}}]",
    "providers: [{{provider: p, base_url: https://a.b, model: [m]}}]\napi_keys: [{0}, {{{0}: 1}}]",
    "providers: [{{provider: p, base_url: https://a.b, model: [m]}}]\n"
    "api_keys: [{{api: k, model: [sk-{0}/*, 'sk-{0}/m', sk-{0}, {{sk-{0}/*: many}}]}}, {{api: ''}}]",
    "providers: [{{provider: p, base_url: https://a.b, api: {0}, model: [m]}}]\napi_keys: [{{api: k, {0}: 1}}]\n{0}: 1",
    "providers: [{{provider: p, api: !{0} x}}]",
    "providers: [{{provider: p, api: *{0} }}]",
    "providers: [{{provider: p, api: %{0} }}]",
    "providers: [{{provider: p, api: '{0}]",
    "providers: [{{provider: p, api: {0}: {0}: x}}]",
    "providers:\n  - provider: p\n    api: {0}\n      model: x",
    "providers: {0}\napi_keys: {0}\npreferences: {0}",
    "{0}",
]


@pytest.mark.parametrize("template", SECRET_PLACES)
@pytest.mark.parametrize("strict", [False, True])
def test_no_message_holds_a_secret(template: str, *, strict: bool) -> None:
    for text, environ in ((template.format(CANARY), {}), (template.format("${K}"), {"K": CANARY})):
        try:
            told = "\n".join(plan(text, strict=strict, **environ).warnings)
        except ConfigError as error:
            told = str(error)
        assert CANARY not in told


def test_no_repr_holds_a_secret() -> None:
    text = (
        f"providers: [{{provider: p, base_url: https://a.b, api: {CANARY}, model: [m], "
        f"preferences: {{proxy: 'http://u:{CANARY}@h:1', headers: {{authorization: {CANARY}}}}}}}]\n"
        f"api_keys: [{{api: {CANARY}}}]"
    )
    found = plan(text)
    for each in (found, *found.channels, *found.clients.values(), found.channels[0].doors, found.channels[0].proxy):
        assert CANARY not in repr(each)
