"""The provider's overview: one row per client, then what was found at all of them, topic by topic.

A client is taken in while its scan can be read (`taken_in`); what is kept of it are rows. It is for the provider alone:
no client gets to see another's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ..engine.figures import Figures, People
from ..engine.results import Scan
from ..engine.rule import TOPICS
from ..errors import for_client
from ..words import say, word
from ..words.sentences import told
from . import abroad, findings, not_checked
from .blocks import DAY, Block, Cell, Column, Figure, Sheet, Table, Text, Tone
from .blocks import Figures as Listed
from .light import light
from .standing import figures, standing
from .tones import LIGHT
from .veil import veiled

_LIGHTS: tuple[Tone, ...] = ("bad", "warn", "unknown", "good")
_MOST_SILENCES = 3
_NEW = ("new", "worse", "reopened")

_Part = tuple[tuple[Column, ...], list[tuple[Cell, ...]]]


@dataclass(frozen=True, slots=True)
class Client:
    """One client as the portfolio shows it. `taken_at` None: there is no scan of it that can be read, and `failed` and
    `remedy` say why; with a scan they say why there is no newer one. `parts` are the rows of its own sheets, by
    topic or sheet.
    """

    key: str
    name: str
    failed: str = ""
    remedy: str = ""
    taken_at: datetime | None = None
    complete: bool = True
    tone: Tone = "unknown"
    sentence: str = ""
    figures: Figures | None = None
    before: Figures | None = None
    new: int = 0
    silences: tuple[str, ...] = ()
    parts: dict[str, _Part] = field(default_factory=dict)


def taken_in(scan: Scan) -> Client:
    """What the portfolio keeps of one client's newest scan."""
    got = standing(scan)
    tone, sentence = light(got)
    own = {"abroad": abroad.sheet(scan), "not_checked": not_checked.sheet(scan)}
    parts = {name: _part(veiled(one, scan)) for name, one in own.items()}
    for topic in TOPICS:
        of_topic = tuple(f for f in scan.findings if f.rule.topic == topic and f.counts)
        if of_topic:
            parts[topic] = _part(veiled(findings.sheet(replace(scan, findings=of_topic)), scan))
    return Client(
        key=scan.client,
        name=scan.client_name,
        taken_at=scan.taken_at,
        complete=scan.complete,
        tone=tone,
        sentence=sentence,
        figures=figures(scan),
        before=scan.past[-1] if scan.past else None,
        new=sum(change.state in _NEW for change in scan.changes),
        silences=tuple(scan.scrub.so(line) if scan.scrub else line for line in not_checked.silences(scan)),
        parts=parts,
    )


def _part(sheet: Sheet) -> _Part:
    """The rows of a sheet's first table, without the columns that people write into: nobody reads them back here."""
    table = next(block for block in sheet.blocks if isinstance(block, Table))
    kept = [place for place, column in enumerate(table.columns) if not column.fill_in]
    return tuple(table.columns[n] for n in kept), [tuple(row[n] for n in kept) for row in table.rows]


def sheets(clients: Sequence[Client], prepared_by: str, now: datetime) -> Iterator[Sheet]:
    """The overview, a sheet for each topic, sign-ins abroad, what was not checked. Failures come first."""
    ranked = ordered(clients)
    yield _overview(ranked, prepared_by, now)
    for topic in TOPICS:
        if any(topic in client.parts for client in ranked):
            yield _joined(word("topic", topic), topic, ranked, say("portfolio.topic", topic=word("topic", topic)))
    yield _joined(say("sheet.abroad"), "abroad", ranked, say("abroad.about"))
    yield _joined(say("sheet.not_checked"), "not_checked", ranked, say("not_checked.about"))


def ordered(clients: Sequence[Client]) -> list[Client]:
    """First those without a scan, then those whose newest attempt failed, then by light."""
    return sorted(clients, key=_rank)


def _rank(client: Client) -> tuple[bool, bool, int, bool, str]:
    first = client.taken_at is not None, not client.failed
    return *first, _LIGHTS.index(client.tone), client.complete, client.name.casefold()


