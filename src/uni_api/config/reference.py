"""The tables of docs/configuration.md, written from the schema.

    python -m uni_api.config.reference docs/configuration.md

rewrites what stands between `<!-- keys: NAME -->` and `<!-- end -->` in the page. The gateway does not import this.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from uni_api.config import schema
from uni_api.config.section import Section
from uni_api.providers.presets import PRESETS

SECTIONS: Mapping[str, type[Section]] = MappingProxyType(
    {
        "document": schema.Document,
        "providers": schema.ProviderEntry,
        "provider preferences": schema.ProviderPreferences,
        "api_keys": schema.ClientEntry,
        "client preferences": schema.ClientPreferences,
        "preferences": schema.Preferences,
        "timeout_policy": schema.TimeoutPolicy,
        "timeout_policy rules": schema.TimeoutRule,
        "timeout_policy match": schema.TimeoutMatch,
        "timeouts": schema.Timeouts,
        "exclude_request_rules": schema.ExcludeRule,
        "exclude_request_rules match": schema.ExcludeMatch,
        "search_defaults": schema.SearchDefaults,
        "hedging": schema.Hedging,
        "affinity": schema.Affinity,
    }
)
"""Every section of the file by the name of its table."""

_BLOCK = re.compile(r"(<!-- keys: (?P<name>[a-z_ ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(cls: type[Section]) -> str:
    """A Markdown table of the keys of a section. A key with a dagger has no effect yet."""
    rows = ["| key | value | when absent | meaning |", "|---|---|---|---|"]
    for key in cls.keys.values():
        name = f"`{key.name}`" + ("" if key.effective else " †")
        absent = "**required**" if key.required else key.default
        rows.append(f"| {name} | {key.kind.says} | {absent} | {key.doc} |")
    return "\n".join(rows) + "\n"


def hosts() -> str:
    """A Markdown table of the hosts that need no base_url."""
    rows = ["| provider | base_url |", "|---|---|", *(f"| `{name}` | `{url}` |" for name, url in PRESETS.items())]
    return "\n".join(rows) + "\n"


def render(page: str) -> str:
    """`page` with its tables as the schema has them now. Raises KeyError for a table of an unknown section."""

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        body = hosts() if name == "hosts" else table(SECTIONS[name])
        return f"{match[1]}{body}{match[3]}"

    return _BLOCK.sub(fill, page)


def main(arguments: list[str]) -> None:
    for name in arguments:
        path = Path(name)
        path.write_text(render(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
