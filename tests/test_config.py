"""keyround.toml: what is right is read, what is wrong is named with the nearest right word."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time, timedelta

import pytest

from keyround.config import read
from keyround.config.places import EXAMPLES
from keyround.connector import Clock
from keyround.errors import ConfigError
from keyround.rounds import Keeping, Mail, Order, Schedule, Tell
from keyround.scan import scan
from keyround.store import ClientStore
from keyround.terms import Home, Network, Trip, from_json

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


def mistake(path):
    """What is wrong with the file, or with a client of it."""
    try:
        return next(iter(read(path).broken.values()))
    except ConfigError as error:
        return error


def assert_said(path, *said):
    found = str(mistake(path))
    assert all(part.lower() in found.lower() for part in said), found
    assert re.match(r"keyround.toml, line \d+", found), found


def test_a_client_with_its_tenant(written, monkeypatch):
    config = read(written(GOOD))
    client = config.client("contoso")
    assert (client.name, client.terms.home_countries, config.provider.name) == (
        "Contoso Ltd",
        ("DK", "SE"),
        "Nordlicht IT",
    )
    assert config.store == config.path.parent / "snapshots"
    assert config.rules == (config.path.parent / "our-rules",)
    monkeypatch.setenv("CONTOSO_SECRET", "hush")
    assert client.tenants[0].opened()["secret"] == "hush"


MISTAKES = [
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
    ('["dk", "SE"]', '["Dänemark"]', "Write 'DK'"),
    ('["dk", "SE"]', '["dk", "XX"]', "no country's code"),
    ('every          = "week"', "every = 7", "must be text"),
    ('every          = "week"', "accept = 7", "[[client.contoso.accept]]"),
    ('every          = "week"', "threshold = {}", "Did you mean 'thresholds'?"),
    ('every          = "week"', 'emergency_accounts = "notfall@contoso.example"', "is a list of user names"),
    ('every          = "week"', "emergency_accounts = [7]", 'emergency_accounts = ["notfall@contoso.example"]'),
    ('every          = "week"', 'emergency_accounts = ["Notfall"]', "is a list of user names"),
    ('every          = "week"', "emergency_account = []", "Did you mean 'emergency_accounts'?"),
    ('store = "snapshots"', 'store = "~nobody-here/x"', "no such home folder"),
]


@pytest.mark.parametrize("wrong, right, said", MISTAKES)
def test_mistakes_are_named(written, wrong, right, said):
    assert wrong in GOOD
    assert_said(written(GOOD.replace(wrong, right)), said)


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
    with pytest.raises(ConfigError) as caught:
        read(written(GOOD.replace("env:CONTOSO_SECRET", reference))).client("contoso").tenants[0].opened()
    assert said in str(caught.value) and "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("env:CONTOSO_SECRET", "hush"),
        GOOD.replace('"secret"\nsecret', '"token"\ntoken').replace("env:CONTOSO_SECRET", "hush"),
        GOOD.replace("[provider]\n", '[provider]\nheartbeat = "http://hush.example"\n'),
        GOOD.replace("[provider]\n", '[provider]\ntell = { channels = "hush" }\n'),
        GOOD.replace("[provider]\n", '[provider]\nmail = { server = "s", from = "f@s.example", password = "hush" }\n'),
        GOOD.replace('every          = "week"', 'tell = { attach = true, password = "hush" }'),
    ],
)
def test_a_secret_that_stands_in_the_file_is_refused_and_not_said_again(written, text):
    assert "hush" in text
    found = str(mistake(written(text)))
    assert "keyround.toml, line" in found and "env:NAME" in found and "hush" not in found


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


ARRANGED = """
timezone = "Europe/Berlin"
[provider.mail]
server = "smtp.nordlicht.example"
from   = "reports@nordlicht.example"
[provider.portfolio]
every = "week"
on    = "monday"
[client.contoso]
every = "2 weeks"
on    = "Tuesday"
at    = "6:30"
limit = "90m"
order = { authorised_by = "M. Jensen", role = "Managing director", on = 2026-01-02, until = 2026-12-31 }
tell  = { mail = ["chef@contoso.example"], channels = "env:TEAMS", send = "review" }
keep  = { sign_ins = 30 }
[[client.contoso.tenant]]
connector = "m365"
"""


def test_what_a_provider_arranges(written):
    config = read(written(ARRANGED))
    arranged = config.client("contoso").arranged
    assert arranged.schedule == Schedule("week", 2, 1, time(6, 30), "Europe/Berlin")
    assert arranged.order == Order("M. Jensen", "Managing director", date(2026, 1, 2), date(2026, 12, 31))
    assert arranged.tell == Tell(("chef@contoso.example",), ("env:TEAMS",), "change", "review")
    assert (arranged.keeping, arranged.limit) == (Keeping(sign_ins=30), timedelta(minutes=90))
    assert config.mail == Mail("smtp.nordlicht.example", "reports@nordlicht.example")
    assert config.portfolio == Schedule("week", 1, 0, time(2), "Europe/Berlin")
    assert config.reports_of(config.client("contoso")) == config.store / "contoso" / "reports"


ARRANGED_MISTAKES = [
    ('"2 weeks"', '"fortnight"', "is no interval"),
    ('every = "2 weeks"', "", "stands without every"),
    ('"Tuesday"', '"Tusday"', "Did you mean 'tuesday'?"),
    ('"6:30"', '"25:00"', "is no time of day"),
    ('"90m"', '"long"', "is no length of time"),
    ("Europe/Berlin", "Europe/Berln", "timezone"),
    ('authorised_by = "M. Jensen", ', "", "authorised_by is missing"),
    ("2026-12-31", '"2026-12-31"', "without quotes"),
    ('"env:TEAMS"', '"msteams://a/b/c"', "holds secrets"),
    ('"review"', '"later"', "is none of now, review"),
    ("chef@", "chef ", "is no address"),
    ('send = "review"', "attach = true", "only attached encrypted"),
    ("sign_ins = 30", "sign_ins = 400", "needs a written reason"),
    ('from   = "reports@nordlicht.example"', "", "from is missing"),
]


@pytest.mark.parametrize("wrong, right, said", ARRANGED_MISTAKES)
def test_mistakes_in_what_is_arranged_are_named(written, wrong, right, said):
    assert wrong in ARRANGED
    assert_said(written(ARRANGED.replace(wrong, right, 1)), said)


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


ACCEPTED_MISTAKES = [
    ('owner   = "M. Jensen"', "", "number 1: owner is missing"),
    ('"M. Jensen"', '"  "', "owner is missing"),
    ("reason ", "reasons", "Did you mean 'reason'?"),
    ("2027-06-30", '"next year"', "for example until = 2027-06-30"),
    ("2027-06-30", "7", "is no day"),
    ("until   = 2027-06-30", "", "until is missing"),
    ("until   = 2027-06-30", 'until = 2027-06-30\nseverity = "hihg"', "Did you mean 'high'?"),
    ("[[client.contoso.accept]]", "[client.contoso.accept]", "Write [[client.contoso.accept]]"),
    ("[[client.contoso.accept]]", "[client.contoso.thresholds]", "thresholds.rule is not a table"),
]


@pytest.mark.parametrize("wrong, right, said", ACCEPTED_MISTAKES)
def test_mistakes_in_an_accepted_risk_are_named(written, wrong, right, said):
    assert wrong in ACCEPTED
    assert_said(written(GOOD + ACCEPTED.replace(wrong, right)), said)


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


PLACES = """
networks = ["203.0.113.0/24", "2001:DB8::/32", "as64500", "198.51.100.7"]