def _overview(clients: Sequence[Client], prepared_by: str, now: datetime) -> Sheet:
    lights: dict[str, Tone] = {word("light_word", LIGHT[tone]): tone for tone in _LIGHTS}
    columns = (
        Column(say("portfolio.client"), 26),
        Column(say("portfolio.light"), 9, lights | {say("portfolio.failed"): "bad"}),
        Column(say("portfolio.why"), 44),
        Column(say("portfolio.people"), 13),
        Column(say("portfolio.admins"), 13),
        Column(say("portfolio.abroad"), 13),
        Column(say("portfolio.unused"), 13),
        Column(say("portfolio.checks"), 13),
        Column(say("portfolio.new"), 10),
        Column(say("portfolio.last"), DAY),
        Column(say("portfolio.age"), 8),
        Column(say("portfolio.silent"), 46),
    )
    blocks: list[Block] = [Text(say("portfolio.title"), "title")]
    blocks.append(Text(say("portfolio.about", by=prepared_by or "Keyround", day=now.date()), "note"))
    blocks.append(Listed(tuple(_counts(clients))))
    table = Table("clients", columns, (_row(client, now) for client in clients), say("portfolio.nobody"))
    return Sheet(say("portfolio.clients"), (*blocks, table))


def _counts(clients: Sequence[Client]) -> Iterator[Figure]:
    if failed := sum(client.taken_at is None for client in clients):
        yield Figure(say("portfolio.failed"), say("number", n=failed), say("portfolio.failed_note"), "bad")
    for tone in _LIGHTS:
        if n := sum(client.taken_at is not None and client.tone == tone for client in clients):
            yield Figure(word("light_word", LIGHT[tone]), say("number", n=n), word("light_meaning", LIGHT[tone]), tone)


def _row(client: Client, now: datetime) -> tuple[Cell, ...]:
    if client.taken_at is None or client.figures is None:
        return (client.name, say("portfolio.failed"), reason(client), *[None] * 8, say("portfolio.silent_all"))
    got, before = client.figures, client.before
    silent = list(client.silences[:_MOST_SILENCES])
    if more := len(client.silences) - _MOST_SILENCES:
        silent += [say("people.more_gaps", n=more)] if more > 0 else []
    return (
        client.name,
        word("light_word", LIGHT[client.tone]),
        "\n".join(filter(None, (lacking(client), client.sentence))),
        _now_and_before(_of(got.people), _of(before.people) if before else ""),
        _now_and_before(_of(got.admins), _of(before.admins) if before else ""),
        _now_and_before(_abroad(got), _abroad(before) if before else ""),
        _now_and_before(_unused(got), _unused(before) if before else ""),
        say("of", n=got.checks.impossible, total=got.checks.total) if got.checks else say("not_known"),
        client.new,
        client.taken_at.date(),
        (now.date() - client.taken_at.date()).days,
        "\n".join(silent) or None,
    )


def lacking(client: Client) -> str:
    """Why there is no newer scan than the one that is shown; "" where nothing is known to have failed."""
    if client.taken_at is None or not client.failed:
        return ""
    return say("portfolio.stale", day=client.taken_at.date(), why=reason(client))


def reason(client: Client) -> str:
    """Why there is no scan, or no newer one, and what to do."""
    return " ".join(filter(None, (told(client.failed), for_client(told(client.remedy), client.key))))


def _now_and_before(now: str, before: str) -> str:
    return "\n".join(filter(None, [now, before and say("portfolio.before", value=before)]))


def _of(tally: People | None) -> str:
    if tally is None or not tally.known:
        return say("not_known")
    return say("of_at_least" if tally.at_least else "of", n=tally.protected, total=tally.total)


def _abroad(figures: Figures) -> str:
    return say("number", n=figures.abroad.records) if figures.abroad else say("not_known")


def _unused(figures: Figures) -> str:
    return say("number", n=figures.unused.count) if figures.unused else say("not_known")


def _joined(title: str, part: str, clients: Sequence[Client], about: str) -> Sheet:
    """The same sheet of all clients under each other; one that lacks a column leaves it empty."""
    columns: dict[str, Column] = {}
    for client in clients:
        for column in client.parts.get(part, ((), []))[0]:
            columns.setdefault(column.title, column)

    def rows() -> Iterator[tuple[Cell, ...]]:
        for client in clients:
            own, found = client.parts.get(part, ((), []))
            place = {column.title: n for n, column in enumerate(own)}
            places = [place.get(title) for title in columns]
            for row in found:
                yield client.name, *(None if n is None else row[n] for n in places)

    shown = (Column(say("portfolio.client"), 22), *columns.values())
    return Sheet(title, (Text(title, "title"), Text(about, "note"), Table(part, shown, rows(), say("portfolio.none"))))
