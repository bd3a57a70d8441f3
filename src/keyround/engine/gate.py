"""May this SQL run at all? A written grammar over DuckDB's own syntax tree.

Everything a rule may say is named on this page: kinds of node, the fields of
each, the words a field may hold, functions, types. What is not named is refused,
so syntax that DuckDB grows later is refused too. A field this page does not know
passes only while it is empty. The locked connection in `sandbox.py` is the
second, independent wall.

DuckDB's own stability flags are no help: `version()`, one-argument `age()`,
`tablesample` and `repeat('x', 2e9)` count as consistent, and a `copy … to`
inside a `with` is classified as SELECT and runs.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any

import duckdb

from ..errors import RuleError
from ..model import TABLES, columns
from ..model.schema import TENANT

LONGEST = 20_000  # characters of SQL; the parser's own cost grows with the text


@dataclass(frozen=True, slots=True)
class Inspected:
    """What one select touches, all in lower case: tables, every name used as a column, and $parameters."""

    tables: frozenset[str]
    columns: frozenset[str]
    parameters: frozenset[str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGGREGATES = _words("""
    any_true all_true any_value arg_max arg_min array_agg avg bool_and bool_or count count_star
    list max min string_agg sum
""")
ORDERED = frozenset({"array_agg", "list", "string_agg"})
"""Their value depends on the order of rows, so the rule must say it."""

WINDOWS = frozenset({"row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value"})
"""Ranks and neighbours: without an order they are chance."""

FUNCTIONS = AGGREGATES | _words("""
    + - * / // % || ~~ !~~ ~~* !~~*
    abs ceil floor greatest if least mod nullif round sign trunc
    concat concat_ws contains ends_with left length lower ltrim position prefix regexp_extract regexp_full_match
    regexp_matches replace right rtrim split_part starts_with strip_accents substring suffix trim upper
    array_length flatten len list_append list_concat list_contains list_distinct list_extract list_has
    list_has_all list_has_any list_position list_reverse_sort list_slice list_sort list_unique list_value
    date_diff date_part date_trunc datediff datepart datetrunc day dayofweek epoch hour isodow month year
    to_days to_hours to_minutes to_months to_seconds to_weeks to_years
""")

TYPES = frozenset({"bigint", "boolean", "date", "double", "integer", "interval", "list", "text", "timestamp",
                   "varchar"})  # fmt: skip

CLOCKS_AND_SESSION = _words("""
    current_catalog current_date current_role current_schema current_time current_timestamp current_user
    localtime localtimestamp session_user user
