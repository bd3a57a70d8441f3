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
_STEPS = {
    "sign_in_places": ("named", "stops", "redeemed_stops"),
    **dict.fromkeys(SQL[2:], ("named",)),
}
"""What is worked out first, as tables that only last so long: small ones beside the log, so that the log can stream."""
REDEEMED_WITHIN = 10
"""Minutes between a stop after the password and the success it led to."""
_GIVEN = {
    "named": (),
    "stops": ("since", "until", "home_countries"),
    "redeemed_stops": ("since", "until", "minutes"),
    "sign_in_places": ("since", "until", "home_countries", *homes.parameters(Terms(), homes.Named())),
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
    values = {"words": list(STRENGTH), "strengths": list(STRENGTH.values()), "minutes": REDEEMED_WITHIN, **given}
    if name == "sign_in_places":
        here = given.get("named") or homes.named(db, terms)
        values |= homes.parameters(terms, here, given.get("elsewhere", frozenset()))
    if name in patterns.GIVEN:
        values |= patterns.parameters(terms)
    steps = _STEPS.get(name, ())
    try:
        for step in steps:
            db.execute(f'create temp table "{step}" as {_select(step)}', {key: values[key] for key in _GIVEN[step]})
        return db.sql(_select(name), params={key: values[key] for key in _GIVEN[name]}).to_arrow_table()
    finally:
        for step in steps:
            db.execute(f'drop table if exists "{step}"')


def _select(name: str) -> str:
    return files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
