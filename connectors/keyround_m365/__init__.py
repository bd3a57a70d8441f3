"""Microsoft 365 through Microsoft Graph: users, second factors, administrators, sign-ins.

Importing this package imports no SDK; `CONNECTOR.open` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyround.connector import Clock, DataSet, Identity, Window

from . import (
    access_policies,
    apps,
    audit_sign_ins,
    auth_methods,
    authorization_policy,
    cross_tenant_access,
    devices,
    directory_audits,
    domains,
    eligible_roles,
    enforcement,
    exclusions,
    mailbox_rules,
    methods_policy,
    mfa_registrations,
    named_locations,
    noninteractive_sign_ins,
    noted,
    organization,
    per_user_mfa,
    policy_groups,
    risk,
    role_assignments,
    role_groups,
    secure_scores,
    security_defaults,
    sign_ins,
    training,
    users,
)
from .modules import elsewhere
from .noted import noting
from .settings import Settings
from .setup import SetUp

if TYPE_CHECKING:
    from .graph import Graph


def _budgeted(dataset: DataSet[Graph, Any]) -> DataSet[Graph, Any]:
    """The same data set, ended by Throttled when it takes longer than the settings allow."""

    def pages(graph: Graph, window: Window) -> Iterator[Any]:
        with graph.budgeted():
            yield from dataset.pages(graph, window)

    return replace(dataset, pages=pages)


class _Microsoft365:
    name = "m365"
    title = "Microsoft 365"
    at_once = 4
    datasets: Sequence[DataSet[Graph, Any]] = (
        organization.DATASET,
        security_defaults.DATASET,
        access_policies.DATASET,
        named_locations.DATASET,
        policy_groups.DATASET,
        elsewhere(noting(methods_policy.DATASET, noted.certificates)),
        elsewhere(authorization_policy.DATASET),
        elsewhere(domains.DATASET),
        elsewhere(cross_tenant_access.DATASET),
        noting(users.DATASET, noted.accounts),
        noting(mfa_registrations.DATASET, noted.reported, kept=True),
        noting(role_assignments.DATASET, noted.holders),
        noting(eligible_roles.DATASET, noted.holders),
        role_groups.DATASET,
        auth_methods.DATASET,
        per_user_mfa.DATASET,
        sign_ins.DATASET,
        audit_sign_ins.DATASET,
        noninteractive_sign_ins.DATASET,
        elsewhere(directory_audits.DATASET),
        risk.USERS,
        risk.DETECTIONS,
        apps.DELEGATED,
        apps.PERMISSIONS,
        apps.CREDENTIALS,
        mailbox_rules.DATASET,
        devices.DIRECTORY,
        devices.MANAGEMENT,
        training.DATASET,
        secure_scores.DATASET,
    )
    datasets = tuple(map(_budgeted, datasets))
    derived = (enforcement.DERIVED, exclusions.DERIVED)
    setup = SetUp(datasets)

    def tenant_of(self, settings: Mapping[str, Any]) -> str:
        return Settings.read(settings).tenant_id

    @contextmanager
    def open(
        self, settings: Mapping[str, Any], clock: Clock, memory: MutableMapping[str, Any] | None = None
    ) -> Iterator[Graph]:
        from .credentials import credential
        from .graph import Graph

        read = Settings.read(settings)
        kept = {} if memory is None else memory
        graph = Graph(
            read.graph_url, read.scope, lambda: credential(read), clock, kept, read.client_id, read.budget_seconds
        )
        graph.noninteractive = read.noninteractive
        try:
            yield graph
        finally:
            graph.close()

    def identify(self, session: Graph) -> Identity:
        return organization.identify(session)


CONNECTOR = _Microsoft365()