""")
"""Words that DuckDB turns into function calls where no column has that name."""

# A field's rule is the kind of node it holds, a list of one kind, or the words it may hold.
_EMPTY: frozenset[Any] = frozenset()
_ANY: None = None  # text of no consequence
_FLAG = frozenset({True, False})
_EXPRESSIONS = ["expression"]
_SOURCE = {"alias": "name", "sample": _EMPTY}
_OPERATOR = {"children": _EXPRESSIONS}
_COMPARISON = {"left": "expression", "right": "expression"}
_CALL = {
    "function_name": _ANY, "schema": _EMPTY, "catalog": _EMPTY, "qualified_name": _ANY,  # read in `_call`
    "arguments": ["argument"], "distinct": _FLAG,
}  # fmt: skip
_WINDOW = _CALL | {
    "partitions": _EXPRESSIONS, "orders": ["order"], "filter_expr": "expression", "exclude_clause": {"NO_OTHER"},
    "start": {"UNBOUNDED_PRECEDING"}, "end": {"CURRENT_ROW_RANGE"}, "offset_expr": "expression",
    "default_expr": "expression", "ignore_nulls": _FLAG, "has_ignore_nulls": _FLAG,
}  # fmt: skip

GRAMMAR: dict[str, dict[str, dict[str, Any]]] = {
    "statement": {"": {"node": "query", "named_param_map": _ANY}},
    "query": {
        "SELECT_NODE": {
            "cte_map": _ANY, "select_list": _EXPRESSIONS, "from_table": "source", "where_clause": "expression",
            "group_expressions": _EXPRESSIONS, "group_sets": _ANY, "having": "expression", "qualify": "expression",
            "aggregate_handling": {"STANDARD_HANDLING", "FORCE_AGGREGATES"}, "modifiers": ["modifier"],
            "sample": _EMPTY,
        },
        "SET_OPERATION_NODE": {
            "cte_map": _ANY, "setop_type": {"UNION", "EXCEPT", "INTERSECT"}, "setop_all": _FLAG,
            "left": "query", "right": "query", "children": ["query"], "modifiers": ["modifier"],
        },
    },
    "cte": {"": {"key": "name", "value": "cte body"}},
    "cte body": {
        "": {
            "aliases": ["column name"], "query_node": "query",
            "materialized": {"CTE_MATERIALIZE_DEFAULT", "CTE_MATERIALIZE_ALWAYS", "CTE_MATERIALIZE_NEVER"},
        },
    },
    "modifier": {
        "ORDER_MODIFIER": {"orders": ["order"]},
        "DISTINCT_MODIFIER": {"distinct_on_targets": _EMPTY},  # distinct on: which row stays is chance
    },
    "order": {
        way: {"expression": "expression", "null_order": {"ORDER_DEFAULT", "NULLS FIRST", "NULLS LAST"}}
        for way in ("ORDER_DEFAULT", "ASCENDING", "DESCENDING")
    },
    "source": {
        "EMPTY": _SOURCE,
        "BASE_TABLE": _SOURCE | {
            "table_name": _ANY, "schema_name": _EMPTY, "catalog_name": _EMPTY, "qualified_name": _ANY,
            "column_name_alias": ["column name"], "at_clause": _EMPTY,
        },
        "SUBQUERY": _SOURCE | {"subquery": "statement", "column_name_alias": ["column name"]},
        "EXPRESSION_LIST": _SOURCE | {"values": [_EXPRESSIONS], "expected_names": _EMPTY, "expected_types": _EMPTY},
        "JOIN": _SOURCE | {
            "left": "source", "right": "source", "condition": "expression", "using_columns": ["column"],
            "join_type": {"INNER", "LEFT", "RIGHT", "OUTER", "SEMI", "ANTI"}, "ref_type": {"REGULAR", "CROSS"},
            "is_implicit": _FLAG, "nearest_count": {1}, "nearest_order_type": {"ASCENDING"},
        },
    },
    "expression": {
        "COLUMN_REF": {"column_names": _ANY},  # read in `_column`
        "VALUE_CONSTANT": {"literal": "literal"},
        "VALUE_PARAMETER": {"identifier": _ANY},  # read in `_parameter`
        "CASE_EXPR": {"case_checks": ["when"], "else_expr": "expression"},
        "COMPARE_BETWEEN": {"input": "expression", "lower": "expression", "upper": "expression"},
        "OPERATOR_CAST": {"child": "expression", "try_cast": _FLAG, "type_expr": "type"},
        "SUBQUERY": {
            "subquery_type": {"EXISTS", "NOT_EXISTS", "SCALAR", "ANY"}, "subquery": "statement",
            "child": "expression", "comparison_type": {"INVALID", "COMPARE_EQUAL"},
        },
        "FUNCTION": _CALL | {
            "filter": "expression", "order_bys": "modifier", "is_operator": _FLAG, "export_state": _EMPTY,
        },
        **dict.fromkeys(("CONJUNCTION_AND", "CONJUNCTION_OR"), _OPERATOR),
        **dict.fromkeys(("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE",
                         "COMPARE_IN", "COMPARE_NOT_IN", "ARRAY_EXTRACT", "ARRAY_SLICE"), _OPERATOR),
        **dict.fromkeys(("COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
                         "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO", "COMPARE_DISTINCT_FROM",
                         "COMPARE_NOT_DISTINCT_FROM"), _COMPARISON),
        **dict.fromkeys(("WINDOW_ROW_NUMBER", "WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_LAG", "WINDOW_LEAD",
                         "WINDOW_FIRST_VALUE", "WINDOW_LAST_VALUE", "WINDOW_AGGREGATE"), _WINDOW),
    },
    "when": {"": {"when_expr": "expression", "then_expr": "expression"}},
    "literal": {"": {"kind": {"STRING", "INTEGER", "NUMERIC", "BOOLEAN", "NULL_LITERAL"}, "text": _ANY}},
    "argument": {"": {"name": _EMPTY, "expression": "expression"}},
    "type": {
        "TYPE": {"type_name": "type name", "schema": _EMPTY, "catalog": _EMPTY, "qualified_name": _ANY,
                 "children": ["type"]},
    },
}  # fmt: skip
_HARMLESS = frozenset({"type", "class", "alias", "query_location", "query_location_length"})


def inspect(sql: str) -> Inspected:
    """What `sql` reads. Raises RuleError if it could do anything but read the model's tables, the same each time."""
    if len(sql) > LONGEST:
        raise RuleError(f"the select is longer than {LONGEST} characters.")
    walk = _Walk()
    try:
        (raw,) = _parser().cursor().execute("select json_serialize_sql(?)", [sql]).fetchone() or ("",)
        tree = json.loads(raw)
        if tree["error"]:
            walk.at = int(tree.get("position", 0))
            raise RuleError(f"{tree['error_message']}.")
        if len(tree["statements"]) != 1:
            raise RuleError("a rule is one select statement.")
        walk.node("statement", tree["statements"][0], frozenset())
        known = {TENANT.name} | {c.name for table in walk.tables for c in columns(TABLES[table])} | walk.given_names
        if strange := sorted(walk.columns - known):
            walk.at = walk.seen_at[strange[0]]
            raise RuleError(f"no table it reads has a column {strange[0]!r}.")
    except RuleError as error:
        error.line = sql.encode()[: walk.at].count(b"\n")
        raise
    except (duckdb.Error, RecursionError, ValueError, KeyError) as error:
        raise RuleError(f"the select cannot be read: {error}.") from error
    return Inspected(frozenset(walk.tables), frozenset(walk.columns), frozenset(walk.parameters))


