"""What people wrote, merged three ways: values in, values out."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keyround.handover.carry import Copy, Kept, Merged, as_json, from_json, merge, moved, written, written_from
from keyround.notes import FIELDS, Key, Note

NOW = "2026-11-27T06:00:00Z"
KEYS: tuple[Key, ...] = (("t", "no-factor"), ("t", "no-factor", "ada", ""), ("t", "abroad", "bo", "PT"))
WAS = {KEYS[0]: Note("Ada", "2026-12-01", "open"), KEYS[1]: Note(note="Asked.")}
KEPT = Kept(WAS)
Edits = dict[tuple[Key, str], str]


def copy(edits: Edits, **more: Any) -> Copy:
    """The workbook that was written with `WAS`, and then edited."""
    rows = [
        (key, {name: edits.get((key, name), getattr(WAS.get(key, Note()), name)) for name in FIELDS}) for key in KEYS
    ]
    return Copy(
        "w1", "2026-11-20T06:00:00Z", "acme.xlsx", rows, **{"written": {k: n.said() for k, n in WAS.items()}} | more
    )


def after(*copies: Copy, kept: Kept = KEPT) -> Kept:
    for one in copies:
        kept = merge(kept, one, NOW).kept
    return kept


def said(kept: Kept, key: Key, name: str) -> str:
    return str(getattr(kept.notes.get(key, Note()), name))


def others(kept: Kept, key: Key, name: str) -> list[str]:
    return sorted(one.value for one in kept.notes.get(key, Note()).others if one.field == name)


CELLS = st.tuples(st.sampled_from(KEYS), st.sampled_from(FIELDS))
EDITS = st.dictionaries(CELLS, st.sampled_from(("", "x", "y", "open", "Ada")), max_size=5)


@settings(max_examples=150, deadline=None)
@given(st.lists(EDITS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_no_edit_is_lost_or_read_twice_whatever_comes_first(edits: list[Edits], chance: Any) -> None:
    copies = [copy(one) for one in edits]
    chance.shuffle(copies)
    kept = after(*copies)
    assert after(*copies, *reversed(copies), kept=kept) == kept
    assert from_json(as_json(kept, {"sha": "w1"})) == (kept, {"sha": "w1"})
    refs = {"F-ABCDEFGH": KEYS[1]}
    assert written_from(written(kept.notes, refs)) == ({key: n.said() for key, n in kept.notes.items() if n}, refs)
    for key in KEYS:
        for name in FIELDS:
            base = getattr(WAS.get(key, Note()), name)
            meant = {one[key, name] for one in edits if one.get((key, name), base) != base}
            final = said(kept, key, name)
            assert final in (meant or {base})
            assert others(kept, key, name) == sorted(meant - {final})


def test_ours_stays_where_both_changed_and_the_other_is_told_until_somebody_answers() -> None:
    key = KEYS[0]
    newer = Kept(WAS | {key: Note("Ada", "2026-12-24", "in_progress")})
    merged = merge(newer, copy({(key, "status"): "done", (key, "owner"): "", (key, "due"): "2026-12-24"}), NOW)
    note = merged.kept.notes[key]
    assert (note.owner, note.status) == ("", "in_progress") and merged.taken == 1
    assert [(one.field, one.value, one.source) for one in note.others] == [("status", "done", "acme.xlsx")]
    assert [clash[0] for clash in merged.clashes] == [key]
    # The next workbook tells both; whoever changes the cell there has answered.
    told = {k: n.said() for k, n in merged.kept.notes.items()}
    answer = Copy("w2", NOW, "acme-2.xlsx", [(key, {"status": "wont_do"})], told)
    final = merge(merged.kept, answer, "2026-12-04T06:00:00Z").kept.notes[key]
    assert (final.status, final.others, final.marked) == ("wont_do", (), NOW)


def test_without_knowing_what_a_workbook_said_nothing_is_cleared_or_replaced() -> None:
    key = KEYS[0]
    kept = after(copy({(key, "owner"): "", (key, "status"): "done", (key, "note"): "New."}, written=None))
    assert kept.notes[key].said() == {"owner": "Ada", "due": "2026-12-01", "status": "open", "note": "New."}
    assert others(kept, key, "status") == ["done"]
    assert said(after(copy({(key, "owner"): "Eve"}, written=None), kept=Kept()), key, "owner") == "Eve"


def test_an_old_copy_that_comes_again_undoes_nothing() -> None:
    key, old = KEYS[0], copy({(KEYS[0], "status"): "done"})
    kept = after(old)
    told = {k: n.said() for k, n in kept.notes.items()}
    kept = after(Copy("w2", NOW, "acme-2.xlsx", [(key, {"status": "open"})], told), kept=kept)
    assert merge(kept, old, NOW) == Merged(kept) and said(kept, key, "status") == "open"


def test_a_copied_row_tells_both() -> None:
    key = KEYS[2]
    twice = Copy("w1", NOW, "a.xlsx", [(key, {"owner": "x"}), (key, {"owner": "y"}), (key, {"owner": ""})], {})
    kept = after(twice, twice)
    assert said(kept, key, "owner") == "x" and others(kept, key, "owner") == ["y"]


def test_rows_that_stand_for_nothing_stay_until_they_are_cleared_or_find_their_place() -> None:
    own, lost = ("", "", "Ask the insurer"), ("", "A-ABCDEFGH", "No factor")
    merged = merge(Kept(), Copy("w1", NOW, "a.xlsx", [(own, {"owner": ""}), (lost, {"owner": "Bo"})], {}), NOW)
    assert merged.strange == (own, lost) and merged.kept.notes.keys() == {own, lost}
    assert not merge(merged.kept, Copy("w1", NOW, "a.xlsx", [(own, {"owner": ""})], {}), NOW).strange
    assert moved(merged.kept, {lost: KEYS[0]}).notes == {own: Note(), KEYS[0]: Note("Bo")}
    assert lost in moved(Kept(merged.kept.notes | WAS), {lost: KEYS[0]}).notes  # something else is written there
    cleared = Copy("w2", NOW, "b.xlsx", [(lost, {"owner": ""})], {lost: {"owner": "Bo"}})
    assert after(cleared, kept=merged.kept).notes.keys() == {own}
