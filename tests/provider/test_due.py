"""Slots against a slow reading of the wall clock, and a simulated runner whose clock is set and whose scans fail."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyround.provider.attempt import begun, settled
from keyround.provider.due import AGAIN, MOST, SPREAD, backoff, due, next_slot, slack, slot
from keyround.provider.ended import Ended
from keyround.rounds import Schedule
from keyround.store import stamped
from keyround.store.runs import Failure, Run

FEWER = settings(max_examples=settings().max_examples // 2)  # each of these walks through weeks
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")
times = st.builds(time, st.integers(0, 23), st.sampled_from((0, 10, 30, 59)))
schedules = st.one_of(
    st.builds(Schedule, st.just("hour"), st.integers(1, 48)),
    st.builds(Schedule, st.just("day"), st.integers(1, 3), st.just(0), times, st.sampled_from(ZONES)),
    st.builds(Schedule, st.just("week"), st.integers(1, 3), st.integers(0, 6), times, st.sampled_from(ZONES)),
    st.builds(Schedule, st.just("month"), st.integers(1, 3), st.integers(1, 31), times, st.sampled_from(ZONES)),
)
TURNS = (  # clocks go forward, clocks go back, by half an hour, by a whole day
    datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2026, 3, 8, 7), datetime(2026, 11, 1, 6),
    datetime(2026, 10, 3, 15, 30), datetime(2026, 4, 4, 15), datetime(2011, 12, 30, 10),
)  # fmt: skip
instants = st.builds(
    lambda turn, minutes: turn + timedelta(minutes=minutes), st.sampled_from(TURNS), st.integers(-3000, 3000)
)


def shown(at: datetime, zone: str) -> datetime:
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@given(schedules, instants)
def test_now_lies_between_two_slots_and_a_slot_is_its_own(schedule, now):
    last, following = slot(schedule, now), next_slot(schedule, now)
    assert last <= now < following
    assert slot(schedule, last) == last == slot(schedule, following - timedelta(seconds=1))
    assert next_slot(schedule, last) == following == slot(schedule, following)


@FEWER
@given(times, st.sampled_from(TURNS), st.sampled_from(ZONES))
@example(time(2, 30), TURNS[0], "Europe/Berlin")
@example(time(2, 30), TURNS[1], "Europe/Berlin")
@example(time(2), TURNS[4], "Australia/Lord_Howe")
@example(time(0), TURNS[6], "Pacific/Apia")
def test_a_slot_is_when_clocks_there_first_show_it_or_have_passed_it(at, turn, zone):
    quarters = [turn + timedelta(minutes=15 * number) for number in range(-200, 200)]
    walls = [shown(one, zone) for one in quarters]
    schedule = Schedule("day", at=at.replace(minute=at.minute // 15 * 15), zone=zone)
    for day in {wall.date() for wall in walls[100:300]}:
        wanted = datetime.combine(day, schedule.at)
        first = next(one for one, wall in zip(quarters, walls, strict=True) if wall >= wanted)
        assert slot(schedule, first) == first


def test_every_second_week_is_the_same_whoever_asks_and_the_31st_is_the_last_day():
    fortnight = Schedule("week", 2, 0, time(6), "Europe/Berlin")
    found = [next_slot(fortnight, datetime(2026, 1, 1))]
    while len(found) < 30:
        found.append(next_slot(fortnight, found[-1]))
    days = [shown(one, "Europe/Berlin") for one in found]
    assert {(later - day).days for day, later in pairwise(days)} == {14}
    assert {(day.weekday(), day.time()) for day in days} == {(0, time(6))}
    last = Schedule("month", 1, 31, time(6), "Asia/Kathmandu")
    assert shown(slot(last, datetime(2028, 3, 1)), "Asia/Kathmandu").date() == date(2028, 2, 29)
    quarter = Schedule("month", 3, 1, time(0), "UTC")
    assert slot(quarter, datetime(2026, 12, 31)) == datetime(2026, 10, 1)


@dataclass
class Desk:
    """A runner without processes. `scans`: the slots in which a snapshot was sealed that nobody asked to repeat."""

    schedule: Schedule
    now: datetime
    run: Run = field(default_factory=Run)
    stamps: list[str] = field(default_factory=list)
    scans: list[datetime] = field(default_factory=list)
    repeated: list[datetime] = field(default_factory=list)

    def tick(self, end: str) -> None:
        todo = due(self.schedule, sorted(self.stamps), self.run, self.now, "acme")
        if todo.kind == "nothing":
            assert todo.next_at is not None and todo.next_at > self.now
            return
        assert todo.slot == slot(self.schedule, self.now)
        if end == "stopped":
            return
        self.run = begun(self.run, todo, self.now)
        stamp = todo.stamp
        if todo.kind == "scan" and end != "failed":
            stamp = stamped(self.now)
            self.stamps.append(stamp)
            (self.repeated if todo.again else self.scans).append(todo.slot)
        if end == "killed":  # after it was sealed
            return
        failure = Failure(self.now, "Crashed", "It broke.") if end in ("failed", "unreported") else None
        lacks = ("Throttled",) if end == "incomplete" else ()
        self.run = settled(self.run, Ended(stamp, lacks, failure=failure), "acme", self.now)


ends = st.sampled_from(("good", "good", "failed", "unreported", "incomplete", "killed", "stopped"))
steps = st.lists(st.tuples(st.integers(1, 3000), st.integers(-1440, 1440), ends), min_size=1, max_size=60)


@FEWER
@given(schedules, instants, steps)
def test_no_slot_is_scanned_twice_though_clocks_are_set_and_scans_fail(schedule, start, steps):
    desk, latest = Desk(schedule, start), start
    for minutes, correction, end in steps:
        desk.now = max(desk.now + timedelta(minutes=minutes + correction), latest - slack(schedule))
        latest = max(latest, desk.now)
        desk.tick(end)
    assert len(desk.scans) == len(set(desk.scans))
    assert all(desk.repeated.count(one) <= len(AGAIN) for one in desk.repeated)


@FEWER
@given(schedules, instants, st.lists(ends, max_size=30), st.timedeltas(timedelta(), timedelta(days=400)))
def test_after_any_past_every_slot_is_scanned_once_and_those_missed_are_caught_up_by_one(schedule, start, past, asleep):
    desk = Desk(schedule, start)
    for end in past:
        desk.tick(end)
        desk.now += timedelta(minutes=37)
    desk.now = (desk.now + asleep).replace(microsecond=0)
    before, first = list(desk.scans), slot(schedule, desk.now)
    until = min(next_slot(schedule, next_slot(schedule, desk.now)), desk.now + timedelta(days=2)) + MOST * 2
    while desk.now < until:
        desk.tick("good")
        desk.now += timedelta(minutes=53)
    wanted, one = [], first
    while one <= desk.now - timedelta(minutes=53):
        wanted.append(one)
        one = next_slot(schedule, one)
    if schedule.unit != "hour":  # a slot every hour may pass while an attempt waits for its next one
        assert [one for one in desk.scans if one >= first] == wanted
    assert sum(one < first for one in desk.scans) == sum(one < first for one in before)
    assert slot(schedule, desk.now - timedelta(minutes=53)) in desk.scans


@given(schedules, instants)
def test_a_clock_that_was_years_ahead_blocks_nothing(schedule, now):
    future = now + timedelta(days=900)
    desk = Desk(schedule, future)
    desk.tick("good")
    desk.tick("failed")
    desk.run = replace(desk.run, slot=slot(schedule, now), retry_at=future)
    desk.now = now
    desk.tick("good")
    assert desk.scans == [slot(schedule, future), slot(schedule, now)]
    assert desk.run.reported == stamped(now)


def test_waits_grow_to_a_limit_and_differ_between_clients_but_not_between_askings():
    at = datetime(2026, 11, 23, 1)
    waits = [backoff("acme", at, attempt).total_seconds() / 60 for attempt in range(1, 40)]
    for wait, middle in zip(waits, (10, 30, 90, 270, 360, 360), strict=False):
        assert middle * (1 - SPREAD) <= wait <= middle * (1 + SPREAD)
    assert max(waits) <= MOST.total_seconds() / 60 * (1 + SPREAD)
    assert len({backoff(f"client-{number}", at, 1) for number in range(60)}) > 50
    assert backoff("acme", at, 3) == backoff("acme", at, 3)


def test_a_scan_by_hand_makes_not_due_and_what_was_asked_for_is_done_at_once():
    schedule, now = Schedule("week", zone="UTC"), datetime(2026, 11, 25, 9)
    failed = settled(begun(Run(), due(schedule, [], Run(), now), now), Ended(failure=Failure(now, "X", "x")), "a", now)
    assert due(schedule, [], failed, now + timedelta(minutes=1), "a").kind == "nothing"
    assert due(schedule, [], failed, now + timedelta(minutes=1), "a", forced=True).attempt == 2
    by_hand = due(schedule, [stamped(now)], Run(), now + timedelta(hours=1))
    assert (by_hand.kind, by_hand.stamp) == ("report", stamped(now))
    assert due(None, [], Run(), now).kind == "nothing" and due(None, [], Run(), now, forced=True).kind == "scan"
