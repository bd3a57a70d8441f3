"""Sign-ins out of the unified audit log, for tenants whose plan has no sign-in report.

Endpoint    POST /security/auditLog/queries and its records: see audit_search
Permission  AuditLogsQuery-Entra.Read.All or AuditLogsQuery.Read.All, application
Plan        any; asked only where the sign-in report is not available
Gaps        no country (looked up offline), no word on second factors: never "single factor"; see audit_search
Source      https://learn.microsoft.com/graph/api/security-auditlogquery-list-records
            https://learn.microsoft.com/purview/audit-log-activities

The log writes several records of one successful login (the page, the second
factor, "stay signed in?"), and hands many out twice. An id that comes twice is
one record; successes of one person, address and app within five minutes are one
login (`one_login`, applied by the store). Attempts that failed are each counted:
two wrong passwords in a minute are two.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import Arrived, DataSet, NotNeeded, Window, Without, decode
from keyround.errors import Unexpected
from keyround.model import SignIn
from keyround.model.addresses import parsed

from .audit_search import GRANT, AuditSearch
from .modules import optional
from .refusals import short
from .sign_ins import OUTCOME
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


APPS: dict[str, str] = _table("apps.toml")
CODE: dict[str, int] = {word.lower(): code for word, code in _table("logon_errors.toml").items()}
STAY_SIGNED_IN = 50140  # the question after a success
# Exchange signs in with the password alone on behalf of old mail programs; it gives itself away by these names.
OLD_PROGRAMS = ("bav2ropc", "cbainprod", "cbaintar")
# Steps of a sign-in page, which no old mail program can show.
ON_A_PAGE = re.compile(r"oauth2:authorize|saml2:processrequest|kmsi:kmsi|login:(?:login|reprocess)|sas:\w+")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NOBODY = "00000000-0000-0000-0000-000000000000"


class _Record(msgspec.Struct):
    """Nothing is taken for granted about the type of any value: one odd record must not hide the others."""

    id: Any = None
    createdDateTime: Any = None
    operation: Any = None
    userId: Any = None
    userPrincipalName: Any = None
    clientIp: Any = None
    auditData: Any = None


class _Records(msgspec.Struct):
    value: list[_Record]


def pages(graph: Graph, window: Window) -> Iterator[bytes | Arrived | Without]:
    """Raises NotNeeded where the plan includes the sign-in report."""
    if graph.premium or graph.sign_in_report:
        raise NotNeeded
    yield from _MODULE.pages(graph, window)


def _searched(graph: Graph, window: Window) -> Iterator[bytes | Arrived]:
    operations = ("UserLoggedIn", "UserLoginFailed")
    yield from AuditSearch(graph, "audit_sign_ins", ("azureActiveDirectoryStsLogon",), operations).pages(window)


def rows(page: bytes) -> Iterator[SignIn]:
    for record in decode(page, _Records).value:
        data = _details(record.auditData)
        when = instant(_text(data.get("CreationTime"))) or instant(_text(record.createdDateTime))
        key = _text(data.get("Id")) or _text(record.id)
        if when is None or key is None:
            raise Unexpected("A sign-in in the audit log has no readable time or no id.")
        extended = _pairs(data.get("ExtendedProperties"))
        number, word = _number(data.get("ErrorNumber")), _text(data.get("LogonError"))
        agent = extended.get("useragent")
        yield SignIn(
            sign_in_id=key,
            signed_in_at=when,
            account_id=_account(data),
            username=_username(record.userPrincipalName, data.get("UserId"), record.userId),
            outcome=_outcome(_text(data.get("Operation")) or _text(record.operation), number, word),
            error_code=word if number is None else str(number),
            correlation_id=_text(data.get("InterSystemsId")),
            address=_address(data.get("ClientIP"), data.get("ActorIpAddress"), record.clientIp),
            app=_app(_text(data.get("ApplicationId"))),
            client=short(agent) if agent else None,
            legacy=_legacy(agent, extended.get("requesttype")),
            mfa="unknown",
            source="audit",
        )


def _details(value: Any) -> dict[str, Any]:
    """`auditData`: an object, the same as text, or nothing."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value.strip()):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _pairs(value: Any) -> dict[str, str]:
    """[{Name, Value}] by the name in small letters."""
    found = {}
    for pair in value if isinstance(value, list) else ():
        if isinstance(pair, dict) and (name := _text(pair.get("Name"))) and (text := _text(pair.get("Value"))):
            found[name.lower()] = text
    return found


def _account(data: dict[str, Any]) -> str | None:
    """The account's object id; older records and strangers have other keys, and then the name must do."""
    actors = data.get("Actor")
    others = [actor.get("ID") for actor in actors if isinstance(actor, dict)] if isinstance(actors, list) else []
    keys = [(_text(key) or "").lower() for key in (data.get("UserKey"), *others)]
    return next((key for key in keys if _GUID.fullmatch(key) and key != _NOBODY), None)


def _username(*names: Any) -> str | None:
    """The first that is a name to sign in with; a redacted or unknown user has none."""
    return next((text.lower() for name in names if (text := _text(name)) and "@" in text), None)


def _address(*texts: Any) -> str | None:
    given = [text for value in texts if (text := _text(value))]
    return next((str(address) for text in given if (address := parsed(text))), given[0] if given else None)


def _app(key: str | None) -> str | None:
    return key and APPS.get(key.lower(), key)


def _outcome(operation: str | None, number: int | None, word: str | None) -> str | None:
    """`ResultStatus` says only that the request was answered: operation and error decide."""
    said = (operation or "").lower()
    if said == "userloginfailed" or number not in (None, 0, STAY_SIGNED_IN) or word:
        code = CODE.get((word or "").lower()) if number in (None, 0) else number
        found = OUTCOME.get(code or 0, "failure")
        return "failure" if found == "success" else found
    return "success" if said == "userloggedin" else None


def _legacy(agent: str | None, request: str | None) -> bool | None:
    if agent and any(program in agent.lower() for program in OLD_PROGRAMS):
        return True
    return False if request and ON_A_PAGE.fullmatch(request.lower()) else None


_MODULE = optional(
    DataSet(
        name="audit_sign_ins",
        fills=(SignIn,),
        pages=_searched,
        rows=rows,
        tells="from where people signed in during the last 180 days",
        source="https://learn.microsoft.com/graph/api/security-auditlogquery-list-records",
        grants=(GRANT,),
        stands_in_for="sign_ins",
        module="sign-ins out of the audit log",
        after=("organization", "sign_ins"),
        reach=timedelta(days=180),
        one_login=timedelta(minutes=5),
        marks="audit",
    )
)
DATASET = replace(_MODULE, pages=pages)
