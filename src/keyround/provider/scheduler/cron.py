"""cron: one line in the user's own crontab, between two marks. Everything else in it stays as it is, byte by byte.

The line needs neither PATH nor a particular shell; cron starts it with almost no environment.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from . import MARK, Installed, Plan, ScheduleError, mark, refuse_foreign, spread
from .tools import Ran, has, tool

TITLE = "cron"
_NOBODY = ("no crontab", "No such file")
MAIL = ("A call says nothing unless something failed; cron mails that to this user. Where this computer can send mail, "
        "the line MAILTO=name@company.example at the top of the crontab sends it elsewhere.")  # fmt: skip


def there(own: bool = True) -> bool:
    return has("crontab")


def text(plan: Plan, once: datetime | None = None) -> str:
    """The block. `once`: with a line that makes cron call at that minute too, in this computer's own time."""
    minutes = plan.minutes
    at = ",".join(str(minute) for minute in range(spread(plan), 60, min(minutes, 60)))
    hours = "*" if minutes <= 60 else ",".join(str(hour) for hour in range(0, 24, minutes // 60))
    extra = f"{once.minute} {once.hour} {once.day} {once.month} * {_command(plan)}\n" if once else ""
    return (
        f"{_begin(plan.name)}\n# {mark(plan)}\n{at} {hours} * * * {_command(plan)}\n{extra}{_end(plan.name)}\n"
    )  # fmt: skip


def _begin(name: str) -> str:
    """Known again by what stands before the semicolon."""
    return f"# BEGIN keyround schedule {name}; `keyround schedule remove --name {name}` takes it away"


def _end(name: str) -> str:
    return f"# END keyround schedule {name}"


def _command(plan: Plan) -> str:
    """A percent sign would end the line for cron."""
    return shlex.join(plan.words).replace("%", r"\%")


def install(plan: Plan) -> list[str]:
    refuse_foreign(found(plan.name, plan.own, plan.run_as), plan)
    _write(plan, text(plan))
    return [MAIL]


def found(name: str, own: bool, user: str) -> Installed | None:
    block = _block(name).search(_read(user))
    if not block:
        return None
    said = block[0].decode(errors="surrogateescape")
    marked = MARK.search(said)
    if not marked:
        return Installed(f"The block {name} in the crontab of {user}")
    every = timedelta(minutes=int(marked[2]))
    return Installed(f"the crontab of {user}", Path(marked[3]), every, said)


def remove(name: str, own: bool, user: str) -> list[str]:
    before = _read(user)
    if (after := _block(name).sub(b"", before)) == before:
        return []
    _replace(user, after)
    return [f"the block {name} in the crontab of {user}"]


def fire(plan: Plan) -> Callable[[], None]:
    """cron starts nothing on demand: for one call the block has a line for the next minute that there is time for."""
    soon = datetime.now() + timedelta(seconds=65)
    _write(plan, text(plan, soon))
    return lambda: _write(plan, text(plan))


def trouble(plan: Plan) -> str:
    return ""


def _write(plan: Plan, block: str) -> None:
    before, new = _read(plan.run_as), block.encode(errors="surrogateescape")
    if (pattern := _block(plan.name)).search(before):
        after = pattern.sub(lambda _: new, before, count=1)
    else:
        after = before + (b"" if not before or before.endswith(b"\n") else b"\n") + new
    if after != before:
        _replace(plan.run_as, after)


def _block(name: str) -> re.Pattern[bytes]:
    begin, end = (re.escape(line.encode()) for line in (_begin(name).partition(";")[0], _end(name)))
    return re.compile(rb"^" + begin + rb";.*\n(?:.*\n)*?" + end + rb"\n", re.MULTILINE)


def _read(user: str) -> bytes:
    """The user's crontab. Raises ScheduleError when it cannot be read: what cannot be read must not be replaced."""
    ran = _crontab(user, "-l")
    if ran.ok:
        return ran.out
    if ran.status == 1 and not ran.out.strip() and any(word in ran.err for word in _NOBODY):
        return b""
    raise ScheduleError(f"The crontab of {user} cannot be read: {ran.said}.", therefore="Nothing was changed.")


def _replace(user: str, content: bytes) -> None:
    """cron itself checks it, and takes it whole or not at all. Raises ScheduleError."""
    ran = _crontab(user, "-", given=content)
    if not ran.ok:
        raise ScheduleError(f"cron does not take the crontab: {ran.said}.", therefore="It is as it was.")


def _crontab(user: str, *words: str, given: bytes = b"") -> Ran:
    """Of this user, or of another one as root."""
    return tool("crontab", *([] if user == _me() else ["-u", user]), *words, given=given)


def _me() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name
