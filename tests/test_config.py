"""keyround.toml: what is right is read, what is wrong is named with the nearest right word."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from keyround.config import read
from keyround.connector import Clock
from keyround.errors import ConfigError
from keyround.scan import scan
from keyround.store import ClientStore
from keyround.terms import from_json

GOOD = """
store = "snapshots"
rules = "our-rules"

[provider]
name = "Nordlicht IT"

[client.contoso]
name           = "Contoso Ltd"
home_countries = ["dk", "SE"]
every          = "week"

[[client.contoso.tenant]]
connector  = "m365"
tenant_id  = "11111111-2222-3333-4444-555555555555"
credential = "secret"
secret     = "env:CONTOSO_SECRET"
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "keyround.toml").write_text(text, encoding="utf-8")
        return tmp_path / "keyround.toml"

    return write


def test_a_client_with_its_tenant(written, monkeypatch):
    config = read(written(GOOD))
    client = config.client("contoso")
    assert (client.name, client.terms.home_countries, config.prepared_by) == (
        "Contoso Ltd",
        ("DK", "SE"),
        "Nordlicht IT",
    )
    assert config.store == config.path.parent / "snapshots"
    assert config.rules == (config.path.parent / "our-rules",)
    monkeypatch.setenv("CONTOSO_SECRET", "hush")
    assert client.tenants[0].opened()["secret"] == "hush"


@pytest.mark.parametrize(
    "wrong, right, said",
    [
        ("[client.contoso]", "[cleint.contoso]", "Did you mean 'client'?"),
        ("home_countries", "home_country", "Did you mean 'home_countries'?"),
        ('["dk", "SE"]', '["Denmark"]', "two-letter codes"),
        ("client.contoso", "client.Contoso", "made of a-z"),
        ('store = "snapshots"', "store = 5", "must be text"),
        ('rules = "our-rules"', "rules = [5]", "or a list of such"),
        ("[[client.contoso.tenant]]", "[[client.contoso.tenants]]", "Did you mean 'tenant'?"),
        ('connector  = "m365"', "", "connector is missing"),
        ('name = "Nordlicht IT"', 'name = "Nordlicht IT', "not valid TOML"),
        ('["dk", "SE"]', '["dk", "UK"]', "Write 'GB'"),
        ('every          = "week"', "every = 7", "must be text"),
        ('every          = "week"', "accept = 7", "[[client.contoso.accept]]"),
        ('every          = "week"', "threshold = {}", "Did you mean 'thresholds'?"),
        ('every          = "week"', 'emergency_accounts = "notfall@contoso.example"', "is a list of user names"),
        ('every          = "week"', "emergency_accounts = [7]", 'emergency_accounts = ["notfall@contoso.example"]'),
        ('every          = "week"', 'emergency_accounts = ["Notfall"]', "is a list of user names"),
        ('every          = "week"', "emergency_account = []", "Did you mean 'emergency_accounts'?"),
        ('store = "snapshots"', 'store = "~nobody-here/x"', "no such home folder"),
    ],
)
def test_mistakes_are_named(written, wrong, right, said):
    with pytest.raises(ConfigError) as caught:
        read(written(GOOD.replace(wrong, right)))
    assert said in str(caught.value) and "keyround.toml" in str(caught.value)


def test_emergency_accounts_are_user_names_in_lower_case(written):
    named = '["Notfall@Contoso.example", " notfall2@contoso.example ", "notfall@contoso.example"]'
    config = read(written(GOOD.replace('every          = "week"', f"emergency_accounts = {named}")))
    assert config.client("contoso").terms.emergency_accounts == ("notfall2@contoso.example", "notfall@contoso.example")
    assert read(written(GOOD)).client("contoso").terms.emergency_accounts == ()


