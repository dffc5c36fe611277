import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from uni_api.accounts import tokens_in
from uni_api.accounts.estimate import BYTES_PER_TOKEN, MEDIA_TOKENS


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


@given(st.binary(max_size=20_000))
def test_any_bytes_have_an_estimate(data: bytes) -> None:
    assert 0 <= tokens_in(data) <= len(data) // BYTES_PER_TOKEN + MEDIA_TOKENS
