"""The whole of api.yaml: every key with its kind and its documentation.

What stands here is the reference: docs/configuration.md takes its tables from it (`python -m
uni_api.config.reference`). `effective=False` marks a key that does nothing yet, with all that stands under it.
"""

from typing import get_args

from uni_api.config import kinds, sharing, values
from uni_api.config.plan import Scheduling
from uni_api.config.section import Key, Section, section, switch

_GLOBS = kinds.listed(kinds.text())
_WORDS = kinds.listed(kinds.text())
_SECONDS = kinds.number("a number of seconds")
_TIMEOUT = kinds.per_model(kinds.number("a number of seconds", above=0))


class Timeouts(Section):
    """Seconds for the phases of a call."""

    says = "a map of timeouts in seconds"

    connect = Key(_SECONDS, "For a connection to be made.")
    write = Key(_SECONDS, "For a piece of the request to be sent.")
    pool = Key(
        _SECONDS,
        "To wait for a free connection. Connections are not limited, so nobody waits; where `connect` is not given, "
        "this is taken for it.",
    )
    first_byte = Key(
        _SECONDS, "From the end of the request to the first content. Pings and pieces without content do not count."
    )
    idle = Key(_SECONDS, "Between two pieces of the answer.")
    total = Key(_SECONDS, "For the whole call.")


class TimeoutMatch(Section):
    """What a timeout rule applies to. Every key given must match; a list matches when one of its items does."""

    says = "a map of conditions"

    endpoint = Key(_GLOBS, "The path that the client calls.")
    stream = Key(kinds.flag, "Whether the answer is streamed.")
    request_type = Key(_GLOBS, "The kind of request, such as chat.")
    method = Key(_GLOBS, "The HTTP method.")
    engine = Key(_GLOBS, "The channel's engine.")
    provider = Key(_GLOBS, "The channel's name.")
    model = Key(_GLOBS, "The model by either of its names.")
    request_model = Key(_GLOBS, "The model by the name that the client uses.")
    upstream_model = Key(_GLOBS, "The model by the name that the upstream uses.")
    role = Key(_GLOBS, "The role of the client's key.")

    def words(self, name: str) -> tuple[str, ...]:
        """What the fact `name` has to be one of; empty when it does not matter."""
        found: tuple[str, ...] = self._values.get(name, ())
        return found


class TimeoutRule(Section):
    """Timeouts for the calls that match."""

    says = "a map with match and timeout"

    match = Key(section(TimeoutMatch), "Which calls the rule is for.")
    timeout = Key(section(Timeouts), "The timeouts of these calls.")


class TimeoutPolicy(Section):
    """Timeouts by phase. The most specific rule that matches wins."""

    says = "a map with default and rules"

    default = Key(section(Timeouts), "For calls that no rule matches.")
    rules = Key(kinds.listed(section(TimeoutRule)), "Timeouts for particular calls.")


class ExcludeMatch(Section):
    """What an exclusion applies to. Lists match when one item does; `*` and `prefix*` are allowed."""

    says = "a map of conditions"

    endpoint = Key(_GLOBS, "The path that the client calls.")
    request_model = Key(_GLOBS, "The model by the name that the client uses.")
    upstream_model = Key(_GLOBS, "The model by the name that the upstream uses.")
    reasoning_effort = Key(_GLOBS, "The reasoning effort asked for.")
    request_type = Key(_GLOBS, "The kind of request, such as chat.")


class ExcludeRule(Section):
    """Calls that the channel does not take."""

    says = "a map with match"

    match = Key(section(ExcludeMatch), "Which calls are excluded.")


class SearchDefaults(Section):
    """Parameters of search calls that the client leaves out."""

    says = "a map of search parameters"

    topic = Key(kinds.text(), "The topic, such as general or news.")
    search_depth = Key(kinds.text(), "basic or advanced.")
    chunks_per_source = Key(kinds.whole("a number"), "Pieces of text taken from each source.")
    max_results = Key(kinds.whole("a number"), "The largest number of results.")


