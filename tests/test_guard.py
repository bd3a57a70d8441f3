"""One firm's data never comes into another's folder, whatever is mixed up in the configuration."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keyround.belonging import Named, check
from keyround.cli import main
from keyround.config import Client, read
from keyround.connector import Incomplete
from keyround.errors import ConfigError, NotGranted
from keyround.scan import scan
from keyround.store import ClientStore
from keyround_fixtures import Cloud
from keyround_fixtures.customers import customer
from keyround_fixtures.provider import furnish, section

from .napping import Nap
from .sealing import seal
from .traces import said, sealed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRMS = {"ahorn01": "m365", "birke02": "m365", "erle03": "google", "weide04": "google"}
GRANTED = {"m365": {"Organization.Read.All", "User.Read.All", "Directory.Read.All"},
           "google": {f"https://www.googleapis.com/auth/admin.directory.{what}.readonly"
                      for what in ("user", "customer", "rolemanagement")}}  # fmt: skip
"""Enough to open a tenant and to name its people, and quickly read."""


class Desk:
    """A provider with four customers, whose configuration a test spoils."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.folder, self.cloud, self.store = folder, cloud, folder / "store"
        self.file = folder / "keyround.toml"

    def typed(self, client: str) -> int:
        """The command's exit status."""
        return main(["scan", client, "--config", str(self.file), "--at", "2026-11-21T12:00:00Z",
                     "--output", str(self.folder / "out" / client)])  # fmt: skip

    def seal(self, client: str, day: int, *firms: str) -> None:
        """A scan of these firms' tenants as the client's."""
        tenants = [self.cloud.tenant(firm) for firm in firms]
        known = [(tenant.id, tenant.provider, tenant.key) for tenant in tenants]
        seal(ClientStore(self.store, client), datetime(2026, 11, day, 12), *known)

    def scan(self, client: str) -> int:
        """A whole scan, without a rule, since what is found does not matter here; gives how many there are now."""
        chosen, store = read(self.file).client(client), ClientStore(self.store, client)
        scan(chosen, store, (), datetime(2026, 11, 21, 12), 30, Nap().clock, lambda *_: None)
        return len(store.stamps())

    def section(self, firm: str, client: str = "", way: str = "") -> str:
        way = way or {"m365": "secret", "google": "service_account"}[FIRMS[firm]]
        return section(self.folder, self.cloud, self.cloud.tenant(firm), way, client)[0]

    def write(self, **clients: str) -> None:
        """keyround.toml with these clients, each with the sections given."""
        parts = [f'[client.{key.replace("_", "-")}]\nname = "{key}"\n{text}' for key, text in clients.items()]
        self.file.write_text('store = "store"\n' + "\n".join(parts), "utf-8")

    def crossed(self, client: str, allowed: str) -> list[str]:
        """The other firms of which anything stands in the client's folders."""
        text = said(self.store / client) + said(self.folder / "out" / client)
        for tenant in self.cloud.tenants:
            text = text.replace(tenant.account, "")  # the name of the account that asked, and nothing that it was told
        tenants = [tenant for tenant in self.cloud.tenants if tenant.key != allowed]
        return [tenant.key for tenant in tenants if tenant.key in text or tenant.id.lower() in text]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Each of the four with one scan, as it should be."""
    folder = tmp_path_factory.mktemp("provider")
    with Cloud(*(customer(by, firm, people=5, now=NOW) for firm, by in FIRMS.items())) as cloud:
        for tenant in cloud.tenants:
            tenant.grants = {grant for grant in tenant.grants if grant in GRANTED[tenant.provider]}
        environment = furnish(folder, cloud)
        for tenant in cloud.tenants[:2]:  # either way to sign in, for both
            for way in ("certificate", "secret", "token"):
                environment |= section(folder, cloud, tenant, way)[1]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            desk = Desk(folder, cloud)
            for firm in FIRMS:
                desk.seal(firm, 20, firm)
                assert firm in said(desk.store / firm) and not desk.crossed(firm, firm)
            yield desk


@pytest.fixture
def desk(scanned, tmp_path, monkeypatch):
    """The same again for each test, in a folder of its own."""
    shutil.copytree(scanned.folder, tmp_path, dirs_exist_ok=True)
    return Desk(tmp_path, scanned.cloud)


def refused(desk: Desk, capsys, client: str, status: int, *words: str, allowed: str = "") -> str:
    """The next scan of this client stores nothing, says why, and what to do."""
    before = sealed(desk.store)
    capsys.readouterr()
    got, told = desk.typed(client), capsys.readouterr()
    assert got == status, told
    assert all(word in told.err for word in words), told.err
    assert "Traceback" not in told.err and not told.out
    assert sealed(desk.store) == before
    assert not desk.crossed(client, allowed or client)
    return told.err


@pytest.mark.parametrize("way", ["certificate", "secret"])
def test_a_credential_of_another_firm_opens_nothing(way, desk, capsys):
    desk.write(ahorn01=desk.section("ahorn01", way=way))
    if way == "certificate":
        shutil.copy(desk.folder / "birke02.pem", desk.folder / "ahorn01.pem")
    else:
        desk.file.write_text(desk.file.read_text("utf-8").replace("AHORN01_SECRET", "BIRKE02_SECRET"), "utf-8")
    refused(
        desk,
        capsys,
        "ahorn01",
        3,
        f"Microsoft refused the client {way}" if way == "secret" else "certificate",
        "Nothing could be read",
    )


def test_the_tenant_of_one_firm_with_the_whole_credential_of_another(desk, capsys):
    swapped = desk.section("birke02", "ahorn01").replace(
        desk.cloud.tenant("birke02").id, desk.cloud.tenant("ahorn01").id
    )
    desk.write(ahorn01=swapped)
    refused(desk, capsys, "ahorn01", 3, "The application is not known in this tenant.")
    # An application that opens both, or a token, is refused by nobody but us.
    desk.write(
        ahorn01=swapped.replace("BIRKE02_SECRET", "BIRKE02_TOKEN")
        .replace('"secret"', '"token"')
        .replace("secret =", "token =")
    )
    refused(desk, capsys, "ahorn01", 2, "the credential opens", desk.cloud.tenant("birke02").id, "nothing was stored")


def test_the_key_of_another_google_customer(desk, capsys):
    desk.write(
        erle03=desk.section("weide04", "erle03").replace(
            desk.cloud.tenant("weide04").id, desk.cloud.tenant("erle03").id
        )
    )
    refused(desk, capsys, "erle03", 2, desk.cloud.tenant("weide04").id, "nothing was stored")
    desk.write(erle03=desk.section("erle03").replace("erle03.json", "weide04.json"))
    refused(desk, capsys, "erle03", 3, "delegat")


def test_a_token_of_one_tenant_that_is_answered_by_another(desk, capsys):
    ahorn, birke = desk.cloud.tenant("ahorn01"), desk.cloud.tenant("birke02")
    ahorn.singles["organization"], own = birke.singles["organization"], ahorn.singles["organization"]
    try:
        refused(desk, capsys, "ahorn01", 2, "the credential opens", ahorn.id, birke.id)
    finally:
        ahorn.singles["organization"] = own


@pytest.mark.parametrize("ours, theirs", [("ahorn01", "birke02"), ("erle03", "weide04")])
def test_a_section_copied_over_another_does_not_continue_its_history(ours, theirs, desk, capsys):
    desk.write(**{ours: desk.section(theirs, ours)})
    told = refused(
        desk, capsys, ours, 2, desk.cloud.tenant(theirs).id, desk.cloud.tenant(ours).id, "Nothing was scanned"
    )
    assert f"[client.{ours}-2]" in told and "keyround.toml, line 4: [[client" in told
    # A Google section may leave the customer's id open: then the wrong one is read, and refused all the same.
    if ours == "erle03":
        text = desk.section(theirs, ours).replace(f'customer_id = "{desk.cloud.tenant(theirs).id}"\n', "")
        desk.write(**{ours: text})
        before = sealed(desk.store)
        assert desk.typed(ours) == 2 and sealed(desk.store) == before and not desk.crossed(ours, ours)


def test_a_section_copied_into_a_new_client_is_refused_and_the_owner_goes_on(desk, capsys):
    desk.write(ahorn01=desk.section("ahorn01"), neu=desk.section("ahorn01", "neu"))
    refused(desk, capsys, "neu", 2, "are stored for the client 'ahorn01'", allowed="none of them")
    assert not said(desk.store / "neu").count("ahorn")
    assert desk.scan("ahorn01") == 2
    # With nobody's scans to tell whose it is, neither is scanned.
    shutil.rmtree(desk.store)
    for client, other in (("ahorn01", "neu"), ("neu", "ahorn01")):
        refused(desk, capsys, client, 2, f"[[client.{other}.tenant]] number 1", "another client's too")


def test_a_renamed_client_is_told_where_its_history_is(desk, capsys):
    desk.write(ahorn_neu=desk.section("ahorn01", "ahorn-neu"))
    refused(desk, capsys, "ahorn-neu", 2, "is now called 'ahorn-neu'", str(desk.store / "ahorn01"), allowed="ahorn01")
    (desk.store / "ahorn01").rename(desk.store / "ahorn-neu")
    assert desk.scan("ahorn-neu") == 2


def test_tenants_that_come_and_go_are_no_mistake(tmp_path):
    """A second suite, the end of the first, an id that was mistyped and never answered: nobody is kept by them."""
    store, client = ClientStore(tmp_path, "ahorn"), Client("ahorn", "Ahorn", ())
    day = iter(datetime(2026, 11, number) for number in range(1, 30))

    def scanned(*named: tuple[str, str], answered: bool = True) -> None:
        check(client, store, [Named(*one, "here") for one in named])
        outcome = None if answered else Incomplete(0, NotGranted("The application is not known in this tenant."))
        seal(store, next(day), *((*one, "ahorn") for one in named), outcome=outcome)

    scanned(("T-1", "m365"), answered=False)
    scanned(("t-2", "m365"))  # the first was mistyped
    scanned(("T-2", "m365"), ("C1", "google"))
    scanned(("C1", "google"), ("t-2", "m365"), answered=False)
    with pytest.raises(ConfigError, match="T-3, but what is stored of the client 'ahorn' is of t-2"):
        scanned(("C1", "google"), ("T-3", "m365"))
    scanned(("C1", "google"))  # once without it, it is no longer in the place of another
    scanned(("C1", "google"), ("T-3", "m365"))
    (tmp_path / "ahorn/scans/20261105T000000Z").chmod(0o700)
    (tmp_path / "ahorn/scans/20261105T000000Z/manifest.json").unlink()
    scanned(("T-3", "m365"), ("C1", "google"))
