"""Vertex AI: models of Google, and those of other makers that it hosts, each in its own format.

Source: cloud.google.com/vertex-ai/generative-ai/docs, "Locations", "Express mode", "Claude", "Mistral AI", "AI21",
"Call open model APIs"; platform.claude.com, "Claude on Vertex AI"; endpoint rules of google-genai 3.4 and of the SDK of
Anthropic (read 2026-11-24).
"""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from types import MappingProxyType

from msgspec import Struct, structs

from uni_api.dialects.edits import Edits
from uni_api.errors import Fault
from uni_api.providers._address import BEARER, JSON, accept, bearer, hostname, is_jwt, is_version, parse, segment
from uni_api.providers.anthropic import Anthropic
from uni_api.providers.base import (
    NO_QUIRKS,
    Address,
    Door,
    Endpoint,
    Given,
    Grant,
    Headers,
    Hints,
    Lacking,
    Listing,
    Page,
    Quirks,
    Site,
    Unfit,
)
from uni_api.providers.gemini import Gemini
from uni_api.providers.google_token import TOKEN_URI, ServiceAccount, SignedInUser, check_key, read_credentials
from uni_api.providers.listings import ASK, decoded, listing, with_query
from uni_api.providers.openai import OpenAI
from uni_api.providers.vertex_models import Model, parsed
from uni_api.secret import Secret

HOME = "https://aiplatform.googleapis.com"

_GLOBAL = "global"
_MULTI_REGIONS = frozenset({"us", "eu"})
_REGION = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_AT_GOOGLE = re.compile(r"(?:(?P<region>[a-z0-9-]+)-)?aiplatform\.(?:(?P<multi>[a-z]+)\.rep\.)?googleapis\.com\Z")
_IN_PATH = re.compile(r"/(?:projects/(?P<project>[^/]+)(?:/locations/(?P<region>[^/]+))?|publishers)(?:/.*)?\Z")

_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_USUAL_FILE = ".config/gcloud/application_default_credentials.json"

_GRANT = "access token of a Google account"
_API_KEY = "x-goog-api-key"


class _Way(Struct, frozen=True, kw_only=True):
    """One of the APIs for chat. `whole` and `stream` are the methods on a model; without them it is one of a region.

    `named`: the body names the model, by its publisher and name where there are no methods.
    """

    dialect: str
    whole: str = ""
    stream: str = ""
    query: str = ""
    named: bool = False
    quirks: Quirks = NO_QUIRKS


_GENERATE = _Way(dialect="gemini_vertex", whole="generateContent", stream="streamGenerateContent", query="alt=sse")
_CLAUDE = _Way(
    dialect="anthropic",
    whole="rawPredict",
    stream="streamRawPredict",
    quirks=Quirks(
        edits=Edits(drop=frozenset({"model"}), set={"anthropic_version": "vertex-2023-10-16"}),
        links=False,
    ),
)
_RAW = _Way(dialect="openai_chat", whole="rawPredict", stream="streamRawPredict", named=True)
_OPEN = _Way(dialect="openai_chat", named=True)

_WAYS: Mapping[str, _Way] = MappingProxyType(
    {"google": _GENERATE, "anthropic": _CLAUDE, "mistralai": _RAW, "ai21": _RAW}
)
"""By publisher. The models of all others are reached in the OpenAI format."""

_MAAS = "-maas"
"""The end of the names of Google's own open models (gemma), which are reached as those of other makers."""


