"""Two clients, one server: aiohttp and ours must tell of the same statuses, headers and bodies."""

import aiohttp
import pytest

from tests.transport.conftest import Run
from tests.transport.servers import QUICK, answering, serving
from tests.transport.test_connection import GOOD
from uni_api.transport import HttpClient

# aiohttp refuses these: it takes 128 headers, and faults a whole answer for what follows it.
_NOT_AIOHTTP = {"200 headers", "garbage after", "one byte after", "answer after", "body of a 204", "body of a head"}


@pytest.mark.parametrize("name", [name for name in GOOD if name not in _NOT_AIOHTTP])
def test_both_clients_agree(run: Run, name: str) -> None:
    answer, method, *_ = GOOD[name]

    async def main() -> None:
        close = "until end" in name or name == "identity"
        async with serving(answering(answer, close=close)) as server:
            client = HttpClient()
            response = await client.send(server.head(method), b"", timeouts=QUICK)
            headers = {name: response.header(name) for name in response.headers}
            ours = (response.status, headers, await response.read(1000))
            await client.aclose()
            async with aiohttp.ClientSession() as session, session.request(method, server.url) as other:
                theirs_said = {key.lower(): value.strip() for key, value in other.raw_headers}
                theirs = (other.status, theirs_said, await other.read())
            assert ours == theirs

    run(main)
