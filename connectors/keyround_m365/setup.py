"""What this connector does for whoever sets it up: see keyround.setup.

The words are for an administrator who does this once: each says what to click.
Source  https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from keyround.connector import Clock, DataSet, decode
from keyround.errors import CollectError, ConfigError, NotGranted, nearest
from keyround.setup import Access, Customer, Delegation, KeyPair, OneOff

from . import certificates, permissions
from .discovery import domain_name, tenant_of
from .settings import NEEDS, PEOPLE, Settings, guid
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

GRAPH_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft Graph Command Line Tools, Microsoft's own public client for reading Graph as a person."""
ROLES = (
    "Global Reader shows everything that is read. With Security Reader or Reports Reader alone the second factors and "
    "sign-ins are there, and what else is missing is said."
)
WARN = (60, 30, 7)
"""Days before a credential ends: said, said urgently, said alarmingly."""

_REFERENCES = {
    "certificate": ("certificate", "file:{client}.pem"),
    "secret": ("secret", "env:{env}_SECRET"),
    "token": ("token", "env:{env}_TOKEN"),
}
_NOBODY = str(UUID(int=0))  # a tenant id, while the real one is not known yet
_CERTIFICATES = (
    "Entra admin centre > App registrations > (the application{app}) > Certificates & secrets > Certificates"
)


class _Password(msgspec.Struct):
    hint: str | None = None
    endDateTime: str | None = None


class _Application(msgspec.Struct):
    passwordCredentials: list[_Password] | None = None


NOT_YET = ("AADSTS7000229", "AADSTS700016", "AADSTS65001", "AADSTS90099", "AADSTS500011")
"""Entra's words for: nobody in this tenant has approved the application yet, or it has not got round."""


