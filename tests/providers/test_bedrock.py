from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import pytest

from uni_api.canon import Reasoning
from uni_api.dialects.edits import Edits
from uni_api.errors import Fault
from uni_api.framing import EventStreamDecoder
from uni_api.providers.base import Call, Door, Given, Hints, Page, Site, Unfit
from uni_api.providers.bedrock import (
    HOME,
    Bedrock,
    control_root,
    in_region,
    lives_at,
    maker_of,
    own_name,
    read_models,
    region_of,
)
from uni_api.providers.bedrock_frames import InvokeStreamDecoder
from uni_api.secret import Secret
from uni_api.transport.head import split_url

PROVIDER = Bedrock()
ACCESS, SECRET = Secret("AKIDEXAMPLE"), Secret("not-a-secret")
SIGNED = Given(aws_access_key=ACCESS, aws_secret_key=SECRET)
KEYED = Given(keys=(Secret("bedrock-api-key"),))
SITE = Site(base_url=HOME)

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-lite-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/1arbu5hu2sjr"


# --- addresses


@pytest.mark.parametrize(
    ("base_url", "region"),
    [
        (HOME, "us-east-1"),
        ("https://bedrock-runtime.eu-central-1.amazonaws.com/", "eu-central-1"),
        ("https://BEDROCK-RUNTIME.us-west-2.amazonaws.com:443", "us-west-2"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("https://bedrock-runtime.ap-southeast-2.api.aws", "ap-southeast-2"),
        ("https://vpce-0a1b-us-east-1a.bedrock-runtime.us-east-2.vpce.amazonaws.com", "us-east-2"),
        ("https://bedrock-runtime.amazonaws.com", None),
        ("http://localhost:8080/bedrock-runtime", None),
    ],
)
def test_the_host_names_the_region(base_url: str, region: str | None) -> None:
    assert region_of(base_url) == region


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (HOME, True),
        ("https://vpce-0a1b.bedrock-runtime.us-east-2.vpce.amazonaws.com", True),
        ("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1", False),
        ("https://bedrock-mantle.us-east-1.api.aws/v1", False),
        ("https://abc.execute-api.us-east-1.amazonaws.com/v1", False),
        ("https://gateway-1.us-east-1.elb.amazonaws.com/api/v1", False),
        ("https://bedrock-runtime.us-east-1.amazonaws.com.evil.example", False),
    ],
)
def test_which_hosts_are_bedrock(base_url: str, expected: bool) -> None:
    assert lives_at(base_url) is expected


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (HOME, "https://bedrock-runtime.eu-west-3.amazonaws.com"),
        (
            "https://bedrock-runtime-fips.us-west-2.amazonaws.com/x",
            "https://bedrock-runtime-fips.eu-west-3.amazonaws.com/x",
        ),
        ("http://localhost:8080/us-west-2", "http://localhost:8080/us-west-2"),
    ],
)
def test_an_address_moves_to_a_region(base_url: str, expected: str) -> None:
    assert in_region(base_url, "eu-west-3") == expected


@pytest.mark.parametrize(
    ("model", "maker", "name"),
    [
        ("anthropic.claude-v2:1", "anthropic", "claude-v2:1"),
        (CLAUDE, "anthropic", "claude-sonnet-4-5-20250929-v1:0"),
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "anthropic", "claude-opus-4-5-20251101-v1:0"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "anthropic", "claude-3-haiku-20240307-v1:0"),
        ("apac.amazon.nova-lite-v1:0", "amazon", "nova-lite-v1:0"),
        ("zai.glm-4.7-flash", "zai", "glm-4.7-flash"),
        ("us.deepseek.r1-v1:0", "deepseek", "r1-v1:0"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2", "anthropic", "claude-v2"),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}", "anthropic", CLAUDE[13:]),
        (PROFILE, "", "1arbu5hu2sjr"),
        ("my-model", "", "my-model"),
    ],
)
def test_an_id_tells_its_maker(model: str, maker: str, name: str) -> None:
    assert (maker_of(model), own_name(model)) == (maker, name)


@pytest.mark.parametrize(
    ("model", "dialect", "whole", "stream", "decoder"),
    [
        (CLAUDE, "anthropic", "invoke", "invoke-with-response-stream", InvokeStreamDecoder),
        (NOVA, "converse", "converse", "converse-stream", EventStreamDecoder),
        (PROFILE, "converse", "converse", "converse-stream", EventStreamDecoder),
    ],
)
def test_where_a_model_is_called(
    model: str, dialect: str, whole: str, stream: str, decoder: Callable[[], object]
) -> None:
    [door] = PROVIDER.doors(KEYED)
    assert PROVIDER.dialect(door.site, model) == dialect
    for action, streaming, accepted in (
        (whole, False, "application/json"),
        (stream, True, "application/vnd.amazon.eventstream"),
    ):
        address = PROVIDER.address(door, model, stream=streaming)
        assert urlsplit(address.url).path.count("/") == 3
        assert unquote(address.url) == f"{HOME}/model/{model}/{action}"
        assert address.headers == (
            ("content-type", "application/json"),
            ("accept", accepted),
            ("authorization", "Bearer bedrock-api-key"),
        )
        assert (address.decoder, address.errors, address.scheme) == (decoder, "converse", "bearer token")
        assert address.sign is None


