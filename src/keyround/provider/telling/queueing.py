"""Laying messages down: who is told what, once. Nothing here talks to a mail server."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from ...config import Client, Config
from ...rounds import Tell
from ...secrets import resolve
from ...store.disk import put
from ...store.runs import Failure
from ...words import say, speaking
from ..clients.forgetting import credentials
from ..due import slot as slot_of
from . import told
from .outbox import Kind, Message, Outbox, State, folder_of, named

if TYPE_CHECKING:
    from ...engine.results import Finding, Scan
    from ...export.portfolio import Client as Row
    from ...handover import Handed
    from .letters import Letter

Reader = tuple[Literal["mail", "channel"], str]
_SOON = (1, 7, 30)
_COUNTED = re.compile(r"\d+")
_AHEAD = timedelta(days=1)


def queue(config: Config, client: Client, scan: Scan, handed: Handed, now: datetime) -> int:
    """The messages of a scheduled report; how many were added. `scan` knows everybody by name, so that none is told;
    `handed` is what was written. Raises ConfigError, StoreError.
    """
    from ...engine.spoken import spoken
    from ...export.body import names_of
    from ...store import stamped
    from . import letters

    stamp, root = stamped(scan.taken_at), folder_of(config.store, client.key)
    notices = [notice for tenant in scan.tenants for notice in tenant.notices]
    added = expiring(config, client, notices, now)
    before = told.read(root)
    if before and before.stamp > stamped(max(now, scan.taken_at) + _AHEAD):  # told by a clock that was far ahead
        before = replace(before, stamp="")
    if not (client.arranged.tell.anybody or config.tell.anybody) or (before and before.stamp >= stamp):
        return added
    outbox, tell = Outbox(root), client.arranged.tell
    path = str(handed.paths.get("xlsx", config.reports_of(client)).resolve())  # for the provider, who reads it here
    where = tell.where or path
    added += _takeover(config, client, scan, told.takeovers(scan, before), where, path, now)
    language = scan.presentation.language
    light = letters.standing_of(scan)
    today = told.now(scan, stamp, light, before)
    news = tell.when == "always" or told.changed(before, today, scan)
    # One that nobody has read yet gives way to the newest, whatever that says.
    if tell.anybody and (news or any(one.kind == "report" and one.waits for one in outbox.messages())):
        attached = _attached(client, handed, outbox, stamp, config.path.parent)
        readers = _not_among(tell, _taken(scan))
        with speaking(language):
            shown = spoken(handed.scan, language)
            names = names_of(scan)
            for through, mailed in (("mail", attached), ("channel", "")):
                if those := [reader for reader in readers if reader[0] == through]:
                    letter = letters.report(shown, names, light, where, bool(mailed))
                    added += _lay(outbox, client, "report", stamp, letter, those, now, mailed)
        outbox.supersede("report", stamp, now)  # last: whoever is killed here does it again
        if tell.send == "review" and news:
            with speaking(config.language):
                added += _provider(config, client, "review", stamp, letters.review(client, scan.taken_at, path), now)
    told.keep(root, today)
    return added


def _takeover(
    config: Config, client: Client, scan: Scan, found: Sequence[Finding], where: str, path: str, now: datetime
) -> int:
    """At once, to both; whoever may be read by the intruder is not written to."""
    from . import letters

    if not found:
        return 0
    tell, by = client.arranged.tell, scan.presentation.provider
    count = len({(one.tenant, one.judged.subject) for one in found})
    about = hashlib.sha256("".join(sorted(map(told.hashed, found))).encode()).hexdigest()[:16]
    readers = _not_among(tell, _taken(scan))
    silent = len(tell.mail) + len(tell.channels) - len(readers)
    with speaking(config.language):
        further = [say("telling.takeover_reader", n=silent)] if silent else []
        if not tell.anybody:
            further.append(say("telling.takeover_alone"))
        elif readers:
            held = tell.send == "review"
            further.append(
                say("telling.takeover_held", client_key=client.key) if held else say("telling.takeover_told")
            )
        letter = letters.takeover(client.name, scan.taken_at, count, replace(by, name="", contact="", phone=""), path,
                                  further)  # fmt: skip
        added = _provider(config, client, "takeover", about, letter, now)
    with speaking(scan.presentation.language):
        untold = not readers and not config.tell.anybody  # then it waits for a person, who sees it in `status`
        for through, to in _everybody(tell) if untold else readers:  # a workbook goes along with mails only
            place = "" if through == "mail" and _attaches(tell) else where
            letter = letters.takeover(client.name, scan.taken_at, count, by, place, ())
            added += _lay(Outbox(folder_of(config.store, client.key)), client, "takeover", about, letter,
                          [(through, to)], now, state="held" if untold else None)  # fmt: skip
    return added


def _taken(scan: Scan) -> frozenset[str]:
    """User names of accounts that somebody else may be reading the mail of."""
    from ...export.standing import takeover
    from ...model import Account

    found = {(one.tenant, one.judged.subject) for one in scan.findings if one.counts and takeover(one)}
    return frozenset(
        row.username.casefold()
        for tenant in {tenant for tenant, _ in found}
        for row in scan.rows(Account, tenant)
        if row.username and (tenant, row.account_id) in found
    )


def failed(config: Config, client: Client, failure: Failure, slot: datetime | None, now: datetime) -> int:
    """To the provider, once for each slot and kind of failure, and once a day at most. Raises StoreError."""
    from . import letters

    if not config.tell.anybody:
        return 0
    with _failing(config) as failing:  # before it is told: who hears of a failure hears of its end
        failing.setdefault(client.key, failure.at)
    about = f"{(slot or failure.at).date()}:{failure.kind}"
    with speaking(config.language):
        return _provider(config, client, "failure", about, letters.failure(client, failure), now)


def recovered(config: Config, client: Client, now: datetime) -> int:
    """To the provider, where a failure was told; once. Raises StoreError."""
    from . import letters

    since = _read_failing(_failing_file(config)).get(client.key)
    if since is None:
        return 0
    with speaking(config.language):
        letter = letters.recovered(client, since)
        added = _provider(config, client, "recovered", since.isoformat(), letter, now)
    with _failing(config) as failing:
        failing.pop(client.key, None)
    return added


def expiring(config: Config, client: Client, notices: Iterable[str], now: datetime) -> int:
    """To the provider: the order 30, 7 and 1 days before it ends, and each `notice` again only when its words become
    more urgent, whatever number of days it counts. Raises StoreError.
    """
    from ...words.sentences import told as said_of
    from . import letters

    added, (shared, others) = 0, _shared(config, client)
    with speaking(config.language):
        for notice in notices:
            about, letter = f"notice {_COUNTED.sub('', notice)}", letters.expiring(client, said_of(notice), others)
            if shared:
                added += _provider(config, None, "expiring", f"{about} {shared}", letter, now)
            else:
                added += _provider(config, client, "expiring", about, letter, now)
        order = client.arranged.order
        if order and order.until and 0 <= (left := (order.until - now.date()).days) <= max(_SOON):
            step = min(days for days in _SOON if left <= days)
            letter = letters.order(client, order.until, left)
            added += _provider(config, client, "expiring", f"order {order.until} {step}", letter, now)
        return added


def _shared(config: Config, client: Client) -> tuple[str, list[str]]:
    """The one credential of this client that opens others too, and their names: its end is written about once, not once
    for each of them.
    """
    found = credentials(client, config.clients)
    if len(found) != 1 or not found[0][1]:
        return "", []
    return found[0][0], [config.clients[key].name for key in found[0][1]]


def portfolio(config: Config, clients: Sequence[Row], path: Path, now: datetime) -> int:
    """To the provider: a line for each client, and where the workbook lies. Raises StoreError."""
    from . import letters

    with speaking(config.language):
        letter = letters.portfolio(clients, now, config.tell.where or str(path.resolve()))
    about = (slot_of(config.portfolio, now) if config.portfolio else now).isoformat()
    return _provider(config, None, "portfolio", about, letter, now)


def mail(config: Config, client: Client, to: str, subject: str, text: str, about: str, now: datetime) -> int:
    """One ready mail in the client's queue, such as an invitation; `about` is what it must not be sent twice for.

    0: it lies there already. Raises StoreError.
    """
    from .letters import Letter

    outbox = Outbox(folder_of(config.store, client.key))
    return _lay(outbox, client, "mail", about, Letter(subject, text), [("mail", to)], now, state="queued")


def test(config: Config, client: Client | None, now: datetime) -> int:
    """A message that says nothing, to everybody who is configured. Raises StoreError."""
    from . import letters

    tell = client.arranged.tell if client else config.tell
    with speaking(client.presentation.language if client else config.language):
        letter = letters.test(client.name if client else "")
    outbox = Outbox(folder_of(config.store, client.key if client else None))
    return _lay(outbox, client, "test", now.isoformat(), letter, _everybody(tell), now, state="queued")


def _provider(config: Config, client: Client | None, kind: Kind, about: str, letter: Letter, now: datetime) -> int:
    """To all of the provider's own people, who never review what is for themselves."""
    outbox = Outbox(folder_of(config.store, None))
    return _lay(outbox, client, kind, about, letter, _everybody(config.tell), now, state="queued")


