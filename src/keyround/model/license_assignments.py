"""Table `license_assignments`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Row


@dataclass(frozen=True, slots=True)
class LicenseAssignment(Row):
    """One row per account and licence it holds."""

    KEY: ClassVar[tuple[str, ...]] = ("username", "sku_id")

    username: Annotated[str, "Sign-in name, lower case; joins accounts."]
    sku_id: Annotated[str, "The provider's id of the licence."]
    product_id: Annotated[str | None, "The provider's id of the product it belongs to."] = None
    name: Annotated[str | None, "Name of the licence."] = None
