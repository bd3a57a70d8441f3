"""What this connector does for whoever sets it up: see keyround.setup.

The words are for an administrator who does this once: each says what to click.
Source  https://support.google.com/a/answer/162106 (domain-wide delegation)
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyround.connector import Clock, DataSet
from keyround.errors import CollectError, ConfigError, NotGranted, Unexpected, nearest
from keyround.setup import Access, Delegation, KeyPair, OneOff

from . import permissions
from . import settings as sections
from .settings import NEEDS, SIGNED_IN, WHERE

if TYPE_CHECKING:
    from .admin import Admin

CLIENT_VARIABLE = "KEYROUND_GOOGLE_CLIENT"
"""Environment variable that names the file of an OAuth client, for one-off scans."""
README = "connectors/keyround_google/README.md"
DELEGATE = "Admin console > Security > Access and data control > API controls > Domain-wide delegation"
DELEGATE_AT = "https://admin.google.com/ac/owl/domainwidedelegation"
"""The same, as an address."""
WARN = 60, 7
"""Days before a stored sign-in ends: said, said urgently."""
NO_CLIENT = (
    "Make one once, in any Google Cloud project with the Admin SDK API and the Cloud Identity API enabled: (1) console."
    "cloud.google.com > APIs & Services > Credentials, (2) Create credentials > OAuth client ID, (3) Application type: "
    f"Desktop app, (4) Download JSON into this folder as client_secret.json, or name it in {CLIENT_VARIABLE}. "
    f"More: {README}."
)
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


class SetUp:
    without_consent = (
        "Google Workspace has no such link: an administrator delegates the scopes by hand "
        f"({DELEGATE}), as {README} shows."
    )

    own = ("customer_id", "subject")
    asks = permissions.CORE

    def __init__(self, datasets: Sequence[DataSet[Admin, Any]]) -> None:
        self._datasets = datasets
        self.least = permissions.least(datasets)

    def section(self, answers: Mapping[str, str]) -> dict[str, str]:
        way = answers.get("credential") or "service_account"
        if way not in NEEDS:
            raise ConfigError(f"credential = {way!r} is not known.", nearest(way, NEEDS))
        client, subject = answers.get("client", "keyround"), answers.get("subject", "")
        found = {"connector": "google", "customer_id": answers.get("customer_id", ""), "credential": way}
        if way == "service_account_role" and not found["customer_id"]:
            raise ConfigError("With service_account_role the customer ID is needed: --customer-id ID.", WHERE)
        if way in ("service_account", "service_account_role"):
            found["key"] = answers.get("key") or f"file:{client}-google.json"
        if way == "oauth":
            found |= {"client": f"file:{client}-google-client.json", "token_file": f"{client}-google-signed-in.json"}
        if way == "impersonation":
            found["service_account"] = answers.get("service_account", "")
        if way in ("service_account", "impersonation"):
            found["subject"] = subject
        if way == "token":
            found["token"] = f"env:{client.upper().replace('-', '_')}_GOOGLE_TOKEN"
        return found | {key: answers[key] for key in ("api_url", "token_uri", "modules") if answers.get(key)}

    def steps(self, client: str, settings: Mapping[str, Any]) -> str:
        way = settings["credential"]
        apis = "Admin SDK API and Cloud Identity API"
        project = f"Google Cloud console (https://console.cloud.google.com): a project, in it the {apis}"
        lines = ["Google Workspace:"]
        if way == "token":
            lines.append(f"  Put a token with the scopes below into {settings['token'].removeprefix('env:')}.")
        elif way == "oauth":
            lines += [
                f"  1. {project}.",
                "  2. APIs & Services > Credentials > Create credentials > OAuth client ID > Desktop app.",
                f"  3. Its JSON becomes {settings['client'].removeprefix('file:')}, beside keyround.toml.",
                "     The first command opens a browser: sign in as an administrator and tick every box.",
            ]
        else:
            lines += [f"  1. {project}", "     and a service account without roles in the project."]
            if way == "impersonation":
                lines += [
                    "     Enable the IAM Service Account Credentials API too. Put the account's address into",
                    "     keyround.toml as service_account.",
                    "  2. Service account > Principals with access: let whoever runs Keyround be Service Account",
                    "     Token Creator. There is no key file.",
                ]
            else:
                name = str(settings["key"]).removeprefix("file:")
                lines.append(f"  2. Its JSON key becomes {name}, beside keyround.toml.")
            lines += self._allow(bool(settings.get("subject")) or way != "service_account_role")
        return "\n".join([
            *lines,
            *([f"  All of it, click by click: {README}."]),
            f"Then: keyround check {client}",
        ])  # fmt: skip

    def _allow(self, delegated: bool) -> list[str]:
        if not delegated:
            return ["  3. Admin console > Account > Admin roles: assign the service account a role that may read",
                    "     users, groups, organisational units and reports."]  # fmt: skip
        return [
            "  3. Admin console (https://admin.google.com) > Security > Access and data control > API controls >",
            "     Domain-wide delegation > Add new: the service account's Unique ID as client ID,",
            "     and as scopes, in one line:",
            f"     {self.line()}",
            "     It can take up to 24 hours to work, mostly it takes minutes.",
        ]

    def asked(self, modules: Sequence[str]) -> tuple[str, ...]:
        """Every scope that is wanted with these optional modules. Raises ConfigError for one that there is not."""
        return tuple(dict.fromkeys((*self.least, *permissions.of_modules(self._datasets, modules))))

    def line(self) -> str:
        """The scopes as the Admin console takes them."""
        return ",".join(self.least)

    def one_off(self, domain: str, asked: Mapping[str, str], modules: Sequence[str]) -> OneOff:
        given = {key: value for key, value in asked.items() if value}
        name = _domain_name(domain)
        if given.pop("credential", "") == "device_code":
            raise ConfigError(
                "Google does not let people sign in with a code for what this scan reads.",
                "Leave --device-code out. Without a browser on this computer, open the address that is shown on it, "
                "or forward the port that stands in it: ssh -L PORT:127.0.0.1:PORT.",
            )
        if given.pop("client_id", ""):
            raise ConfigError(
                "Google needs the whole file of an OAuth client, not its id alone.", "--setting client=file:PATH"
            )
        where, found = _client_file(given.pop("client", ""))
        scopes = self.asked(modules)
        barred = sorted(permissions.short(s) for s in scopes if permissions.DELEGATED_ONLY.search(s))
        asking = sorted(scope for scope in scopes if not permissions.DELEGATED_ONLY.search(scope))
        more = [scope for scope in asking if not scope.endswith(".readonly")]
        says = [
            f"One-off scan of {name}. Nothing is registered or changed in it, and the sign-in is forgotten afterwards.",
            f"You sign in through the OAuth client of {found} ({where}).",
            f"It asks for: {', '.join(map(permissions.short, asking))}. Tick every box on Google's page.",
            "Least role of whoever signs in: an administrator who may read users, roles and reports; the policies are "
            "shown to super administrators only. What may not be read is said.",
        ]
        if more:
            says.append(f"Google offers no scope that only reads for {', '.join(map(permissions.short, more))}; "
                        "Keyround reads with it and nothing else.")  # fmt: skip
        if barred:
            says.append(f"Not possible this way, only with a service account: {', '.join(barred)}.")
        says.append("Afterwards: https://myaccount.google.com/connections shows the access and takes it back.")
        whole = {"connector": "google", "credential": "oauth", "client": f"file:{found}"}
        whole |= {"modules": ",".join(modules)} if modules else {}
        return OneOff(whole | given, tuple(says), lambda settings: self._signed_in(settings, name))

    def _signed_in(self, raw: Mapping[str, Any], domain: str) -> dict[str, Any]:
        """A person's sign-in, once it is sure that it opens the tenant of `domain`. Raises KeyroundError."""
        from . import belonging
        from .admin import Admin
        from .credentials import Tokens

        settings = sections.read(raw)
        tokens = Tokens(settings, Clock(), asked=self.asked(settings.modules))
        person = tokens.sign_in(domain)
        with Admin(settings, Clock(), tokens) as admin:
            customer = _only(admin)
            belonging.check(admin, domain)
        return {"customer_id": customer, SIGNED_IN: person}

    def complete(
        self, settings: Mapping[str, Any], clock: Clock, memory: MutableMapping[str, Any], alone: bool
    ) -> Mapping[str, str]:
        if settings.get("customer_id"):
            return {}
        from .admin import Admin
        from .credentials import Tokens

        chosen = sections.read(settings)
        if alone and chosen.credential == "oauth":
            return {}
        try:
            with Admin(chosen, clock, Tokens(chosen, clock, memory, self.asked(chosen.modules))) as admin:
                return {"customer_id": _only(admin)}
        except CollectError as error:
            raise error.about(f"So the customer ID cannot be read. It can also be written by hand: {WHERE}") from None

    def access(self, session: Admin) -> Access:
        held = session.tokens.held(self.least)
        if held is None:
            return Access(known=False)
        missing = tuple(scope for scope in self.least if scope not in held)
        extra = permissions.surplus(self._datasets, held)
        return Access(
            known=True,
            missing=missing,
            surplus=extra,
            harmful=permissions.harmful(extra),
            further=permissions.further(self._datasets, {*held, *self.least}),
            remedy=session.tokens.grant(missing) if missing else "",
        )

    def about_plan(self, plans: Sequence[str]) -> str:
        return ""

    def notices(self, settings: Mapping[str, Any], session: Admin, now: datetime) -> list[str]:
        ends = session.tokens.ends()
        if ends is None or not settings.get("token_file") or (days := (ends - now).days) > WARN[0]:
            return []
        urgent = "URGENT: " if days <= WARN[1] else ""
        return [
            f"{urgent}The stored sign-in ends on {ends:%d %b %Y}: Google gives applications that are being tested a "
            "week. Google Cloud console > Google Auth Platform > Audience > Publish app, then sign in again."
        ]

    def consent_link(self, settings: Mapping[str, Any], tenant: str = "", redirect: str = "", state: str = "") -> str:
        return ""

    def consented(self, answer: Mapping[str, str]) -> str:
        raise NotGranted("Google Workspace has no consent link.", self.without_consent)

    def new_key(self, name: str, days: int, now: datetime) -> KeyPair:
        raise ConfigError(
            "Google makes the key of a service account itself, so there is none to make here.",
            "Google Cloud console > IAM & Admin > Service Accounts > Keys > Add key > JSON; or none at all, with "
            'credential = "impersonation".',
        )

    def key_steps(self, client: str, settings: Mapping[str, Any], private: str, public: str) -> str:
        return ""

    def waits(self, error: CollectError) -> bool:
        from .credentials import NOT_DELEGATED

        return error.code == NOT_DELEGATED

    def ends(self, settings: Mapping[str, Any]) -> datetime | None:
        return None  # the key of a service account holds until somebody deletes it

    def delegation(self, settings: Mapping[str, Any]) -> Delegation | None:
        from .refusals import client_of

        read = sections.read(settings)
        return Delegation(DELEGATE_AT, client_of(read), self.line()) if read.delegated else None

    def leave(self, settings: Mapping[str, Any]) -> Sequence[str]:
        tenant = f"Google Workspace, {settings.get('customer_id') or settings.get('subject', '')}"
        if settings.get("credential") == "oauth":
            return (f"{tenant}: https://myaccount.google.com/connections of whoever signed in: remove the access.",)
        key = "IAM & Admin > Service Accounts > (the account) > Keys: delete the key, unless other clients need it"
        said = [f"{tenant}: {DELEGATE_AT} > (the service account's client ID) > Delete."]
        if settings.get("credential") == "service_account_role":
            said = [f"{tenant}: https://admin.google.com > Account > Admin roles: unassign the service account."]
        return (*said, f"Google Cloud console (https://console.cloud.google.com) > {key}.")


