from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from keyround.engine import gate
from keyround.engine.gate import inspect
from keyround.errors import RuleError

ORDINARY = """
    with recent as (
        select account_id, country, signed_in_at from sign_ins
        where outcome = 'success' and signed_in_at >= $now - interval 30 days and country not like '%X%'
    )
    select u.account_id as subject, any_true(r.country not in ('DK', 'SE')) as failing,
           coalesce(u.username, '?') || ' (' || count(*) || ')' as account,
           max(r.signed_in_at) filter (where r.country = 'FR') as last_seen,
           list(distinct r.country order by r.country)[1:5] as countries,
           string_agg(u.display_name, ', ' order by u.display_name desc nulls last) as names,
           case when count(*) > 3 then 'many' else 'few' end as how_many,
           datediff('day', u.created_at, $now) as days, not list_contains(['a', 'b'], lower(trim(u.kind))) as odd,
           row_number() over (partition by u.username order by count(*) desc) as place
    from accounts u left join recent r using (account_id)
    where u.enabled is not false and u.created_at between timestamp '2020-01-01' and $now
      and exists (select 1 from role_assignments a where a.holder_id = u.account_id)
      and u.account_id not in (select account_id from mfa_registrations where registered)
    group by all having count(*) > 0
    union all select account_id, null, username, null, null, null, null, 1, true, 1 from Accounts order by 1
"""


def test_ordinary_sql_is_let_through() -> None:
    seen = inspect(ORDINARY)
    assert seen.tables == {"accounts", "sign_ins", "role_assignments", "mfa_registrations"}
    assert seen.parameters == {"now"}
    assert {"account_id", "country", "outcome", "holder_id", "registered", "enabled"} <= seen.columns


def test_reads_are_found_through_subqueries() -> None:
    sql = """with a as (select account_id from accounts)
             select account_id from a where account_id in (select account_id from sign_ins)"""
    assert inspect(sql).tables == {"accounts", "sign_ins"}


