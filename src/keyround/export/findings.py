"""Sheet "Findings": one row per subject and rule, with the facts it rests on and what people wrote about it."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import Scan
from ..engine.rule import SEVERITIES
from ..words import say, word
from . import fill, refs
from .accepted import noted
from .blocks import DAY, TENANT, USERNAME, Cell, Column, Sheet, Table, Text
from .evidence import names, plain, who
from .known import labels, on
from .tones import tones


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.ref"), 14),
        Column(say("column.severity"), 11, tones("severity")),
        Column(say("column.finding"), 28),
        Column(say("column.who"), 20),
        Column(say("column.username"), USERNAME),
        Column(say("column.facts"), 42),
        Column(say("column.tenant"), TENANT),
        Column(say("column.state"), 15),
        Column(say("column.first_seen"), DAY),
        *fill.columns(),
        Column(say("column.since"), 18),
        Column(say("column.rule_id"), 16),
    )
    return Sheet(
        say("sheet.findings"),
        (
            Text(say("sheet.findings"), "title"),
            Text(say("findings.about"), "note"),
            Table("findings", columns, _rows(scan), say("findings.empty")),
        ),
    )


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant, known = labels(scan), names(scan)
    ref = refs.each(finding.key for finding in scan.findings)
    for finding in sorted(scan.findings, key=lambda f: (SEVERITIES.index(f.severity), f.key)):
        rule = finding.rule
        name, username = who(finding, known)
        note = scan.notes.of(*finding.key)
        since = fill.since(note, scan) if finding.counts else fill.others(note)
        yield (
            ref[finding.key],
            word("severity", finding.severity),
            rule.title,
            name,
            username or None,
            "\n".join(filter(None, (plain(finding), noted(finding)))) or None,
            tenant.get(finding.tenant, finding.tenant),
            word("finding_state", finding.state),
            on(finding.first_seen),
            *fill.cells(note),
            "\n".join(since) or None,
            rule.id,
        )
