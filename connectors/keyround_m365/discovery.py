"""Which tenant a domain belongs to, from the document that Entra publishes for everybody.

Endpoint    GET /{domain}/v2.0/.well-known/openid-configuration  (no sign-in)
Source      https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from keyround.connector import decoder
from keyround.errors import CollectError, ConfigError, Unreachable

_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Document(msgspec.Struct):
    issuer: str = ""
    error: str = ""


def domain_name(text: str) -> str:
    """A domain in the form that DNS knows; an address loses what stands before the @. Raises ConfigError."""
    name = text.strip().rpartition("@")[2].rstrip(".").lower()
    try:
        name = name.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not _DOMAIN.fullmatch(name):
        raise ConfigError(f"{text!r} is not a domain.", "Write it as contoso.com: what stands behind the @.")
    return name


def tenant_of(domain: str, authority: str) -> str:
    """The tenant id of a domain (see `domain_name`). Raises ConfigError when no tenant has it, CollectError."""
    import ssl

    import httpx

    from .graph import broken_off
    from .trust import ca_bundle, trust_the_system

    trust_the_system()
    bundle = ca_bundle()
    try:
        verify = ssl.create_default_context(cafile=bundle) if bundle else True
        address = f"{authority}/{domain}/v2.0/.well-known/openid-configuration"
        reply = httpx.get(address, verify=verify, timeout=20)
    except (httpx.HTTPError, OSError) as error:
        raise _about(broken_off(error)) from error
    try:
        document = decoder(_Document).decode(reply.content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _about(Unreachable("What answered for Microsoft's sign-in service is not it.")) from error
    if reply.status_code == 400 and document.error == "invalid_tenant":
        raise ConfigError(
            f"No Microsoft 365 tenant has the domain {domain}.",
            "Check the spelling; any domain of the tenant will do, also NAME.onmicrosoft.com. Other clouds: cloud.",
        )
    found = _GUID.search(urlsplit(document.issuer).path.lower())
    if reply.status_code != 200 or not found:
        raise _about(Unreachable(f"Microsoft's sign-in service answered with the error {reply.status_code}."))
    return found[0]


def _about(error: CollectError) -> CollectError:
    return error.about("Which tenant the domain belongs to is not known.")
