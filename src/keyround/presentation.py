"""How a client's report is handed over: in which language, by whom, with or without people's names.

Plain values, as the configuration gives them. None of it changes what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .rounds import Order

Names = Literal["full", "initials", "coded"]
FORMATS = ("xlsx", "json", "html", "csv")
"""What a report can be written as; the first two are, unless somebody asks for others."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who prepared the report. `hourly_rate` in `currency` (ISO 4217); None: what actions cost is not said."""

    name: str = ""
    contact: str = ""
    phone: str = ""
    logo: Path | None = None
    hourly_rate: float | None = None
    currency: str = "EUR"

    @property
    def prepared_by(self) -> str:
        """Name and contact, as the head of the report says them; empty where neither is known."""
        return ", ".join(filter(None, (self.name, self.contact)))


@dataclass(frozen=True, slots=True)
class Presentation:
    """`names`: how people are called in everything that is written. `works_council`: what people did is told by code,
    without times of day and counts per person. `purpose`: what the data may be used for; empty: the usual sentence.
    `order`: who has ordered the scans, where somebody else makes them.
    """

    language: str = "en"
    provider: Provider = field(default_factory=Provider)
    names: Names = "full"
    works_council: bool = False
    purpose: str = ""
    order: Order | None = None

    @property
    def private(self) -> bool:
        """Somebody is called otherwise than by name."""
        return self.works_council or self.names != "full"

    @property
    def parted(self) -> bool:
        """What is so is told of one name, what somebody did of another, and nothing joins the two."""
        return self.names == "initials" or (self.works_council and self.names == "full")

    @property
    def use_hidden(self) -> bool:
        """When and from where somebody signed in does not stand beside what is so."""
        return self.works_council or self.parted