class SetUp:
    def __init__(self, datasets: Sequence[DataSet[Any, Any]]) -> None:
        self._datasets = datasets
        self.least = permissions.least(datasets)

    without_consent = ""
    own = ("tenant_id",)
    asks = permissions.CORE

    def section(self, answers: Mapping[str, str]) -> dict[str, str]:
        way = answers.get("credential") or "certificate"
        if way not in NEEDS:
            raise ConfigError(f"credential = {way!r} is not known.", nearest(way, NEEDS))
        where = _where(answers)
        named = answers.get("tenant_id", "")
        tenant = guid(named) if named else tenant_of(domain_name(answers.get("domain", "")), where["authority"])
        found = {"connector": "m365", "tenant_id": tenant}
        if way != "token":
            found["client_id"] = answers.get("client_id", "")
        found["credential"] = way
        if way in _REFERENCES:
            key, reference = _REFERENCES[way]
            client = answers.get("client", "keyround")
            found[key] = answers.get(key) or reference.format(client=client, env=client.upper().replace("-", "_"))
        return found | {key: answers[key] for key in ("cloud", "authority", "graph_url") if answers.get(key)}

    def steps(self, client: str, settings: Mapping[str, Any]) -> str:
        way = settings["credential"]
        lines = ["Microsoft 365, in the Entra admin centre (https://entra.microsoft.com):"]
        if way in ("managed_identity", "azure_cli", "token"):
            lines.append(f"  Give the identity these permissions: {', '.join(permissions.CORE)}.")
        else:
            kind = "Delegated permissions" if way in PEOPLE else "Application permissions"
            lines += [
                *_registered(str(settings.get("client_id", ""))),
                "  2. Authentication > Add a platform > Mobile and desktop applications: http://localhost.",
                f"  3. API permissions > Add > Microsoft Graph > {kind}:",
                *(f"       {name}" for name in permissions.CORE),
                "     then Grant admin consent. All of them only read.",
            ]
        if way == "certificate":
            lines.append(f"  4. keyround cert new {client}, and upload the .cer file it writes.")
        if way == "secret":
            lines.append(
                f"  4. Certificates & secrets > New client secret; put its value into {settings['secret'][4:]}."
            )
        lines += ["  Instead of clicking: the az script in connectors/keyround_m365/README.md does the same."]
        return "\n".join([*lines, f"Then: keyround check {client}"])

    def one_off(self, domain: str, asked: Mapping[str, str], modules: Sequence[str]) -> OneOff:
        given = dict(asked)
        way, client = given.pop("credential", "") or "browser", given.pop("client_id", "") or GRAPH_TOOLS
        scopes = tuple(sorted({*permissions.CORE, *permissions.of_modules(self._datasets, modules)}))
        name = domain_name(domain)
        settings = {"connector": "m365", "tenant_id": _NOBODY, "client_id": client, "credential": way} | given
        tenant = tenant_of(name, Settings.read(settings).authority)
        app = f'Microsoft\'s own application "Microsoft Graph Command Line Tools" ({client})'
        return OneOff(settings | {"tenant_id": tenant, "scopes": " ".join(scopes)}, (
            f"One-off scan of {name}, tenant {tenant}. Nothing is registered or changed in it.",
            f"You sign in through {app if client == GRAPH_TOOLS else f'the application {client}'}.",
            f"It asks to read, and an administrator must agree once: {', '.join(scopes)}.",
            f"Least roles of whoever signs in: {ROLES}",
            "What is agreed to stays with that application until an administrator removes it (Entra admin centre > "
            "Enterprise applications > Permissions).",
        ))  # fmt: skip

    def complete(
        self, settings: Mapping[str, Any], clock: Clock, memory: MutableMapping[str, Any], alone: bool
    ) -> Mapping[str, str]:
        return {}  # the tenant's id is looked up by its domain, or told by the answer to the consent link

    def access(self, session: Graph) -> Access:
        held = session.held()
        if held is None:
            return Access(known=False)
        extra = permissions.surplus(self._datasets, held)
        return Access(
            known=True,
            missing=permissions.missing(self._datasets, held),
            surplus=extra,
            harmful=permissions.harmful(extra),
            further=permissions.further(self._datasets, held),
        )

    def about_plan(self, plans: Sequence[str]) -> str:
        if "P2" in plans:
            return "with Entra ID P2"
        return "with Entra ID P1" if "P1" in plans else "no Entra ID P1: normal for this plan"

    def notices(self, settings: Mapping[str, Any], session: Graph, now: datetime) -> list[str]:
        read = Settings.read(settings)
        if read.credential == "certificate":
            ends = {key: certificates.ends(getattr(read, key)) for key in ("certificate", "certificate_next")}
            last = max((end for end in ends.values() if end), default=None)
            return _ending("The certificate", last, now, "`keyround cert new` makes the next one; both work at once.")
        if read.credential == "secret":
            help_ = "Create a new one or, better, a certificate (`keyround cert new`)."
            return _ending("The client secret", _secret_ends(session, read, now), now, help_)
        return []

    def consent_link(self, settings: Mapping[str, Any], tenant: str = "", redirect: str = "", state: str = "") -> str:
        client = settings.get("client_id")
        if not client or settings.get("credential") in ("managed_identity", "azure_cli", "token"):
            return ""
        whose = tenant or settings.get("tenant_id") or "organizations"
        asked = {"client_id": client, "redirect_uri": redirect, "state": state}
        words = urlencode({key: value for key, value in asked.items() if value})
        return f"{_where(settings)['authority']}/{whose}/adminconsent?{words}"

    def consented(self, answer: Mapping[str, str]) -> str:
        if answer.get("error") or answer.get("admin_consent", "").lower() != "true":
            said = answer.get("error_description") or answer.get("error") or "no consent"
            raise NotGranted(
                f"The administrator did not approve the application: {' '.join(said.split())[:200]}",
                "Open the link again and press Accept, as a Global Administrator or Privileged Role Administrator.",
                "Nothing can be read yet.",
                code=answer.get("error", ""),
            )
        try:
            return str(UUID(answer.get("tenant", "")))
        except ValueError:
            raise NotGranted(
                "Microsoft's answer does not say for which tenant it is.", "Open the link again."
            ) from None

    def new_key(self, name: str, days: int, now: datetime) -> KeyPair:
        return certificates.new(name, days, now)

    def key_steps(self, client: str, settings: Mapping[str, Any], private: str, public: str) -> str:
        app = f", client ID {settings['client_id']}" if settings.get("client_id") else ""
        lines = [
            f"1. Upload {public}:",
            f"   {_CERTIFICATES.format(app=app)}",
            "   > Certificates > Upload certificate.",
        ]
        if settings.get("certificate") == f"file:{private}":
            return "\n".join([*lines, f"2. keyround.toml names it already: keyround check {client}"])
        if settings.get("certificate"):
            return "\n".join([
                *lines,
                "2. Add to the tenant's section in keyround.toml, and leave `certificate` as it is:",
                f'     certificate_next = "file:{private}"',
                f"   From now on both work. `keyround check {client}` says whether they do.",
                f'3. When the old one is over: certificate = "file:{private}", remove certificate_next,',
                "   delete the old certificate in the portal and its file here.",
            ])  # fmt: skip
        return "\n".join([
            *lines,
            "2. In the tenant's section in keyround.toml:",
            '     credential  = "certificate"',
            f'     certificate = "file:{private}"',
            f"3. keyround check {client}",
        ])  # fmt: skip

    def waits(self, error: CollectError) -> bool:
        return error.code in NOT_YET

    def ends(self, settings: Mapping[str, Any]) -> datetime | None:
        if settings.get("credential") != "certificate":
            return None
        held = [certificates.ends(str(settings.get(key, ""))) for key in ("certificate", "certificate_next")]
        return max((end for end in held if end), default=None)

    def customers(self, session: Graph) -> Iterator[Customer]:
        from . import customers

        return customers.customers(session)

    def delegation(self, settings: Mapping[str, Any]) -> Delegation | None:
        return None

    def leave(self, settings: Mapping[str, Any]) -> Sequence[str]:
        app, where = settings.get("client_id"), f"tenant {settings.get('tenant_id')}"
        called = f"the application with the client ID {app}" if app else "the application or identity that was used"
        return (
            f"Microsoft 365, {where}: https://entra.microsoft.com > Enterprise applications > {called} > Properties > "
            "Delete. Where it was registered in this tenant: App registrations > All applications, Delete there too.",
        )


