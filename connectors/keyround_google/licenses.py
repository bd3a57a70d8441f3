"""Who holds which licence: a policy may be meant for the holders of one alone.

Endpoint    GET https://licensing.googleapis.com/apps/licensing/v1/product/{product}/users, product by product
Permission  https://www.googleapis.com/auth/apps.licensing; Google has no scope for it that only reads
Plan        every edition
Gaps        of the licences beside Workspace itself only those that a policy names, each product is a question a second
Source      https://developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments/listForProduct
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import Unexpected
from keyround.model import LicenseAssignment

from .modules import optional
from .policy_groups import GONE
from .two_step.documents import products_named
from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/apps.licensing"
SOURCE = "https://developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments/listForProduct"
MASK = "nextPageToken,items(userId,productId,skuId,skuName)"
WORKSPACE = "Google-Apps"
"""The product that every edition of Workspace belongs to."""


class Item(Wire):
    userId: str | None = None
    productId: str | None = None
    skuId: str | None = None
    skuName: str | None = None


class Items(Wire):
    items: list[Item] | None = None


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    every = admin.licensing.licenseAssignments()
    of_product = SimpleNamespace(list=every.listForProduct, list_next=every.listForProduct_next)
    for product in sorted({WORKSPACE}.union(*map(products_named, admin.noted.documents))):
        try:
            yield from admin.listing(
                of_product, (SCOPE,), {},
                productId=product, customerId=admin.customer, maxResults=100, fields=MASK,
            )  # fmt: skip
        except Unexpected as error:
            if error.code not in GONE:  # A product that Google does not sell any more is nobody's.
                raise


def rows(page: bytes) -> Iterator[LicenseAssignment]:
    for item in decode(page, Items).items or ():
        if item.userId and item.skuId:
            yield LicenseAssignment(item.userId.lower(), item.skuId, item.productId, item.skuName)


DATASET = optional(
    DataSet(
        name="licenses",
        fills=(LicenseAssignment,),
        pages=pages,
        rows=rows,
        tells="who holds which licence, and so whether a policy for the holders of one applies",
        source=SOURCE,
        grants=(SCOPE,),
        module="licenses",
        after=("policies",),
    )
)
