"""The ledger of what could not be said in the target's dialect. Nothing is lost silently."""

from typing import Any, Literal

from msgspec import Struct

from uni_api.canon.parts import Rest

LossKind = Literal[
    "hint",  # concerns cost, latency or book-keeping only
    "tuning",  # a knob of sampling or output that the target lacks, or has in a smaller range
    "meaning",  # content, a tool, the shape of the answer or a piece of history
]


class Loss(Struct, frozen=True):
    """`path` is where the client said it (`turns[2].parts[0]`, `sampling.seed`), `why` what became of it."""

    path: str
    kind: LossKind
    why: str


class Losses:
    """Losses in the order in which they were met. Truthy when there is at least one."""

    def __init__(self) -> None:
        self.items: list[Loss] = []

    def add(self, path: str, kind: LossKind, why: str) -> None:
        self.items.append(Loss(path, kind, why))

    def merge(self, out: dict[str, Any], rest: Rest | None, dialect: str, path: str = "") -> dict[str, Any]:
        """`out` with the leftovers of its own dialect put back; another dialect's leftovers are entered here instead.

        A field that `out` already holds is never overwritten.
        """
        if rest is None:
            return out
        if rest.dialect == dialect:
            for name, value in rest.fields.items():
                if not name.startswith(":"):
                    out.setdefault(name, value)
            return out
        self.drop(rest, path)
        return out

    def drop(self, rest: Rest | None, path: str = "") -> None:
        """Enter every field of `rest` as not sayable."""
        if rest is None:
            return
        for name, value in rest.fields.items():
            if value is None or name.startswith(":"):
                continue
            where = f"{path}.{name}" if path else name
            self.add(where, "hint" if name in rest.hints else "tuning", "has no counterpart in the target's format")

    @property
    def break_meaning(self) -> bool:
        return any(loss.kind == "meaning" for loss in self.items)

    def summary(self) -> str:
        """One header-safe line: the paths lost, hints left out, at most 1,000 characters."""
        paths = dict.fromkeys(loss.path for loss in self.items if loss.kind != "hint")
        line = "".join(mark if " " <= mark <= "~" else "?" for mark in ", ".join(paths))
        return line if len(line) <= 1000 else line[:997] + "..."

    def __bool__(self) -> bool:
        return bool(self.items)

    def __repr__(self) -> str:
        return f"<Losses {', '.join(f'{loss.path} ({loss.kind})' for loss in self.items)}>"
