"""`keyround accept CLIENT`: answer for a risk until a day, see which are answered for, withdraw one."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from ..config import Client
from ..config.accepted import WHOLE_TENANT, last_day
from ..engine.acceptance import names_tenant
from ..engine.results import Accepted, Finding, Scan
from ..engine.rule import SEVERITIES, Rule
from ..errors import ConfigError, StoreError, nearest
from ..export import accepted
from ..export.clean import short
from ..export.evidence import case, names, place, who
from ..judging import reported
from ..store import ClientStore
from ..terms import Acceptance
from ..words import day, word
from . import edited, options
from .laid_down import HOW_NAMED, newest
from .lines import broken

YEAR = 366  # days; who accepts a risk for longer will not look at it again
_MOST_NAMES = 40
_NEEDED = ("rule", "subject", "reason", "owner", "until")
_UNKNOWN = {
    "unknown_subject": "There is no account, group or tenant {subject!r} in the snapshot of {day}.",
    "unread_subject": "There is no {subject!r} among what could be read for the snapshot of {day}, which was not all.",
}


@click.command(help="Answer for a risk until a day: the finding stays in the report, but raises no alarm. Written into "
                    "keyround.toml. Without options it names every finding and what to "
                    "type; --list shows what is accepted, --remove withdraws.")  # fmt: skip
@options.client
@options.config
@click.option("--rule", "rule_id", metavar="RULE", help="The check, as the column Ref of the report names it.")
@click.option(
    "--subject", metavar="NAME", help="User name or id, a group's or a device's name or id, or tenant for everybody."
)
@click.option("--aspect", metavar="TEXT", default="", help="Only this case of it, such as the country PT.")
@click.option("--tenant", metavar="ID", default="", help="Only in this tenant: its id, domain or name.")
@click.option("--reason", metavar="TEXT", help="Why it may stay as it is.")
@click.option("--owner", metavar="NAME", help="Who answers for it.")
@click.option("--until", metavar="DATE", help="The last day, such as 2027-06-30.")
@click.option("--list", "listing", is_flag=True, help="Show what is accepted, whom it covers, and for how long.")
@click.option("--remove", is_flag=True, help="Withdraw what is accepted of this rule and subject.")
@options.at
def command(
    client: str, path: Path | None, rule_id: str | None, subject: str | None, aspect: str, tenant: str,
    reason: str | None, owner: str | None, until: str | None, listing: bool, remove: bool, at: datetime | None,
) -> int:  # fmt: skip
    config = options.configuration(path)
    chosen, today = config.client(client), (at or options.now()).date()
    store = ClientStore(config.store, chosen.key)
    given = {"rule": rule_id, "subject": subject, "reason": reason, "owner": owner, "until": until}
    needed = () if listing else ("rule", "subject") if remove else _NEEDED
    if not remove and not listing and not any((subject, aspect, tenant, reason, owner, until)):
        return _offered(chosen, store, options.rules(config.rules), rule_id, at or options.now())
    if missing := [name for name in needed if not (given[name] or "").strip()]:
        raise click.UsageError(f"Missing option '--{missing[0]}': an accepted risk has {', '.join(_NEEDED)}.")
    said = {name: (value or "").strip() for name, value in given.items()}
    if listing:
        return _listed(chosen, store, options.rules(config.rules), at or options.now())
    file = chosen.file or config.path
    if remove:
        return _remove(file, chosen, said["rule"], said["subject"], aspect, tenant)
    wanted = Acceptance(said["rule"], said["reason"], said["owner"], last_day(said["until"], "--until"),
                        "" if said["subject"].lower() == WHOLE_TENANT else said["subject"], aspect, tenant)  # fmt: skip
    if wanted.until < today:
        raise ConfigError(f"--until {wanted.until} is over.", "Give a day to come.")
    if options.read_only(file):
        raise StoreError(f"{file} is read-only.", "Allow writing to it, or choose another file: --config FILE.")
    known = {one.id: one for one in options.rules(config.rules)}
    if wanted.rule not in known:
        raise ConfigError(f"There is no rule {wanted.rule!r}.", nearest(wanted.rule, known))
    snapshot = newest(store, chosen)
    # Probed as if the gravest were accepted: what it will cover, and how grave that is.
    terms = replace(chosen.terms, accepted=(replace(wanted, aspect="", severity="critical"),))
    with reported(snapshot, store, [known[wanted.rule]], at, terms) as scan:
        wanted = replace(wanted, tenant=_tenant(scan, wanted.tenant))
        found = _narrowed(scan.accepted[0], wanted.aspect)
        wanted = replace(wanted, aspect=found.acceptance.aspect, severity=_gravest(found))
        _say(scan, found, wanted, today)
    _write(file, chosen, wanted)
    print(f"`keyround report {client}` writes the report again.")
    return 0


def _tenant(scan: Scan, written: str) -> str:
    """The one tenant that is so called, by its id. Raises ConfigError."""
    if not written:
        return ""
    found = [t.id for t in scan.tenants if names_tenant(t, written)]
    if len(found) != 1:
        ids = [t.id for t in scan.tenants]
        what = f"{len(found)} tenants are called {written!r}." if found else f"There is no tenant {written!r}."
        raise ConfigError(what, f"Known: {', '.join(ids)}." if found else nearest(written, ids))
    return found[0]


def _gravest(found: Accepted) -> str:
    """The severity that is accepted: that of the gravest finding, else the rule's own."""
    severities = [finding.severity for finding in found.covers] or [found.rule.severity if found.rule else "info"]
    return min(severities, key=SEVERITIES.index)


