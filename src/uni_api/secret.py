"""A secret as a type, so that it can't be printed by accident."""

import hashlib
import hmac


class Secret:
    """A key or password. `reveal` is the only way to its text; repr and str show a mask.

    Two secrets are equal when their digests are; the comparison takes the same time whatever they hold.
    """

    __slots__ = ("_text", "digest")

    def __init__(self, text: str) -> None:
        self._text = text
        self.digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()

    def reveal(self) -> str:
        return self._text

    @property
    def label(self) -> str:
        """A short name that is safe in logs: the first characters of the digest, never of the key."""
        return self.digest.hex()[:8]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.digest, other.digest)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Secret(#{self.label})"

    __str__ = __repr__

    def __reduce__(self) -> "tuple[object, ...]":
        raise TypeError("a Secret is never pickled")
