"""Writes the room table of ARCHITECTURE.md from the room cards, which are the docstrings of the packages.

`python docs/rooms.py` rewrites the table; `--check` only tells whether it is as it should be (exit code 1: it is not).
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "uni_api"
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- rooms: written by docs/rooms.py -->", "<!-- /rooms -->"

ORDER = (
    "errors.py",
    "secret.py",
    "canon",
    "framing",
    "dialects",
    "providers",
    "config",
    "demo",
    "state",
    "routing",
    "accounts",
    "transport",
    "relay",
    "discovery",
    "server",
    "app.py",
    "cli.py",
)
"""From the ground up, as dependencies point."""


def table() -> str:
    rooms = [name for name in ORDER if _card(PACKAGE / name).exists()]
    unknown = {path.name for path in PACKAGE.iterdir() if path.suffix in ("", ".py")} - {*ORDER, "__pycache__"}
    if left_out := sorted(name for name in unknown if not name.startswith("__")):
        raise SystemExit(f"docs/rooms.py does not know the place of: {', '.join(left_out)}")
    rows = ["| room | what it holds | its rules |", "|---|---|---|"]
    return "\n".join([*rows, *(_row(name) for name in rooms)])


def _card(path: Path) -> Path:
    """The file whose docstring is the card of the room, or of the single module, at `path`."""
    return path if path.suffix else path / "__init__.py"


def _row(name: str) -> str:
    path = PACKAGE / name
    card = ast.get_docstring(ast.parse(_card(path).read_text())) or ""
    title, _, rest = card.partition("\n")
    shown = name if path.suffix else f"{name}/"
    holds = title if path.suffix else title.partition(": ")[2] or title
    rules = re.findall(r"^Rule \d+: (.*(?:\n(?!Rule|\n).*)*)", rest, re.MULTILINE)
    said = "<br>".join(f"{number}. {' '.join(rule.split())}" for number, rule in enumerate(rules, 1))
    return f"| [`{shown}`](src/uni_api/{name}) | {_cell(holds)} | {_cell(said)} |"


def _cell(text: str) -> str:
    if "." not in text.partition(" ")[0]:
        text = text[:1].upper() + text[1:]
    return text.replace("|", "\\|").replace("*", "\\*").replace("<->", "↔").replace("->", "→")


def main(words: list[str]) -> int:
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        print(f"{PAGE.name} has no place for the table", file=sys.stderr)
        return 1
    wanted = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if words == ["--check"]:
        if page != wanted:
            print(f"the room table of {PAGE.name} is not that of the room cards; run: make rooms", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