def _narrowed(found: Accepted, written: str) -> Accepted:
    """The same for one aspect alone, which may be written as the report shows it; kept by its id, since names change.

    Raises ConfigError where several are so called.
    """
    if not written:
        return found
    said = written.strip().casefold()
    known = {finding.judged.aspect: _words(finding) for finding in found.covers if finding.judged.aspect}
    exact = [aspect for aspect in known if aspect.casefold() == said]
    meant = exact or [aspect for aspect, words in known.items() if said in {word.casefold() for word in words}]
    if len(meant) > 1:
        raise ConfigError(
            f"Several cases are called {written!r}.", f"Say which: --aspect {' or '.join(sorted(meant))}."
        )
    aspect = meant[0] if meant else written.strip()
    if known and not meant and found.state not in _UNKNOWN:
        cases = ", ".join(_plain(" ".join(dict.fromkeys(words))) for words in known.values())
        print(f"No case {_plain(written)!r} is found there. Found: {cases}.", file=sys.stderr)
    covers = tuple(finding for finding in found.covers if finding.judged.aspect == aspect)
    return replace(found, acceptance=replace(found.acceptance, aspect=aspect), covers=covers)


def _words(finding: Finding) -> tuple[str, ...]:
    """What a finding's aspect may be called: as it is, and as the report shows it."""
    aspect = finding.judged.aspect
    return aspect, place(aspect), case(finding.judged)


def _offered(client: Client, store: ClientStore, rules: tuple[Rule, ...], rule_id: str | None, now: datetime) -> int:
    """Every finding that nobody answers for, with the options that would accept it."""
    known = {one.id: one for one in rules}
    if rule_id and rule_id not in known:
        raise ConfigError(f"There is no rule {rule_id!r}.", nearest(rule_id, known))
    asked = [known[rule_id]] if rule_id else rules
    with reported(newest(store, client), store, asked, now, client.terms) as scan:
        named = names(scan)
        found = [finding for finding in scan.findings if finding.counts]
        if not found:
            print(f"{client.name}: nothing was found on {day(scan.taken_at)} that nobody answers for.")
            return 0
        print(f"{client.name}: {len(found)} found on {day(scan.taken_at)} that nobody answers for.")
        print(broken("", f"To accept one: keyround accept {client.key}, its options below, --reason TEXT, --owner NAME "
                         "and --until DATE."))  # fmt: skip
        for (severity, rule), same in groupby(found, key=lambda finding: (finding.severity, finding.rule.id)):
            print(f"\n{word('severity', severity)}: {_plain(known[rule].title)}")
            for finding in same:
                print("\n".join(_offer(scan, finding, named)))
    return 0


def _offer(scan: Scan, finding: Finding, named: dict[tuple[str, str], tuple[str, str]]) -> list[str]:
    """Who, and which case of it; and the options that name exactly this."""
    name, username = who(finding, named)
    subject = username if finding.rule.subject == "accounts" and username else finding.judged.subject
    several = len(scan.tenants) > 1 and finding.rule.subject == "accounts"
    said = {"rule": finding.rule.id, "subject": subject, "aspect": finding.judged.aspect,
            "tenant": finding.tenant if several else ""}  # fmt: skip
    options = " ".join(f"--{key} {_quoted(value)}" for key, value in said.items() if value)
    return [f"  {_plain(', '.join(filter(None, (name, case(finding.judged)))))}", f"    {_plain(options)}"]


def _quoted(value: str) -> str:
    return value if re.fullmatch(r"[\w@.:/+-]+", value) else f'"{value}"'


def _say(scan: Scan, found: Accepted, wanted: Acceptance, today: date) -> None:
    """What is accepted and whom it covers. Raises ConfigError for a subject that nobody knows."""
    if found.state in _UNKNOWN:
        detail = _UNKNOWN[found.state].format(subject=wanted.subject, day=day(scan.taken_at))
        raise ConfigError(detail, f"Did you mean {found.nearest!r}?" if found.nearest else HOW_NAMED)
    left = (wanted.until - today).days
    what = f"{accepted.title(found)} ({accepted.subject(found)})"
    print(f"{_plain(what)}: accepted until {day(wanted.until)} ({_days(left)} left).")
    if left > YEAR:
        print("That is more than a year ahead. A nearer day makes somebody look at it again.", file=sys.stderr)
    if found.state == "unread_members":
        print("Not every member of the group could be read: it covers those who were.", file=sys.stderr)
    if not wanted.tenant and len({finding.tenant for finding in found.covers}) > 1:
        print("It covers findings of more than one tenant; --tenant narrows it to one.")
    if not found.covers:
        print("Nothing is found there at present; it will cover what is found later.")
    else:
        print("It covers:")
        print("\n".join(_covered(scan, found.covers)))


