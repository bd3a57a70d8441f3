"""Tables computed from tables by the core: trusted SQL, run once per tenant before the rules.

A connector computes tables of its own through `Derived`; what is here serves
every provider alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..model.methods import STRENGTH
from ..terms import Terms
from . import homes, patterns
from .known_addresses import known_addresses

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SQL = (
    "known_addresses", "sign_in_places", "account_use", "factor_use", "first_places", "journeys", "password_tries",
    "suspicions",
)  # fmt: skip
"""Tables, in the order in which they are computed; each has a file of that name."""
REDEEMED_WITHIN = 10
"""Minutes between a stop after the password and the success it led to."""
_GIVEN = {
    "sign_in_places": ("since", "until", "home_countries", "minutes", *homes.parameters(Terms(), homes.Named())),
    "account_use": ("log_since", "measured"),
    "factor_use": ("since", "until", "words", "strengths"),
    **patterns.GIVEN,
}


def computed(name: str, db: duckdb.DuckDBPyConnection, given: Mapping[str, Any]) -> pa.Table:
    """One derived table of the tenant that `db` shows, in the model's columns.

    `given` holds what rules are given, the client's `terms`, and what `homes.named` found of them here (`named`) and in
    the client's other tenants (`elsewhere`); without these, what it finds here is all there is.
    """
    terms: Terms = given.get("terms") or Terms()
    if name == "known_addresses":
        return known_addresses(db, terms)
    select = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    values = {"words": list(STRENGTH), "strengths": list(STRENGTH.values()), "minutes": REDEEMED_WITHIN, **given}
    if name == "sign_in_places":
        here = given.get("named") or homes.named(db, terms)
        values |= homes.parameters(terms, here, given.get("elsewhere", frozenset()))
    if name in patterns.GIVEN:
        values |= patterns.parameters(terms)
    return db.sql(select, params={key: values[key] for key in _GIVEN[name]}).to_arrow_table()
