"""The TLS context: whom it trusts, and what it refuses to speak."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.transport.conftest import Run
from tests.transport.servers import QUICK, Tls, answering, serving
from uni_api.errors import Fault
from uni_api.transport import HttpClient
from uni_api.transport.tls import default_context

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing that was made before, and nothing left for later."""
    default_context.cache_clear()
    yield
    default_context.cache_clear()


@pytest.fixture
def nothing_trusted(fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A system without any certificate; the path is that of its folder for them."""
    folder = tmp_path / "certs"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    return folder


def test_chain_and_name_are_verified() -> None:
    context = default_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] > 0


def test_it_is_made_once() -> None:
    assert default_context() is default_context()


def test_http_2_is_not_offered(run: Run, authority: trustme.CA, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def main() -> None:
        async with serving(answering(OK), context) as server:
            client = HttpClient()
            response = await client.send(server.head(), b"", timeouts=QUICK)
            assert await response.read(2) == b"ok"
            found = server.peers[0].writer.get_extra_info("ssl_object")
            chosen.append(found.selected_alpn_protocol())
            await client.aclose()

    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        run(main)
    assert chosen == ["http/1.1"]


def test_certificates_of_the_environment_are_trusted(
    run: Run, authority: trustme.CA, tls: Tls, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> bytes:
        async with serving(answering(OK), tls.server) as server:
            client = HttpClient()
            try:
                return await (await client.send(server.head(), b"", timeouts=QUICK)).read(2)
            finally:
                await client.aclose()

    with pytest.raises(Fault, match="certificate can't be verified"):
        run(main)
    default_context.cache_clear()
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        assert run(main) == b"ok"


def test_a_system_without_certificates_gets_those_of_certifi(nothing_trusted: Path) -> None:
    assert default_context().cert_store_stats()["x509_ca"] > 50


def test_a_folder_of_certificates_is_enough(nothing_trusted: Path, authority: trustme.CA) -> None:
    """They are loaded when they are needed, under the hash of their subject."""
    authority.cert_pem.write_to_path(str(nothing_trusted / "0a1b2c3d.0"))
    assert default_context().cert_store_stats()["x509_ca"] == 0


def test_a_folder_of_other_files_is_not(nothing_trusted: Path) -> None:
    (nothing_trusted / "README.txt").write_text("nothing here")
    assert default_context().cert_store_stats()["x509_ca"] > 50


def test_a_folder_that_is_missing_is_no_error(nothing_trusted: Path) -> None:
    nothing_trusted.rmdir()
    assert default_context().cert_store_stats()["x509_ca"] > 50