def test_an_unknown_client_and_no_file_at_all(written, tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'contoso'"):
        read(written(GOOD)).client("contosso")
    with pytest.raises(ConfigError, match="keyround demo"):
        read(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    "reference, said",
    [
        ("hush", "never stands in keyround.toml"),
        ("env:KEYROUND_NOWHERE", "KEYROUND_NOWHERE is not set"),
        ("file:missing.pem", "cannot be read"),
        ("keyring:nobody", "keyring"),
    ],
)
def test_secrets_that_cannot_be_had_name_the_reference_only(written, reference, said):
    client = read(written(GOOD.replace("env:CONTOSO_SECRET", reference))).client("contoso")
    with pytest.raises(ConfigError) as caught:
        client.tenants[0].opened()
    assert said in str(caught.value) and "hush" not in str(caught.value)


def test_a_secret_file_beside_the_configuration(written, tmp_path, capsys):
    (tmp_path / "key.pem").write_text("hush")
    (tmp_path / "key.pem").chmod(0o644)
    client = read(written(GOOD.replace("env:CONTOSO_SECRET", "file:key.pem"))).client("contoso")
    assert client.tenants[0].opened()["secret"] == "hush"
    assert "chmod 600" in capsys.readouterr().err


def test_a_mark_and_line_ends_from_windows(written):
    path = written("")
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert read(path).client("contoso").name == "Contoso Ltd"


def test_what_has_no_effect_yet_is_said(written, capsys):
    read(written(GOOD)).client("contoso")
    assert "every of 'contoso' has no effect" in capsys.readouterr().err


ACCEPTED = """
[[client.contoso.accept]]
rule    = "admin-no-second-factor"
subject = "breakglass@contoso.example"
reason  = "Sealed emergency account; the passkey is in the safe."
owner   = "M. Jensen"
until   = 2027-06-30
"""


def test_accepted_risks(written):
    (one,) = read(written(GOOD + ACCEPTED)).client("contoso").terms.accepted
    assert (one.rule, one.subject, one.owner, one.until, one.aspect) == (
        "admin-no-second-factor", "breakglass@contoso.example", "M. Jensen", date(2027, 6, 30), "")  # fmt: skip
    as_text = ACCEPTED.replace("2027-06-30", '"2027-06-30"').replace("breakglass@contoso.example", "tenant")
    (one,) = read(written(GOOD + as_text)).client("contoso").terms.accepted
    assert (one.subject, one.until) == ("", date(2027, 6, 30))


@pytest.mark.parametrize(
    "wrong, right, said",
    [
        ('owner   = "M. Jensen"', "", "number 1: owner is missing"),
        ('"M. Jensen"', '"  "', "owner is missing"),
        ("reason ", "reasons", "Did you mean 'reason'?"),
        ("2027-06-30", '"next year"', "for example until = 2027-06-30"),
        ("2027-06-30", "7", "is no day"),
        ("until   = 2027-06-30", "", "until is missing"),
        ("until   = 2027-06-30", 'until = 2027-06-30\nseverity = "hihg"', "Did you mean 'high'?"),
        ("[[client.contoso.accept]]", "[client.contoso.accept]", "Write [[client.contoso.accept]]"),
        ("[[client.contoso.accept]]", "[client.contoso.thresholds]", "thresholds.rule is not a table"),
    ],
)
def test_mistakes_in_an_accepted_risk_are_named(written, wrong, right, said):
    with pytest.raises(ConfigError) as caught:
        read(written(GOOD + ACCEPTED.replace(wrong, right)))
    assert said.lower() in str(caught.value).lower() and "keyround.toml" in str(caught.value)


def test_a_client_s_thresholds_win_over_those_for_all(written):
    general = "[thresholds.dormant-account]\nunused_days = 60\nnever_used_days = 20\n"
    own = "[client.contoso.thresholds.dormant-account]\nunused_days = 45\n"
    terms = read(written(GOOD + general + own)).client("contoso").terms
    assert terms.thresholds == {"dormant-account": {"unused_days": 45, "never_used_days": 20}}
    assert from_json(json.loads(json.dumps(terms.as_json()))) == terms


def test_the_section_is_named_and_one_tenant_stands_once(written, monkeypatch, tmp_path):
    monkeypatch.setenv("CONTOSO_SECRET", "hush")
    tenant = GOOD[GOOD.index("[[client.contoso.tenant]]") :].replace("credential", 'client_id = "x"\ncredential')
    whole = GOOD[: GOOD.index("[[client.contoso.tenant]]")]
    for second, said in ((tenant.replace("m365", "m356"), "number 2: .*Did you mean 'm365'"), (tenant, "twice")):
        client = read(written(whole + tenant + second)).client("contoso")
        with pytest.raises(ConfigError, match=said):
            scan(client, ClientStore(tmp_path, "contoso"), (), datetime(2026, 11, 20), 7, Clock(), lambda *_: None)
    assert not (tmp_path / "contoso").exists()
