"""What a request will come to, before anybody has counted."""

BYTES_PER_TOKEN = 4
"""What a token is taken for."""
MEDIA_TOKENS = 1_000
"""What a picture or a sound inside a body is taken for, however many bytes it has."""

BLOB = 8_192
"""Bytes from which on a text without a space may be taken for media."""

_SAMPLE = 64
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_"


def tokens_in(body: bytes) -> int:
    """Tokens of a request with this body, roughly: its bytes, but media by the piece."""
    size = len(body)
    if size <= BLOB:
        return size // BYTES_PER_TOKEN
    media = 0
    rest = size
    at = 0
    while at < size:
        # A sample every so often finds what is long, and reads next to nothing of what is text.
        if not body[at : at + _SAMPLE].translate(None, _BASE64):
            start, end = _text_around(body, at)
            if end - start >= BLOB and body.find(b" ", start, end) < 0:
                media += 1
                rest -= end - start
            at = end
        at += BLOB // 2
    return rest // BYTES_PER_TOKEN + media * MEDIA_TOKENS


def _text_around(body: bytes, at: int) -> tuple[int, int]:
    """Where the JSON string begins and ends that `at` is in."""
    end = body.find(b'"', at)
    return body.rfind(b'"', 0, at) + 1, len(body) if end < 0 else end
