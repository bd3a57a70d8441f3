"""From settings to a credential of azure-identity.

Each credential is asked through azure-identity's own synchronous classes; the
authority must be https. An authority outside Microsoft's clouds (a private
gateway) is used without asking Microsoft whether it exists. Nothing is cached
on disk: a person who signed in is forgotten with the process.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from keyround.errors import ConfigError

from .settings import CLOUDS, PEOPLE, Settings
from .trust import ca_bundle, trust_the_system

if TYPE_CHECKING:
    from azure.identity import (
        CertificateCredential,
        DeviceCodeCredential,
        InteractiveBrowserCredential,
        WorkloadIdentityCredential,
    )

# What azure-identity warns of is said in our own sentences; its own would go to the terminal.
logging.getLogger("azure").addHandler(logging.NullHandler())

PATIENCE = 300  # seconds a person has to sign in
_REFUSED = ("AADSTS700027", "AADSTS1000502", "AADSTS7000222")
"""Entra does not know the certificate, or it is over: perhaps the other one is meant."""


class _Token:
    """A bearer token somebody else obtained. It cannot be renewed: when it ends, the scan ends."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken(self._token, sys.maxsize)

    def close(self) -> None:
        pass


class _Person:
    """A person's sign-in, for the scopes named in the settings, with one prompt.

    Whoever asks at the same time waits; and whoever asks must want the same kind of token, since azure-identity keeps
    those for continuous access evaluation apart from the others, and would ask the person for each.
    """

    def __init__(self, inner: Any, scopes: tuple[str, ...]) -> None:
        self._inner, self._scopes, self._turn = inner, scopes, threading.Lock()

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        with self._turn:
            token: AccessToken = self._inner.get_token(*self._scopes, **kwargs | {"enable_cae": True})
            return token

    def close(self) -> None:
        self._inner.close()


class _EitherCertificate:
    """Two certificates while one replaces the other: the second is used when Entra refuses the first."""

    def __init__(self, first: Any, second: Any) -> None:
        self._inner, self._other = first, second

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        try:
            token: AccessToken = self._inner.get_token(*scopes, **kwargs)
        except ClientAuthenticationError as error:
            if not any(code in str(error) for code in _REFUSED):
                raise
            token = self._other.get_token(*scopes, **kwargs)
            self._inner, self._other = self._other, self._inner
        return token

    def close(self) -> None:
        self._inner.close()
        self._other.close()


def credential(settings: Settings) -> Any:
    """A new credential with an empty cache. Raises ConfigError when what it needs cannot be read."""
    trust_the_system()
    way = settings.credential
    if way == "token":
        return _Token(settings.token)
    from azure.identity import AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential

    if way == "azure_cli":
        return AzureCliCredential(tenant_id=settings.tenant_id, process_timeout=60)
    options: dict[str, Any] = {"retry_total": 0}
    if bundle := ca_bundle():
        options["connection_verify"] = bundle
    if way == "managed_identity":
        return ManagedIdentityCredential(client_id=settings.client_id or None, **options)
    options["authority"] = settings.authority
    options["disable_instance_discovery"] = settings.authority not in {authority for authority, _ in CLOUDS.values()}
    if way in PEOPLE:
        options |= {"client_id": settings.client_id, "tenant_id": settings.tenant_id, "timeout": PATIENCE}
        return _Person(_by_code(options) if way == "device_code" else _by_browser(options), settings.asked)
    if way == "secret":
        return ClientSecretCredential(settings.tenant_id, settings.client_id, settings.secret, **options)
    if way == "workload_identity":
        return _workload(settings, options)
    first = _certificate(settings, "certificate", options)
    if not settings.certificate_next:
        return first
    return _EitherCertificate(first, _certificate(settings, "certificate_next", options))


def _certificate(settings: Settings, key: str, options: dict[str, Any]) -> CertificateCredential:
    """A key without a password is taken beside one that has it: while one replaces the other, that is how it is."""
    from azure.identity import CertificateCredential

    try:
        pem, password = getattr(settings, key).encode(), settings.certificate_password
        if b"ENCRYPTED" not in pem:
            password = ""
        return CertificateCredential(
            settings.tenant_id, settings.client_id, certificate_data=pem, password=password or None, **options
        )
    except (ValueError, TypeError) as error:
        raise ConfigError(
            f"m365: the {key} cannot be read: it must be PEM text with the private key and the certificate.",
            "Export key and certificate together as PEM, and give certificate_password if the key is encrypted; "
            "`keyround cert new` writes such a file.",
        ) from error


def _workload(settings: Settings, options: dict[str, Any]) -> WorkloadIdentityCredential:
    from azure.identity import WorkloadIdentityCredential

    try:
        return WorkloadIdentityCredential(
            tenant_id=settings.tenant_id, client_id=settings.client_id or None,
            token_file_path=settings.token_file or None, **options,
        )  # fmt: skip
    except ValueError as error:
        raise ConfigError(
            "m365: credential = 'workload_identity' finds no client id or no token file.",
            "Give client_id and token_file, or run where AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE are set.",
        ) from error


def _by_code(options: dict[str, Any]) -> DeviceCodeCredential:
    from azure.identity import DeviceCodeCredential

    return DeviceCodeCredential(prompt_callback=_prompt, **options)


def _by_browser(options: dict[str, Any]) -> InteractiveBrowserCredential:
    from azure.identity import InteractiveBrowserCredential

    print("Your browser opens: sign in there.", file=sys.stderr, flush=True)
    return InteractiveBrowserCredential(**options)


def _prompt(address: str, code: str, expires: Any) -> None:
    print(f"To sign in, open {address} in a browser and enter the code {code}.", file=sys.stderr, flush=True)
