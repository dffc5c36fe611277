"""Which media go as bytes and which as links, and what they are called."""

import base64

import pytest

from uni_api.canon import FileRef, Media
from uni_api.dialects import gemini
from uni_api.dialects.gemini._media import read_media, sniff, write_media


@pytest.mark.parametrize(
    ("url", "fetched"),
    [
        ("https://example.com/a.png", True),
        ("http://example.com/a.png", True),
        ("https://youtu.be.example.com/x", True),
        ("https://example.com/?u=https://youtu.be/x", True),
        ("https://generativelanguage.googleapis.com/v1beta/files/abc", False),
        ("gs://bucket/film.mp4", False),
        ("https://www.youtube.com/watch?v=abc", False),
        ("https://youtu.be/abc", False),
    ],
)
def test_links_that_the_api_cannot_follow_are_fetched(url: str, fetched: bool) -> None:
    assert gemini.needs_bytes(Media(kind="image", url=url)) is fetched


def test_bytes_and_files_need_no_fetching() -> None:
    assert not gemini.needs_bytes(Media(kind="image", data=b"x"))
    assert not gemini.needs_bytes(Media(kind="image", file=FileRef("gemini", "files/x")))


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt", "audio/wav"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftypM4A ", "audio/mp4"),
        (b"%PDF-1.7", "application/pdf"),
        (b"ID3\x04", "audio/mp3"),
        (b"plain", None),
        (b"", None),
    ],
)
def test_first_bytes_give_the_type_away(data: bytes, mime: str | None) -> None:
    assert sniff(data) == mime


@pytest.mark.parametrize(
    ("media", "mime"),
    [
        (Media(kind="image", data=b"\xff\xd8\xff"), "image/jpeg"),
        (Media(kind="image", mime="image/jpg", data=b"?"), "image/jpeg"),
        (Media(kind="document", data="Grüße".encode()), "text/plain"),
        (Media(kind="document", data=b"\xfe\0\xff"), "application/octet-stream"),
        (Media(kind="document", name="table.csv", data=b"a,b"), "text/csv"),
        (Media(kind="audio", data=b"??"), "audio/wav"),
    ],
)
def test_bytes_go_inline_with_a_type(media: Media, mime: str) -> None:
    assert write_media(media) == {
        "inlineData": {"mimeType": mime, "data": base64.b64encode(media.data or b"").decode()}
    }


def test_links_go_as_files() -> None:
    assert write_media(Media(kind="video", url="gs://b/film.mp4?x=1")) == {
        "fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/film.mp4?x=1"}
    }
    assert write_media(Media(kind="video", url="https://youtu.be/abc")) == {
        "fileData": {"fileUri": "https://youtu.be/abc"}
    }
    assert write_media(Media(kind="image", mime="image/png", file=FileRef("g", "files/1"))) == {
        "fileData": {"mimeType": "image/png", "fileUri": "files/1"}
    }


def test_what_is_written_is_read_back() -> None:
    media = Media(kind="image", mime="image/png", data=bytes(range(256)))
    assert read_media(write_media(media)["inlineData"]) == media
    assert read_media({"mimeType": "image/png"}) is None
    assert read_media({"data": "a"}) is None
    film = read_media({"mimeType": "video/mp4", "data": "AA__"})
    assert film == Media(kind="video", mime="video/mp4", data=b"\0\x0f\xff")
