"""Google Workspace: people, 2-Step Verification, administrators and sign-ins.

Importing this package imports none of Google's libraries; `open` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyround.connector import Clock, Connector, DataSet, Derived, Identity, Window
from keyround.errors import ConfigError

from . import (
    admin_audits,
    administrators,
    alerts,
    app_passwords,
    backup_codes,
    customer,
    devices,
    enforcement,
    exclusions,
    licenses,
    login_activities,
    login_signals,
    noted,
    org_units,
    policies,
    policy_groups,
    registrations,
    roles,
    saml_activities,
    settings,
    sso,
    token_activities,
    tokens,
    usage,
    users,
)
from .modules import elsewhere
from .noted import noting
from .setup import SetUp

if TYPE_CHECKING:
    from .admin import Admin


def _budgeted(dataset: DataSet[Admin, Any]) -> DataSet[Admin, Any]:
    """The same data set, ended by Throttled when it takes too long."""

    def pages(admin: Admin, window: Window) -> Iterator[Any]:
        with admin.budgeted():
            yield from dataset.pages(admin, window)

    return replace(dataset, pages=pages)


class Google:
    """The connector as the core sees it; the session is an `Admin`."""

    name = "google"
    title = "Google Workspace"
    at_once = 4
    datasets: Sequence[DataSet[Admin, Any]] = (
        elsewhere(customer.DATASET),
        noting(users.DATASET, noted.accounts),
        noting(roles.DATASET, noted.holders),
        elsewhere(org_units.DATASET),
        elsewhere(policies.DATASET),
        elsewhere(sso.DATASET),
        policy_groups.DATASET,
        licenses.DATASET,
        login_activities.DATASET,
        elsewhere(saml_activities.DATASET),
        elsewhere(login_signals.DATASET),
        elsewhere(admin_audits.DATASET),
        tokens.DATASET,
        elsewhere(token_activities.DATASET),
        alerts.DATASET,
        elsewhere(usage.DATASET),
        app_passwords.DATASET,
        backup_codes.DATASET,
        devices.DATASET,
        devices.PHONES,
    )
    datasets = tuple(map(_budgeted, datasets))
    derived: Sequence[Derived] = (
        administrators.DERIVED,
        registrations.DERIVED,
        enforcement.DERIVED,
        exclusions.DERIVED,
    )
    setup = SetUp(datasets)

    def tenant_of(self, raw: Mapping[str, Any]) -> str:
        """The configured customer id. Raises ConfigError, naming the key, for anything wrong in the settings."""
        chosen = settings.read(raw)
        self.setup.asked(chosen.modules)
        if not chosen.customer_id:
            raise ConfigError("`customer_id` is missing.", f"`keyround check CLIENT` reads it, or: {settings.WHERE}")
        return chosen.customer_id

    @contextmanager
    def open(
        self, raw: Mapping[str, Any], clock: Clock, memory: MutableMapping[str, Any] | None = None
    ) -> Iterator[Admin]:
        chosen = settings.read(raw)
        from .admin import Admin
        from .credentials import Tokens

        with Admin(chosen, clock, Tokens(chosen, clock, memory, self.setup.asked(chosen.modules))) as admin:
            yield admin

    def identify(self, session: Admin) -> Identity:
        return session.identify()


CONNECTOR: Connector[Admin] = Google()
