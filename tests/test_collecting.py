"""Data sets at once: who waits for whom, what comes out, and how it stops."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from keyround.collecting import read_all, threads
from keyround.connector import Complete, DataSet


def dataset(name, after=()):
    return DataSet(name, (), lambda session, window: iter(()), lambda page: (), "", "", after=after)


class Reader:
    """Reads nothing, slowly, and remembers how."""

    def __init__(self, seconds=None):
        self.seconds = seconds or {}
        self.begun, self.ended, self.at_once, self.most = [], [], 0, 0
        self.lock = threading.Lock()

    def __call__(self, one):
        with self.lock:
            self.begun.append((one.name, tuple(self.ended)))
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(self.seconds.get(one.name, 0.02))
        with self.lock:
            self.ended.append(one.name)
            self.at_once -= 1
        return Complete(len(one.name))


SETS = [dataset("first"), dataset("a"), dataset("b"), dataset("c", ("a", "b")), dataset("d"), dataset("e", ("d",))]


def run(reader, at_once, said=None, sets=SETS):
    calls = [] if said is None else said
    with threads() as start:
        return read_all(
            sets, reader, at_once, start, lambda one, outcome: calls.append((one.name, outcome, threading.get_ident()))
        )


@pytest.mark.parametrize("at_once", [1, 2, 3, 16])
def test_everybody_waits_for_those_before_and_for_nobody_else(at_once):
    said, reader = [], Reader({"a": 0.2})
    outcomes = run(reader, at_once, said)
    assert list(outcomes) == [one.name for one in SETS] and outcomes["c"] == Complete(1)
    begun = dict(reader.begun)
    assert all(set(one.after) <= set(begun[one.name]) for one in SETS)
    assert all("first" in ended for name, ended in reader.begun if name != "first")
    assert reader.most == min(at_once, 3)
    if at_once > 1:
        assert "a" not in begun["e"] and "a" in begun["c"]  # a long one delays those who need it
    assert {thread for *_, thread in said} == {threading.get_ident()}
    assert sorted(name for name, outcome, _ in said if outcome is None) == sorted(outcomes)


@pytest.mark.parametrize("at_once", [1, 4])
def test_a_bug_in_a_data_set_surfaces_as_itself(at_once):
    def read(one):
        if one.name == "b":
            raise ZeroDivisionError("a bug")
        return Complete(0)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        run(read, at_once)


def test_a_data_set_comes_after_declared_ones_only():
    with pytest.raises(ValueError, match="not declared before"):
        run(Reader(), 4, sets=[dataset("first"), dataset("a", ("b",)), dataset("b")])


def test_an_interrupt_closes_the_session_first_and_waits_for_the_threads():
    closed, events = threading.Event(), []

    @contextmanager
    def session():
        try:
            yield
        finally:
            events.append("closed")
            closed.set()

    def read(one):
        if one.name != "first":
            assert closed.wait(10)
            events.append("ended")
            raise RuntimeError("the session is closed")
        return Complete(0)

    def say(one, outcome):
        if one.name == "d":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), threads() as start, session():
        read_all(SETS, read, 4, start, say)
    assert events == ["closed", "ended", "ended"]


MET_AT_ONCE = """
import sys, threading, msgspec
from keyround.connector import decode
sys.setswitchinterval(1e-6)
page = b'{"x": [{"a0": [1], "a5": [2]}], "y": {"a0": [3]}}'
for _ in range(60):
    inner = msgspec.defstruct("Inner", [(f"a{i}", "list[int] | None", None) for i in range(12)])
    outer = msgspec.defstruct("Outer", [("x", list[inner]), ("y", inner)])
    gate = threading.Barrier(4)
    together = [threading.Thread(target=lambda: (gate.wait(), decode(page, outer))) for _ in range(4)]
    [one.start() for one in together]
    [one.join() for one in together]
"""


def test_threads_that_meet_a_shape_for_the_first_time_at_once_do_not_break_the_process():
    assert subprocess.run([sys.executable, "-c", MET_AT_ONCE], timeout=60).returncode == 0