@pytest.mark.parametrize("model", [CLAUDE, PROFILE, "a b/ä?#%"])
def test_the_transport_sends_the_path_as_it_is_signed(model: str) -> None:
    [door] = PROVIDER.doors(SIGNED)
    url = PROVIDER.address(door, model, stream=False).url
    assert split_url(url)[1] == urlsplit(url).path
    assert ":" not in urlsplit(url).path


def test_a_base_url_elsewhere_is_the_root() -> None:
    [door] = PROVIDER.doors(Given(base_url="http://localhost:8080/aws/?x=1", regions=("eu-west-1",)))
    assert PROVIDER.address(door, NOVA, stream=False).url == (
        "http://localhost:8080/aws/model/us.amazon.nova-lite-v1%3A0/converse?x=1"
    )
    assert PROVIDER.realm(door.site, NOVA) == "bedrock:localhost:8080"


def test_regions_share_a_realm() -> None:
    sites = [door.site for door in PROVIDER.doors(Given(keys=KEYED.keys, regions=("us-east-1", "eu-west-1")))]
    assert {PROVIDER.realm(site, CLAUDE) for site in sites} == {"bedrock"}


# --- doors


def test_an_access_key_signs() -> None:
    [door] = PROVIDER.doors(
        Given(aws_access_key=ACCESS, aws_secret_key=SECRET, aws_session_token=Secret("session"), regions=("eu-west-1",))
    )
    address = PROVIDER.address(door, CLAUDE, stream=True)
    assert address.sign is not None
    signed = dict(address.sign(Call("POST", address.url, address.headers, b"{}"), 1440938160.0))
    assert signed["x-amz-date"] == "20150830T123600Z"
    assert signed["x-amz-security-token"] == "session"
    assert signed["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/bedrock/aws4_request, "
        "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token, Signature="
    )
    assert address.scheme == "AWS signature"
    assert set(door.secrets) == {ACCESS, SECRET, Secret("session")}


def test_every_key_opens_every_region() -> None:
    given = Given(
        keys=(Secret("a"), Secret("b")),
        aws_access_key=ACCESS,
        aws_secret_key=SECRET,
        regions=("us-east-1", "eu-west-1"),
    )
    doors = PROVIDER.doors(given)
    east, west = HOME, "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert [(door.site.base_url, door.key.reveal() if door.key else None) for door in doors] == [
        (east, None),
        (west, None),
        (east, "a"),
        (east, "b"),
        (west, "a"),
        (west, "b"),
    ]
    assert [bool(door.site.secrets) for door in doors] == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("base_url", "regions", "expected"),
    [
        (None, (), HOME),
        (None, ("ap-south-1",), "https://bedrock-runtime.ap-south-1.amazonaws.com"),
        ("https://bedrock-runtime.us-west-2.amazonaws.com", (), "https://bedrock-runtime.us-west-2.amazonaws.com"),
        ("https://bedrock-runtime.us-west-2.amazonaws.com", ("us-east-1",), HOME),
    ],
)
def test_a_region_that_is_written_holds(base_url: str | None, regions: tuple[str, ...], expected: str) -> None:
    [door] = PROVIDER.doors(Given(base_url=base_url, regions=regions, keys=KEYED.keys))
    assert door.site.base_url == expected
    assert door.site.options["region"] == region_of(expected)


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        (Given(), "provider", "missing credentials"),
        (Given(base_url=HOME), "provider", "aws_access_key and aws_secret_key, or a Bedrock API key"),
        (Given(aws_access_key=ACCESS), "aws_access_key", "needs its aws_secret_key"),
        (Given(aws_secret_key=SECRET), "aws_secret_key", "needs its aws_access_key"),
        (Given(aws_session_token=SECRET, keys=KEYED.keys), "aws_session_token", "needs its aws_access_key"),
        (Given(keys=KEYED.keys, regions=("global",)), "region", '"global" is not an AWS region'),
        (Given(keys=KEYED.keys, regions=("us-east-1.evil.example/",)), "region", "is not an AWS region"),
    ],
)
def test_an_entry_that_does_not_do(given: Given, field: str, words: str) -> None:
    with pytest.raises(Unfit, match=words) as caught:
        PROVIDER.doors(given)
    assert caught.value.field == field


