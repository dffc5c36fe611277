"""Calls as the deltas of a stream bring them."""

from typing import Any


class Draft:
    """A call as its deltas come: it opens when its name is known, and until then keeps its arguments back."""

    __slots__ = ("custom", "id", "index", "legacy", "name", "waiting")

    def __init__(self, *, legacy: bool = False) -> None:
        self.index = -1
        self.id = ""
        self.name = ""
        self.custom = False
        self.legacy = legacy
        self.waiting: list[str] = []


class Drafts:
    """The calls of one choice, in the order in which they began."""

    def __init__(self) -> None:
        self.all: list[Draft] = []
        self._by_wire: dict[int, Draft] = {}

    def of(self, entry: dict[str, Any], inner: dict[str, Any]) -> Draft:
        """The call that a delta belongs to: by index, unless another id under the same index says it is a new one."""
        wire, id = entry.get("index"), entry.get("id")
        draft = self._by_wire.get(wire) if isinstance(wire, int) else None
        if not isinstance(wire, int):
            known = [one for one in self.all if id and one.id == id]
            begins = bool(id or inner.get("name"))
            draft = known[0] if known else None if begins or not self.all else self.all[-1]
        if draft is not None and id and draft.id and draft.id != id and inner.get("name"):
            draft = None
        if draft is None:
            draft = Draft()
            self.all.append(draft)
            if isinstance(wire, int):
                self._by_wire[wire] = draft
        if isinstance(id, str) and id and not draft.id:
            draft.id = id
        return draft

    def legacy(self) -> Draft:
        """The one call of a client that speaks of functions."""
        draft = next((one for one in self.all if one.legacy), None)
        if draft is None:
            draft = Draft(legacy=True)
            self.all.append(draft)
        return draft
