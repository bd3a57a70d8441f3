"""What is written to people: subject and text of each kind of message, in the language that is spoken now.

Nobody of a client's people is named in any of them. Who it is stands in the workbook.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from ...config import Client
from ...engine.results import Scan
from ...errors import for_client
from ...export import portfolio as overview
from ...export.actions import ranked
from ...export.body import body, paragraphs
from ...export.clean import short
from ...export.standing import standing
from ...export.tones import LIGHT
from ...presentation import Provider
from ...store.runs import Failure
from ...words import listed, say, word
from ...words.sentences import told

_MOST_LETTERS = 400


class Letter(NamedTuple):
    subject: str
    text: str


def report(scan: Scan, names: frozenset[str], light: str, where: str, attached: bool) -> Letter:
    """The Summary, what is expected of the reader, and where the workbook lies."""
    provider = scan.presentation.provider
    further = []
    if any(action.severity != "info" for action in ranked(scan)):
        by = listed([provider.prepared_by, provider.phone])
        further += [say("telling.closing", by=by) if by else say("telling.closing_open"), ""]
    further += [say("telling.workbook")]
    further += [say("telling.attached", by=provider.name or say("telling.somebody"))] if attached else _lies(where)
    said = say(f"light.{LIGHT[light]}")  # type: ignore[index]
    subject = say("telling.report", client=short(scan.client_name, 60), day=scan.taken_at.date(), light=said)
    return Letter(subject, body(scan, further, names))


def takeover(client: str, taken_at: datetime, count: int, by: Provider, where: str, further: Sequence[str]) -> Letter:
    """What to do at once; `where` empty: the workbook comes by mail; `further`: what only the provider is told."""
    name, day = short(client, 60), taken_at.date()
    texts = [say("telling.takeover_found", client=name, day=day, n=count), say("telling.takeover_call", n=count),
             say("telling.takeover_steps"), say("telling.takeover_law"), *further]  # fmt: skip
    texts = [line for text in texts for line in (text, "")]
    texts += [say("telling.takeover_who"), *_place(where), ""] if where else [say("telling.takeover_comes"), ""]
    if not further:  # the provider does not tell itself
        prepared = listed([by.prepared_by, by.phone])
        texts.append(say("telling.takeover_help", by=prepared) if prepared else say("telling.takeover_help_open"))
    return _letter(say("telling.takeover", client=name), texts)


def review(client: Client, taken_at: datetime, where: str) -> Letter:
    name, day = short(client.name, 60), taken_at.date()
    steps = [f"    keyround send {client.key} --dry-run", f"    keyround send {client.key}"]
    texts = [say("telling.review_text", client=name, day=day), *_place(where), *steps]
    return _letter(say("telling.review", client=name), texts)


def failure(client: Client, failed: Failure) -> Letter:
    name = short(client.name, 60)
    texts = [say("telling.failure_text", client=name, when=_when(failed.at)), ""]
    texts += [short(told(one), _MOST_LETTERS) for one in (failed.detail, failed.therefore) if one]
    if failed.remedy:
        remedy = for_client(told(failed.remedy), client.key)
        texts += ["", say("telling.failure_to_do", remedy=short(remedy, _MOST_LETTERS))]
    return _letter(say("telling.failure", client=name), [*texts, "", say("telling.failure_more")])


def recovered(client: Client, since: datetime) -> Letter:
    name = short(client.name, 60)
    text = say("telling.recovered_text", client=name, when=_when(since))
    return _letter(say("telling.recovered", client=name), [text])


def expiring(client: Client, said: str, others: Sequence[str] = ()) -> Letter:
    """`others`: further clients that the same thing serves."""
    texts = [said]
    if others:
        texts += ["", say("telling.expiring_others", clients=short(listed(list(others)), _MOST_LETTERS))]
    return _letter(say("telling.expiring", client=short(client.name, 60)), texts)


def order(client: Client, until: date, left: int) -> Letter:
    name = short(client.name, 60)
    ends = say("telling.order_ends", client=name, day=until, n=left)
    remedy = say("telling.order_remedy", client_key=client.key)
    return _letter(say("telling.order_ending", client=name, day=until), [f"{ends} {remedy}"])


def portfolio(clients: Sequence[overview.Client], now: datetime, where: str) -> Letter:
    """A line for each client, in the order of the workbook's first sheet: no scan first, then by light."""
    texts = []
    for one in overview.ordered(clients):
        if one.taken_at is None:
            silent = say("telling.portfolio_silent")
            texts += [f"{short(one.name, 60)}: {silent}. {short(overview.reason(one), _MOST_LETTERS)}", ""]
        else:
            light = word("light_word", LIGHT[one.tone]).upper()
            said = " ".join(filter(None, (overview.lacking(one), one.sentence)))
            texts += [f"{short(one.name, 60)}: {light}. {short(said, _MOST_LETTERS)}", ""]
    red = sum(one.taken_at is not None and one.tone == "bad" for one in clients)
    subject = say("telling.portfolio", day=now.date(), n=red)
    if failed := sum(one.taken_at is None for one in clients):
        subject += say("telling.portfolio_failed", n=failed)
    return _letter(subject, [*texts, say("telling.portfolio_lies"), *_place(where)])


def test(client: str) -> Letter:
    return _letter(say("telling.test"), [say("telling.test_text", client=client or say("telling.test_all"))])


def standing_of(scan: Scan) -> str:
    """The overall light."""
    from ...export.light import light

    return light(standing(scan))[0]


def _lies(where: str) -> list[str]:
    return [say("telling.lies"), *_place(where)]


def _place(where: str) -> list[str]:
    """On a line of its own, never broken: it is copied from there."""
    return [f"    {short(where, 1_000)}"]


def _when(at: datetime) -> str:
    return say("telling.when", day=at.date(), time=f"{at:%H:%M}")


def _letter(subject: str, texts: Sequence[str]) -> Letter:
    return Letter(subject, "\n".join(paragraphs(texts)).strip() + "\n")
