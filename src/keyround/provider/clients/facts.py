"""What was seen of a client's access: `STORE/<client>/access.json`, replaced whole at every change.

Facts only; what they mean `state` says. A damaged or missing file costs another invitation or test at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from .. import kept

FILE = "access.json"


@dataclass(frozen=True, slots=True)
class Tried:
    """One tenant asked to let us in, and what came of it: `kind` is the error's class, "" where it let us in.

    `waits`: the refusal says that the tenant's administrator has yet to let us in. `missing` are permissions that the
    session lacked. `title` is the connector's, `name` the tenant's.
    """

    title: str
    name: str = ""
    kind: str = ""
    waits: bool = False
    missing: tuple[str, ...] = ()
    detail: str = ""
    therefore: str = ""
    remedy: str = ""

    @property
    def well(self) -> bool:
        return not self.kind and not self.missing


@dataclass(frozen=True, slots=True)
class Access:
    """Instants are naive UTC. `invited`: the mail was made; `sent`: it left from here, or may have.

    `first_tried`: the first test; `opened`: the last at which every tenant let us in.
    """

    invited: datetime | None = None
    sent: datetime | None = None
    first_tried: datetime | None = None
    opened: datetime | None = None
    tested: datetime | None = None
    last: tuple[Tried, ...] = ()


def read(root: Path) -> Access:
    """What is known of the client in `root`; nothing where there is no file, or a damaged one."""
    return kept.read(root / FILE, Access) or Access()


def keep(root: Path, access: Access) -> None:
    """Raises StoreError."""
    kept.keep(root / FILE, access)
