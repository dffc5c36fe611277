import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from uni_api.accounts import tokens_in
from uni_api.accounts.estimate import BLOB, BYTES_PER_TOKEN, MEDIA_TOKENS


def body(*parts: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": parts}]}, ensure_ascii=False).encode()


def test_text_counts_by_its_bytes() -> None:
    long = body({"type": "text", "text": "word " * 10_000})
    assert tokens_in(long) == len(long) // BYTES_PER_TOKEN
    chinese = body({"type": "text", "text": "字" * 10_000})
    assert tokens_in(chinese) == len(chinese) // BYTES_PER_TOKEN


def test_media_count_by_the_piece() -> None:
    picture = base64.b64encode(bytes(3_000_000)).decode()
    link = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    sound = {"type": "input_audio", "input_audio": {"data": picture, "format": "wav"}}
    assert 2 * MEDIA_TOKENS < tokens_in(body(link, sound)) < 2 * MEDIA_TOKENS + 100


def test_text_that_looks_like_media_in_places_is_text() -> None:
    long = body({"type": "text", "text": ("x" * 500 + " ") * 1_000})
    assert tokens_in(long) == len(long) // BYTES_PER_TOKEN


@given(before=st.integers(0, 20_000), size=st.integers(BLOB + 64, 40_000), after=st.integers(0, 20_000))
def test_media_are_found_wherever_they_are(before: int, size: int, after: int) -> None:
    texts = [{"type": "text", "text": "a " * (count // 2)} for count in (before, after)]
    link = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * size}}
    rest = len(body(texts[0], link, texts[1])) - size - len("data:image/png;base64,")
    assert tokens_in(body(texts[0], link, texts[1])) == rest // BYTES_PER_TOKEN + MEDIA_TOKENS


@given(st.binary(max_size=40_000))
def test_any_bytes_have_an_estimate(data: bytes) -> None:
    assert 0 <= tokens_in(data) <= len(data) // BYTES_PER_TOKEN + MEDIA_TOKENS * (len(data) // BLOB)
