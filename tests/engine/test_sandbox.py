from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from keyround.engine.sandbox import Files, Rows, opened, patience
from keyround.errors import RuleError
from keyround.model import TABLES, arrow_schema


def rows(name: str, *given: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(given), schema=arrow_schema(TABLES[name]))


@pytest.fixture
def folder() -> Iterator[Path]:
    """A sealed snapshot of two tenants, readable by anybody so that an ordinary user can be tried on it."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        both = rows("accounts", {"tenant": "a", "account_id": "m365:ada"}, {"tenant": "b", "account_id": "m365:bo"})
        pq.write_table(both, path / "accounts.parquet")
        pq.write_table(both, path / "other.parquet")
        for file in path.iterdir():
            file.chmod(0o444)
        path.chmod(0o555)
        yield path
        path.chmod(0o755)


def accounts(folder: Path) -> dict[str, Files]:
    return {"accounts": Files((folder / "accounts.parquet",))}


def test_a_tenant_sees_its_own_rows_and_every_table_exists(folder: Path) -> None:
    derived = Rows(rows("mfa_enforcements", {"tenant": "a", "account_id": "m365:ada", "verdict": "enforced"},
                        {"tenant": "b", "account_id": "m365:bo", "verdict": "blocked"}))  # fmt: skip
    with opened({**accounts(folder), "mfa_enforcements": derived}, "a") as db:
        assert db.execute("select tenant, account_id from accounts").fetchall() == [("a", "m365:ada")]
        assert db.execute("select tenant, verdict from mfa_enforcements").fetchall() == [("a", "enforced")]
        assert db.execute("select count(*) from sign_ins").fetchall() == [(0,)]
    with opened(accounts(folder), "b") as db:
        assert db.execute("select account_id from accounts").fetchall() == [("m365:bo",)]
    with opened(accounts(folder), "x' or true --") as db:
        assert db.execute("select account_id from accounts").fetchall() == []


def test_columns_younger_than_the_file_are_null(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"tenant": ["a"], "account_id": ["m365:ada"], "dropped_since": [1]}), tmp_path / "old.parquet"
    )
    new = rows("accounts", {"tenant": "a", "account_id": "m365:bo", "enabled": True})
    pq.write_table(new, tmp_path / "new.parquet")
    with opened({"accounts": Files((tmp_path / "old.parquet", tmp_path / "new.parquet"))}, "a") as db:
        assert db.execute("select account_id, enabled from accounts order by all").fetchall() == [
            ("m365:ada", None),
            ("m365:bo", True),
        ]
        assert "dropped_since" not in {c[0] for c in db.execute("from accounts").description or ()}
    with opened({"accounts": Files(())}, "a") as db:
        assert db.execute("select count(*), max(created_at) from accounts").fetchall() == [(0, None)]


def test_of_a_record_fetched_again_the_newest_wins(tmp_path: Path) -> None:
    def part(name: str, **outcomes: str) -> Path:
        when = datetime(2026, 7, 1)
        table = rows(
            "sign_ins",
            *({"tenant": "a", "sign_in_id": k, "signed_in_at": when, "outcome": v} for k, v in outcomes.items()),
        )
        pq.write_table(table, tmp_path / name)
        return tmp_path / name

    files = Files(
        (part("1", alone="success"),),
        ((part("2", x="old", y="old"), part("3", x="middle"), part("4", x="new", z="new")),),
    )
    with opened({"sign_ins": files}, "a") as db:
        found = dict(db.execute("select sign_in_id, outcome from sign_ins").fetchall())
        assert found == {"alone": "success", "x": "new", "y": "old", "z": "new"}
        assert db.execute("select count(*) from sign_ins").fetchall() == [(4,)]


@pytest.mark.parametrize("sql", [
    "from read_text('/etc/passwd')", "from '{folder}/other.parquet'", "from glob('{folder}/*')", "attach '/tmp/x.db'",
    "set lock_configuration = false", "set memory_limit = '90GB'", "reset allowed_paths", "set threads = 64",
    "set enable_external_access = true", "copy (select 1) to '/tmp/keyround-out.csv'", "delete from accounts",
    "insert into accounts select * from accounts", "install httpfs", "load httpfs",
    "export database '/tmp/keyround-out'",
    "copy (select 1 as x) to '{folder}/accounts.parquet' (format parquet)", "from read_csv('http://127.0.0.1:9/x')",
    "with x as (copy (select 1) to '{folder}/accounts.parquet' (format csv)) select 1", "create secret s (type s3)",
])  # fmt: skip
def test_second_wall_stands_without_the_first(folder: Path, sql: str) -> None:
    with opened(accounts(folder), "a") as db, pytest.raises(duckdb.Error):
        db.execute(sql.format(folder=folder)).fetchall()


def test_python_variables_are_no_tables(folder: Path) -> None:
    secret = pa.table({"x": [1]})
    with opened(accounts(folder), "a") as db, pytest.raises(duckdb.CatalogException):
        db.execute("from secret").fetchall()
    assert secret.num_rows == 1


ATTACK = """
import os, sys
from pathlib import Path
import duckdb
from keyround.engine.sandbox import Files, opened
file = Path(sys.argv[1])
with opened({"accounts": Files((file,))}, "a") as db:  # imports whatever is imported late
    db.execute("select account_id from accounts").fetchall()
