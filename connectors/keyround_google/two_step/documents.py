"""Google's documents about sign-in, read into values: policies and assignments of single sign-on.

Google writes booleans and numbers as texts now and then, leaves out what has its default, and adds new settings and
words; nothing here raises for any of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ..wire import instant
from .conditions import Condition, Every, Member, Unit, atoms, bare_id, parse

ADMINS = "WORKSPACE_ALL_ADMIN_GROUP"
"""Google's own group of everybody who is an administrator, whose members no API lists."""

TWO_STEP = "security.two_step_verification_"
ENFORCEMENT = TWO_STEP + "enforcement"
FACTOR = TWO_STEP + "enforcement_factor"
ENROLLMENT = TWO_STEP + "enrollment"
GRACE = TWO_STEP + "grace_period"
TRUST = TWO_STEP + "device_trust"
LESS_SECURE = "security.less_secure_apps"
MERGED = frozenset({LESS_SECURE, "security.super_admin_account_recovery", "security.user_account_recovery"})
"""Settings that are put together field by field; of all others one policy wins whole."""

FAR = datetime(1971, 1, 1)
_PRODUCT = re.compile(r"/product/([^/'\"\s]+)/sku/")
_GROUP_ID = re.compile(r"groupId\(\s*['\"]([^'\"]+)['\"]")


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. `setting` without `settings/`; `order` None where Google gave none; `system`: Google's own.

    `unit` and `group`, without prefix: what all whom it concerns have in common. The helper fields alone do not say so:
    Google fills them for "all but this group", too.
    """

    policy_id: str
    setting: str
    order: float | None
    system: bool
    condition: Condition
    value: Mapping[str, Any]
    unit: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who signs in elsewhere. `elsewhere` None: Google's word for the mode does not say."""

    unit: str | None
    group: str | None
    rank: int | None
    elsewhere: bool | None


def policy(policy_id: str, document: str | bytes) -> Policy | None:
    """None for what is no policy at all."""
    raw = _object(document)
    setting, query = _inner(raw, "setting"), _inner(raw, "policyQuery")
    kind = setting.get("type")
    if not isinstance(kind, str) or not kind:
        return None
    text, unit, group = query.get("query"), _text(query.get("orgUnit")), _text(query.get("group"))
    unit, group = (bare_id(one) if one else None for one in (unit, group))
    asked: Condition = parse(text) if isinstance(text, str) and text.strip() else Every(())
    named = set(atoms(asked))
    # The helpers say what every clause agrees on. Of Google's own group of administrators only they speak.
    helpers = [atom for atom in (Unit(unit) if unit else None, Member(group) if group else None) if atom]
    missing = [atom for atom in helpers if atom not in named]
    parts = asked.parts if isinstance(asked, Every) else (asked,)
    condition = Every((*missing, *parts)) if missing else asked
    return Policy(
        policy_id=policy_id,
        setting=kind.removeprefix("settings/"),
        order=_number(query.get("sortOrder")),
        system=raw.get("type") == "SYSTEM",
        condition=condition,
        value=_inner(setting, "value"),
        unit=_sole(condition, Unit),
        group=_sole(condition, Member),
    )


def _sole(asked: Condition, kind: type[Unit] | type[Member]) -> str | None:
    """The one unit or group that everybody must be in whom it concerns."""
    found = {part.id for part in (asked.parts if isinstance(asked, Every) else (asked,)) if isinstance(part, kind)}
    return found.pop() if len(found) == 1 else None


def assignment(document: str | bytes) -> Assignment | None:
    """None for what assigns nothing."""
    raw = _object(document)
    unit, group = _text(raw.get("targetOrgUnit")), _text(raw.get("targetGroup"))
    if not unit and not group:
        return None
    rank = _number(raw.get("rank", 0))
    return Assignment(
        unit=bare_id(unit) if unit and not group else None,
        group=bare_id(group) if group else None,
        rank=int(rank) if rank is not None else None,
        elsewhere={"SAML_SSO": True, "OIDC_SSO": True, "SSO_OFF": False}.get(str(raw.get("ssoMode"))),
    )


def groups_named(document: str | bytes) -> set[str]:
    """Every group of the directory that a policy or an assignment names, whatever else of it is not understood."""
    raw = _object(document)
    query = _inner(raw, "policyQuery")
    named = {bare_id(one) for one in (_text(query.get("group")), _text(raw.get("targetGroup"))) if one}
    text = query.get("query")
    if isinstance(text, str):
        named |= {bare_id(found) for found in _GROUP_ID.findall(text)}
        named |= {atom.id for atom in atoms(parse(text)) if isinstance(atom, Member)}
    return named - {ADMINS, ""}


def products_named(document: str | bytes) -> set[str]:
    """Every product whose licences a policy asks for."""
    text = _inner(_object(document), "policyQuery").get("query")
    return set(_PRODUCT.findall(text)) if isinstance(text, str) else set()


def enforced_from(said: Any) -> tuple[bool | None, datetime | None]:
    """Whether a second step is ever demanded, and from when on. Google writes nothing or 1970 for never.

    >>> enforced_from(None), enforced_from("1970-01-01T00:00:00Z"), enforced_from("soon")
    ((False, None), (False, None), (None, None))
    """
    if said is None or said == "":
        return False, None
    when = instant(said) if isinstance(said, str | int) and not isinstance(said, bool) else None
    if when is None:
        return None, None
    return (True, when) if when >= FAR else (False, None)


def boolean(said: Any) -> bool | None:
    """
    >>> boolean(True), boolean("False"), boolean("perhaps"), boolean(None)
    (True, False, None, None)
    """
    if isinstance(said, bool):
        return said
    return {"true": True, "false": False}.get(said.strip().lower()) if isinstance(said, str) else None


def seconds(said: Any) -> float | None:
    """
    >>> seconds("604800s"), seconds(60), seconds("soon")
    (604800.0, 60.0, None)
    """
    return _number(said.strip().removesuffix("s") if isinstance(said, str) else said)


def _number(said: Any) -> float | None:
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    try:
        found = float(said)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) < float("inf") else None


def _text(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None


def _inner(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, Mapping) else {}


def _object(document: str | bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}