@functools.cache
def _parser() -> duckdb.DuckDBPyConnection:
    """An empty database that parses; nothing is ever run in it."""
    return duckdb.connect(config={"autoload_known_extensions": "false", "enable_external_access": "false"})


def _empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


@dataclass(slots=True)
class _Walk:
    """One pass over the tree. `scope` holds the names of the subqueries visible where a node stands.

    `at` is the byte of the text where it stands now, `seen_at` where it met each column first.
    """

    tables: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    given_names: set[str] = field(default_factory=set)
    at: int = 0
    seen_at: dict[str, int] = field(default_factory=dict)

    def node(self, kind: str, node: Any, scope: frozenset[str]) -> None:
        if not isinstance(node, dict):
            raise RuleError(f"a {kind} of a form this version does not know is not allowed in a rule.")
        if isinstance(at := node.get("query_location"), int) and at < LONGEST * 4:  # a node of no place has a huge one
            self.at = at
        word = node.get("type", "") if "" not in GRAMMAR[kind] else ""
        shape = GRAMMAR[kind].get(word)
        if shape is None:
            raise RuleError(f"{str(word).removesuffix('_NODE').replace('_', ' ').lower()} is not allowed in a rule.")
        if "cte_map" in shape:
            scope = self._ctes(node["cte_map"], scope)
        match kind, word:
            case "source", "BASE_TABLE":
                self._table(node, scope)
            case "expression", "COLUMN_REF":
                self._column(node["column_names"])
            case "expression", "VALUE_PARAMETER":
                self._parameter(node["identifier"])
            case "expression", _ if "function_name" in shape:
                self._call(node)
        if kind == "expression" and node.get("alias"):
            self.given_names.add(self._name(node["alias"]))
        for key, value in node.items():
            if key in shape and key != "cte_map":
                self._value(word, key, shape[key], value, scope)
            elif key not in _HARMLESS and key != "cte_map" and not _empty(value):
                raise RuleError(f"{key.replace('_', ' ')} is not allowed in a rule.")

    def _value(self, word: str, key: str, rule: Any, value: Any, scope: frozenset[str]) -> None:
        """One field against its rule."""
        if rule is _ANY or value is None:
            return
        if isinstance(rule, list):
            for item in value:
                self._value(word, key, rule[0], item, scope)
        elif isinstance(rule, (set, frozenset)):
            if not _empty(value) and (isinstance(value, (dict, list)) or value not in rule):
                raise RuleError(f"{word.lower()} with {key.replace('_', ' ')} is not allowed in a rule.")
        elif rule in ("name", "column name", "column", "type name"):
            self._word(rule, value)
        else:
            self.node(rule, value, scope)

    def _word(self, rule: str, value: str) -> None:
        if rule == "column":
            self._column([value])
        elif rule == "type name":
            if value.lower() not in TYPES:
                raise RuleError(f"the type {value} is not allowed in a rule.")
        elif value:
            name = self._name(value)
            # The name of a source is not one of a column: `select a from accounts a` would be the whole row.
            if rule == "column name":
                self.given_names.add(name)

    def _ctes(self, ctes: Any, scope: frozenset[str]) -> frozenset[str]:
        """Each subquery sees the ones before it; none may look like a table or a file."""
        if any(key != "map" and not _empty(value) for key, value in ctes.items()):
            raise RuleError("a with of a form this version does not know is not allowed in a rule.")
        for entry in ctes["map"]:
            name = entry["key"].lower()
            if name in TABLES or name in scope:
                raise RuleError(f"the subquery {name!r} hides a table or subquery of that name.")
            self.node("cte", entry, scope)
            scope |= {name}
        return scope

    def _table(self, node: dict[str, Any], scope: frozenset[str]) -> None:
        name = node["table_name"].lower()
        if node["qualified_name"]["path"] != [node["table_name"]]:
            raise RuleError(f"name tables without catalog or schema: {'.'.join(node['qualified_name']['path'])}.")
        if name in scope:
            return
        if name not in TABLES:
            raise RuleError(f"there is no table {node['table_name']!r}.")
        self.tables.add(name)

    def _column(self, path: list[str]) -> None:
        if not 1 <= len(path) <= 2:
            raise RuleError(f"{'.'.join(path)} is not a column.")
        if path[-1].lower() in CLOCKS_AND_SESSION:
            raise RuleError(f"{path[-1]} changes between runs; for the time of the scan use $now.")
        self.columns.add(path[-1].lower())
        self.seen_at.setdefault(path[-1].lower(), self.at)

    def _parameter(self, name: str) -> None:
        if not name.isidentifier():
            raise RuleError(f"parameters have names: ${name}.")
        self.parameters.add(name)

    def _name(self, name: str) -> str:
        """A name the rule gives to a column, source or subquery, in lower case."""
        if not (name.isascii() and name.isidentifier()) or name.lower() in CLOCKS_AND_SESSION:
            raise RuleError(f"{name!r} is not a name a rule may give; use plain letters.")
        return name.lower()

    def _call(self, node: dict[str, Any]) -> None:
        name = node["function_name"].lower()
        if [part.lower() for part in node["qualified_name"]["path"]] != [name]:
            raise RuleError(f"name functions without catalog or schema: {'.'.join(node['qualified_name']['path'])}().")
        if node["type"].startswith("WINDOW"):
            if name not in WINDOWS | AGGREGATES - ORDERED - {"any_true", "all_true"}:
                raise RuleError(f"{name}() over a window is not allowed in a rule.")
            if name in WINDOWS and not node["orders"]:
                raise RuleError(f"{name}() needs an order by.")
        elif name not in FUNCTIONS:
            raise RuleError(f"{name}() is not among the functions a rule may use; for the time of the scan use $now.")
        elif name in ORDERED and not node["order_bys"]["orders"]:
            raise RuleError(f"{name}() needs an order by inside: otherwise its value changes between runs.")