REFUSED = [
    # not one select
    "drop table accounts", "select 1; select 2", "copy accounts to 'x.csv'", "attach 'x.db'", "set threads = 1",
    "pragma database_list", "from accounts insert into sign_ins", "explain select 1", "call pragma_version()", "",
    "describe accounts", "summarize accounts", "show tables", "pivot accounts on kind using count(*)", "not sql at all",
    # statements inside a with
    "with x as (copy accounts to 'x.csv') select 1 as n", "with x as (delete from accounts returning 1) select 1 as n",
    "with recursive r(i) as (select 1 union all select i + 1 from r) select i from r",
    "with recursive r(i) using key (i) as (select 1 union all select i from r) select i from r",
    # files, functions and catalogues as tables
    "select 1 as n from read_csv('/etc/passwd')", "select 1 as n from '/etc/passwd'",
    "select 1 as n from query('select 1')",
    "select 1 as n from duckdb_settings()", "select 1 as n from information_schema.tables",
    "select 1 as n from sqlite_master",
    "select 1 as n from main.accounts", "select 1 as n from memory.main.accounts", "select 1 as n from other.accounts",
    "select 1 as n from glob('*')", "select 1 as n from unnest([1])", "select 1 as n from range(10)",
    "select 1 as n from users",
    "select 1 as n from accounts at (version => 3)", "select enabled from accounts.secret.x",
    # a subquery that hides a table, or hides something behind its name
    "with accounts as (select 1 as enabled) select enabled from accounts",
    "with ACCOUNTS as (select 1 as enabled) select enabled from accounts",
    "with \"/etc/p.csv\" as (select 1 as n) select n from \"/etc/p.csv\"",
    "select 1 as n from '/etc/p.csv', (with \"/etc/p.csv\" as (select 1 as n) select n from \"/etc/p.csv\") t",
    "select 1 as n from sqlite_master, (with sqlite_master as (select 1 as n) select n from sqlite_master) t",
    "with a as (select 1 as n) select n from a, (with a as (select 2 as n) select n from a) b",
    # clocks, chance, session, machine
    "select current_date from accounts", "select current_timestamp", "select now() as n", "select today() as n",
    "select current_localtimestamp() as n", "select localtime from accounts",
    "select age(created_at) as n from accounts",
    "select random() as n", "select uuid() as n", "select version() as n", "select current_user as n", "select user",
    "select getvariable('x') as n", "select current_setting('threads') as n", "select nextval('s') as n",
    "select 1 as current_date, current_date", "select 'x'::timestamptz as n", "select pg_catalog.version() as n",
    "select main.lower('x') as n", "select a.version() as n from accounts a", "select get_current_time() as n",
    # costs without bound, and rows by chance
    "select repeat('x', 2000000000) as n", "select lpad('x', 2000000000, 'y') as n", "select range(1000000000) as n",
    "select enabled from accounts tablesample 10%", "select enabled from accounts using sample 3",
    "select enabled from accounts limit 1", "select enabled from accounts order by 1 offset 2",
    "select enabled from accounts limit 10%", "select distinct on (kind) enabled from accounts",
    "select list(kind) as n from accounts", "select string_agg(kind, ',') as n from accounts",
    "select first(kind) as n from accounts", "select row_number() over () as n from accounts",
    "select lag(kind) over (partition by kind) as n from accounts", "select unnest([1]) as n",
    "select sum(1) over (order by kind rows between 1 preceding and current row) as n from accounts",
    # names that hide what is read
    "select * from accounts", "select a.* from accounts a", "from accounts", "table accounts",
    "select columns('.*') from accounts", "select a from accounts a", "select secret from accounts",
    "select 1 as n from accounts natural join sign_ins", "select 1 as n from accounts positional join sign_ins",
    "select 1 as n from accounts asof join sign_ins s on s.signed_in_at >= created_at",
    "select [x for x in [1]] as n", "select list_transform([1], lambda x: x) as n", "select {'a': 1} as n",
    "select $1 as n", "select ? as n", "select kind collate nocase as n from accounts", "select 1 as \"ünïcode\"",
    "select write_log('x') as n", "select try(1) as n", "select lower(x := kind) as n from accounts",
    "select '" + "x" * gate.LONGEST + "' as n", "select " + "(" * 5000 + "1" + ")" * 5000 + " as n",
]  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED, ids=[f"{n}: {sql[:60]}" for n, sql in enumerate(REFUSED)])
def test_refused(sql: str) -> None:
    with pytest.raises(RuleError):
        inspect(sql)


def _tree() -> Any:
    (raw,) = duckdb.execute("select json_serialize_sql('select kind from accounts where enabled')").fetchone() or ("",)
    return json.loads(raw)["statements"][0]


def _places(node: Any) -> list[dict[str, Any]]:
    inside = [place for child in (node.values() if isinstance(node, dict) else node) for place in _places(child)] \
        if isinstance(node, dict | list) else []  # fmt: skip
    return [node, *inside] if isinstance(node, dict) else inside


def test_a_field_of_a_later_duckdb_is_refused_wherever_it_stands() -> None:
    """While it is empty it says nothing; once it says something, nobody here knows what."""
    for number, place in enumerate(_places(_tree())):
        for value, harmless in (
            (None, True),
            ([], True),
            (False, True),
            ("yes", False),
            (True, False),
            ({"a": 1}, False),
        ):
            tree = _tree()
            _places(tree)[number]["invented_later"] = value
            if "path" in place:
                continue  # the qualified name: compared as a whole
            if harmless:
                gate._Walk().node("statement", tree, frozenset())
            else:
                with pytest.raises(RuleError):
                    gate._Walk().node("statement", tree, frozenset())


def test_every_function_named_exists_and_is_no_table_function() -> None:
    known = dict(
        duckdb.execute(
            "select function_name, string_agg(distinct function_type) from duckdb_functions() group by 1"
        ).fetchall()
    )
    assert gate.FUNCTIONS - known.keys() <= {"any_true", "all_true"}
    assert not [name for name in gate.FUNCTIONS if "table" in known.get(name, "") or "pragma" in known.get(name, "")]
