"""TLS contexts. Made when the first https connection is, since that takes time which a start should not."""

import os
import ssl
from functools import cache


@cache
def default_context() -> ssl.SSLContext:
    """Verifies chain and host name against the system's store, or certifi's where the system has none. TLS 1.2 on.

    SSL_CERT_FILE and SSL_CERT_DIR are honoured, as OpenSSL does.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if not _has_roots(context):
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    return context


def _has_roots(context: ssl.SSLContext) -> bool:
    """Whether there is anything to verify against: a directory's certificates are not loaded until they are needed."""
    if context.cert_store_stats()["x509_ca"]:
        return True
    capath = ssl.get_default_verify_paths().capath
    return capath is not None and any(name.endswith(".0") for name in os.listdir(capath))
