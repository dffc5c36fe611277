"""Against a real server: nginx, plain and over TLS."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.transport.conftest import Run
from tests.transport.servers import QUICK, Tls
from uni_api.errors import Fault
from uni_api.transport import HttpClient, compile_head

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
TEXT = b"".join(b"line %d of a text that is worth compressing\n" % i for i in range(20_000))
CONFIG = """
daemon off; master_process off; pid {d}/pid; error_log {d}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; default_type text/plain; client_max_body_size 1m; gzip_types *; gzip_min_length 1;
  client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f;
  uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
  upstream itself {{ server 127.0.0.1:{plain}; }}
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; root {d};
    ssl_certificate {d}/cert.pem; ssl_certificate_key {d}/key.pem;
    location /text {{ alias {d}/text; }}
    location /gzip {{ alias {d}/text; gzip on; }}
    location /echo {{ proxy_pass http://itself/sink; proxy_http_version 1.1; }}
    location /sink {{ return 200 "ok"; }}
    location /once {{ keepalive_requests 2; alias {d}/text; }}
    location /slow {{ limit_rate 20k; alias {d}/text; }}
    location /empty {{ return 204; }}
    location /away {{ return 307 /text; }}
  }}
}}
"""


class Nginx:
    def __init__(self, plain: int, tls: int) -> None:
        self.plain = plain
        self.tls = tls

    def url(self, path: str, *, tls: bool) -> str:
        return f"https://localhost:{self.tls}{path}" if tls else f"http://localhost:{self.plain}{path}"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def nginx(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    if NGINX is None:
        pytest.skip("nginx is not installed (apt-get install -y nginx)")
    folder: Path = tmp_path_factory.mktemp("nginx")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    (folder / "text").write_bytes(TEXT)
    # Workers of a server that is started by root serve as nobody, who must get at the files.
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)
    at = Nginx(free_port(), free_port())
    (folder / "nginx.conf").write_text(CONFIG.format(d=folder, plain=at.plain, tls=at.tls))
    process = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", at.plain)) == 0:
                    break
            time.sleep(0.02)
        yield at
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("tls_on", [False, True], ids=["plain", "tls"])
def test_what_nginx_says_arrives(run: Run, nginx: Nginx, tls: Tls, tls_on: bool) -> None:
    async def main() -> None:
        client = HttpClient(ssl_context=tls.client)

        async def get(path: str, *headers: tuple[str, str]) -> tuple[int, bytes, bytes | None, bytes | None]:
            head = compile_head("GET", nginx.url(path, tls=tls_on), headers)
            response = await client.send(head, b"", timeouts=QUICK)
            body = await response.read(1 << 24)
            coding, transfer = response.header(b"content-encoding"), response.header(b"transfer-encoding")
            return response.status, body, coding, transfer

        assert await get("/text") == (200, TEXT, None, None)
        assert await get("/gzip", ("accept-encoding", "gzip")) == (200, TEXT, b"gzip", b"chunked")
        assert (await get("/empty"))[:2] == (204, b"")
        assert (await get("/away"))[0] == 307
        assert (await get("/missing"))[0] == 404
        assert repr(client) == "<HttpClient [Origins: 1 | Connections: 0 active, 1 idle]>"
        for _ in range(5):
            assert (await get("/once"))[:2] == (200, TEXT)
        await client.aclose()

    run(main)


@pytest.mark.parametrize("tls_on", [False, True], ids=["plain", "tls"])
def test_uploads_and_early_refusals(run: Run, nginx: Nginx, tls: Tls, tls_on: bool) -> None:
    async def main() -> None:
        client = HttpClient(ssl_context=tls.client)
        head = compile_head("POST", nginx.url("/echo", tls=tls_on), [("content-type", "application/json")])
        for size in (0, 1, 100_000, 900_000):
            response = await client.send(head, bytes(size), timeouts=QUICK)
            assert (response.status, await response.read(100)) == (200, b"ok")
        for _ in range(3):
            response = await client.send(head, bytes(20_000_000), timeouts=QUICK)
            assert response.status == 413
            assert b"Too Large" in await response.read(10_000)
        await client.aclose()

    run(main)


def test_many_at_once(run: Run, nginx: Nginx, tls: Tls) -> None:
    async def main() -> None:
        client = HttpClient(ssl_context=tls.client)
        head = compile_head("GET", nginx.url("/text", tls=True), [])

        async def get() -> bool:
            response = await client.send(head, b"", timeouts=QUICK)
            return await response.read(1 << 24) == TEXT

        assert all(await asyncio.gather(*(get() for _ in range(20))))
        assert all(await asyncio.gather(*(get() for _ in range(20))))
        await client.aclose()

    run(main)


def test_an_answer_that_is_left_and_one_that_is_cut(run: Run, nginx: Nginx, tls: Tls) -> None:
    async def main() -> None:
        client = HttpClient(ssl_context=tls.client)
        head = compile_head("GET", nginx.url("/slow", tls=True), [])
        response = await client.send(head, b"", timeouts=QUICK)
        assert TEXT.startswith(await response.chunk())
        response.close()
        assert repr(client) == "<HttpClient [Origins: 0 | Connections: 0 active, 0 idle]>"
        untrusting = HttpClient()
        with pytest.raises(Fault, match="certificate can't be verified"):
            await untrusting.send(head, b"", timeouts=QUICK)
        await client.aclose()

    run(main)