[[client.contoso.home]]
countries = ["pt"]
people    = ["Ada@contoso.example"]

[[client.contoso.home]]
countries = ["NO"]
group     = "Sales"

[[client.contoso.travel]]
people    = ["bo@contoso.example"]
countries = ["US"]
from      = 2027-05-04
until     = 2027-05-15
reason    = "Trade fair"

[[client.contoso.network]]
name      = "VPN"
addresses = ["192.0.2.0/25"]
asns      = [64501, "AS64502"]
"""
PLACED = GOOD.replace('every          = "week"\n', PLACES.partition("[[")[0]) + "[[" + PLACES.partition("[[")[2]


def test_homes_trips_and_networks(written):
    terms = read(written(PLACED)).client("contoso").terms
    assert terms.homes == (Home(("PT",), ("ada@contoso.example",)), Home(("NO",), group="Sales"))
    fair = Trip(date(2027, 5, 4), date(2027, 5, 15), ("US",), ("bo@contoso.example",), "Trade fair")
    assert terms.trips == (fair,)
    assert terms.networks == (
        Network("203.0.113.0/24", ("203.0.113.0/24",)), Network("2001:DB8::/32", ("2001:db8::/32",)),
        Network("AS64500", asns=(64500,)), Network("198.51.100.7", ("198.51.100.7/32",)),
        Network("VPN", ("192.0.2.0/25",), (64501, 64502)),
    )  # fmt: skip
    assert from_json(json.loads(json.dumps(terms.as_json()))) == terms  # as a snapshot keeps it


PLACED_MISTAKES = [
    ('["pt"]', '["UK"]', ("[[client.contoso.home]] number 1", "Write 'GB'")),
    ('["pt"]', '["Portugal"]', ("countries:", "Write 'PT'")),
    ('["pt"]', "[]", ("number 1", "countries is missing")),
    ('["Ada@contoso.example"]', "[]", ("does not say whose home", 'group = "Sales"')),
    ('["Ada@contoso.example"]', '["Ada"]', ("is a list of user names",)),
    ('group     = "Sales"', 'group = "Sales"\npeople = ["a@contoso.example"]', ("number 2", "people and a group")),
    ('group     = "Sales"', 'gruop = "Sales"', ("Did you mean 'group'?",)),
    ("[[client.contoso.home]]\ncountries = [\"NO\"]", "[[client.contoso.homes]]", ("Did you mean 'home'?",)),
    ("until     = 2027-05-15", "until = 2027-05-03", ("until (2027-05-03) is before from", "Exchange")),
    ("until     = 2027-05-15", "until = 2028-05-15", ("longer than a year", "home section")),
    ("until     = 2027-05-15", 'until = "2027-05-15"', ("without quotes",)),
    ("until     = 2027-05-15", "until = 2027-05-15T10:00:00", ("is no day",)),
    ("until     = 2027-05-15", "", ("until is missing",)),
    ('people    = ["bo@contoso.example"]', "people = []", ("people is empty", "leave people out")),
    ('people    = ["bo@contoso.example"]\ncountries = ["US"]\n', "", ("would explain every sign-in",)),
    ('"203.0.113.0/24"', '"203.0.113.7/24"', ('Write "203.0.113.0/24" for the whole range, or "203.0.113.7"',)),
    ('"203.0.113.0/24"', '"203.0.113.0/33"', ("is no range of addresses",)),
    ('"203.0.113.0/24"', '"0.0.0.0/0"', ("wider than any one network",)),
    ('"203.0.113.0/24"', '"::/0"', ("wider than any one network",)),
    ('"203.0.113.0/24"', '"::ffff:203.0.113.0/120"', ('Write "203.0.113.0/24"',)),
    ('"as64500"', '"AS0"', ("'AS0' is no AS number",)),
    ('"as64500"', "64500", ("networks is a list",)),
    ("64501", "0", ("[[client.contoso.network]] number 1: asns: 0 is no AS number",)),
    ("64501", "4294967295", ("is no AS number",)),
    ("64501", "true", ("is no AS number",)),
    ('name      = "VPN"', "", ("name is missing",)),
    ('addresses = ["192.0.2.0/25"]\nasns      = [64501, "AS64502"]', "", ("neither addresses nor asns",)),
]  # fmt: skip


@pytest.mark.parametrize("wrong, right, said", PLACED_MISTAKES)
def test_mistakes_about_places_are_named(written, wrong, right, said):
    assert wrong in PLACED
    assert_said(written(PLACED.replace(wrong, right)), *said)


def test_the_examples_of_a_new_file_are_right_once_the_marks_are_gone(written):
    lines = [line.removeprefix("# ") for line in EXAMPLES.format(key="contoso").splitlines()[1:]]
    terms = read(written(GOOD + "\n".join(line for line in lines if line != "#"))).client("contoso").terms
    assert (len(terms.homes), len(terms.trips), len(terms.networks)) == (1, 1, 1)