class Vertex(Struct, frozen=True):
    """Vertex AI, let in by a Google account (its token renewed in time), by an API key, or by a token as it is.

    `publisher`: whose models all of a channel's are, where their names do not tell.
    """

    name: str = "vertex"
    publisher: str | None = None

    # --- ways in

    def doors(self, given: Given, /) -> tuple[Door, ...]:
        """Every way in: each project and key in each region. Raises Unfit, and Lacking without any credentials."""
        base_url = given.base_url or HOME
        if given.private_key is None and given.credentials is None and given.keys:
            return tuple(_keyed(given, base_url))
        account = _account(given)
        if account is None:
            sites = tuple(_sites(base_url, given.projects, given.regions))
            raise Lacking(
                "credentials",
                "missing credentials; write client_email and private_key of a service account, an API key under api, "
                f"or name a credentials file, here or in the environment variable {_VARIABLE}",
                variable=_VARIABLE,
                file=_USUAL_FILE,
                otherwise=() if _AT_GOOGLE.match(hostname(base_url)) else tuple(map(Door, sites)),
            )
        projects = given.projects or _only(account.options.get("project"))
        return tuple(
            Door(structs.replace(site, options={**account.options, **site.options}, secrets=account.secrets))
            for site in _sites(base_url, projects, given.regions)
        )

    # --- what is spoken

    def dialect(self, site: Site, model: str, /) -> str:
        return self._way(model).dialect

    def realm(self, site: Site, model: str, /) -> str:
        """One for all regions and projects. Nothing says that what Vertex AI sealed can be opened at the maker's."""
        publisher = self._model(model).publisher or "google"
        host = "" if _at_vertex(site.base_url) else f":{parse(site.base_url).host}"
        return f"vertex/{publisher}{host}"

    def address(self, door: Door, model: str, *, stream: bool) -> Address:
        """The model travels in the path, but for open models. Raises Fault where a project is needed and none given."""
        way, grant = self._way(model), _grant(door.site)
        entry, scheme = _entry(door)
        base = parse(door.site.base_url)
        query = "&".join(filter(None, (base.query.removeprefix("?"), way.query if stream else "")))
        url = f"{base.origin}{self._path(door, way, self._model(model), stream)}" + (f"?{query}" if query else "")
        return Address(
            url=url,
            headers=(*JSON, accept(stream=stream), *_payer(door.site), *entry),
            scheme=_GRANT if grant else scheme,
            grant=grant,
        )

    def hints(self, alias: str, model: str, /) -> Hints:
        """As at the maker of the model."""
        match self._way(model).dialect:
            case "anthropic":
                return Anthropic().hints(alias, model)
            case "openai_chat":
                return OpenAI().hints(alias, self._model(model).name)
            case _:
                return Gemini().hints(alias, model)

    def quirks(self, site: Site, model: str, /) -> Quirks:
        way, found = self._way(model), self._model(model)
        if not way.named:
            return way.quirks
        name = found.name if way.whole else f"{found.publisher}/{found.name}"
        return Quirks(edits=Edits(set={"model": name}), developer=False)

    def endpoint(self, door: Door, kind: Endpoint, model: str, /) -> Address | None:
        return None

    def listings(self, door: Door, /) -> tuple[Listing, ...]:
        """The catalogues of Google and of Anthropic; what of them a project may use, no list tells."""
        publishers = (self.publisher,) if self.publisher else ("google", "anthropic")
        grant = _grant(door.site)
        entry, scheme = _entry(door)
        root = _root(door.site, "v1beta1")

        def at(publisher: str) -> Address:
            url = f"{root}/publishers/{publisher}/models"
            return Address(
                url=url, headers=(*ASK, *_payer(door.site), *entry), scheme=_GRANT if grant else scheme, grant=grant
            )

        return tuple(
            listing(with_query(at(each), pageSize="100"), partial(read_models, _NAMED[each])) for each in publishers
        )

    def _model(self, model: str) -> Model:
        return parsed(model, self.publisher)

    def _way(self, model: str) -> _Way:
        found = self._model(model)
        if found.publisher == "google" and found.name.lower().endswith(_MAAS):
            return _OPEN
        return _WAYS.get(found.publisher, _OPEN) if found.publisher else _GENERATE

    def _path(self, door: Door, way: _Way, model: Model, stream: bool) -> str:
        site, options = door.site, door.site.options
        root = parse(_root(site, "v1")).path
        project, region = options.get("project"), options.get("region", _GLOBAL)
        express = door.key is not None and not is_token(door.key) and way is _GENERATE and model.publisher
        if project is not None and not express:
            root += f"/projects/{segment(project)}/locations/{segment(region)}"
        elif not way.whole or not model.publisher:
            raise Fault("not_found", f"Vertex AI has {model.name!r} in a project only; write project_id.")
        if not way.whole:
            return f"{root}/endpoints/openapi/chat/completions"
        kind = f"publishers/{segment(model.publisher)}/models" if model.publisher else "endpoints"
        return f"{root}/{kind}/{_name(model.name)}:{way.stream if stream else way.whole}"


def _name(name: str) -> str:
    """A model's name in a path, where the `@` before its version stays as it is."""
    return segment(name).replace("%40", "@")


def lives_at(base_url: str) -> bool:
    """Whether a base URL names Vertex AI: by its host, or by Cloudflare's gateway to it."""
    return _at_vertex(base_url)


def _at_vertex(base_url: str) -> bool:
    return _AT_GOOGLE.match(hostname(base_url)) is not None or "/google-vertex-ai" in parse(base_url).path


# --- sites


def in_region(base_url: str, region: str) -> str:
    """Google's host for `region`. Other addresses stay as they are."""
    if _AT_GOOGLE.match(hostname(base_url)) is None:
        return base_url
    base = parse(base_url)
    if region == _GLOBAL:
        host = "aiplatform.googleapis.com"
    elif region in _MULTI_REGIONS:
        host = f"aiplatform.{region}.rep.googleapis.com"
    else:
        host = f"{region}-aiplatform.googleapis.com"
    return f"https://{host}{base.path}{base.query}"


def region_of(base_url: str) -> str:
    """The region that an address names, in its path or in Google's host."""
    if (found := _IN_PATH.search(parse(base_url).path)) and found["region"]:
        return found["region"]
    host = _AT_GOOGLE.match(hostname(base_url))
    return (host["region"] or host["multi"] if host else None) or _GLOBAL


