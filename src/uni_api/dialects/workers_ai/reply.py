"""The envelope of an answer that was not streamed to a canon reply."""

from collections.abc import Iterator

from uni_api.canon import Event, Reply, fold
from uni_api.dialects.faces import Body
from uni_api.dialects.workers_ai.stream import Reader
from uni_api.errors import Fault


def read_reply(body: Body, realm: str, /) -> Reply:
    """Raises Fault when the body is an error or holds no answer."""
    return fold(_events(body, realm))


def _events(body: Body, realm: str) -> Iterator[Event]:
    reader = Reader(realm)
    yield from reader.read(body)
    if not reader.answered:
        raise Fault("protocol", "The upstream's answer holds neither a response nor choices.")
    yield from reader.end()
