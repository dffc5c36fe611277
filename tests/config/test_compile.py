import pytest

from tests.config.files import CLIENTS, PROVIDERS, plan, problems, provider
from uni_api.config.plan import Channel, Client, Rule
from uni_api.config.policy import ByModel
from uni_api.providers.base import REMOVE, Door, Site
from uni_api.providers.registry import ANTHROPIC, AZURE, BEDROCK, CLOUDFLARE, DEMO, GEMINI, OPENAI, RESPONSES
from uni_api.secret import Secret


def channel(body: str) -> Channel:
    [found] = plan(provider("base_url: https://a.example/v1, " + body)).channels
    return found


def client(body: str, *others: str) -> Client:
    text = "\n".join(
        [
            "providers:",
            "  - {provider: one, base_url: 'https://a.b/v1', model: [m, n: alias, x/y]}",
            "  - {provider: two, base_url: 'https://c.d/v1', model: [m]}",
            "api_keys:",
            f"  - {{api: sk-first, {body}}}",
            *(f"  - {{api: {other}}}" for other in others),
        ]
    )
    return plan(text).clients[Secret("sk-first").digest]


# --- channels


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ("[a, b]", {"a": ("a",), "b": ("b",)}),
        ("a", {"a": ("a",)}),
        ("{a: x}", {"x": ("a",)}),
        ("[{a: x, b: y}]", {"x": ("a",), "y": ("b",)}),
        ("[a: x, a]", {"x": ("a",), "a": ("a",)}),
        ("[a: x, b: x]", {"x": ("a", "b")}),
        ("[a: x, a: x]", {"x": ("a",)}),
        ("[a: x, a: y]", {"x": ("a",), "y": ("a",)}),
        ("[5, 1.10, true]", {"5": ("5",), "1.10": ("1.10",), "true": ("true",)}),
        ("['@cf/meta/llama', '@cf/a/b': c]", {"@cf/meta/llama": ("@cf/meta/llama",), "c": ("@cf/a/b",)}),
        ("[anthropic.claude-v1:0: claude]", {"claude": ("anthropic.claude-v1:0",)}),
    ],
)
def test_model_list(models: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert dict(channel(f"model: {models}").models) == expected


def test_model_list_keeps_its_order() -> None:
    assert list(channel("model: [z, a, m: b]").models) == ["z", "a", "b"]


def test_broken_models() -> None:
    text = "providers:\n- provider: p\n  base_url: https://a.b\n  model:\n  - a:\n  -\n  - {b: [c]}\n" + CLIENTS
    assert problems(text) == (
        "api.yaml:5:5: providers[0].model[0]: expected the name for clients after the colon, found nothing",
        "api.yaml:6:4: providers[0].model[1]: expected a model name or upstream: alias, found nothing",
        "api.yaml:7:9: providers[0].model[2]: expected the name for clients after the colon, found a list",
    )


def test_a_missing_model_list_is_asked_of_the_host() -> None:
    found = plan(provider("base_url: https://a.b, api: k"))
    assert (found.channels[0].models, found.channels[0].discover) == ({}, True)
    assert not channel("model: [m]").discover


def test_a_missing_model_list_of_a_host_that_lists_none_is_a_warning() -> None:
    found = plan(provider("engine: demo"))
    [warning] = found.warnings
    assert warning.endswith("this host lists no models; write them under model:")


@pytest.mark.parametrize(
    ("api", "keys"),
    [("k", ["k"]), ("007", ["007"]), ("1e5", ["1e5"]), ("[a, b]", ["a", "b"]), ("true", ["true"]), ("'k '", ["k"])],
)
def test_api_keys_keep_their_spelling(api: str, keys: list[str]) -> None:
    assert [door.secrets[0].reveal() for door in channel(f"api: {api}, model: [m]").doors] == keys


def test_names_may_be_numbers() -> None:
    text = "providers: [{provider: 123, base_url: https://a.b, model: [m]}]\napi_keys: [{api: 456, model: [123/m]}]"
    found = plan(text)
    assert found.warnings == ()
    assert found.channels[0].name == "123"
    assert found.clients[Secret("456").digest].rules == (Rule(kind="channel", channel="123", model="m"),)


def test_channels_of_one_name_keep_their_own_keys() -> None:
    text = (
        "providers:\n"
        "  - {provider: p, base_url: 'https://a.b', api: k1, model: [m]}\n"
        "  - {provider: p, base_url: 'https://c.d', api: k2, model: [m]}\n" + CLIENTS
    )
    one, two = plan(text).channels
    assert one.doors == (Door(Site(base_url="https://a.b"), Secret("k1")),)
    assert two.doors == (Door(Site(base_url="https://c.d"), Secret("k2")),)
    assert (one.position, two.position) == (0, 1)


def test_defaults() -> None:
    found = channel("model: [m]")
    assert (found.tools, found.image, found.headers, found.proxy) == (True, True, (), None)
    assert [door.key for door in found.doors] == [None]
    assert (found.key_scheduling, found.model_timeout, found.overrides) == ("round_robin", None, {})


def test_preferences() -> None:
    found = channel(
        "model: [m], tools: false, image: 'false', preferences: {headers: {X-A: 1, b: ' two '}, "
        "proxy: 'socks5h://u:p@h:1', api_key_schedule_algorithm: random, model_timeout: {gpt: 5, default: 9.5}}"
    )
    assert (found.tools, found.image, found.key_scheduling) == (False, False, "random")
    assert found.headers == (("X-A", "1"), ("b", "two"))
    assert found.proxy == Secret("socks5h://u:p@h:1")
    assert found.model_timeout == ByModel(entries=(("gpt", 5),), default=9.5)


def test_global_proxy_holds_where_the_channel_names_none() -> None:
    text = (
        "providers:\n"
        "  - {provider: p, base_url: 'https://a.b', model: [m]}\n"
        "  - {provider: q, base_url: 'https://a.b', model: [m], preferences: {proxy: 'http://own:1'}}\n"
        + CLIENTS
        + "preferences: {proxy: 'socks5://all:1'}"
    )
    one, two = plan(text).channels
    assert (one.proxy, two.proxy) == (Secret("socks5://all:1"), Secret("http://own:1"))


def test_overrides() -> None:
    found = channel(
        "model: [a: x, b], preferences: {post_body_parameter_overrides: "
        "{temperature: 0.5, x: {top_p: 1, __remove__: seed}, b: 5, deep: {c: [1, null, 't']}, __remove__: [user, n]}}"
    )
    assert found.overrides == {
        "temperature": 0.5,
        "b": 5,
        "deep": {"c": [1, None, "t"]},
        "user": REMOVE,
        "n": REMOVE,
    }
    assert found.model_overrides == {"x": {"top_p": 1, "seed": REMOVE}}


@pytest.mark.parametrize(
    ("body", "provider_", "base_url"),
    [
        ("provider: openai", OPENAI, "https://api.openai.com/v1"),
        ("provider: Groq", OPENAI, "https://api.groq.com/openai/v1"),
        ("provider: anthropic", ANTHROPIC, "https://api.anthropic.com/v1"),
        ("provider: gemini", GEMINI, "https://generativelanguage.googleapis.com/v1beta"),
        ("provider: p, engine: claude", ANTHROPIC, "https://api.anthropic.com/v1"),
        ("provider: p, engine: gpt", OPENAI, "https://api.openai.com/v1"),
        ("provider: groq, engine: gpt", OPENAI, "https://api.groq.com/openai/v1"),
        ("provider: xai, engine: responses", RESPONSES, "https://api.x.ai/v1"),
        ("provider: p, engine: responses", RESPONSES, "https://api.openai.com/v1"),
        ("provider: groq, engine: claude", ANTHROPIC, "https://api.anthropic.com/v1"),
        ("provider: p, engine: demo", DEMO, ""),
        ("provider: bedrock, api: k", BEDROCK, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("provider: bedrock, api: k, region: eu-west-1", BEDROCK, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("provider: p, engine: aws, api: k", BEDROCK, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        (
            "provider: p, aws_access_key: a, aws_secret_key: b, region: [ap-south-1, us-west-2]",
            BEDROCK,
            "https://bedrock-runtime.ap-south-1.amazonaws.com",
        ),
        ("provider: openai, base_url: 'https://a.b/v1beta'", GEMINI, "https://a.b/v1beta"),
        ("provider: p, base_url: 'https://a.b', engine: Gemini", GEMINI, "https://a.b"),
        ("provider: p, cf_account_id: x", CLOUDFLARE, "https://api.cloudflare.com/client/v4/accounts/x"),
        ("provider: openai, cf_account_id: x", CLOUDFLARE, "https://api.cloudflare.com/client/v4/accounts/x"),
        ("provider: p, base_url: 'https://x.openai.azure.com'", AZURE, "https://x.openai.azure.com"),
        (
            "provider: p, base_url: 'https://me.openai.azure.com/x', engine: gpt",
            OPENAI,
            "https://me.openai.azure.com/x",
        ),
    ],
)
def test_provider_and_address(body: str, provider_: object, base_url: str) -> None:
    [found] = plan(f"providers: [{{{body}, model: [m]}}]\n{CLIENTS}").channels
    assert found.provider is provider_
    assert found.doors[0].site.base_url == base_url


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("base_url: 'https://a.b', engine: codex", "Codex"),
        ("engine: dalle", "image generation"),
    ],
)
def test_providers_of_later_are_left_out(body: str, what: str) -> None:
    text = (
        PROVIDERS.rstrip("]\n") + f", {{provider: late, model: [m2], {body}}}]\napi_keys: [{{api: k, model: [late/*]}}]"
    )
    found = plan(text)
    assert [each.name for each in found.channels] == ["openai"]
    assert [each.partition(": ")[2] for each in found.warnings] == [
        f"providers[1]: {what} is not served yet; this channel is left out"
    ]


def test_half_of_an_access_key_is_a_problem() -> None:
    found = problems(
        f"providers: [{{provider: p, base_url: 'http://localhost:1', model: [m], aws_access_key: a}}]\n{CLIENTS}"
    )
    assert "providers[0].aws_access_key: the access key needs its aws_secret_key" in found[0]


def test_unknown_key_order_is_a_warning() -> None:
    text = provider("base_url: https://a.b, model: [m], preferences: {api_key_schedule_algorithm: round_robbin}")
    found = plan(text)
    assert found.channels[0].key_scheduling == "round_robin"
    assert 'round_robin is used; did you mean "round_robin"?' in found.warnings[0]


# --- client keys


@pytest.mark.parametrize(
    ("model", "rules"),
    [
        ("", [Rule(kind="all")]),
        ("model: ,", [Rule(kind="all")]),
        ("model: []", [Rule(kind="all")]),
        ("model: all", [Rule(kind="all")]),
        ("model: [m, all]", [Rule(kind="exact", model="m"), Rule(kind="all")]),
        ("model: [one/*]", [Rule(kind="channel", channel="one")]),
        ("model: [one/m]", [Rule(kind="channel", channel="one", model="m")]),
        ("model: [one/x/y]", [Rule(kind="channel", channel="one", model="x/y")]),
        ("model: [<x/y>]", [Rule(kind="exact", model="x/y")]),
        ("model: [<m>]", [Rule(kind="exact", model="m")]),
    ],
)
def test_rules(model: str, rules: list[Rule]) -> None:
    assert list(client(model).rules) == rules


def test_weights() -> None:
    text = provider("base_url: https://a.b, model: [m]").replace(
        CLIENTS, "api_keys: [{api: k, model: [p/*: 5, {p/m: 2, m: 1}, all]}]"
    )
    found = plan(text)
    [one] = found.clients.values()
    assert [(rule.kind, rule.weight) for rule in one.rules] == [
        ("channel", 5),
        ("channel", 2),
        ("exact", 1),
        ("all", None),
    ]


@pytest.mark.parametrize("weight", ["many", "[1]", "true"])
def test_bad_weight(weight: str) -> None:
    [problem] = problems(PROVIDERS + f"api_keys: [{{api: k, model: [openai/*: {weight}]}}]")
    assert "api_keys[0].model[0]: expected a weight" in problem


def test_key_as_channel() -> None:
    digest = Secret("sk-other").digest
    rules = client("model: [sk-other/*, sk-other/m, sk-unknown/*]", "sk-other").rules
    assert list(rules) == [Rule(kind="key", key=digest), Rule(kind="key", key=digest, model="m")]


def test_a_list_of_rules_that_allow_nothing_is_not_everything() -> None:
    assert client("model: [sk-unknown/*]").rules == ()


@pytest.mark.parametrize(
    ("rule", "warning"),
    [
        ("ono/m", 'there is no provider "ono"; did you mean "one"?'),
        ("zzz/m", 'there is no provider "zzz"; write a channel\'s name before the slash'),
        ("x/y", 'there is no provider "x"; write <x/y> for the model of that whole name'),
        ("one/zzz", 'provider "one" has no model "zzz"'),
        ("alais", 'no provider has the model "alais"; did you mean "alias"?'),
        ("one", 'no provider has the model "one"; write one/* for all models of that provider'),
        ("'*'", 'no provider has the model "*"; write "all" for every model'),
        ("n", 'no provider has the model "n"'),
    ],
)
def test_rules_that_allow_nothing_are_told(rule: str, warning: str) -> None:
    text = (
        "providers: [{provider: one, base_url: 'https://a.b', model: [m, n: alias, x/y]}]\n"
        f"api_keys: [{{api: k, model: [{rule}]}}]"
    )
    assert plan(text).warnings == (f"api.yaml:2:29: api_keys[0].model[0]: {warning}",)


@pytest.mark.parametrize(
    ("clients", "admins"),
    [
        (["{api: a}"], [True]),
        (["{api: a}", "{api: b}"], [True, False]),
        (["{api: a, role: user}", "{api: b, role: admin}"], [False, True]),
        (["{api: a, role: my-admin}", "{api: b, role: admin}", "{api: c}"], [True, True, False]),
    ],
)
def test_admin(clients: list[str], admins: list[bool]) -> None:
    found = plan(PROVIDERS + f"api_keys: [{', '.join(clients)}]").clients
    assert [each.admin for each in found.values()] == admins


def test_clients_are_found_by_digest() -> None:
    found = plan(PROVIDERS + "api_keys: [{api: a, role: boss}]").clients
    assert found[Secret("a").digest].role == "boss"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("0", 0), ("3", 3)])
