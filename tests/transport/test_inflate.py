"""Content-encodings, whole and in pieces."""

import gzip
import random
import zlib

import pytest

from uni_api.errors import Fault
from uni_api.transport.inflate import Inflater

TEXT = b'data: {"delta":"hello"}\n\n' * 200
BARE = zlib.compressobj(wbits=-15)
CODED = {
    "gzip": (b"gzip", gzip.compress(TEXT)),
    "x-gzip": (b" X-Gzip ", gzip.compress(TEXT)),
    "members": (b"gzip", gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:])),
    "padded": (b"gzip", gzip.compress(TEXT) + b"\0" * 20),
    "zlib": (b"deflate", zlib.compress(TEXT)),
    "bare": (b"deflate", BARE.compress(TEXT) + BARE.flush()),
}


def inflated(coding: bytes, *pieces: bytes) -> bytes:
    inflater = Inflater(coding, "h")
    plain = b""
    for piece in pieces:
        inflater.feed(piece)
        while step := inflater.step():
            plain += step
    inflater.close()
    return plain


@pytest.mark.parametrize("name", CODED)
def test_every_split_gives_the_same(name: str) -> None:
    coding, data = CODED[name]
    assert inflated(coding, data) == TEXT
    assert inflated(coding, *(data[i : i + 1] for i in range(len(data)))) == TEXT
    for i in range(len(data)):
        assert inflated(coding, data[:i], data[i:]) == TEXT


@pytest.mark.parametrize("name", ["gzip", "zlib", "bare"])
def test_what_is_cut_short_is_refused(name: str) -> None:
    coding, data = CODED[name]
    for i in range(1, len(data)):
        with pytest.raises(Fault, match="cut short"):
            inflated(coding, data[:i])


def test_nothing_at_all_is_an_empty_body() -> None:
    assert inflated(b"gzip") == b""


def test_a_bomb_comes_in_bounded_pieces() -> None:
    inflater = Inflater(b"gzip", "h")
    inflater.feed(gzip.compress(bytes(50_000_000)))
    sizes = []
    while step := inflater.step():
        sizes.append(len(step))
    inflater.close()
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 256 * 1024


def test_output_that_ends_on_the_bound_is_whole() -> None:
    for size in range(256 * 1024 - 300, 256 * 1024 + 300, 7):
        for coding in ("zlib", "bare"):
            maker = zlib.compressobj(wbits=15 if coding == "zlib" else -15)
            assert len(inflated(b"deflate", maker.compress(bytes(size)) + maker.flush())) == size


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, gzip", b"compress", b"gzip;q=1"])
def test_other_codings_are_refused(coding: bytes) -> None:
    with pytest.raises(Fault) as caught:
        Inflater(coding, "h")
    assert caught.value.kind == "protocol"


def test_noise_never_passes_for_gzip() -> None:
    dice = random.Random(7)
    for _ in range(200):
        data = bytearray(gzip.compress(TEXT))
        data[dice.randrange(2, len(data))] ^= 1 << dice.randrange(8)
        try:
            assert inflated(b"gzip", bytes(data)) == TEXT  # a flag or the time may change without harm
        except Fault as fault:
            assert fault.kind == "protocol"