def _only(admin: Admin) -> str:
    """The customer id of the tenant that the credential opens. Raises CollectError."""
    claims = admin.identify().claims
    if len(claims) != 1:
        raise Unexpected("Google's answers do not say which tenant this is.", f"Write customer_id yourself: {WHERE}")
    return next(iter(claims))


def _domain_name(text: str) -> str:
    """A domain, out of a domain or an address. Raises ConfigError."""
    name = text.strip().rpartition("@")[2].rstrip(".").lower()
    try:
        name = name.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not _DOMAIN.fullmatch(name):
        raise ConfigError(f"{text!r} is not a domain.", "Write it as contoso.com.")
    return name


def _client_file(setting: str) -> tuple[str, Path]:
    """(how it was found, the file) of the OAuth client. Raises ConfigError."""
    if setting:
        way, _, path = setting.partition(":")
        if way != "file" or not path:
            raise ConfigError("--setting client= names a file.", "Write it as --setting client=file:PATH.")
        return "named by --setting client", Path(path).expanduser()
    if named := os.environ.get(CLIENT_VARIABLE):
        return f"named by {CLIENT_VARIABLE}", Path(named).expanduser()
    found = sorted(Path().glob("client_secret*.json"))
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise ConfigError(
            f"This folder holds several OAuth clients: {names}.", "Say which: --setting client=file:PATH."
        )
    if not found:
        raise ConfigError("To sign in to Google, the JSON of an OAuth client of your own is needed.", NO_CLIENT)
    return "found in this folder", found[0]