def _covered(scan: Scan, findings: tuple[Finding, ...]) -> list[str]:
    known = names(scan)
    lines = []
    for finding in findings[:_MOST_NAMES]:
        name, username = who(finding, known)
        parts = (word("severity", finding.severity), name, username, case(finding.judged))
        lines.append("  " + "  ".join(_plain(part) for part in parts if part))
    if more := len(findings) - len(lines):
        lines.append(f"  and {more} more")
    return lines


def _write(path: Path, client: Client, wanted: Acceptance) -> None:
    """Into the client's file: renewed where the same risk is accepted already, else added. Raises StoreError."""
    entry: dict[str, Any] = {"rule": wanted.rule, "subject": wanted.subject or WHOLE_TENANT}
    entry |= {key: value for key in ("aspect", "tenant") if (value := getattr(wanted, key))}
    entry |= {"severity": wanted.severity, "reason": wanted.reason, "owner": wanted.owner, "until": wanted.until}
    by_hand = f"Write into it:\n\n{edited.section(client.key, entry)}"
    text = _text(path, by_hand)
    there = [n for n, one in enumerate(client.terms.accepted) if _same(one, wanted)]
    if there:
        kept = {key: entry[key] for key in ("severity", "reason", "owner", "until")}
        made = edited.renewed(text, client.key, there[0], kept)
    else:
        made = edited.added(text, client.key, entry)
    _put(path, made, by_hand)
    print(f"{path.name} says so from now on{', in place of what it said before' if there else ''}.")


def _same(one: Acceptance, other: Acceptance) -> bool:
    def key(made: Acceptance) -> tuple[str, str, str, str]:
        return made.rule, made.subject.casefold(), made.aspect, made.tenant.casefold()

    return key(one) == key(other)


def _remove(path: Path, client: Client, rule_id: str, subject: str, aspect: str, tenant: str) -> int:
    plain = "" if subject.lower() == WHOLE_TENANT else subject
    found = [
        n for n, one in enumerate(client.terms.accepted)
        if one.rule == rule_id and one.subject.casefold() == plain.casefold()
        and aspect in ("", one.aspect) and tenant.casefold() in ("", one.tenant.casefold())
    ]  # fmt: skip
    if len(found) != 1:
        what = "several accepted risks" if found else "no accepted risk"
        raise ConfigError(
            f"{path.name} holds {what} of {client.key!r} for {rule_id} and {subject!r}.",
            "Say which with --aspect and --tenant." if found else f"`keyround accept {client.key} --list` shows them.",
        )
    by_hand = f"Remove [[client.{client.key}.accept]] number {found[0] + 1} by hand."
    _put(path, edited.removed(_text(path, by_hand), client.key, found[0]), by_hand)
    print(f"Withdrawn: {rule_id}, {subject}. What it covered counts again.")
    return 0


def _text(path: Path, by_hand: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} has changed meanwhile.", by_hand) from error


def _put(path: Path, text: str | None, by_hand: str) -> None:
    if text is None:
        raise StoreError(f"{path} has a form that Keyround cannot edit.", by_hand)
    try:
        options.written(path, text, new=False)
    except StoreError as error:
        raise StoreError(error.detail, f"{error.remedy} Or by hand: {by_hand}") from error


def _days(n: int) -> str:
    return "1 day" if n == 1 else f"{n} days"


def _plain(text: str) -> str:
    """What a tenant or a colleague wrote, on one line, with nothing in it that steers the terminal."""
    return short(text, 400)


def _listed(client: Client, store: ClientStore, rules: tuple[Rule, ...], now: datetime) -> int:
    """What is accepted, the loudest first, as of `now`."""
    if not client.terms.accepted:
        print(f"{client.name} has accepted no risk.")
        return 0
    snapshot = newest(store, client)
    with reported(snapshot, store, rules, now, client.terms) as scan:
        print(f"{client.name}: as found on {day(scan.taken_at)}, judged as of {day(now)}.")
        for one in scan.accepted:
            print("\n" + "\n".join(_one(scan, one)))
    return 0


def _one(scan: Scan, one: Accepted) -> list[str]:
    made = one.acceptance
    state = word("accepted_state", one.state)
    loud = state if one.state in accepted.QUIET else state.upper()
    left = f"{_days(one.days_left)} left" if one.days_left >= 0 else f"ended {_days(-one.days_left)} ago"
    return [
        broken("", _plain(f"{loud}: {accepted.title(one)}, {accepted.subject(one)}"), hang="  "),
        f"  {made.rule}, until {day(made.until)} ({left})",
        broken("  ", _plain(f"{made.owner}: {made.reason}")),
        *([broken("  ", _plain(said))] if (said := accepted.meaning(one)) else []),
        *_covered(scan, one.covers),
    ]
