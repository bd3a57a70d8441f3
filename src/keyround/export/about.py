"""Sheet "About": what the words mean, what was read, and what this report cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from ..connector import Complete, Incomplete
from ..engine.results import Scan
from ..engine.rule import SEVERITIES
from ..model.protection import PROTECTION
from ..rounds import Order
from ..words import day, listed, say, word
from ..words.sentences import told
from . import private
from .blocks import TENANT, Block, Cell, Column, Figure, Figures, Sheet, Table, Text
from .known import dataset, home, labels, last_day
from .tones import tones

_LIGHTS = ("red", "amber", "green", "blue", "grey")
_TOLD = ("actions", "people", "administrators", "abroad", "findings", "checks", "changes", "accepted", "not_checked")
_LIMITS = ("snapshot", "protected", "country", "attempts", "names", "guests", "times")


def sheet(scan: Scan) -> Sheet:
    words = (Column(say("column.word"), 26, tones("protection")), Column(say("column.meaning"), 60))
    sources = (
        Column(say("column.source"), 26),
        Column(say("column.tells"), 60),
        Column(say("column.tenant"), TENANT),
        Column(say("column.rows"), 10),
        Column(say("column.read"), 16),
    )
    blocks: tuple[Block, ...] = (
        Text(say("sheet.about"), "title"),
        Figures(tuple(_facts(scan))),
        Text(say("about.protected"), "heading"),
        Text(say("about.protected_sentence")),
        Table("words", words, ((word("protection", w), say(f"protection_meaning.{w}")) for w in PROTECTION)),
        Text(say("about.severity"), "heading"),
        Figures(tuple(Figure(word("severity", s), "", say(f"severity_meaning.{s}")) for s in SEVERITIES)),
        Text(say("about.light"), "heading"),
        Figures(tuple(Figure(word("light_word", w), "", say(f"light_meaning.{w}")) for w in _LIGHTS)),
        Text(say("about.sheets"), "heading"),
        Figures(tuple(Figure(say(f"sheet.{s}"), "", say(f"sheet_meaning.{s}"), link=say(f"sheet.{s}")) for s in _TOLD)),
        Text(say("about.limits"), "heading"),
        *(Text("· " + say(f"limits.{key}")) for key in _LIMITS),
        Text(say("about.called"), "heading"),
        *private.how(scan),
        Text(say("about.purpose"), "heading"),
        Text(scan.presentation.purpose or say("purpose")),
        Text(say("summary.disclaimer")),
        Text(say("about.geolocation"), "foot"),
        Text(say("about.sources"), "heading"),
        Table("sources", sources, _sources(scan), say("about.no_sources")),
    )
    return Sheet(say("sheet.about"), blocks)


def _facts(scan: Scan) -> Iterator[Figure]:
    yield Figure(say("about.client"), "", scan.client_name)
    yield Figure(say("about.taken"), "", say("about.taken_at", day=day(scan.taken_at), time=f"{scan.taken_at:%H:%M}"))
    yield Figure(say("about.window"), "", say("about.period", since=scan.window.since.date(), until=last_day(scan)))
    if by := scan.presentation.provider.prepared_by:
        yield Figure(say("about.prepared"), "", by)
    if order := scan.presentation.order:
        yield Figure(say("order.label"), "", _ordered(order))
    for tenant in scan.tenants:
        plans = listed([word("plan", plan) for plan in tenant.plans])
        parts = [*dict.fromkeys((tenant.name, tenant.id)), tenant.domain or "", plans]
        parts.append(say("about.home", home=home(tenant)))
        yield Figure(tenant.connector_title, "", " · ".join(filter(None, parts)))
        for notice in tenant.notices:
            yield Figure(say("about.notice"), "", told(notice))
    for mistake in scan.mistakes:
        yield Figure(say("about.mistake"), "", f"{told(mistake.detail)} {told(mistake.remedy)}")
    yield Figure(say("about.version"), "", f"Keyround {scan.version}".strip())


def _ordered(order: Order) -> str:
    """M. Jensen, managing director, on 2 Jan 2026, valid until 31 Dec 2026."""
    on = say("order.on", day=order.on) if order.on else ""
    until = say("order.until", day=order.until) if order.until else say("order.open")
    return listed([order.authorised_by, order.role, on, until])


def _sources(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    name = labels(scan)
    for covered in scan.coverage:
        outcome = covered.outcome
        tenant = name.get(covered.tenant, covered.tenant)
        if isinstance(outcome, Complete):
            read = say("about.read_in_part" if outcome.without else "about.read_whole")
            yield dataset(covered.dataset), told(covered.tells), tenant, outcome.rows, read
        elif isinstance(outcome, Incomplete) and not covered.replaced:
            yield dataset(covered.dataset), told(covered.tells), tenant, outcome.rows, say("about.read_not")