class Hedging(Section):
    """Asking a second channel before the first has failed. See [hedging](#asking-twice)."""

    says = "a map with enabled, after, max_inflight_attempts and max_extra"

    enabled = Key(kinds.flag, "Whether to hedge.", default="`false`")
    after = Key(
        kinds.number("a number of seconds", above=0),
        "Seconds without content after which another channel is asked.",
        default="`5`",
    )
    max_inflight_attempts = Key(
        kinds.whole("a number", least=1), "Most attempts at one time, the first included, 1 to 4.", default="`2`"
    )
    max_extra = Key(
        kinds.number("a number of percent"),
        "How many requests in a hundred may cause an extra attempt.",
        default="`10`",
    )
    winner_policy = Key(kinds.text(), "Which answer wins: always the one that shows content first.", effective=False)


class Affinity(Section):
    """Keeping a conversation where it was. See [affinity](#affinity)."""

    says = "a map with seconds and by"

    seconds = Key(
        kinds.number("a number of seconds", above=0),
        "Seconds after its last answer for which a conversation is kept where it was.",
        default="`600`",
    )
    by = Key(
        kinds.choice("prefix", "session"),
        "How a conversation is known again: `session`, by the header `x-session-id`; `prefix`, where there is no such "
        "header, by how it begins.",
        default="`prefix`",
    )


_EXCLUDE_ENDPOINTS = "Paths for which the channel is not used."
_ONLY_TYPES = "The kinds of request for which the channel is used."
_EXCLUDE_TYPES = "The kinds of request for which the channel is not used."
_EXCLUDE_RULES = "Calls for which the channel is not used, by several conditions at once."
_MAX_BODY = "The largest request body, in bytes, that the channel is given."


class ProviderPreferences(Section):
    """`providers[].preferences`: how one channel behaves."""

    says = "a map of preferences"

    api_key_rate_limit = Key(
        kinds.per_model(values.limits),
        "How often each key of the channel may be used, such as `15/min` or `15/min,10/day`, and for how many tokens, "
        "such as `100000/tpm`; or a map from the upstream's names of models to limits with `default`. `N/tpr` allows "
        "at most N tokens in a request. See [keys](#several-keys).",
        default="no limit",
    )
    api_key_cooldown_period = Key(
        _SECONDS,
        "Seconds for which a key rests after a failure that is its own, when there are several. See "
        "[keys that rest](#keys-that-rest).",
        default="none, but a minute for a key that was refused",
    )
    api_key_quota_cooldown_period = Key(
        _SECONDS, "Seconds for which a key rests once its quota is used up.", default="`21600`, six hours"
    )
    api_key_rate_limit_cooldown_period = Key(
        _SECONDS,
        "Seconds for which a key rests after a 429, or longer when the upstream says so.",
        default="that of `api_key_cooldown_period`",
    )
    api_key_schedule_algorithm = Key(
        kinds.choice("round_robin", "random", "fixed_priority", "smart_round_robin"),
        "The order in which several keys are used: `round_robin`, `random`, `fixed_priority` (always the first that "
        "can be used) or `smart_round_robin` (in turn, those that worked most often over the last three days first).",
        default="`round_robin`",
    )
    cooldown_period = Key(_SECONDS, "As the global `cooldown_period`, for this channel.", default="the global value")
    model_timeout = Key(
        _TIMEOUT,
        "Seconds of silence to bear from the upstream, before its first content and between two pieces: a number, or "
        "a map from model names to numbers with `default`. See [timeouts](#timeouts).",
        default="the global value",
    )
    keepalive_interval = Key(
        kinds.per_model(_SECONDS),
        "Seconds between the comments that keep a silent stream open; a number or a map as above.",
        default="the global value",
    )
    timeout_policy = Key(
        section(TimeoutPolicy), "Timeouts by phase and condition, stronger than the global ones.", default="none"
    )
    proxy = Key(
        values.proxy,
        "The proxy for this channel: `http://`, `https://`, `socks5://` or `socks5h://`, with `user:password@` where "
        "it needs them.",
        default="the global proxy",
    )
    headers = Key(values.headers, "Headers set on every request to the upstream.")
    passthrough_request_headers = Key(_WORDS, "Headers of the client that are passed on.", effective=False)
    post_body_parameter_overrides = Key(
        kinds.fields,
        "Fields set in every request body. A key that is the name of one of the channel's models holds fields for that "
        "model alone. `__remove__` lists fields to take out.",
    )
    normalize_reasoning = Key(
        kinds.flag,
        "`true` gives clients the model's thinking as `reasoning_content`, whichever way the upstream spells it. "
        "Otherwise an answer that needs no translation is passed on as it comes.",
        default="`false`",
    )
    search_defaults = Key(section(SearchDefaults), "Parameters of search calls.", effective=False)
    exclude_endpoints = Key(_GLOBS, _EXCLUDE_ENDPOINTS, effective=False)
    only_request_types = Key(_GLOBS, _ONLY_TYPES, effective=False)
    exclude_request_types = Key(_GLOBS, _EXCLUDE_TYPES, effective=False)
    exclude_request_rules = Key(kinds.listed(section(ExcludeRule)), _EXCLUDE_RULES, effective=False)
    max_request_body_bytes = Key(kinds.whole("a number of bytes"), _MAX_BODY, effective=False)
    responses_stream_commit_policy = Key(
        kinds.text(), "When a stream of the Responses API counts as begun.", effective=False
    )


