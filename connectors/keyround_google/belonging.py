"""Does the tenant that a person signed in to hold the domain that was asked for?

Endpoint    GET /admin/directory/v1/customer/{customer}/domains, else GET /admin/directory/v1/users, of the domain
            and of everybody
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/domains/list
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyround.connector import decode
from keyround.errors import CollectError, NotGranted, Unexpected, WrongTenant

from . import customer, users
from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin

MINE = "my_customer"


class Alias(Wire):
    domainAliasName: str | None = None


class Domain(Wire):
    domainName: str | None = None
    domainAliases: list[Alias] | None = None


class Domains(Wire):
    domains: list[Domain] | None = None


class Address(Wire):
    primaryEmail: str | None = None


class Addresses(Wire):
    users: list[Address] | None = None


def check(admin: Admin, domain: str) -> None:
    """Raises WrongTenant unless the tenant holds `domain` (lower case), and NotGranted when it does not say."""
    try:
        held = _domains(admin)
    except NotGranted as refused:
        try:
            held = _of_people(admin, domain=domain) or _of_people(admin, customer=MINE)
        except CollectError:
            raise refused from None
    if domain not in held:
        others = f", but {', '.join(sorted(held)[:5])}" if held else ""
        raise WrongTenant(
            f"The person who signed in belongs to a tenant that does not hold {domain}{others}.",
            f"Sign in as an administrator of {domain}; Google's page lets you choose another account. Nothing was "
            "stored.",
        )


def _domains(admin: Admin) -> set[str]:
    mask = "domains(domainName,domainAliases(domainAliasName))"
    body = admin.fetch(admin.directory.domains().list(customer=MINE, fields=mask), (customer.DOMAINS,))
    found = decode(body, Domains).domains or []
    names = {one.domainName for one in found}
    names |= {alias.domainAliasName for one in found for alias in one.domainAliases or ()}
    return {name.lower() for name in names if name}


def _of_people(admin: Admin, **of: str) -> set[str]:
    """The domains of the first people there are; a domain of somebody else's has none for us."""
    request = admin.directory.users().list(**of, maxResults=100, fields="users(primaryEmail)")
    try:
        found = decode(admin.fetch(request, (users.SCOPE,)), Addresses).users or []
    except (NotGranted, Unexpected):
        if "domain" not in of:
            raise
        return set()
    return {one.primaryEmail.rpartition("@")[2].lower() for one in found if one.primaryEmail}