if hasattr(os, "getuid") and os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
with opened({"accounts": Files((file,))}, "a") as db:
    for options in ("format parquet", "format parquet, use_tmp_file false", "format csv, use_tmp_file false"):
        try:
            db.execute(f"copy (select 9 as x) to '{file}' ({options})")
        except duckdb.Error as error:
            print("refused", type(error).__name__)
    print(db.execute("select account_id from accounts").fetchall())
"""


def test_copy_onto_a_sealed_file_fails_for_an_ordinary_user(folder: Path) -> None:
    """Even without the temporary file that DuckDB may not make. Root feels no file modes, so root steps down."""
    before = (folder / "accounts.parquet").read_bytes()
    command = [sys.executable, "-c", ATTACK, str(folder / "accounts.parquet")]
    done = subprocess.run(command, capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, "TMPDIR": "/tmp", "HOME": "/tmp"})  # fmt: skip
    assert done.stdout.count("refused") == 3, done.stderr
    assert "m365:ada" in done.stdout
    assert (folder / "accounts.parquet").read_bytes() == before


ENDLESS = "with recursive r(i) as (select 1 union all select i + 1 from r) select max(i) from r"


def test_patience_runs_out_and_names_the_rule(folder: Path) -> None:
    with opened(accounts(folder), "a") as db:
        with pytest.raises(RuleError, match="endless-rule"), patience(db, 0.2, "endless-rule"):
            db.execute(ENDLESS).fetchall()
        with patience(db, 5, "next-rule"):
            assert db.execute("select count(*) from accounts").fetchall() == [(1,)]


def test_big_work_spills_into_a_private_folder_that_goes_away(folder: Path, tmp_path: Path) -> None:
    with opened(accounts(folder), "a", memory_mib=64, spill=tmp_path) as db:
        (private,) = tmp_path.iterdir()
        if os.name == "posix":
            assert private.stat().st_mode & 0o077 == 0
        work = (
            "select max(i - n) > 0 from (select i, row_number() over (order by hash(i)) as n from range(6000000) t(i))"
        )
        assert db.execute(work).fetchall() == [(True,)]
    assert not list(tmp_path.iterdir())
    with (
        opened(accounts(folder), "a", memory_mib=64, spill=tmp_path, spill_mib=1) as db,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        db.execute(work).fetchall()


@pytest.mark.parametrize("values, some, every", [
    ([], False, True), ([True], True, True), ([False], False, False), ([None], None, None), ([True, None], True, None),
    ([False, None], None, False), ([True, False], True, False), ([True, False, None], True, False),
])  # fmt: skip
def test_kleene_aggregates(folder: Path, values: list[bool | None], some: bool | None, every: bool | None) -> None:
    with opened(accounts(folder), "a") as db:
        cells = db.execute("select any_true(x), all_true(x) from (select unnest($v::boolean[]) as x)", {"v": values})
        assert cells.fetchall() == [(some, every)]