class ProviderEntry(Section):
    """`providers[]`: one channel, which is one account at one host."""

    says = "a map with provider, base_url, api and model"

    provider = Key(
        kinds.text(),
        "The channel's name. Any text without `/`. Two channels may share a name; each keeps its own keys. The name "
        "of a [well-known host](#well-known-hosts) stands for its address.",
        required="write the channel's name, such as provider: openai",
    )
    base_url = Key(
        values.url,
        "The address of the API, in [any usual form](#addresses).",
        default="that of the engine or of the well-known host",
    )
    api = Key(
        kinds.listed(kinds.token("the API key")),
        "The API key, or a list of keys that take turns.",
        default="none is sent",
    )
    model = Key(
        values.models,
        "The models: a list of names, or of `upstream-name: name-for-clients`. See [models](#models).",
        default="what the host lists",
    )
    tools = Key(kinds.flag, "`false` takes tools out of requests instead of letting them fail.", default="`true`")
    image = Key(kinds.flag, "`false` takes images out of requests.", default="`true`")
    engine = Key(
        kinds.text(),
        "What the upstream is, when its address does not tell: `gpt`, `responses`, `claude`, `gemini`, `openrouter`, "
        "`cohere`, `ollama`, `azure`, `databricks`, `cloudflare`, `github`, `vertex` (`vertex-gemini`, "
        "`vertex-claude`), `aws` (`bedrock-claude` where ids hide that all models are Claude), or `demo` for answers "
        "without any upstream. See [addresses](#addresses).",
        default="told by the address",
    )
    notes = Key(kinds.ignored, "Anything you want to remember. Not read.")
    preferences = Key(section(ProviderPreferences), "How the channel behaves; see below.")
    project_id = Key(
        _WORDS,
        "The Google Cloud project (Vertex AI). A list takes turns; beside a list of keys under `api`, each project "
        "belongs to the key at its own place.",
        default="that of the credentials file",
    )
    private_key = Key(
        kinds.secret("the private key"),
        "The private key of a Google service account (Vertex AI); `\\n` may stand for its line breaks.",
    )
    client_email = Key(kinds.text(), "The e-mail address of that service account.")
    credentials = Key(
        kinds.text(),
        "The JSON file of a service account, or the one that `gcloud auth application-default login` writes (Vertex "
        "AI).",
        default="where there is no other key: the file in `GOOGLE_APPLICATION_CREDENTIALS`, else that of gcloud",
    )
    token_uri = Key(
        values.url,
        "Where access tokens are got (Vertex AI).",
        default="that of the credentials file, else `https://oauth2.googleapis.com/token`",
    )
    region = Key(
        _WORDS,
        "A region, or a list of them that take turns (AWS Bedrock, Vertex AI).",
        default="that of `base_url`, else `us-east-1`; `global` for Vertex AI",
    )
    cf_account_id = Key(
        kinds.text(),
        "The id of a Cloudflare account, for Workers AI. The `base_url` that has it in its path does as well.",
    )
    aws_access_key = Key(
        kinds.token("the access key"),
        "The access key of an AWS account, for Bedrock. A Bedrock API key under `api` does as well.",
    )
    aws_secret_key = Key(kinds.token("the secret key"), "The secret key that belongs to `aws_access_key`.")
    aws_session_token = Key(
        kinds.token("the session token"), "The session token, where `aws_access_key` is one that does not last."
    )
    exclude_endpoints = Key(_GLOBS, _EXCLUDE_ENDPOINTS, effective=False)
    only_request_types = Key(_GLOBS, _ONLY_TYPES, effective=False)
    exclude_request_types = Key(_GLOBS, _EXCLUDE_TYPES, effective=False)
    exclude_request_rules = Key(kinds.listed(section(ExcludeRule)), _EXCLUDE_RULES, effective=False)
    max_request_body_bytes = Key(kinds.whole("a number of bytes"), _MAX_BODY, effective=False)


