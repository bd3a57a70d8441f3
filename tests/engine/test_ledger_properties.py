"""Random histories, folded in any pieces; and a second opinion that reads the whole history of one key at once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from keyround.connector import Window
from keyround.engine import ledger
from keyround.engine.ledger import Ledger, changes, fold
from keyround.engine.sealed import Answer, Directory, Sealed, as_json, from_json

DAY = datetime(2026, 3, 2, 6)
PEOPLE, ASPECTS = ("ada", "bo"), ("", "FR")
PLACES = {"state": ("t", "state-rule"), "event": ("t", "event-rule")}
ENDED = ("fixed", "gone", "left_scope", "past")


@dataclass(frozen=True)
class Said:
    """One rule in one scan. `verdicts`: by key, with the severity of its own; None: not evaluated."""

    verdicts: dict[tuple[str, str], tuple[str, str | None]] | None
    whole: bool
    digest: str
    severity: str


@dataclass(frozen=True)
class Round:
    """One scan: so many days after the one before, so many days back."""

    later: int
    hours: int
    days: int
    accounts: tuple[str, ...]
    listed: bool
    rules: dict[str, Said | None]


KEYS = [(who, aspect) for who in PEOPLE for aspect in ASPECTS]


def histories(rounds: int) -> st.SearchStrategy[list[Round]]:
    """Scans with everything that may befall a key. A seed tells more histories apart than shrinking choices would."""
    return st.randoms(use_true_random=False).map(lambda chance: [_round(chance) for _ in range(rounds)])


def _round(chance: Random) -> Round:
    def verdict() -> tuple[str, str | None] | None:
        word = chance.choice(("fail", "fail", "pass", "unknown", None))
        return word and (word, chance.choice((None, "high", "low")) if word == "fail" else None)

    def said() -> Said | None:
        if chance.random() < 0.1:
            return None
        found = {key: one for key in KEYS if (one := verdict())}
        evaluated, whole, digest = chance.random() < 0.9, chance.random() < 0.7, chance.choice("aaaab")
        return Said(found if evaluated else None, whole, digest, chance.choice(("medium", "medium", "critical")))

    accounts = tuple(who for who in PEOPLE if chance.random() < 0.6)
    return Round(chance.randint(1, 12), chance.randint(0, 12), chance.choice((30, 30, 7)), accounts,
                 chance.random() < 0.7, {nature: said() for nature in PLACES})  # fmt: skip


def scans(rounds: list[Round]) -> list[Sealed]:
    """As they come back from disk."""
    told, day = [], DAY
    for one in rounds:
        day += timedelta(days=one.later)
        at = day + timedelta(hours=one.hours)
        window = Window(datetime.combine(at.date() - timedelta(days=one.days), time()), at)
        directory = Directory("Hof", one.accounts, one.listed, {who: f"{who}@hof.example" for who in PEOPLE})
        answers = {PLACES[nature]: _answer(nature, said, directory) for nature, said in one.rules.items() if said}
        told.append(from_json(json.loads(json.dumps(as_json(Sealed(at, window, {"t": directory}, answers))))))
    return told


def _answer(nature: str, said: Said, directory: Directory) -> Answer:
    asked = (nature, said.severity, said.digest, nature, "accounts")
    if said.verdicts is None:
        return Answer(*asked)  # type: ignore[arg-type]
    plain = {key[0]: verdict[0] for key, (verdict, own) in said.verdicts.items() if not key[1] and not own}
    letters = "".join(plain.get(who, "-") for who in directory.accounts)
    others = {key: found for key, found in said.verdicts.items()
              if key[1] or found[1] or key[0] not in directory.accounts}  # fmt: skip
    return Answer(*asked, said.whole, True, letters, others, directory)  # type: ignore[arg-type]


def through_disk(known: Ledger) -> Ledger:
    return ledger.from_json(json.loads(json.dumps(ledger.as_json(known))))


# -- the second opinion: one key, its whole history ------------------------------


def opinion(rounds: list[Round], told: list[Sealed], nature: str, key: tuple[str, str]) -> tuple[str, int, int] | None:
    """State after the last scan, and the numbers of those in which it failed first and last; None: it never failed."""
    seen = [_look(one, nature, key) for one in rounds]
    fails = [number for number, look in enumerate(seen) if look == "fail"]
    if not fails:
        return None
    last, ended_after = fails[-1], None
    for number in range(last + 1, len(seen)):
        if ended_after is None and (how := _end(rounds, told, nature, key, last, number)):
            ended_after = how
    if ended_after:
        return ended_after, fails[0], last
    if last != len(seen) - 1:
        return "not_rechecked", fails[0], last
    before = fails[-2] if len(fails) > 1 else None
    ended = before is not None and any(
        _end(rounds, told, nature, key, before, number) for number in range(before + 1, last)
    )
    if before is not None and not ended:
        then, now = rounds[before].rules[nature], rounds[last].rules[nature]
        assert then and now and then.verdicts and now.verdicts
        order = ("critical", "high", "medium", "low")
        was, is_now = (order.index(said.verdicts[key][1] or now.severity) for said in (then, now))  # type: ignore[index]
        return ("worse" if then.digest == now.digest and is_now < was else "open"), fails[0], last
    if last == 0:
        return "new", fails[0], last
    asked = [(number, one.rules[nature]) for number, one in enumerate(rounds[: last + 1])]
    evaluated = [(number, said) for number, said in asked if said and said.verdicts is not None]
    cleared = False
    for number, said in evaluated[:-1][::-1]:
        if said.digest != evaluated[-1][1].digest:
            break
        cleared |= seen[number] in ("pass", "absent")
    return (("reopened" if ended else "new") if cleared else "newly_checked"), fails[0], last


def _look(one: Round, nature: str, key: tuple[str, str]) -> str:
    said = one.rules[nature]
    if said is None or said.verdicts is None:
        return "silent"
    if key in said.verdicts:
        return said.verdicts[key][0]
    return "absent" if said.whole else "silent"


def _end(rounds: list[Round], told: list[Sealed], nature: str, key: tuple[str, str], last: int, now: int) -> str | None:
    """How scan `now` ends what scan `last` saw; None: it does not."""
    look = _look(rounds[now], nature, key)
    if look in ("silent", "unknown"):
        return None
    if nature == "event":
        today, then = told[now].window.until.date(), told[last].taken_at
        narrower = rounds[now].days < rounds[last].days
        forgotten = then <= datetime.combine(today - timedelta(days=rounds[last].days), time())
        return None if narrower and not forgotten else "past"
    if look == "pass":
        return "fixed"
    said = rounds[now].rules[nature]
    assert said and said.verdicts is not None
    if key[1] and any(who == key[0] for who, _ in said.verdicts):
        return "gone"
    if key[0] in rounds[now].accounts:
        return "left_scope"
    return "gone" if rounds[now].listed else None


# -- what must hold --------------------------------------------------------------


@given(histories(7))
def test_the_second_opinion_agrees(rounds: list[Round]) -> None:
    told, known = scans(rounds), Ledger()
    for number in range(1, len(told) + 1):
        known = fold(known, told[:number])
        for nature, place in PLACES.items():
            entries = known.records[place].entries if place in known.records else {}
            for key in KEYS:
                entry = entries.get(key)
                ours = entry and (entry.state(told[number - 1].taken_at), entry.first_seen, known.last_seen(entry))
                state, *seen = opinion(rounds[:number], told[:number], nature, key) or (None,)
                assert ours == (state and (state, *(told[scan].taken_at for scan in seen))), (nature, key)


@given(histories(4), st.data())
def test_from_any_base_and_in_any_order_it_comes_out_the_same(rounds: list[Round], data: st.DataObject) -> None:
    told = scans(rounds)
    whole = fold(Ledger(), data.draw(st.permutations(told)))
    for cut in range(1, len(told) + 1):
        base = through_disk(fold(Ledger(), told[:cut]))
        left = told[data.draw(st.integers(0, cut)) :]  # some of what the base holds may still be there
        assert fold(base, left) == whole
    assert through_disk(whole) == whole


@given(histories(5))
def test_nothing_ends_by_silence_and_no_age_moves_while_it_lasts(rounds: list[Round]) -> None:
    told = scans(rounds)
    steps = [fold(Ledger(), told[: number + 1]) for number in range(len(told))]
    for (then, now), one in zip(pairwise(steps), rounds[1:], strict=True):
        assert then.taken_at and now.taken_at
        for place, record in now.records.items():
            before = then.records[place].entries if place in then.records else {}
            assert before.keys() <= record.entries.keys()
            for key, entry in record.entries.items():
                was, state = before.get(key), entry.state(now.taken_at)
                look = _look(one, place[1].partition("-")[0], key)
                assert was is None or was.first_seen == entry.first_seen
                assert (look == "fail") == (entry.is_now == "failing")
                if look in ("silent", "unknown"):
                    assert was and state == (was.is_now if was.is_now in ENDED else "not_rechecked")
                if state in ENDED:
                    assert was is not None
        told_once = [(change.tenant, change.rule, change.key) for change in changes(then, now)]
        assert len(told_once) == len(set(told_once))
        for change in changes(then, now):
            assert (change.was is None) <= (change.state in ("new", "newly_checked"))
            assert (change.state in ENDED) <= (change.was not in (None, *ENDED))
            assert change.first_seen <= change.last_seen <= now.taken_at
