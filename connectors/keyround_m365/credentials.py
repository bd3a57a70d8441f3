"""From settings to a credential of azure-identity.

Each credential is asked through azure-identity's own synchronous classes; the
authority must be https. An authority outside Microsoft's clouds (a private
gateway) is used without asking Microsoft whether it exists.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import sys
import tempfile
from functools import cache
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity import CertificateCredential, ClientSecretCredential, DeviceCodeCredential

from keyround.errors import ConfigError

from .settings import CLOUDS, Settings

# What azure-identity warns of is said in our own sentences; its own would go to the terminal.
logging.getLogger("azure").addHandler(logging.NullHandler())


class _Token:
    """A bearer token somebody else obtained. It cannot be renewed: when it ends, the scan ends."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken(self._token, sys.maxsize)

    def close(self) -> None:
        pass


def credential(settings: Settings) -> Any:
    """A new credential with an empty cache. Raises ConfigError when the certificate cannot be read."""
    if settings.credential == "token":
        return _Token(settings.token)
    options: dict[str, Any] = {
        "authority": settings.authority,
        "disable_instance_discovery": settings.authority not in {authority for authority, _ in CLOUDS.values()},
        "retry_total": 0,
    }
    if bundle := ca_bundle():
        options["connection_verify"] = bundle
    if settings.credential == "secret":
        return ClientSecretCredential(settings.tenant_id, settings.client_id, settings.secret, **options)
    if settings.credential == "device_code":
        return DeviceCodeCredential(
            settings.client_id, tenant_id=settings.tenant_id, prompt_callback=_prompt, **options
        )
    try:
        return CertificateCredential(
            settings.tenant_id, settings.client_id, certificate_data=settings.certificate.encode(),
            password=settings.certificate_password or None, **options,
        )  # fmt: skip
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "m365: the certificate cannot be read: it must be PEM text with the private key and the certificate.",
            "Export key and certificate together as PEM, and give certificate_password if the key is encrypted.",
        ) from error


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


def _prompt(address: str, code: str, expires: Any) -> None:
    print(f"To sign in, open {address} in a browser and enter the code {code}.", file=sys.stderr, flush=True)
