"""Whom a TLS connection trusts: Python's own list, a company's certificate authority, or the operating system.

Antivirus programs and company proxies open TLS with an authority of their own,
which they add to the operating system's list and not to Python's.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache

from keyround.errors import CollectError, Unreachable

INTERCEPTED = "CERTIFICATE_VERIFY_FAILED"
"""How OpenSSL, and every library above it, says that nobody we trust vouches for the other side."""


def ca_bundle() -> str | None:
    """The private CA file a company proxy asks for; each variable alone is enough for every library we use."""
    named = [os.environ.get(name, "") for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")]
    paths = tuple(dict.fromkeys(path for path in named if path and os.path.isfile(path)))
    return _joined(paths) if len(paths) > 1 else next(iter(paths), None)


@cache
def _joined(paths: tuple[str, ...]) -> str:
    """One file with the certificates of several, since one is all that azure-identity takes."""
    folder = tempfile.mkdtemp(prefix="keyround-ca-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    joined = os.path.join(folder, "ca.pem")
    with open(joined, "wb") as file:
        for path in paths:
            with open(path, "rb") as part:
                file.write(part.read() + b"\n")
    return joined


def trust_the_system() -> None:
    """Trust what this computer trusts, where KEYROUND_TRUST = system asks for it. Holds for the whole process."""
    if os.environ.get("KEYROUND_TRUST", "").strip().lower() == "system":
        import truststore

        truststore.inject_into_ssl()


def intercepted() -> CollectError:
    """The error where something between us and Microsoft answers in Microsoft's name."""
    return Unreachable(
        "Something on the way opens the connection to Microsoft: an antivirus program or a company proxy.",
        "Set KEYROUND_TRUST=system to trust what this computer trusts, or name the proxy's certificate authority "
        "(a PEM file) in SSL_CERT_FILE.",
        code=INTERCEPTED,
    )
