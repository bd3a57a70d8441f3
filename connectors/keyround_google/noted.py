"""What data sets of one session tell each other, so that nothing is asked of Google twice.

Filled while pages go by; the data set that uses a note names the one that makes it in its `after`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from keyround.errors import CollectError
from keyround.model import Row


@dataclass(slots=True)
class Noted:
    """`signals`: what the login log holds besides sign-ins, of what was read of it, and `unread`, why some of that made
    no sense; `login_since`: from there on it was read whole in this session. `granted`: accounts whose connected apps
    were read one by one.
    """

    signals: list[Row] = field(default_factory=list)
    unread: CollectError | None = None
    login_since: datetime | None = None
    granted: set[str] = field(default_factory=set)
