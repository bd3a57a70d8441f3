"""Tables computed from tables by the core: trusted SQL, run once per tenant before the rules.

A connector computes tables of its own through `Derived`; what is here serves
every provider alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..model.methods import STRENGTH

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SQL = ("sign_in_places", "account_use", "factor_use")
"""Tables, in the order in which they are computed; each has a file of that name."""
_GIVEN = {
    "sign_in_places": ("since", "until", "home_countries"),
    "account_use": ("log_since", "measured"),
    "factor_use": ("since", "until", "words", "strengths"),
}


def computed(name: str, db: duckdb.DuckDBPyConnection, given: Mapping[str, Any]) -> pa.Table:
    """One derived table of the tenant that `db` shows, in the model's columns."""
    select = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    values = {"words": list(STRENGTH), "strengths": list(STRENGTH.values()), **given}
    return db.sql(select, params={key: values[key] for key in _GIVEN[name]}).to_arrow_table()
