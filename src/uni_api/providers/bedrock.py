"""Amazon Bedrock: Claude as InvokeModel has it, every other model over Converse.

Source: docs.aws.amazon.com, Amazon Bedrock user guide, "Endpoints", "API keys", "Inference profiles", "Anthropic Claude
Messages API", and the API reference; endpoint rules and service models of botocore 1.44 (read 2026-11-24).
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from msgspec import Struct, structs

from uni_api.dialects.edits import Edits
from uni_api.framing import EventStreamDecoder
from uni_api.providers._address import BEARER, JSON, bearer, hostname, parse
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.base import (
    NO_QUIRKS,
    Address,
    Door,
    Endpoint,
    FrameDecoder,
    Given,
    Hints,
    Listing,
    Page,
    Quirks,
    Sign,
    Site,
    Unfit,
)
from uni_api.providers.bedrock_frames import InvokeStreamDecoder
from uni_api.providers.listings import decoded
from uni_api.providers.openai import OpenAI
from uni_api.providers.sigv4 import SigV4
from uni_api.secret import Secret

HOME = "https://bedrock-runtime.us-east-1.amazonaws.com"

_SERVICE = "bedrock"
"""What signatures name the service, whichever of its endpoints is called."""

_DEFAULT_REGION = "us-east-1"
_REGION = re.compile(r"[a-z]{2,8}(-[a-z]+)+-\d+\Z")
_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws", ".api.amazonwebservices.com.cn")
_ENDPOINTS = frozenset({"bedrock", "bedrock-fips", "bedrock-runtime", "bedrock-runtime-fips"})
_GEOGRAPHY = re.compile(r"\A(?:[a-z]{2}(?:-gov)?|apac|global)\.")
"""What an inference profile that spans regions has before the id of its model: `us.`, `apac.`, `us-gov.`."""

_SIGNATURE = "AWS signature"


class _Way(Struct, frozen=True, kw_only=True):
    """One of the APIs for chat: its dialect, the ends of its paths, and how its streams are framed."""

    dialect: str
    whole: str
    stream: str
    decoder: Callable[[], FrameDecoder]
    quirks: Quirks = NO_QUIRKS


_CONVERSE = _Way(dialect="converse", whole="converse", stream="converse-stream", decoder=EventStreamDecoder)
_INVOKE_CLAUDE = _Way(
    dialect="anthropic",
    whole="invoke",
    stream="invoke-with-response-stream",
    decoder=InvokeStreamDecoder,
    quirks=Quirks(
        edits=Edits(
            drop=frozenset({"model", "stream"}),
            # Automatic caching: "Amazon Bedrock does not support" it, platform.claude.com, "Prompt caching".
            refuse=frozenset({"cache_control"}),
            set={"anthropic_version": "bedrock-2023-05-31"},
        ),
        links=False,
    ),
)

_WAYS: Mapping[str, _Way] = MappingProxyType({"anthropic": _INVOKE_CLAUDE})
"""By the maker in a model's id. All others are reached over Converse."""

_BETAS: Mapping[str, tuple[str, ...]] = MappingProxyType({"claude-opus-4-5": ("effort-2025-11-24",)})
"""Features that a model has only when they are asked for by name, by the beginning of its own name."""


