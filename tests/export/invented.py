"""An invented company with every awkward case in a dozen accounts, built by hand: no store, no engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from keyround.connector import Complete, Incomplete, NotOffered, Window
from keyround.engine.acceptance import directory, overlay
from keyround.engine.results import (
    Change,
    Coverage,
    DoesNotApply,
    Evaluated,
    Finding,
    Judged,
    NotEvaluated,
    Scan,
    TenantInfo,
)
from keyround.engine.rule import Rule
from keyround.errors import NotGranted, NotLicensed
from keyround.model import Account, MfaEnforcement, MfaRegistration, RoleAssignment, Row, SignInPlace
from keyround.presentation import Presentation, Provider
from keyround.terms import Acceptance

NOW = datetime(2026, 11, 23, 9, 30)
WINDOW = Window(datetime(2026, 10, 24), datetime(2026, 11, 23))
M365, GOOGLE = "11111111-2222-3333-4444-555555555555", "C01abcdef"


@dataclass(frozen=True)
class Held:
    """The tables of every tenant, in memory."""

    rows_of: dict[str, list[Row]]

    def of(self, tenant: str) -> OneTenant:
        return OneTenant(self.rows_of.get(tenant, []))


@dataclass(frozen=True)
class OneTenant:
    held: Iterable[Row]

    def rows(self, table: type[Any]) -> Iterator[Any]:
        return (row for row in self.held if isinstance(row, table))


def rule(id: str, **given: Any) -> Rule:
    """A Rule with everything but the essentials filled in."""
    values: dict[str, Any] = {
        "title": id.replace("-", " ").capitalize(),
        "severity": "high",
        "confidence": "certain",
        "topic": "accounts",
        "nature": "state",
        "subject": "accounts",
        "effort": "hours",
        "action": "Put it right",
        "why": "It makes an attack easier.",
        "fix": {"m365": "1. Open the admin centre.\n2. Do it.", "google": "1. Open the console.\n2. Do it."},
        "references": (),
        "controls": {},
        "parameters": {},
        "select": "",
        "partial": "refuse",
        "cases": (),
        "reads": frozenset(),
        "columns": frozenset(),
        "needs": frozenset(),
    }
    return Rule(id=id, **values | given)


ADMIN = rule(
    "admin-no-second-factor",
    title="Administrators without a second factor",
    severity="critical",
    topic="administrators",
    effort="minutes",
    action="Give every administrator a passkey",
    why="A stolen password is all an attacker needs to become this administrator.",
    controls={
        "cis_m365": ("1.1.1", "5.2.2.1"),
        "scuba_m365": ("MS.AAD.3.6",),
        "cis_google": ("4.1.1.1",),
        "House": ("7",),
    },
)
FACTOR = rule(
    "account-no-second-factor",
    title="Accounts without a second factor",
    topic="passwords",
    action="Set up a second factor for everybody",
    why="One phishing mail opens the mailbox.",
)
ABROAD = rule(
    "foreign-sign-in",
    title="Successful sign-ins from outside the home countries",
    severity="medium",
    topic="sign_ins",
    nature="event",
    effort="minutes",
    action="Ask whether it was this person",
    why="Somebody else may hold the password.",
)
DORMANT = rule(
    "dormant-account",
    title="Accounts unused for 90 days",
    severity="low",
    action="Switch off accounts that nobody uses",
    why="Nobody notices when a forgotten account is taken over.",
)
LEGACY = rule(
    "legacy-sign-in",
    title="Sign-ins over old protocols",
    topic="sign_ins",
    nature="event",
    action="Block old protocols",
)
HIGHEST = rule(
    "highest-administrators",
    title="Too many or too few highest administrators",
    severity="medium",
    topic="administrators",
    subject="tenants",
    action="Keep two to four highest administrators",
)

SEEN = datetime(2026, 11, 20, 8, 0)


def account(id: str, name: str | None = None, **given: Any) -> Account:
    values: dict[str, Any] = {
        "username": f"{id}@brandtner.example",
        "display_name": name,
        "kind": "member",
        "external": False,
        "enabled": True,
        "activity": "seen",
        "last_success_at": SEEN,
        "licensed": True,
    }
    return Account(id, **values | given)


def registered(id: str, *methods: str, strongest: str = "strong") -> MfaRegistration:
    return MfaRegistration(id, registered=True, capable=True, methods=list(methods), strongest=strongest)


def admin(id: str, role: str = "Global Administrator", **given: Any) -> RoleAssignment:
    values: dict[str, Any] = {
        "holder_kind": "account",
        "role_id": role,
        "role": role,
        "privileged": True,
        "highly_privileged": True,
        "resets_credentials": role != "Directory Readers",
        "highest": role == "Global Administrator",
        "state": "active",
        "scope": "tenant",
        "permanent": True,
    }
    return RoleAssignment(id, **values | given)


def bare(id: str) -> MfaRegistration:
    return MfaRegistration(id, registered=False, methods=[], strongest="none")


MICROSOFT: list[Row] = [
    account("ada", "Ada Berg", last_noninteractive_at=datetime(2026, 11, 22, 7, 0)),
    account("bo", "Bo Lindner"),
    account("cy", "Cy Adler", kind="member"),
    account("cy2", "Cy Adler", licensed=False, last_success_at=None, activity="never"),
    account("di", "Di Coskun", enabled=False),
    account("ed", '=HYPERLINK("http://evil.example")'),
    account("guest_ext", "Gus Guest", kind="guest", external=True, last_success_at=None, activity=None),
    account("info", "Info", kind="shared"),
    registered("ada", "passkey", "mobile_phone", strongest="phishing_resistant"),
    bare("bo"),
    registered("cy", "mobile_phone", strongest="weak"),
    bare("cy2"),
    registered("ed", "authenticator_push", "newWord"),
    MfaEnforcement("ada", "enforced", enforced_by=["MFA for all"], gaps=[]),
    MfaEnforcement("bo", "enforced", enforced_by=["MFA for all"], gaps=[]),
    MfaEnforcement("cy", "conditional", enforced_by=["MFA for all"], gaps=["not from the office network"]),
    MfaEnforcement("cy2", "enforced", enforced_by=["MFA for all"], gaps=[]),
    MfaEnforcement("di", "blocked", reason="The account is switched off."),
    MfaEnforcement("ed", "unknown", reason="Policies are not read yet."),
    admin("ada"),
    admin("bo"),
    admin("bo", "User Administrator", state="eligible", via_id="g1", via="Helpdesk", permanent=False,
          ends_at=datetime(2027, 3, 1)),
    admin("backup-app", "Directory Readers", holder_kind="service_principal", privileged=False,
          highly_privileged=False),
    SignInPlace("ada", None, "DE", "success", False, False, 40, 0, WINDOW.since, SEEN, ["192.0.2.7"]),
    SignInPlace("cy", None, "PT", "success", False, True, 2, 0, datetime(2026, 11, 9), datetime(2026, 11, 10),
                ["198.51.100.4"]),
    SignInPlace("bo", None, "NG", "failure", True, True, 31, 0, datetime(2026, 11, 2), datetime(2026, 11, 3),
                ["203.0.113.9", "203.0.113.10"]),
    SignInPlace(None, "old@brandtner.example", "US", "blocked", None, True, 1, None, SEEN, SEEN, None),
    SignInPlace("ada", None, None, "success", False, None, 3, 0, SEEN, SEEN, None),
]  # fmt: skip
WORKSPACE: list[Row] = [
    account("101", "Ada Berg", username="Ada@brandtner.example"),
    account("102", "Eva Dietz", username="eva@brandtner.example"),
    registered("101", "security_key", strongest="phishing_resistant"),
    registered("102", "one_time_code_app"),
    MfaEnforcement("101", "enforced", enforced_by=["2-Step Verification policy"], gaps=[]),
    MfaEnforcement("102", "not_enforced", enforced_by=[], reason="Google's own flag."),
    admin("101", "Super administrator", highest=True),
]

REFUSED = NotGranted(
    "Google refused the login report.",
    "Grant the scope admin.reports.audit.readonly.",
    "The report cannot say who signed in, from where and how.",
    "403 insufficientPermissions",
)
UNLICENSED = NotLicensed("The column needs Entra ID P1.", "", "The report cannot say when apps signed in for a person.")
M365_TENANT = TenantInfo(
    M365, "m365", "Microsoft 365", "Brandtner Anlagenbau GmbH", "brandtner.example", "DE", ("Business Premium", "P1"),
    ("DE", "AT"), False,
)  # fmt: skip
GOOGLE_TENANT = TenantInfo(
    GOOGLE, "google", "Google Workspace", "Brandtner Labs", "brandtner.example", "DE", (), ("DE",), True
)


def covered(tenant: str, **outcomes: Any) -> tuple[Coverage, ...]:
    """Data sets by the names of the tables they fill; those not mentioned are Complete."""
    tells = {
        "accounts": "who has an account",
        "mfa_registrations": "who has set up a second factor",
        "role_assignments": "who is an administrator",
        "sign_ins": "who signed in, from where and how",
    }
    return tuple(Coverage(tenant, name, what, outcomes.get(name, Complete(7))) for name, what in tells.items())


def judged(**verdicts: str) -> tuple[Judged, ...]:
    return tuple(Judged(subject, verdict) for subject, verdict in verdicts.items())  # type: ignore[arg-type]


RESULTS = (
    Evaluated(ADMIN, M365, (Judged("ada", "pass"), Judged("bo", "fail", {"account": "bo@brandtner.example", "roles": [
        "Global Administrator", "User Administrator"]}))),
    Evaluated(FACTOR, M365, judged(ada="pass", bo="fail", cy="pass", cy2="fail", ed="pass", guest_ext="unknown")),
    Evaluated(ABROAD, M365, (Judged("ada", "pass"), Judged("cy", "fail", {"country": "PT", "records": 2,
                                                          "last_at": datetime(2026, 11, 10)}, "PT"))),
    Evaluated(DORMANT, M365, judged(ada="pass", bo="pass", cy="pass", cy2="fail", guest_ext="unknown"),
              {"accounts.last_noninteractive_at": UNLICENSED}),
    Evaluated(HIGHEST, M365, (Judged(M365, "pass"),)),
    Evaluated(ADMIN, GOOGLE, (Judged("101", "pass"),)),
    Evaluated(FACTOR, GOOGLE, (Judged("101", "pass"), Judged("102", "pass"))),
    NotEvaluated(ABROAD, GOOGLE, {"sign_ins": REFUSED}),
    NotEvaluated(LEGACY, GOOGLE, {"sign_ins": REFUSED}),
    DoesNotApply(HIGHEST, GOOGLE),
)  # fmt: skip


def findings(results: Iterable[Any]) -> tuple[Finding, ...]:
    return tuple(
        Finding(result.tenant, result.rule, one, "new", NOW)
        for result in results
        if isinstance(result, Evaluated)
        for one in result.judged
        if one.verdict == "fail"
    )


BEFORE = datetime(2026, 11, 16, 9, 30)


def changed(state: str, rule: Rule, subject: str, was: str | None = "open", who: str = "", aspect: str = "") -> Change:
    return Change(M365, rule.id, rule.title, rule.subject, subject, aspect, rule.severity, who, was, state,  # type: ignore[arg-type]
                  BEFORE, NOW if state in ("new", "worse") else BEFORE, BEFORE)  # fmt: skip


CHANGES = (
    changed("worse", ADMIN, "bo", who="bo@brandtner.example"),
    changed("new", ABROAD, "cy", None, "cy@brandtner.example", "PT"),
    changed("fixed", FACTOR, "ada", who="ada.old@brandtner.example"),
    changed("gone", DORMANT, "9f2c", "not_rechecked", "left@brandtner.example"),
    changed("gone", DORMANT, "8e1b"),
    changed("left_scope", HIGHEST, M365),
    changed("not_rechecked", DORMANT, "guest_ext"),
)
SECOND = {
    "previous": BEFORE,
    "changes": CHANGES,
    "findings": (
        *findings(RESULTS),
        Finding(M365, DORMANT, Judged("guest_ext", "unknown"), "not_rechecked", BEFORE, BEFORE, "gus@home.example"),
    ),
}
"""What a second scan has besides; `company(**SECOND)`."""


def company(**changes: Any) -> Scan:
    """Brandtner with one Microsoft 365 and one Google tenant; `changes` replace fields of the Scan."""
    scan = Scan(
        client="brandtner",
        client_name="Brandtner Anlagenbau GmbH",
        taken_at=NOW,
        window=WINDOW,
        tenants=(M365_TENANT, GOOGLE_TENANT),
        coverage=(
            *covered(M365, accounts=Complete(8, {"last_noninteractive_at": UNLICENSED})),
            *covered(GOOGLE, sign_ins=Incomplete(0, REFUSED)),
        ),
        results=RESULTS,
        findings=findings(RESULTS),
        tables=Held({M365: MICROSOFT, GOOGLE: WORKSPACE}),
        presentation=Presentation(provider=Provider("Nordlicht IT", "A. Petersen")),
        version="0.1.0",
    )
    scan = replace(scan, **changes)
    outcomes: dict[str, dict[str, Any]] = {}
    for one in scan.coverage:  # named after the tables here, so each is its table's outcome
        outcomes.setdefault(one.tenant, {})[one.dataset] = one.outcome
    return replace(scan, outcomes=outcomes)


def accept(rule: Rule, subject: str, until: date = date(2027, 6, 30), **more: str) -> Acceptance:
    return Acceptance(rule.id, "The passkey is in the safe.", "M. Jensen", until, subject, **more)


def accepting(scan: Scan, *acceptances: Acceptance) -> Scan:
    """The same with risks that somebody answers for, on the day of the scan."""
    directories = [directory(t, scan.tables.of(t.id), True, True) for t in scan.tenants]
    rules = {result.rule.id: result.rule for result in scan.results}.values()
    found, accepted = overlay(scan.findings, scan.results, acceptances, NOW.date(), directories, list(rules))
    return replace(scan, findings=found, accepted=accepted)


ACCEPTANCES = (
    accept(ADMIN, "bo@brandtner.example"),
    accept(FACTOR, "CY2@brandtner.example", until=date(2026, 12, 1), tenant=M365),
    accept(ABROAD, "cy", until=date(2026, 11, 1), aspect="PT"),
    accept(DORMANT, ""),
    accept(HIGHEST, "Brandtner Anlagenbau GmbH"),
    accept(LEGACY, "eva@brandtner.example"),
    accept(FACTOR, "Helpdesk"),
    Acceptance("account-no-second-facto", "=1+1", "M. Jensen", date(2027, 1, 1), "bo@brandtner.example"),
)


def small(rows: list[Row], results: tuple[Any, ...] = (), tenant: TenantInfo = M365_TENANT, **outcomes: Any) -> Scan:
    """One tenant with exactly these rows."""
    return company(
        tenants=(tenant,),
        coverage=covered(tenant.id, **outcomes),
        results=results,
        findings=findings(results),
        tables=Held({tenant.id: rows}),
    )


NOT_OFFERED = NotOffered()