_RATE_LIMIT = (
    "How often the key may be used for each model, such as `15/min` or `15/min,10/day`, and how many tokens it may "
    "use, such as `100000/tpm`; or a map from model names to limits with `default`. See [limits](#limits)."
)


class ClientPreferences(Section):
    """`api_keys[].preferences`: how requests with one client key are handled."""

    says = "a map of preferences"

    scheduling = Key(
        kinds.choice(*get_args(Scheduling)),
        "The order in which channels are tried; see [which channel is tried first](#which-channel-is-tried-first).",
        name="SCHEDULING_ALGORITHM",
        default="`fixed_priority`",
    )
    auto_retry = Key(
        values.retry,
        "What happens when a channel fails: `true` tries every channel in turn, and again what may pass; `false` or "
        "`0` makes one try; a number n tries every channel, and n times more. See [failures](#when-a-channel-fails).",
        name="AUTO_RETRY",
        default="`true`",
    )
    rate_limit = Key(kinds.per_model(values.limits), _RATE_LIMIT, default="no limit")
    old_rate_limit = Key(
        kinds.per_model(values.limits),
        "An older spelling of `rate_limit`, which goes before it where both are given.",
        name="RATE_LIMIT",
    )
    moderation = Key(
        kinds.flag,
        "Whether what the user says is checked by a moderation model, which the key must be able to use. See "
        "[moderation](#moderation).",
        name="ENABLE_MODERATION",
        default="`false`",
    )
    moderation_failure = Key(
        kinds.choice("refuse", "allow"),
        "What becomes of a request that could not be checked.",
        default="`refuse`",
    )
    credits = Key(
        kinds.number("an amount in dollars", least=-1),
        "US dollars that the key may spend; `0` for none, `-1` for no limit. See [credits](#credits).",
        default="no limit",
    )
    created_at = Key(
        values.moment,
        "From when on spending counts. A new date lets it begin anew.",
        default="the key's first request",
    )


