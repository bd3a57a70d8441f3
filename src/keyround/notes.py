"""What people write beside actions and findings: who does it, by when, how far it is, and what else there is to say.

Plain values. None of it changes what is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Key = tuple[str, ...]
"""(tenant, rule) of an action; (tenant, rule, subject, aspect) of a finding; ("", ref, text) of a row that belongs to
neither: people added it, or nobody knows any more what its ref stood for."""
FIELDS = ("owner", "due", "status", "note")
STATUSES = ("open", "in_progress", "done", "wont_do")
"""Codes of the words that Status offers; whatever else stands there is kept as it was typed."""
CLOSED = frozenset({"done", "wont_do"})


@dataclass(frozen=True, slots=True)
class Other:
    """Written in one field by somebody else, in `source`, while ours had been changed too. `at`: told since then."""

    field: str
    value: str
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Note:
    """`due` is an ISO day where it reads as one. `marked` is the scan whose workbook said the status (an instant)."""

    owner: str = ""
    due: str = ""
    status: str = ""
    note: str = ""
    marked: str = ""
    others: tuple[Other, ...] = ()

    def __bool__(self) -> bool:
        """There is something to tell."""
        return bool(self.owner or self.due or self.status or self.note or self.others)

    def said(self) -> dict[str, str]:
        """The fields that say something."""
        return {name: value for name in FIELDS if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Left:
    """A note on something that is found no longer. `who` and `last_found` as far as the store remembers them."""

    key: Key
    note: Note
    title: str
    who: str = ""
    last_found: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """Everything people wrote about one client's findings."""

    by_key: Mapping[Key, Note] = field(default_factory=dict)
    left: tuple[Left, ...] = ()

    def of(self, *key: str) -> Note:
        return self.by_key.get(key, _NOTHING)


_NOTHING = Note()
