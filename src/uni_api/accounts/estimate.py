"""What a request will come to, before anybody has counted."""

BYTES_PER_TOKEN = 4
"""What a token is taken for."""
MEDIA_TOKENS = 1_000
"""What a picture or a sound inside a body is taken for, however many bytes it has."""

_SMALL = 8_192
_BLOB = 4_096


def tokens_in(body: bytes) -> int:
    """Tokens of a request with this body, roughly: its bytes, but media by the piece."""
    if len(body) <= _SMALL:
        return len(body) // BYTES_PER_TOKEN
    media = 0
    rest = len(body)
    for text in body.split(b'"'):
        if len(text) > _BLOB and text.isascii() and b" " not in text:
            media += 1
            rest -= len(text)
    return rest // BYTES_PER_TOKEN + media * MEDIA_TOKENS