def _sites(base_url: str, projects: tuple[str, ...], regions: tuple[str, ...]) -> Iterable[Site]:
    """One for each project in each region. Raises Unfit without a project."""
    found = _IN_PATH.search(parse(base_url).path)
    projects = projects or _only(found["project"] if found else None)
    if not projects:
        raise Unfit("project_id", "missing project_id; write the Google Cloud project, such as project_id: my-project")
    for project in projects:
        yield from (
            Site(base_url=in_region(base_url, region), options={"project": project, "region": region})
            for region in _regions(base_url, regions)
        )


def _regions(base_url: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    for region in regions:
        if not _REGION.match(region):
            raise Unfit("region", f'"{region}" is not a region of Google Cloud; write one such as us-east5, or global')
    return regions or (region_of(base_url),)


def _only(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


def _root(site: Site, version: str) -> str:
    """The URL under which everything stands, with the version that the address names, or `version`."""
    base = parse(site.base_url)
    path = _IN_PATH.sub("", base.path)
    return f"{base.origin}{path}" if is_version(path.rpartition("/")[2]) else f"{base.origin}{path}/{version}"


# --- credentials


def _keyed(given: Given, base_url: str) -> Iterable[Door]:
    """The doors of keys. Tokens need a project: the one there is, or each the one at its own place in the list."""
    projects = given.projects
    if len(projects) > 1 and len(projects) != len(given.keys):
        raise Unfit(
            "project_id", f"{len(projects)} projects and {len(given.keys)} keys; write one project, or one for each key"
        )
    for place, key in enumerate(given.keys):
        own = projects[place : place + 1] if len(projects) > 1 else projects
        if is_token(key):
            yield from (Door(site, key) for site in _sites(base_url, own, given.regions))
        else:
            options = {"region": region_of(base_url), **({"project": own[0]} if own else {})}
            yield Door(Site(base_url=base_url, options=options), key)


def is_token(key: Secret) -> bool:
    """Whether a key is an access token (`ya29.`, or a JWT) and no API key (`AQ.`, `AIza`)."""
    return key.reveal().startswith("ya29.") or is_jwt(key)


def _account(given: Given) -> Site | None:
    """A site's options and secrets of the account that is given, or None. Raises Unfit when a part is missing."""
    token_uri = given.token_uri or TOKEN_URI
    if given.private_key is not None:
        if given.client_email is None:
            raise Unfit("client_email", "missing client_email; write the e-mail address that belongs to private_key")
        check_key(given.private_key, "private_key")
        options = {"client_email": given.client_email, "token_uri": token_uri}
        return Site(base_url="", options=options, secrets={"private_key": given.private_key})
    if given.credentials is None:
        if given.client_email is not None:
            raise Unfit("private_key", "missing private_key; write the private key of the account in client_email")
        return None
    file = read_credentials(given.credentials)
    more = {"project": file.project, "payer": file.quota_project, "token_uri": given.token_uri or file.grant.token_uri}
    match file.grant:
        case ServiceAccount() as account:
            more |= {"client_email": account.client_email, "key_id": account.key_id}
            secrets = {"private_key": account.private_key}
        case SignedInUser() as user:
            more |= {"client_id": user.client_id}
            secrets = {"client_secret": user.client_secret, "refresh_token": user.refresh_token}
    return Site(base_url="", options={name: value for name, value in more.items() if value}, secrets=secrets)


def _grant(site: Site) -> Grant | None:
    options, secrets = site.options, site.secrets
    if "private_key" in secrets:
        return ServiceAccount(
            client_email=options["client_email"],
            private_key=secrets["private_key"],
            key_id=options.get("key_id", ""),
            token_uri=options["token_uri"],
        )
    if "refresh_token" in secrets:
        return SignedInUser(
            client_id=options["client_id"],
            client_secret=secrets["client_secret"],
            refresh_token=secrets["refresh_token"],
            token_uri=options["token_uri"],
        )
    return None


def _entry(door: Door) -> tuple[Headers, str]:
    """The header that shows the key, and what that is called."""
    if door.key is None:
        return (), ""
    if is_token(door.key):
        return bearer(door.key), BEARER
    return ((_API_KEY, door.key.reveal()),), _API_KEY


def _payer(site: Site) -> Headers:
    """A signed-in user's calls count for a project that is named beside the token."""
    payer = site.options.get("payer")
    return (("x-goog-user-project", payer),) if payer else ()


# --- lists of models

_NAMED: Mapping[str, str] = MappingProxyType({"google": "gemini-", "anthropic": "claude-"})
"""How the chat models of a publisher begin. Its catalogue holds models for anything."""


class _Published(Struct):
    name: str = ""


class _Catalogue(Struct, rename="camel"):
    publisher_models: list[_Published] = []
    next_page_token: str | None = None


def read_models(start: str, address: Address, body: bytes) -> Page:
    """The names that begin with `start`, without `publishers/.../models/`. Raises Fault for anything else."""
    found = decoded(body, _Catalogue)
    names = (model.name.rpartition("/")[2] for model in found.publisher_models)
    more = with_query(address, pageToken=found.next_page_token) if found.next_page_token else None
    following = None if more is None or more.url == address.url else more
    return Page(tuple(name for name in names if name.startswith(start)), following)