class ClientEntry(Section):
    """`api_keys[]`: one key that clients may use."""

    says = "a map with api and model"

    api = Key(
        kinds.token("the client's key"),
        "The key that a client sends. Make it long and random.",
        required="write the key that clients are to send, such as api: sk-<long random text>",
    )
    model = Key(
        values.rules,
        "What the key may use, in order of preference; see [model rules](#model-rules).",
        default="everything",
    )
    role = Key(
        kinds.text(),
        "A name for the key, which rules of a `timeout_policy` may ask for. A role that contains `admin` is for "
        "administration endpoints, of which there are none yet.",
        default="none; the first key is admin when none has such a role",
    )
    notes = Key(kinds.ignored, "Anything you want to remember. Not read.")
    preferences = Key(section(ClientPreferences), "How the key's requests are handled; see below.")


class Preferences(Section):
    """`preferences`: what holds for all channels that say nothing else."""

    says = "a map of preferences"

    model_timeout = Key(
        _TIMEOUT,
        "Seconds of silence to bear from an upstream: a number, or a map from model names to numbers with `default`. "
        "See [timeouts](#timeouts).",
        default="environment variable `TIMEOUT`, else `100`",
    )
    proxy = Key(values.proxy, "The proxy for every channel that names none.", default="none")
    cooldown_period = Key(
        _SECONDS,
        "Seconds for which a channel rests, for the model asked for, after a failure; `0` for no rest. See [channels "
        "that rest](#channels-that-rest).",
        default="`300`",
    )
    rate_limit = Key(
        values.limits,
        "How many requests all keys together may send, and how many tokens they may use. See [limits](#limits).",
        default="no limit",
    )
    keepalive_interval = Key(
        kinds.per_model(_SECONDS),
        "Seconds between the comments that keep a silent stream open; a number, or a map from model names to numbers "
        "with `default`. `99999` turns them off. See [keeping streams open](#keeping-streams-open).",
        default="off",
    )
    error_triggers = Key(
        _WORDS,
        "An answer that contains one of these texts is a failure, and the next channel is tried. Of a stream, what "
        "comes up to the first content is looked at.",
        default="none",
    )
    model_price = Key(
        kinds.per_model(values.price),
        "US dollars for a million tokens, as `input,output`, by the beginning of the name that clients use, with "
        "`default`. See [credits](#credits).",
        default="the prices that `genai-prices` knows, else `0.3,1`",
    )
    timeout_policy = Key(
        section(TimeoutPolicy), "Timeouts by phase and condition. See [timeouts](#timeouts).", default="none"
    )
    affinity = Key(
        switch(Affinity),
        "Whether a conversation is kept on the channel and key that served it last, so that their caches of prompts "
        "serve it too. See [affinity](#affinity).",
        default="`false`",
    )
    hedging = Key(
        section(Hedging),
        "Asking a second channel before the first has failed. See [asking twice](#asking-twice).",
        default="off",
    )
    moderation = Key(
        kinds.flag, "Has no meaning at this level; set it on a key.", name="ENABLE_MODERATION", effective=False
    )
    state = Key(
        sharing.store,
        "The Redis or Valkey in which several processes share limits, cooldowns, cursors and balances, such as "
        "`redis://:password@host:6379/0`; also `rediss://` and `unix://`. Needs the package `redis` "
        "(`pip install 'uni-api[redis]'`). See [shared state](operations.md#shared-state).",
        default="environment variable `UNI_API_STATE_URL`, else each process counts for itself",
    )
    video_providers = Key(kinds.data, "Settings of video providers.", effective=False)


class Document(Section):
    """The whole file."""

    says = "a map with providers and api_keys"

    providers = Key(
        kinds.items(section(ProviderEntry), "a list of providers, each beginning with a dash"),
        "The channels.",
        required="list at least one channel under providers:",
    )
    api_keys = Key(
        kinds.items(section(ClientEntry), "a list of client keys, each beginning with a dash"),
        "The keys that clients may use.",
        required="no client could ever get in; list at least one key under api_keys:, as - api: sk-<long random text>",
    )
    preferences = Key(section(Preferences), "What holds for everything.")
    notes = Key(kinds.ignored, "Anything you want to remember. Not read.")
    video = Key(kinds.data, "Settings of video generation.", effective=False)
