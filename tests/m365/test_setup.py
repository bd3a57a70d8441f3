"""What the connector does for whoever sets it up: permissions, links, key pairs, and what ends when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import keyround_m365
from keyround.connector import DataSet
from keyround.errors import ConfigError, NotGranted, Unreachable
from keyround_fixtures import Fault
from keyround_m365 import CONNECTOR, certificates, permissions
from keyround_m365.discovery import domain_name

from .test_sign_in import secured  # noqa: F401

SETUP = CONNECTOR.setup
README = Path(keyround_m365.__file__).with_name("README.md").read_text(encoding="utf-8")
NOW = datetime.now(UTC).replace(tzinfo=None)


def test_every_permission_stands_in_the_readme_and_none_can_write():
    wanted = permissions.known(CONNECTOR.datasets)
    assert {name for name in wanted if f"`{name}`" not in README} == set()
    assert "ReadWrite" not in "".join(wanted) and not permissions.harmful(wanted)
    assert not permissions.missing(CONNECTOR.datasets, permissions.CORE)
    assert not permissions.missing(CONNECTOR.datasets, SETUP.least)


def test_the_script_in_the_readme_asks_for_the_core():
    (script,) = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    assert all(name in script for name in permissions.CORE) and "ReadWrite" not in script


@pytest.mark.parametrize(
    "held, missing, surplus, harmful",
    [
        (permissions.CORE, set(), set(), set()),
        ({"AuditLog.Read.All"}, {"User.Read.All", "Policy.Read.All"}, set(), set()),
        ({*permissions.CORE, "User.Read", "Group.Read.All"}, set(), set(), set()),
        ({*permissions.CORE, "Mail.ReadWrite", "Sites.Read.All"}, set(), {"Mail.ReadWrite", "Sites.Read.All"},
         {"Mail.ReadWrite"}),
        ({*permissions.CORE, "Directory.AccessAsUser.All"}, set(), {"Directory.AccessAsUser.All"},
         {"Directory.AccessAsUser.All"}),
        ({"Directory.ReadWrite.All"}, {"AuditLog.Read.All"}, {"Directory.ReadWrite.All"}, {"Directory.ReadWrite.All"}),
    ],
)  # fmt: skip
def test_held_against_needed(held, missing, surplus, harmful):
    lacking, extra = (found(CONNECTOR.datasets, held) for found in (permissions.missing, permissions.surplus))
    assert missing <= set(lacking) and bool(missing) == bool(lacking)
    assert set(extra) == surplus and set(permissions.harmful(extra)) == harmful


def test_the_shortest_list_takes_what_is_needed_anyway():
    def dataset(*grants, optional=None, module=""):
        return DataSet("x", (), None, None, "x", "x", grants=grants, optional=optional or {}, module=module)

    sets = (dataset("GroupMember.Read.All or Directory.Read.All", "Policy.Read.All"), dataset("User.Read.All"),
            dataset("RoleEligibilitySchedule.Read.Directory or RoleManagement.Read.Directory"),
            dataset("RoleManagement.Read.Directory", optional={"a": "AuditLog.Read.All and P1", "b": "Mail.Read"}),
            dataset("Sites.Read.All", module="sites"))  # fmt: skip
    assert permissions.least(sets) == ("AuditLog.Read.All", "GroupMember.Read.All", "Policy.Read.All",
                                       "RoleManagement.Read.Directory", "User.Read.All")  # fmt: skip
    held = {"AuditLog.Read.All", "Directory.Read.All"}
    assert permissions.further(sets, held) == {"Mail.Read": [("x", "b")]}


def test_modules_are_asked_for_by_name_only():
    def module(name, *grants):
        return DataSet(name, (), None, None, "x", "x", grants=grants, module=name)

    sets = (module("mail", "MailboxSettings.Read"), module("apps", "Directory.Read.All"))
    assert permissions.of_modules(sets, []) == ()
    assert permissions.of_modules(sets, ["mail"]) == ("MailboxSettings.Read",)
    assert permissions.of_modules(sets, ["all"]) == ("MailboxSettings.Read",)  # the core covers the other
    with pytest.raises(ConfigError, match="Did you mean 'mail'"):
        permissions.of_modules(sets, ["mial"])


def test_a_domain_leads_to_its_tenant(secured, cloud):  # noqa: F811
    tenant = cloud.tenants[0]
    answers = {"domain": "info@Hollenstedt.Example", "authority": cloud.tls_url, "client": "acme-ltd"}
    assert SETUP.section(answers) == {
        "connector": "m365", "tenant_id": tenant.id, "client_id": "", "credential": "certificate",
        "certificate": "file:acme-ltd.pem", "authority": cloud.tls_url,
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"No Microsoft 365 tenant has the domain nowhere\.example"):
        SETUP.section(answers | {"domain": "nowhere.example"})
    cloud.faults.append(Fault("openid-configuration", kind="html"))
    with pytest.raises(Unreachable):
        SETUP.section(answers)


@pytest.mark.parametrize(
    "text, name",
    [(" Contoso.COM. ", "contoso.com"), ("it@münchen.example", "xn--mnchen-3ya.example"), ("contoso", None),
     ("http://contoso.com/x", None), ("", None), ("a..b", None), (f"{'x' * 64}.example", None), ("common", None)],
)  # fmt: skip
def test_domains(text, name):
    if name:
        assert domain_name(text) == name
    else:
        with pytest.raises(ConfigError):
            domain_name(text)


def test_consent_links():
    settings = {"tenant_id": "t", "client_id": "c", "credential": "certificate"}
    assert SETUP.consent_link(settings) == "https://login.microsoftonline.com/t/adminconsent?client_id=c"
    assert "/organizations/" in SETUP.consent_link(settings | {"tenant_id": ""})
    whole = SETUP.consent_link(settings | {"cloud": "usgov"}, "x", "http://localhost:8400", "s")
    assert whole == (
        "https://login.microsoftonline.us/x/adminconsent?client_id=c&redirect_uri=http%3A%2F%2Flocalhost%3A8400&state=s"
    )
    assert not SETUP.consent_link(settings | {"credential": "azure_cli"})


@pytest.mark.parametrize(
    "answer",
    [{}, {"tenant": "a05a5e34-66ee-500f-8c7d-dad2b1f22e8b"}, {"admin_consent": "True", "tenant": "x"},
     {"admin_consent": "True", "tenant": "a05a5e34-66ee-500f-8c7d-dad2b1f22e8b", "error": "access_denied"}],
)  # fmt: skip
def test_what_is_no_consent(answer):
    with pytest.raises(NotGranted):
        SETUP.consented(answer)


def pem(days):
    return certificates.new("acme", 400, NOW - timedelta(days=400 - days)).private


@pytest.mark.parametrize(
    "days, said",
    [(75, None), (59, "ends in 59 days"), (20, "Replace it now"), (3, "URGENT"), (-5, "ended on")],
)
def test_a_certificate_that_ends_is_announced(days, said):
    settings = {"tenant_id": "a05a5e34-66ee-500f-8c7d-dad2b1f22e8b", "client_id": "c", "credential": "certificate"}
    found = SETUP.notices(settings | {"certificate": pem(days)}, None, NOW)
    assert said in found[0] if said else not found
    assert not SETUP.notices(settings | {"certificate": pem(days), "certificate_next": pem(300)}, None, NOW)


def test_a_secret_that_ends_is_announced_where_it_can_be_read(secured, cloud, nap):  # noqa: F811
    settings = secured | {"credential": "secret", "secret": cloud.app_secret("m365")}
    application = next(one for one in cloud.tenants[0].tables["applications"] if one["appId"] == cloud.client_id)
    this_year = application["passwordCredentials"][0]
    before = this_year["endDateTime"]
    this_year["endDateTime"] = f"{NOW + timedelta(days=6, hours=1):%Y-%m-%dT%H:%M:%SZ}"
    sooner = this_year | {"hint": "x9~", "endDateTime": f"{NOW + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"}
    application["passwordCredentials"].append(sooner)  # another program's
    try:
        with CONNECTOR.open(settings, nap.clock) as graph:
            (said,) = SETUP.notices(settings, graph, NOW)
            assert "URGENT: The client secret ends in 6 days" in said
            cloud.deny("m365", "Directory.Read.All", "Application.Read.All")
            assert SETUP.notices(settings, graph, NOW) == []
    finally:
        this_year["endDateTime"] = before
        application["passwordCredentials"].remove(sooner)
