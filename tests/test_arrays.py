"""Columns are laid out as Arrow lays them out itself, and without what that would import."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyround.model.arrays import arrow_array

TEXT = st.text(max_size=4)
KINDS = {
    pa.string(): TEXT, pa.bool_(): st.booleans(), pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False), pa.timestamp("us"): st.datetimes(),
    pa.list_(pa.string()): st.lists(st.none() | TEXT, max_size=3),
}  # fmt: skip


@given(st.sampled_from([*KINDS]).flatmap(lambda kind: st.tuples(st.lists(st.none() | KINDS[kind]), st.just(kind))))
def test_as_arrow_would(column):
    cells, kind = column
    ours = arrow_array(cells, kind)
    ours.validate(full=True)
    assert ours.equals(pa.array(cells, kind))


@pytest.mark.parametrize("cell, kind", [("no", pa.bool_()), (1.5, pa.int64()), ("1", pa.float64()), (7, pa.string()),
                                        ("2026-11-20", pa.timestamp("us")), ([7], pa.list_(pa.string()))])  # fmt: skip
def test_what_is_of_another_type_is_refused(cell, kind):
    with pytest.raises(TypeError):
        arrow_array([None, cell], kind)


def test_a_scan_s_rows_are_stored_without_pandas():
    code = """if True:
        import sys
        from keyround.model import Setting
        from keyround.store.draft import as_arrow
        assert len(as_arrow([Setting("a", "b", "c")], Setting, "t", "m365")) == 1
        assert not len(as_arrow([], Setting, "t", "m365"))
        sys.exit("pandas" in sys.modules)"""
    assert not subprocess.run([sys.executable, "-c", code], check=False).returncode
