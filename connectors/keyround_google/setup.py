"""What this connector does for whoever sets it up: see keyround.setup. The README says the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet
from keyround.errors import ConfigError, NotGranted
from keyround.setup import Access, KeyPair, OneOff

if TYPE_CHECKING:
    from .admin import Admin


class SetUp:
    def __init__(self, datasets: Sequence[DataSet[Admin, Any]]) -> None:
        grants = [*(g for d in datasets for g in d.grants), *(g for d in datasets for g in d.optional.values())]
        self.least = tuple(sorted({scope for scope in grants if scope.startswith("https://")}))

    def section(self, answers: Mapping[str, str]) -> dict[str, str]:
        client = answers.get("client", "keyround")
        return {
            "connector": "google",
            "customer_id": answers.get("customer_id", ""),
            "credential": "service_account",
            "key": f"file:{client}-google.json",
            "subject": answers.get("subject", ""),
        }

    def steps(self, client: str, settings: Mapping[str, Any]) -> str:
        return "\n".join([
            "Google Workspace:",
            "  1. Google Cloud console: a project, in it the Admin SDK API and a service account without roles.",
            f"  2. Its JSON key becomes {str(settings['key']).removeprefix('file:')}, beside keyround.toml.",
            "  3. Admin console > Security > API controls > Domain-wide delegation > Add new: the key's client_id,",
            "     and as scopes, in one line:",
            f"     {','.join(self.least)}",
            "  Click by click: connectors/keyround_google/README.md. A delegation takes up to a day to work.",
            f"Then: keyround check {client}",
        ])  # fmt: skip

    def one_off(self, domain: str, asked: Mapping[str, str], modules: Sequence[str]) -> OneOff:
        raise ConfigError(
            "Google Workspace cannot be scanned without a service account: Google has no application for that.",
            "`keyround init --google ADMIN` writes the configuration and says what to click.",
        )

    def access(self, session: Admin) -> Access:
        return Access(known=False)

    def about_plan(self, plans: Sequence[str]) -> str:
        return ""

    def notices(self, settings: Mapping[str, Any], session: Admin, now: datetime) -> list[str]:
        return []

    def consent_link(self, settings: Mapping[str, Any], tenant: str = "", redirect: str = "", state: str = "") -> str:
        return ""

    def consented(self, answer: Mapping[str, str]) -> str:
        raise NotGranted("Google has no such consent.")

    def new_key(self, name: str, days: int, now: datetime) -> KeyPair:
        raise ConfigError(
            "Google makes the key of a service account itself.",
            "Google Cloud console > IAM & Admin > Service Accounts > Keys > Add key > JSON.",
        )

    def key_steps(self, client: str, settings: Mapping[str, Any], private: str, public: str) -> str:
        return ""