def test_auto_retry(text: str, value: bool | int) -> None:
    found = client(f"preferences: {{AUTO_RETRY: {text}}}").auto_retry
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["-1", "1.5", "often", "[]"])
def test_bad_auto_retry(text: str) -> None:
    [problem] = problems(PROVIDERS + f"api_keys: [{{api: k, preferences: {{AUTO_RETRY: {text}}}}}]")
    assert "AUTO_RETRY: expected true, false or a number of further tries, found" in problem


def _keys(*entries: str) -> str:
    listed = "".join(f"  - {{{entry}}}\n" for entry in entries)
    return f"providers: [{{provider: p, base_url: 'https://a.b', model: [m]}}]\napi_keys:\n{listed}"


def test_client_keys_may_be_nested() -> None:
    found = plan(_keys("api: sk-a, model: [sk-b/*, sk-c/m]", "api: sk-b, model: [sk-c/*]", "api: sk-c, model: [p/*]"))
    assert found.warnings == ()
    assert found.clients[Secret("sk-a").digest].rules[0] == Rule(kind="key", key=Secret("sk-b").digest)


@pytest.mark.parametrize(
    ("keys", "at_fault"),
    [
        (["api: sk-a, model: [sk-a/*]"], [0]),
        (["api: sk-a, model: [sk-b/*]", "api: sk-b, model: [p/*, sk-a/m]"], [0, 1]),
        (["api: sk-x, model: [sk-a/*]", "api: sk-a, model: [sk-b/*]", "api: sk-b, model: [sk-a/*]"], [1, 2]),
    ],
    ids=["itself", "two", "two, reached by a third"],
)
def test_client_keys_in_a_circle_are_refused(keys: list[str], at_fault: list[int]) -> None:
    found = problems(_keys(*keys))
    assert [line.split(": ")[1] for line in found] == [f"api_keys[{position}].model" for position in at_fault]
    assert all("lead back to this key itself" in line and "sk-a" not in line for line in found)
