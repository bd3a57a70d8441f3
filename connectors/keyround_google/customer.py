"""Who the tenant is: its main domain, and its name and country where they may be read.

Endpoint    GET /admin/directory/v1/customer/{customer}/domains, GET /admin/directory/v1/customers/{customer}
Permission  https://www.googleapis.com/auth/admin.directory.domain.readonly, and for name and country
            https://www.googleapis.com/auth/admin.directory.customer.readonly
Plan        every edition
Gaps        the customer record is refused to roles copied from the super administrator's; the edition needs a
            scope that can also change licences, so it is not asked for
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/customers/get
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, Expired, NotEnabled, Throttled, Unreachable
from keyround.model import Tenant

from .wire import Wire, country, instant

if TYPE_CHECKING:
    from .admin import Admin

DOMAINS = "https://www.googleapis.com/auth/admin.directory.domain.readonly"
CUSTOMER = "https://www.googleapis.com/auth/admin.directory.customer.readonly"
SOURCE = "https://developers.google.com/workspace/admin/directory/reference/rest/v1/customers/get"
ONLY_THERE = ("name", "country", "created_at")
UNNAMED = "The report cannot say what the tenant is called and in which country it is at home."


@dataclass(frozen=True, slots=True)
class Page:
    """The two answers about one tenant; either may be missing."""

    domains: bytes | None
    customer: bytes | None


class Domain(Wire):
    domainName: str | None = None
    isPrimary: bool | None = None


class Domains(Wire):
    domains: list[Domain] | None = None


class Address(Wire):
    countryCode: str | None = None
    organizationName: str | None = None


class Customer(Wire):
    customerDomain: str | None = None
    customerCreationTime: str | int | None = None
    postalAddress: Address | None = None


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    domains = customer = None
    refusal: CollectError | None = None
    try:
        domains = admin.fetch(
            admin.directory.domains().list(customer=admin.customer, fields="domains(domainName,isPrimary)"), (DOMAINS,)
        )
    except (Throttled, Expired, Unreachable):
        raise
    except CollectError as error:
        refusal = error
    try:
        mask = "customerDomain,customerCreationTime,postalAddress(countryCode,organizationName)"
        customer = admin.fetch(admin.directory.customers().get(customerKey=admin.customer, fields=mask), (CUSTOMER,))
    except (Throttled, Expired, Unreachable):
        raise
    except CollectError as error:
        if refusal:
            raise refusal from None
        # Google refuses this record to most administrator roles, and nothing but a name hangs on it:
        # that is a module not switched on, not a fault of the set-up.
        yield Without(ONLY_THERE, NotEnabled(error.detail, error.remedy, UNNAMED, error.code))
    yield Page(domains, customer)


def rows(page: Page) -> Iterator[Tenant]:
    found = decode(page.domains, Domains).domains or [] if page.domains is not None else []
    customer = decode(page.customer, Customer) if page.customer is not None else Customer()
    address = customer.postalAddress or Address()
    yield Tenant(
        provider="google",
        name=address.organizationName or None,
        primary_domain=next((d.domainName for d in found if d.isPrimary), None) or customer.customerDomain,
        country=country(address.countryCode),
        created_at=instant(customer.customerCreationTime),
    )


DATASET = DataSet(
    name="customer",
    fills=(Tenant,),
    pages=pages,
    rows=rows,
    tells="which organisation this is and in which country it is at home",
    source=SOURCE,
    grants=(DOMAINS,),
    optional=dict.fromkeys(ONLY_THERE, CUSTOMER),
)
