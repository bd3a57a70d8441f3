"""A tenant in a few words: units by path, policies as Google writes them, people, and what was read of it all."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace

from keyround.connector import Complete, Incomplete
from keyround.errors import NotGranted
from keyround.model import AccessPolicy, Account, Group, GroupMember, MfaRegistration, OrgUnit, RoleAssignment, Setting
from keyround_google import enforcement
from keyround_google.users import ENFORCED

NOW = datetime(2026, 11, 20, 12)
ON = "2026-03-01T08:00:00Z"
LATER = "2026-12-24T08:00:00Z"
OFF = "1970-01-01T00:00:00Z"
ADMINS = "WORKSPACE_ALL_ADMIN_GROUP"
SETS = ("users", "roles", "org_units", "policies", "sso", "policy_groups", "licenses")
REFUSED = Incomplete(0, NotGranted("The scope was not delegated."))


def unit_id(path):
    return "03ph" + path.strip("/").replace("/", "x").lower()


def units(*paths):
    every = {"/", *paths}
    parents = {path: None if path == "/" else path.rpartition("/")[0] or "/" for path in every}
    return [OrgUnit(unit_id(p), p, unit_id(up) if up else None, p.rpartition("/")[2]) for p, up in parents.items()]


def query(unit=None, group=None, skus=()):
    """The query as Google writes it."""
    clauses = (
        [f"entity.org_units.exists(org_unit, org_unit.org_unit_id == orgUnitId('{unit_id(unit)}'))"] if unit else []
    )
    if group:
        clauses.append(f"entity.groups.exists(group, group.group_id == groupId('{group}'))")
    if skus:
        listed = ", ".join(f"'/product/Google-Apps/sku/{sku}'" for sku in skus)
        clauses.append(f"entity.licenses.exists(license, license in [{listed}])")
    return " && ".join(clauses)


def document(setting, value, unit="/", group=None, order=1.0, kind="ADMIN", **asked):
    """`asked`: query = "" leaves it out, any other text stands as it is; helpers = False leaves these fields out."""
    found = {"sortOrder": order} if order is not None else {}
    if asked.get("helpers", True):
        found |= {"orgUnit": f"orgUnits/{unit_id(unit)}"} if unit else {}
        found |= {"group": group if group == ADMINS else f"groups/{group}"} if group else {}
    text = asked.get("query", query(unit, group, asked.get("skus", ())))
    found |= {"query": text} if text else {}
    name = asked.get("name", f"{setting}/{unit}/{group}/{order}/{kind}")
    return {
        "name": f"policies/{name}", "customer": "customers/C01", "policyQuery": found, "type": kind,
        "setting": {"type": f"settings/{setting}", "value": value},
    }  # fmt: skip


def policy(setting, value, **more):
    raw = document(setting, value, **more)
    return AccessPolicy(raw["name"], "policy", document=json.dumps(raw))


def demand(since, unit="/", **more):
    """2-Step Verification enforced from `since` on."""
    value = {"enforcedFrom": since} if since is not None else {}
    return policy("security.two_step_verification_enforcement", value, unit=unit, **more)


def detail(name, value, unit="/", **more):
    field = {"enforcement_factor": "allowedSignInFactorSet", "device_trust": "allowTrustingDevice",
             "grace_period": "enrollmentGracePeriod", "enrollment": "allowEnrollment"}[name]  # fmt: skip
    return policy(f"security.two_step_verification_{name}", {field: value}, unit=unit, **more)


def sso(mode="SAML_SSO", unit=None, group=None, rank=None):
    raw = {"name": f"inboundSsoAssignments/{unit}{group}", "ssoMode": mode}
    raw |= {"targetOrgUnit": f"orgUnits/{unit_id(unit)}"} if unit else {"targetGroup": f"groups/{group}"}
    raw |= {"rank": rank} if rank is not None else {}
    return AccessPolicy(raw["name"], "sso", document=json.dumps(raw))


def group(key, *members, name=None, known=True, exists=True):
    return [
        Group(key, name or key.title(), exists, known and exists),
        *(GroupMember(key, member, "account", "member", "active") for member in members),
    ]


def role(holder, highest=False, **more):
    return RoleAssignment(
        holder, more.pop("holder_kind", "account"), "r", "Role", highest=highest, state="active", **more
    )


def person(key, unit="/", enrolled=True, enforced=False, **more):
    """The rows of one person; `enforced` None: Google did not say."""
    more = {"enabled": True, "administrator": "none", "activity": "seen", "created_at": datetime(2024, 1, 1)} | more
    rows = [Account(key, f"{key}@hof.example", kind="member", org_unit=unit, **more), MfaRegistration(key, enrolled)]
    if enforced is not None:
        rows.append(Setting(ENFORCED, "true" if enforced else "false", f"account:{key}"))
    return rows


def tables(*rows, tree=True):
    """`tree`: some units beside these rows, unless there are some among them."""
    flat = list(_flat(rows))
    if tree and not any(isinstance(row, OrgUnit) for row in flat):
        flat += units("/Sales", "/Sales/North", "/Shop")
    return SimpleNamespace(rows=lambda table: iter([row for row in flat if isinstance(row, table)]))


def _flat(rows):
    for row in rows:
        if isinstance(row, list | tuple):
            yield from _flat(row)
        else:
            yield row


def outcomes(**changed):
    return {name: Complete(1) for name in SETS} | changed


def judge(*rows, read=None, config=None, now=NOW, tree=True):
    """key -> its row."""
    found = enforcement.rows(tables(*rows, tree=tree), read or outcomes(), now, config or {})
    return {row.account_id: row for row in found}


def one(*rows, **more):
    (row,) = judge(*rows, **more).values()
    return row
