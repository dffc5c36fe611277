"""Links that a target can't take are fetched once, and travel on as bytes."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from uni_api.canon import Losses, Media, Part, Request, Result, Text, Turn
from uni_api.errors import Denied
from uni_api.relay.media import MOST_LINKS, with_bytes
from uni_api.transport import HttpClient
from uni_api.transport.fetch import Fetched, Fetcher, Unreachable

A, B = "https://a.example/1.png", "https://b.example/2"
PNG = Fetched(b"\x89PNG", "image/png")
PLAIN = Fetched(b"plain", None)


class Shelf(Fetcher):
    """Fetches from a table. `asked` lists the links in order, `running` counts those under way."""

    def __init__(self, table: Mapping[str, Fetched | Exception], pause: float = 0.0) -> None:
        super().__init__(HttpClient())
        self.table = table
        self.asked: list[str] = []
        self.running = 0
        self.pause = pause

    async def fetch(self, url: str, *, proxy: object = None) -> Fetched:
        self.asked.append(url)
        self.running += 1
        try:
            await asyncio.sleep(self.pause)
            found = self.table[url]
            if isinstance(found, Exception):
                raise found
            return found
        finally:
            self.running -= 1


async def turns_of_the_loop() -> None:
    """Long enough for tasks to start."""
    for _ in range(5):
        await asyncio.sleep(0)


def picture(url: str, mime: str | None = None) -> Media:
    return Media(kind="image", url=url, mime=mime, detail="low")


def asking(*parts: Part) -> Request:
    return Request(model="m", turns=(Turn(role="user", parts=parts),))


def everything(media: Media) -> bool:
    return True


def done(
    request: Request,
    table: Mapping[str, Fetched | Exception],
    fetched: dict[str, Fetched | None] | None = None,
    losses: Losses | None = None,
) -> tuple[Request, list[str]]:
    async def main() -> tuple[Request, list[str]]:
        shelf = Shelf(table)
        known = {} if fetched is None else fetched
        lost = Losses() if losses is None else losses
        return await with_bytes(request, everything, shelf, known, lost), shelf.asked

    return asyncio.run(main())


def parts_of(request: Request) -> Sequence[Part]:
    return request.turns[0].parts


def test_links_become_bytes_wherever_they_stand() -> None:
    request = asking(Text(text="x"), picture(A), Result(call="c", parts=(picture(B), Text(text="y"))))
    losses = Losses()
    got, asked = done(request, {A: PNG, B: PLAIN}, losses=losses)
    assert parts_of(got) == (
        Text(text="x"),
        Media(kind="image", data=b"\x89PNG", mime="image/png", detail="low"),
        Result(call="c", parts=(Media(kind="image", data=b"plain", detail="low"), Text(text="y"))),
    )
    assert sorted(asked) == [A, B]
    assert not losses
    assert parts_of(request)[1] == picture(A)


def test_the_clients_word_on_the_kind_of_content_counts() -> None:
    got, _ = done(asking(picture(A, "image/webp")), {A: PNG})
    assert parts_of(got) == (Media(kind="image", data=b"\x89PNG", mime="image/webp", detail="low"),)


def test_what_the_target_can_pass_on_is_left_alone() -> None:
    request = asking(picture(A), Media(kind="image", data=b"x"), Text(text="x"))

    async def main() -> None:
        shelf = Shelf({})
        assert await with_bytes(request, lambda media: False, shelf, {}, Losses()) is request
        # Bytes are no link, whatever the target needs.
        bare = asking(Media(kind="image", data=b"x"))
        assert await with_bytes(bare, everything, shelf, {}, Losses()) is bare
        assert shelf.asked == []

    asyncio.run(main())


def test_only_the_links_that_are_needed_are_fetched() -> None:
    sound = Media(kind="audio", url=B)

    async def main() -> None:
        shelf = Shelf({A: PNG})
        got = await with_bytes(
            asking(picture(A), sound), lambda media: media.kind == "image", shelf, {B: PLAIN}, Losses()
        )
        assert shelf.asked == [A]
        assert parts_of(got)[1] == sound

    asyncio.run(main())


def test_a_link_is_fetched_once_however_often_it_is_sent() -> None:
    known: dict[str, Fetched | None] = {}
    request = asking(picture(A), picture(A), Result(call="c", parts=(picture(A),)))
    assert done(request, {A: PNG}, known)[1] == [A]
    # Another try of the same request finds it there.
    got, asked = done(request, {}, known)
    assert asked == []
    assert all(isinstance(part, Media | Result) for part in parts_of(got))
    assert parts_of(got)[0] == Media(kind="image", data=b"\x89PNG", mime="image/png", detail="low")


def test_a_link_that_can_not_be_reached_is_left_to_the_target_and_not_tried_again() -> None:
    known: dict[str, Fetched | None] = {}
    losses = Losses()
    request = asking(picture(A), picture(B))
    got, _ = done(request, {A: Unreachable(400, "no way"), B: PLAIN}, known, losses)
    assert parts_of(got) == (picture(A), Media(kind="image", data=b"plain", detail="low"))
    assert [(loss.path, loss.kind) for loss in losses.items] == [("turns.media", "tuning")]
    again = Losses()
    got, asked = done(request, {}, known, again)
    assert (asked, parts_of(got)[0], len(again.items)) == ([], picture(A), 1)


def test_a_link_that_may_not_be_fetched_refuses_the_request_and_stops_the_others() -> None:
    async def main() -> None:
        shelf = Shelf({B: PLAIN}, pause=30)
        quick = {A: Denied(400, "leads to an address that is not public", code="invalid_image_url")}

        class Half(Shelf):
            async def fetch(self, url: str, *, proxy: object = None) -> Fetched:
                if url in quick:
                    await asyncio.sleep(0)
                    raise quick[url]
                return await shelf.fetch(url)

        with pytest.raises(Denied, match="not public"):
            await with_bytes(asking(picture(B), picture(A)), everything, Half({}), {}, Losses())
        await asyncio.sleep(0)
        assert (shelf.asked, shelf.running) == ([B], 0)

    asyncio.run(main())


def test_whoever_leaves_stops_the_fetching() -> None:
    async def main() -> None:
        shelf = Shelf({A: PNG}, pause=30)
        task = asyncio.create_task(with_bytes(asking(picture(A)), everything, shelf, {}, Losses()))
        await turns_of_the_loop()
        assert shelf.running == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert shelf.running == 0

    asyncio.run(main())


def test_links_are_fetched_side_by_side() -> None:
    async def main() -> None:
        links = [f"https://a.example/{number}" for number in range(8)]
        shelf = Shelf(dict.fromkeys(links, PNG), pause=30)
        task = asyncio.create_task(with_bytes(asking(*map(picture, links)), everything, shelf, {}, Losses()))
        await turns_of_the_loop()
        assert shelf.running == 8
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_there_is_a_limit_to_links_but_not_to_their_use() -> None:
    links = [f"https://a.example/{number}" for number in range(MOST_LINKS + 1)]
    table = dict.fromkeys(links, PNG)
    assert len(done(asking(*map(picture, links[:MOST_LINKS] * 2)), table)[1]) == MOST_LINKS
    with pytest.raises(Denied, match=f"{MOST_LINKS + 1} links") as caught:
        done(asking(*map(picture, links)), table)
    assert caught.value.status == 400
