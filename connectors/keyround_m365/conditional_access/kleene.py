"""Three-valued logic: True, False, and None for "nobody can say"."""

from __future__ import annotations

from collections.abc import Iterable


def either(values: Iterable[bool | None]) -> bool | None:
    """True where one is; False only where all are.

    >>> either([False, None, True]), either([False, None]), either([])
    (True, None, False)
    """
    found: bool | None = False
    for value in values:
        if value:
            return True
        found = None if value is None else found
    return found


def negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def both(one: bool | None, other: bool | None) -> bool | None:
    """False where one is; None where the answer hangs on an unknown.

    >>> both(None, False), both(None, True), both(True, True)
    (False, None, True)
    """
    if one is False or other is False:
        return False
    return None if one is None or other is None else True