def _where(given: Mapping[str, Any]) -> dict[str, str]:
    """The addresses these settings lead to. Raises ConfigError."""
    cloud = {key: given[key] for key in ("cloud", "authority", "graph_url") if given.get(key)}
    read = Settings.read(cloud | {"tenant_id": _NOBODY, "credential": "azure_cli"})
    return {"authority": read.authority, "graph_url": read.graph_url}


def _secret_ends(graph: Graph, settings: Settings, now: datetime) -> datetime | None:
    """When the secret in use ends, where the tenant that holds the application lets us read it.

    Microsoft shows the first three characters of each secret: those tell which one is ours.
    """
    from .graph import Question

    path = f"applications(appId='{settings.client_id}')"
    try:
        body = graph.one(Question(path, "Application.Read.All", select="passwordCredentials"))
        passwords = decode(body, _Application).passwordCredentials or []
    except CollectError:
        return None
    ours = [instant(one.endDateTime) for one in passwords if one.hint and settings.secret.startswith(one.hint)]
    return min((end for end in ours if end and end > now), default=None)


def _registered(app: str) -> tuple[str, ...]:
    if app:
        return (f"  1. App registrations > the application {app}.",)
    return (
        "  1. App registrations > New registration: Keyround, no redirect address, this directory only; any",
        "     organizational directory where one application shall serve several clients.",
        "     Its overview shows the Application (client) ID: write it into the client's section as client_id.",
    )


def _ending(what: str, ends: datetime | None, now: datetime, remedy: str) -> list[str]:
    """The sentence about a credential that ends soon; [] while there is time, and where nobody knows."""
    if ends is None or (days := (ends.date() - now.date()).days) > WARN[0]:
        return []
    if ends <= now:
        return [f"{what} ended on {ends:%d %b %Y}. {remedy}"]
    left = f"in {days} days" if days > 1 else "in one day" if days else "today"
    soon = f"{what} ends {left}, on {ends:%d %b %Y}. "
    if days <= WARN[2]:
        return [f"URGENT: {soon}Without a new one the next scan reads nothing. {remedy}"]
    return [f"{soon}{'Replace it now. ' if days <= WARN[1] else ''}{remedy}"]
