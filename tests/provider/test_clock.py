"""A clock that cannot be believed removes nothing; what a killed process left in the system's folder goes."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta

import pytest

from keyround.provider import clock, over


def test_a_clock_that_was_wrong_for_an_hour_removes_nothing_and_a_long_pause_waits_a_day(tmp_path):
    def asked(at: datetime) -> bool:
        """Whether it may remove something, as each call finds it."""
        fine = clock.doubted(tmp_path, at) is None
        clock.noted(tmp_path, at)
        return fine

    now, hour, day = datetime(2026, 11, 20, 8), timedelta(hours=1), timedelta(days=1)
    assert asked(now)  # nothing speaks against it yet
    (tmp_path / "hof" / "scans" / "20261120T080000Z").mkdir(parents=True)
    far = datetime(2030, 1, 1)
    assert not asked(far)
    (tmp_path / "hof" / "scans" / "20300101T000000Z").mkdir()  # what is done within that hour says nothing
    assert not asked(far + hour)
    assert asked(now + hour) and asked(now + day)
    back = now + 100 * day
    assert not asked(back) and not asked(back + 19 * hour) and asked(back + 20 * hour) and asked(back + 21 * hour)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_what_a_killed_process_left_is_found_and_nothing_else(tmp_path):
    names = ("a1b2c3_4", "once-a1b2c3_4", "abcd1234", "customer", "x")
    left, once, _, theirs, other = folders = [tmp_path / f"keyround-{name}" for name in names]
    for folder in folders:
        folder.mkdir(mode=0o700)
    (left / "duckdb_temp_storage_DEFAULT-0.tmp").touch()
    (theirs / "list.csv").touch()
    (tmp_path / "keyround-a1b2c3_5").symlink_to(other, target_is_directory=True)
    long_ago = time.time() - 3 * 86_400
    for folder in (left, once, theirs, other):
        os.utime(folder, (long_ago, long_ago))
    os.utime(tmp_path / "keyround-a1b2c3_5", (long_ago, long_ago), follow_symlinks=False)
    assert over.left_behind(tmp_path) == [left, once]
