"""From settings to a credential of azure-identity.

Each credential is asked through azure-identity's own synchronous classes; the
authority must be https. An authority outside Microsoft's clouds (a private
gateway) is used without asking Microsoft whether it exists.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity import CertificateCredential, ClientSecretCredential, DeviceCodeCredential

from keyround.errors import ConfigError

from .settings import CLOUDS, Settings


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
    except ValueError as error:
        raise ConfigError(
            "m365: the certificate cannot be read: it must be PEM text with the private key and the certificate.",
            "Export key and certificate together as PEM, and give certificate_password if the key is encrypted.",
        ) from error


def ca_bundle() -> str | None:
    """The private CA file a company proxy asks for; each variable alone is enough for every library we use."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        path = os.environ.get(name, "")
        if path and os.path.isfile(path):
            return path
    return None


def _prompt(address: str, code: str, expires: Any) -> None:
    print(f"To sign in, open {address} in a browser and enter the code {code}.", file=sys.stderr, flush=True)