class Bedrock(Struct, frozen=True):
    """Amazon Bedrock, let in by an AWS signature or by a Bedrock API key.

    `maker`: whose models all of a channel's are, where their ids do not tell (ARNs of application inference profiles).
    """

    name: str = "bedrock"
    maker: str | None = None

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        """Every way in, in every region. A region that api.yaml names goes before the one in `base_url`."""
        base_url = given.base_url or HOME
        regions = given.regions or (region_of(base_url) or _DEFAULT_REGION,)
        for region in regions:
            if not _REGION.match(region):
                raise Unfit("region", f'"{region}" is not an AWS region; write one such as us-east-1')
        sites = [Site(base_url=in_region(base_url, region), options={"region": region}) for region in regions]
        signed = [structs.replace(site, secrets=secrets) for site in sites if (secrets := _credentials(given))]
        keyed = [Door(site, key) for site in sites for key in given.keys]
        if doors := (*map(Door, signed), *keyed):
            return doors
        if _at_aws(base_url):
            raise Unfit(
                "provider",
                "missing credentials; write aws_access_key and aws_secret_key, or a Bedrock API key under api",
            )
        return tuple(Door(site) for site in sites)  # a proxy that signs for us

    def dialect(self, site: Site, model: str, /) -> str:
        return self._way(model).dialect

    def realm(self, site: Site, model: str, /) -> str:
        return "bedrock" if _at_aws(site.base_url) else f"bedrock:{parse(site.base_url).host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the path, as one segment."""
        way = self._way(model)
        action = way.stream if stream else way.whole
        accepted = "application/vnd.amazon.eventstream" if stream else "application/json"
        base = parse(door.site.base_url)
        return Address(
            url=base.url(f"{base.path}/model/{quote(model, safe='')}/{action}"),
            headers=(*JSON, ("accept", accepted), *bearer(door.key)),
            scheme=_scheme(door),
            sign=_sign(door),
            decoder=way.decoder,
            errors="converse",
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """For Claude as at its maker, for others as at hosts of the OpenAI format."""
        if self._way(model) is _INVOKE_CLAUDE:
            return Anthropic().hints(alias, model)
        return OpenAI().hints(alias, own_name(model))

    def quirks(self, site: Site, model: str, /) -> Quirks:
        way = self._way(model)
        betas = next((betas for start, betas in _BETAS.items() if own_name(model).startswith(start)), ())
        if way is not _INVOKE_CLAUDE or not betas:
            return way.quirks
        asked = Edits(default={"anthropic_beta": list(betas)})
        return structs.replace(way.quirks, edits=way.quirks.edits.then(asked))

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """Models that can be called by their own ids, then the profiles that others are called by."""
        root = control_root(door.site)

        def at(path: str) -> Address:
            return Address(
                url=root + path,
                headers=(("accept", "application/json"), *bearer(door.key)),
                scheme=_scheme(door),
                sign=_sign(door),
            )

        def read_profiles(body: bytes) -> Page:
            page = decoded(body, _Profiles)
            more = f"&nextToken={quote(page.next_token, safe='')}" if page.next_token else None
            names = tuple(profile.callable_name for profile in page.inference_profile_summaries)
            return Page(names, at(_PROFILES + more) if more else None)

        return (
            Listing(address=at("/foundation-models?byInferenceType=ON_DEMAND&byOutputModality=TEXT"), read=read_models),
            Listing(address=at(_PROFILES), read=read_profiles),
        )

    def _way(self, model: str) -> _Way:
        return _WAYS.get(self.maker or maker_of(model), _CONVERSE)


def maker_of(model: str) -> str:
    """Whose model an id or ARN names: `anthropic` of `us.anthropic.claude-...`. Empty where it does not tell."""
    maker, dot, _ = _bare(model).partition(".")
    return maker if dot else ""


def own_name(model: str) -> str:
    """A model's id without what stands before its own name: `claude-haiku-4-5-20251001-v1:0`."""
    bare = _bare(model)
    return bare.partition(".")[2] or bare


def _bare(model: str) -> str:
    """The id that an ARN ends with, or an id as it is, without a profile's geography."""
    return _GEOGRAPHY.sub("", model.rpartition("/")[2].lower(), count=1)


def lives_at(base_url: str) -> bool:
    """Whether a base URL names Bedrock's own API. Under `/openai` it speaks the OpenAI format instead."""
    return _at_aws(base_url) and "/openai" not in parse(base_url).path


def region_of(base_url: str) -> str | None:
    """The region that Bedrock's host names, in any of its forms: public, FIPS, dual stack, China, VPC endpoint."""
    labels = hostname(base_url).split(".")
    found = next((labels[at + 1] for at, label in enumerate(labels[:-1]) if label in _ENDPOINTS), "")
    return found if _REGION.match(found) else None


def in_region(base_url: str, region: str) -> str:
    """`base_url` with `region` for the one in its host. Other addresses stay as they are."""
    found = region_of(base_url) if _at_aws(base_url) else None
    return base_url if found in (None, region) else base_url.replace(f".{found}.", f".{region}.", 1)


def control_root(site: Site) -> str:
    """Where models are listed: a host of its own at AWS, else the same."""
    base = parse(site.base_url)
    if not _at_aws(site.base_url):
        return base.origin + base.path
    if ".vpce." in base.host:
        return f"https://bedrock.{_region(site)}.amazonaws.com"
    return base.origin.replace("bedrock-runtime", "bedrock", 1)


def _at_aws(base_url: str) -> bool:
    host = hostname(base_url)
    return host.endswith(_SUFFIXES) and not _ENDPOINTS.isdisjoint(host.split("."))


def _region(site: Site) -> str:
    return site.options.get("region") or region_of(site.base_url) or _DEFAULT_REGION


def _credentials(given: Given) -> Mapping[str, Secret]:
    """The access key with what belongs to it, or nothing. Raises Unfit when a part is missing."""
    if given.aws_access_key is None and given.aws_secret_key is None:
        if given.aws_session_token is not None:
            raise Unfit("aws_session_token", "a session token needs its aws_access_key and aws_secret_key")
        return {}
    if given.aws_access_key is None:
        raise Unfit("aws_secret_key", "the secret key needs its aws_access_key")
    if given.aws_secret_key is None:
        raise Unfit("aws_access_key", "the access key needs its aws_secret_key")
    secrets = {"access_key": given.aws_access_key, "secret_key": given.aws_secret_key}
    if given.aws_session_token is not None:
        secrets["session_token"] = given.aws_session_token
    return secrets


def _sign(door: Door) -> Sign | None:
    secrets = door.site.secrets
    if not secrets:
        return None
    return SigV4(
        access_key=secrets["access_key"],
        secret_key=secrets["secret_key"],
        session_token=secrets.get("session_token"),
        region=_region(door.site),
        service=_SERVICE,
    )


def _scheme(door: Door) -> str:
    return _SIGNATURE if door.site.secrets else BEARER if door.key else ""


# --- lists of models

_PROFILES = "/inference-profiles?maxResults=1000"


class _Model(Struct, rename="camel"):
    model_id: str


class _Models(Struct, rename="camel"):
    model_summaries: list[_Model]


class _Profile(Struct, rename="camel"):
    inference_profile_id: str
    inference_profile_arn: str
    type: str = "SYSTEM_DEFINED"

    @property
    def callable_name(self) -> str:
        """The ids of an account's own profiles say nothing; they are called by their ARNs."""
        return self.inference_profile_id if self.type == "SYSTEM_DEFINED" else self.inference_profile_arn


class _Profiles(Struct, rename="camel"):
    inference_profile_summaries: list[_Profile]
    next_token: str | None = None


def read_models(body: bytes) -> Page:
    """The ids of foundation models. Raises Fault for anything but a list of them."""
    return Page(tuple(model.model_id for model in decoded(body, _Models).model_summaries))