def _lay(
    outbox: Outbox, client: Client | None, kind: Kind, about: str, letter: Letter, readers: Sequence[Reader],
    now: datetime, attached: str = "", state: State | None = None,
) -> int:  # fmt: skip
    """One message to each reader: nobody sees who else gets it."""
    key = client.key if client else ""
    state = state or ("held" if client and client.arranged.tell.send == "review" else "queued")
    return sum(
        outbox.add(
            Message(named(key, about, kind, to), key, kind, about, to, through, letter.subject, letter.text, now, state,
                    attached=attached)
        )
        for through, to in readers
    )  # fmt: skip


def _everybody(tell: Tell) -> list[Reader]:
    mails: list[Reader] = [("mail", to) for to in dict.fromkeys(tell.mail)]
    return mails + [("channel", to) for to in dict.fromkeys(tell.channels)]


def _not_among(tell: Tell, taken: frozenset[str]) -> list[Reader]:
    return [(through, to) for through, to in _everybody(tell) if to.casefold() not in taken]


def _attached(client: Client, handed: Handed, outbox: Outbox, stamp: str, folder: Path) -> str:
    from .sealed import sealed

    tell, workbook = client.arranged.tell, handed.paths.get("xlsx")
    if workbook is None or not _attaches(tell):
        return ""
    place = f"[client.{client.key}.tell] password"
    return outbox.lay_beside(f"{stamp}-{workbook.name}", sealed(workbook, resolve(place, tell.password, folder), place))


def _attaches(tell: Tell) -> bool:
    return tell.attach and bool(tell.mail)


def _failing_file(config: Config) -> Path:
    return folder_of(config.store, None) / "outbox" / ".failing"


@contextmanager
def _failing(config: Config) -> Iterator[dict[str, datetime]]:
    """Since when which clients fail, to be changed by one process at a time. Raises StoreError."""
    file = _failing_file(config)
    with Outbox(folder_of(config.store, None)).changing():
        was = _read_failing(file)
        now = dict(was)
        yield now
        if now != was:
            put(file, msgspec.json.encode(now))


def _read_failing(file: Path) -> dict[str, datetime]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, datetime])
    except (OSError, ValueError, RecursionError):
        return {}