# --- what is asked of the body


def test_claude_is_told_its_version_in_the_body() -> None:
    body = {"model": CLAUDE, "stream": True, "max_tokens": 5, "messages": [], "cache_control": {"type": "ephemeral"}}
    quirks = PROVIDER.quirks(SITE, CLAUDE)
    quirks.edits.apply(body)
    assert body == {"max_tokens": 5, "messages": [], "anthropic_version": "bedrock-2023-05-31"}
    assert quirks.edits.refuse == {"cache_control"}
    assert not quirks.links


def test_a_feature_that_is_asked_for_by_name() -> None:
    edits = PROVIDER.quirks(SITE, "global.anthropic.claude-opus-4-5-20251101-v1:0").edits
    assert edits.default == {"anthropic_beta": ["effort-2025-11-24"]}
    assert edits.set == {"anthropic_version": "bedrock-2023-05-31"}
    assert edits.drop == {"model", "stream"}


def test_converse_is_as_its_dialect_says() -> None:
    assert PROVIDER.quirks(SITE, NOVA).edits == Edits()


def test_an_engine_may_say_whose_models_they_are() -> None:
    claude = Bedrock(maker="anthropic")
    assert claude.dialect(SITE, PROFILE) == "anthropic"
    assert claude.quirks(SITE, PROFILE).edits.drop == {"model", "stream"}


@pytest.mark.parametrize(
    ("alias", "model", "hints"),
    [
        ("claude-sonnet-4-5-think-2048", CLAUDE, Hints(reasoning=Reasoning(budget=2048))),
        ("gpt-oss-high", "openai.gpt-oss-120b-1:0", Hints(reasoning=Reasoning(effort="high"))),
        ("nova-high", NOVA, Hints()),
        (CLAUDE, CLAUDE, Hints()),
    ],
)
def test_an_alias_may_ask_for_thinking(alias: str, model: str, hints: Hints) -> None:
    assert PROVIDER.hints(alias, model) == hints


# --- lists of models


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        (HOME, "https://bedrock.us-east-1.amazonaws.com"),
        (
            "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            "https://bedrock-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "https://vpce-0a.bedrock-runtime.us-east-2.vpce.amazonaws.com",
            "https://bedrock.us-east-2.amazonaws.com",
        ),
        ("http://localhost:8080/aws", "http://localhost:8080/aws"),
    ],
)
def test_where_models_are_listed(base_url: str, root: str) -> None:
    assert control_root(Site(base_url=base_url)) == root


def test_models_and_profiles_are_listed() -> None:
    [door] = PROVIDER.doors(SIGNED)
    models, profiles = PROVIDER.listings(door)
    assert models.address.url == (
        "https://bedrock.us-east-1.amazonaws.com/foundation-models?byInferenceType=ON_DEMAND&byOutputModality=TEXT"
    )
    assert models.address.sign is not None
    assert models.address.headers == (("accept", "application/json"),)
    call = Call("GET", models.address.url, models.address.headers, b"")
    assert "/us-east-1/bedrock/aws4_request" in dict(models.address.sign(call, 0.0))["authorization"]
    listed = b'{"modelSummaries": [{"modelId": "amazon.nova-lite-v1:0", "modelName": "x"}, {"modelId": "b.c"}]}'
    assert models.read(listed) == Page(("amazon.nova-lite-v1:0", "b.c"))

    page = profiles.read(
        b'{"nextToken": "a/b=", "inferenceProfileSummaries": ['
        b'{"inferenceProfileId": "us.a.b", "inferenceProfileArn": "arn:1/us.a.b", "type": "SYSTEM_DEFINED"},'
        b'{"inferenceProfileId": "xyz", "inferenceProfileArn": "arn:1/xyz", "type": "APPLICATION"}]}'
    )
    assert page.models == ("us.a.b", "arn:1/xyz")
    assert page.next is not None
    assert page.next.url == (
        "https://bedrock.us-east-1.amazonaws.com/inference-profiles?maxResults=1000&nextToken=a%2Fb%3D"
    )
    assert page.next.sign is not None
    assert profiles.read(b'{"inferenceProfileSummaries": [], "nextToken": null}') == Page(())


def test_a_bedrock_key_lists_models_too() -> None:
    [door] = PROVIDER.doors(KEYED)
    for listing in PROVIDER.listings(door):
        assert ("authorization", "Bearer bedrock-api-key") in listing.address.headers


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"modelSummaries": [{}]}', b"\xff", b"[" * 5000])
def test_what_is_no_list_is_a_fault(body: bytes) -> None:
    for read in (read_models, PROVIDER.listings(Door(SITE))[1].read):
        with pytest.raises(Fault) as caught:
            read(body)
        assert caught.value.kind == "protocol"
