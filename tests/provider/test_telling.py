"""Who is told what, once: real mail and web servers on loopback, real processes killed, and no name in any message."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl import Workbook

from keyround.cli import main
from keyround.config import Client, Config, TenantConfig, read
from keyround.engine.results import Finding, Result, Scan
from keyround.engine.rule import load
from keyround.errors import ConfigError
from keyround.export.body import body
from keyround.export.standing import takeover
from keyround.handover import Handed, hand_over
from keyround.judging import reported
from keyround.model import Account
from keyround.presentation import Presentation, Provider
from keyround.provider import telling
from keyround.provider.telling import Message, smtp, told
from keyround.store import ClientStore
from keyround.store.runs import Failure

from .mailbox import deaf, mailbox

FROZEN = Path(__file__).parents[2] / "fixtures" / "stores" / "0.1.0" / "acme"
NOW = datetime(2026, 11, 24, 6)
BY = Provider("Nordlicht IT", "A. Petersen", "+49 40 123456")
RULES = ("takeover-sequence", "admin-no-second-factor", "account-no-second-factor", "account-at-risk",
         "foreign-sign-in", "blocked-from-abroad")  # fmt: skip
PASSWORD = "vier Worte sind lang"


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scan, Handed]]:
    """One German scan with signs of a takeover, and a workbook."""
    folder = tmp_path_factory.mktemp("judged")
    shutil.copytree(FROZEN, folder / "acme")
    store = ClientStore(folder, "acme")
    snapshot = store.snapshot(store.stamps()[-1])
    rules = [rule for rule in load(()) if rule.id in RULES]
    with reported(snapshot, store, rules, presentation=Presentation("de", BY)) as scan:
        Workbook().save(folder / "acme-2026-11-20.xlsx")  # whatever it is, it goes along
        yield scan, replace(hand_over(scan, folder, store, "high", ()), paths={"xlsx": folder / "acme-2026-11-20.xlsx"})


def configured(folder: Path, tell: str = "", provider: str = 'mail = ["technik@nordlicht.example"]', *, port: int = 9,
               client: str = "", mail: str = 'security = "none"') -> Config:  # fmt: skip
    (folder / "keyround.toml").write_text(
        f"""store = "store"
[provider]
name = "Nordlicht IT"
[provider.mail]
server = "127.0.0.1"
port = {port}
from = "Nordlicht IT <bericht@nordlicht.example>"
{mail}
[provider.tell]
{provider}
[client.acme]
name = "Acme & Söhne"
{client}
[client.acme.tell]
{tell or 'mail = ["chefin@acme.example", "vize@acme.example"]'}
[[client.acme.tenant]]
connector = "google"
customer_id = "C0x"
credential = "token"
token = "env:T"
""",
        encoding="utf-8",
    )
    return read(folder / "keyround.toml")


def messages(config: Config, client: str | None = "acme") -> list[Message]:
    return telling.Outbox(telling.folder_of(config.store, client)).messages()


def kinds(config: Config, client: str | None = "acme") -> list[tuple[str, str, str]]:
    return sorted((one.kind, one.to.partition("@")[0], one.state) for one in messages(config, client))


def one_mail(config: Config, to: str = "chefin@acme.example", about: str = "x") -> None:
    assert telling.mail(config, config.client("acme"), to, "Grüße", "Guten Tag.\n.\nEnde\n", about, NOW) == 1


def delivered(config: Config, client: str | None = "acme", at: datetime = NOW) -> list[Message]:
    sent = telling.deliver(config, config.client(client) if client else None, lambda: at)
    return [one.message for one in sent]


# -- what is said, and to whom ---------------------------------------------------------


def test_everybody_is_told_in_their_language_and_nobody_is_named(judged, tmp_path):
    scan, handed = judged
    config = configured(tmp_path, 'mail = ["chefin@acme.example"]\nsend = "review"\nwhere = "Teams, Kanal Sicherheit"')
    client = config.client("acme")
    assert telling.queue(config, client, scan, handed, NOW) == 4
    assert kinds(config) == [("report", "chefin", "held"), ("takeover", "chefin", "held")]
    assert kinds(config, None) == [("review", "technik", "queued"), ("takeover", "technik", "queued")]
    said = {one.kind: one for one in messages(config)}
    report, takeover = said["report"], said["takeover"]
    assert report.subject == "IT-Sicherheitscheck Acme & Söhne, 20.11.2026: ROT. Diese Woche handeln."
    assert "ROT. Diese Woche handeln." in report.text and "Geschützte Personen: 28 von 91" in report.text
    assert "\nIHRE ENTSCHEIDUNGEN\n" in report.text and "☐" not in report.text and "Verlauf" not in report.text
    assert "    Teams, Kanal Sicherheit\n" in report.text and str(tmp_path) not in report.text
    assert "rufen Sie" in takeover.text and "2 Konten" in takeover.text and "keine E-Mails" in takeover.text
    told = {one.kind: one for one in messages(config, None)}
    assert "keyround send acme" in told["takeover"].text and "telephone" in told["takeover"].text
    everything = [one.subject + "\n" + one.text for one in (*said.values(), *told.values())]
    lines = [line for text in everything for line in text.splitlines()[1:]]
    assert not [line for line in lines if len(line) > 72 and not line.endswith(".xlsx")]  # a path is not broken
    people = [row for tenant in scan.tenants for row in scan.rows(Account, tenant.id)]
    assert len(people) > 90
    spoken = " ".join(" ".join(everything).casefold().replace("bericht@nordlicht.example", "").split())
    for one in people:
        for name in (one.username, one.display_name, (one.username or "").partition("@")[0]):
            assert len(name or "") < 4 or not re.search(rf"(?<![\w-]){re.escape(name.casefold())}(?![\w-])", spoken), (
                name
            )


def test_a_line_that_names_somebody_is_not_told(judged):
    scan, _ = judged
    line = 'The check "Accounts that Microsoft or Google calls at risk" could not be made'
    assert line in " ".join(body(scan, (), frozenset()).split())
    without = " ".join(body(scan, (), frozenset({"calls at risk"})).split())
    assert line not in without and "GREEN" not in without and "RED" in without


def test_whom_an_intruder_would_read_is_not_written_to(judged, tmp_path):
    scan, handed = judged
    taken = next(one for one in scan.findings if one.counts and takeover(one))
    person = next(row for row in scan.rows(Account, taken.tenant) if row.account_id == taken.judged.subject)
    config = configured(tmp_path, f'mail = ["{person.username.upper()}", "vize@acme.example"]')
    telling.queue(config, config.client("acme"), scan, handed, NOW)
    assert {one.to for one in messages(config)} == {"vize@acme.example"}
    (urgent,) = messages(config, None)
    assert "One recipient of the client's mails is among these accounts" in " ".join(urgent.text.split())
    assert person.username.casefold() not in urgent.text.casefold()
    alone = configured(tmp_path, f'mail = ["{person.username}"]', provider="")
    shutil.rmtree(config.store / "acme")
    telling.queue(alone, alone.client("acme"), scan, handed, NOW)
    assert [(one.kind, one.state) for one in messages(alone)] == [("takeover", "held")]  # said by `status`


def test_only_a_change_is_told_again(judged, tmp_path):
    scan, handed = judged
    config = configured(tmp_path, 'mail = ["chefin@acme.example"]', provider="")
    client, day = config.client("acme"), timedelta(days=1)
    telling.queue(config, client, scan, handed, NOW)
    (config.store / "acme" / "told.json").unlink()  # as if the computer had failed just before it was written
    assert telling.queue(config, client, scan, handed, NOW) == 0 and len(messages(config)) == 2

    def later(days: int, *findings: Any, config: Config = config) -> int:
        then = replace(scan, taken_at=scan.taken_at + days * day, findings=findings)
        return telling.queue(config, config.client("acme"), then, handed, NOW)

    every = scan.findings
    assert later(1, *every) == 1  # nothing is new, but nobody has read the one before
    reports = [one for one in messages(config) if one.kind == "report"]
    assert [one.state for one in reports] == ["dropped", "queued"] or [one.state for one in reports][::-1]
    telling.Outbox(config.store / "acme").become(next(one for one in reports if one.waits), "sent", NOW)
    assert later(2, *every) == 0
    always = configured(tmp_path, 'mail = ["chefin@acme.example"]\nwhen = "always"', provider="")
    assert later(4, *every, config=always) == 1
    told.keep(config.store / "acme", told.Told("20990101T000000Z"))  # by a clock that was wrong
    assert later(5, *every) > 0


def test_what_is_a_change(judged):
    """Not that nobody looked, or looked for something else; not what is over by itself, or answered for."""
    scan, _ = judged
    every, stands = scan.findings, told.now(scan, "1", "bad", None)

    def news(findings: Sequence[Finding], results: Sequence[Result] = scan.results, light: str = "bad") -> bool:
        then = replace(scan, findings=tuple(findings), results=tuple(results))
        return told.changed(stands, told.now(then, "2", light, stands), then)

    state = next(one for one in every if one.rule.nature == "state" and one.counts and one.severity == "medium")
    event = next(one for one in every if one.rule.nature == "event" and one.counts and one.severity == "low")
    others, place = [one for one in every if one is not state], (state.tenant, state.rule.id)
    assert not news(every) and news(every, light="warn") and told.changed(None, stands, scan)
    assert news(others) and not news([one for one in every if one is not event])
    assert not news([*others, replace(state, state="not_rechecked")])
    assert not news([*others, replace(state, state="accepted")])
    rest = [one for one in every if (one.tenant, one.rule.id) != place]
    assert not news(rest, [one for one in scan.results if (one.tenant, one.rule.id) != place]) and news(rest)
    another = replace(state, judged=replace(state.judged, aspect="another"), state="new")
    assert news([*every, another]) and not news([*every, replace(another, state="newly_checked")])
    grave = replace(another.judged, severity="critical")
    assert news([*every, replace(another, state="newly_checked", judged=grave)])


def test_what_waits_is_shown_and_sent_by_a_person_only(judged, tmp_path, monkeypatch, capsys):
    config = configured(tmp_path, 'mail = ["chefin@acme.example"]\nsend = "review"')
    telling.queue(config, config.client("acme"), *judged, NOW)
    monkeypatch.chdir(tmp_path)
    with mailbox() as box:
        configured(tmp_path, 'mail = ["chefin@acme.example"]\nsend = "review"', port=box.port)
        assert main(["send", "--queued", "--dry-run"]) == 0 and "To:      technik@nordlicht" in capsys.readouterr().out
        assert main(["send", "acme", "--dry-run"]) == 0 and not box.got
        shown = capsys.readouterr().out
        assert "To:      chefin@acme.example" in shown and f"Through: 127.0.0.1:{box.port}" in shown
        assert main(["send", "--queued"]) == 0
        assert set(box.to()) == {"technik@nordlicht.example"}  # never what waits for a release
        before = messages(config)
        takeover = next(one.id for one in before if one.kind == "takeover")
        assert main(["send", "--drop", takeover]) == 0 and main(["send", "acme"]) == 0
        assert box.to().count("chefin@acme.example") == 1 and main(["send", "acme"]) == 0
        assert box.to().count("chefin@acme.example") == 1
        assert not telling.Outbox(config.store / "acme").decide(before[0], "queued", NOW)  # of somebody who was slower
        assert main(["send", "--again", takeover]) == 2 and main(["send", "--again", "nix"]) == 2
        capsys.readouterr()
        assert main(["send", "--list"]) == 0 and "chefin@acme.example: sent" in capsys.readouterr().out
        assert main(["send", "acme", "--test"]) == 0 and box.got[-1][1]["Subject"] == "Keyround: a test"


def test_failures_and_what_ends_is_told_once(tmp_path):
    config = configured(tmp_path, client='[client.acme.order]\nauthorised_by = "K."\nuntil = 2026-12-24')
    client = config.client("acme")
    expired = Failure(NOW, "Expired", "The credential has expired.", "Nothing was read.", "Renew it.")

    def fail(kind: str, slot: int, hours: int) -> int:
        return telling.failed(config, client, replace(expired, kind=kind), datetime(2026, 11, slot),
                              NOW + timedelta(hours=hours))  # fmt: skip

    assert telling.recovered(config, client, NOW) == 0
    assert [fail("Expired", 23, 0), fail("Expired", 23, 1), fail("Crashed", 23, 2), fail("Expired", 24, 3)] == [
        1,
        0,
        1,
        1,
    ]
    assert [telling.recovered(config, client, NOW), telling.recovered(config, client, NOW)] == [1, 0]
    with mailbox() as box:  # several at once are one mail
        mailing = configured(tmp_path, port=box.port)
        assert [one.state for one in delivered(mailing, None, NOW)] == ["sent", "sent"]
    assert [mail["Subject"] for _, mail in box.got] == ["Scans failed: 3", "Acme & Söhne: the scans work again"]
    assert box.got[0][1].get_content().count("The credential has expired.") == 3
    assert telling.unclear(telling.folder_of(config.store, None)) == []
    folder = telling.Outbox(telling.folder_of(config.store, None)).folder
    left = folder / "20261101T060000Z-acme.xlsx"  # by a process that was killed before its message was laid down
    left.write_bytes(b"x")
    os.utime(left, (NOW.timestamp(), NOW.timestamp()))
    assert delivered(config, None, NOW + timedelta(days=91)) == messages(config, None) == []  # all long forgotten
    assert not left.exists()
    text = box.got[0][1].get_content().replace("\r\n", "\n")
    assert (
        "The credential has expired." in text and "What to do: Renew it." in text and "24 Nov 2026, 06:00 UTC" in text
    )
    soon = (
        "The certificate ends in {} days, on 30 Nov 2026. {}`keyround cert new` makes the next one; both work at once."
    )
    told = []
    for day in range(31):
        left = 30 - day
        notice = soon.format(left, "Replace it now. " if left < 14 else "")
        told.append(telling.expiring(config, client, [notice], datetime(2026, 11, 24) + timedelta(days=day)))
    assert [30 - day for day, n in enumerate(told) if n] == [30, 13, 7, 1] and told[0] == 2  # the order and the notice
    weekly = configured(tmp_path, provider='mail = ["t@n.example"]\n[provider.portfolio]\nevery = "week"')
    hours = (0, 1, 7 * 24)  # written again after a crash, it is told once
    assert [telling.portfolio(weekly, (), tmp_path, NOW + timedelta(hours=hour)) for hour in hours] == [1, 0, 1]

    tenants = (TenantConfig("m365", {"certificate": "file:our.pem"}, tmp_path),)  # one application opens both
    both = {key: Client(key, f"{key} GmbH", tenants) for key in ("alpha", "beta")}
    shared = replace(config, clients=both)
    assert [telling.expiring(shared, one, [soon.format(29, "")], NOW) for one in both.values()] == [1, 0]
    (last,) = [one for one in messages(config, None) if "alpha" in one.subject]
    assert "beta GmbH" in last.text


# -- sending at most once ---------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_mail_travels_encrypted_after_a_login_to_each_reader_alone(judged, tmp_path, monkeypatch, authority):
    scan, handed = judged
    monkeypatch.setenv("SMTP_PASSWORD", "richtig")
    with mailbox(authority, "richtig") as box:
        config = configured(
            tmp_path, 'mail = ["chefin@acme.example", "vize@bücher.example"]\nattach = true\npassword = "env:BOOK"',
            port=box.port, mail='user = "bericht"\npassword = "env:SMTP_PASSWORD"',
        )  # fmt: skip
        monkeypatch.setenv("BOOK", "elfZeichen1")
        with pytest.raises(ConfigError, match="shorter than 12"):
            telling.queue(config, config.client("acme"), scan, handed, NOW)
        assert {one.kind for one in messages(config)} == {"takeover"}  # this does not wait for it
        monkeypatch.setenv("BOOK", PASSWORD)
        assert telling.queue(config, config.client("acme"), scan, handed, NOW) == 2
        assert PASSWORD.encode() not in b"".join(one.read_bytes() for one in tmp_path.rglob("*") if one.is_file())
        monkeypatch.setenv("SMTP_PASSWORD", "falsch")
        assert {one.state for one in delivered(config)} == {"queued"} and not box.got
        monkeypatch.setenv("SMTP_PASSWORD", "richtig")
        monkeypatch.delenv("SSL_CERT_FILE")
        assert all("no certificate" in one.reason for one in delivered(config, at=NOW + timedelta(minutes=6)))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert delivered(config, at=NOW + timedelta(minutes=7)) == []  # not before it may be tried again
        assert {one.state for one in delivered(config, at=NOW + timedelta(hours=1))} == {"sent"}
    assert sorted(box.to()) == ["chefin@acme.example"] * 2 + ["vize@xn--bcher-kva.example"] * 2
    assert all(mail["To"] == to for (to,), mail in box.got)
    mail = next(mail for _, mail in box.got if mail.get_content_type() == "multipart/mixed")
    assert (
        mail["Auto-Submitted"] == "auto-generated" and "ROT" in mail["Subject"] and mail["From"].addresses[0].username
    )
    assert "Ihre" not in mail["Subject"] and "angehängt und verschlüsselt" in mail.get_body().get_content()
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "acme-2026-11-20.xlsx"
    assert attached.get_content().startswith(bytes.fromhex("d0cf11e0a1b11ae1"))  # what Excel's encryption is laid in
    assert opened(attached.get_content(), PASSWORD) == handed.paths["xlsx"].read_bytes()
    assert not list((config.store / "acme" / "outbox").glob("*.xlsx"))  # gone with the last message that it went with


def opened(content: bytes, password: str) -> bytes:
    file, out = OOXMLFile(io.BytesIO(content)), io.BytesIO()
    file.load_key(password=password, verify_password=True)
    file.decrypt(out, verify_integrity=True)
    return out.getvalue()


def test_killed_while_it_leaves_it_is_never_sent_again_by_itself(tmp_path, capsys):
    with deaf() as box:
        config = configured(tmp_path, port=box.port)
        one_mail(config)
        process = subprocess.Popen([sys.executable, "-m", "keyround", "send", "--queued", "--config",
                                    str(config.path)], stdout=subprocess.DEVNULL, env={**os.environ})  # fmt: skip
        assert box.arrived.wait(30)
        root = telling.folder_of(config.store, "acme")
        assert [one.state for one in messages(config)] == ["sending"] and delivered(
            config
        ) == []  # another one is at it
        process.kill()
        process.wait()
    with mailbox() as next_one:
        config = configured(tmp_path, port=next_one.port)
        assert telling.pending(root, NOW) and [one.state for one in delivered(config)] == ["unknown"]
        assert (
            not telling.pending(root, NOW) and delivered(config, at=NOW + timedelta(days=9)) == [] and not next_one.got
        )
        path = ["--config", str(config.path)]
        assert main(["send", "--list", *path]) == 3 and "UNKNOWN whether it arrived" in capsys.readouterr().out
        assert main(["status", "--line", *path]) == 1 and "perhaps lost: acme" in capsys.readouterr().out
        assert main(["status", *path]) == 3
        assert "acme: whether 1 message arrived is not known. See keyround send acme" in capsys.readouterr().out
        (message,) = messages(config)
        assert main(["send", "--again", message.id, *path]) == 0
        assert next_one.to() == ["chefin@acme.example"] and next_one.got[0][1]["Message-ID"].startswith(
            f"<{message.id}@"
        )
        assert next_one.got[0][1].get_content().splitlines() == ["Guten Tag.", ".", "Ende"]
        assert telling.mail(config, config.client("acme"), message.to, "Grüße", "Noch einmal", "x", NOW) == 0


def test_what_was_refused_is_tried_again_and_what_was_not_answered_for_is_not(tmp_path):
    with mailbox() as box:
        config = configured(tmp_path, port=box.port)
        one_mail(config)
        box.answers = ["451 later", "451 later"]
        (first,) = delivered(config)
        assert first.due(NOW - timedelta(days=30))  # the clock was set back
        assert (first.state, first.retry_at) == ("queued", NOW + timedelta(minutes=5)) and "451" in first.reason
        (second,) = delivered(config, at=first.retry_at)
        assert second.retry_at == first.retry_at + timedelta(minutes=10)
        assert [one.state for one in delivered(config, at=second.retry_at)] == ["sent"] and len(box.got) == 1
        one_mail(config, about="nobody")
        box.answers = ["550 nobody here"]
        assert [one.state for one in delivered(config)] == ["failed"]
        one_mail(config, about="silence")
        box.silent = True
        assert [one.state for one in delivered(config)] == ["unknown"] and len(box.got) == 2
        assert delivered(config, at=NOW + timedelta(days=1)) == []
        telling.mail(config, config.client("acme"), "müller@acme.example", "Grüße", "-", "x", NOW - timedelta(1))
        one_mail(config, about="after that")
        box.silent = False
        assert [one.state for one in delivered(config)] == ["failed", "sent"]  # one stands in nobody's way
    with deaf(most=100_000) as box, pytest.raises(smtp.Refused):  # without its last line no server takes a message
        smtp.send(
            (b"-" * 900 + b"\r\n") * 10_000, "a@acme.example", replace(config.mail, port=box.port), "", lambda: True
        )
    one_mail(config, about="nobody listens")
    tries = []
    at = NOW
    while not tries or tries[-1].state == "queued":
        tries += delivered(config, at=at)
        at = tries[-1].retry_at or at
    assert len(tries) == 12 and tries[-1].state == "failed" and at - NOW > timedelta(days=1)


# -- channels ---------------------------------------------------------------------------


@contextmanager
def webhook() -> Iterator[tuple[int, list[Any]]]:
    """The path says how it answers."""
    got: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.path.split("?")[0], content))
            if self.path.startswith("/stalls"):
                time.sleep(0.4)
            self.send_response(403 if self.path.startswith("/refuses") else 502 if "breaks" in self.path else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port, got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_channels_are_told_through_apprise_and_their_addresses_stay_secret(tmp_path, monkeypatch, capsys, caplog):
    with webhook() as (port, got):
        for name in ("fine", "refuses", "breaks", "stalls"):
            monkeypatch.setenv(name.upper(), f"json://geheim:s3cr3t@127.0.0.1:{port}/{name}?rto=0.2")
        monkeypatch.setenv("GONE", "json://geheim:s3cr3t@127.0.0.1:9/")
        monkeypatch.setenv("BAD", "s3cr3t")
        names = ("fine", "refuses", "breaks", "stalls", "gone", "bad", "unset")
        config = configured(tmp_path, f"channels = {json.dumps([f'env:{name.upper()}' for name in names])}")
        telling.test(config, config.client("acme"), NOW)
        became = {one.to.removeprefix("env:").lower(): one for one in delivered(config)}
    assert {name: one.state for name, one in became.items()} == {
        "fine": "sent", "refuses": "failed", "breaks": "unknown", "stalls": "unknown", "gone": "queued",
        "bad": "failed", "unset": "queued",
    }  # fmt: skip
    assert [path for path, _ in got if path == "/fine"] == ["/fine"] and len(got) == 4
    assert next(content for path, content in got if path == "/fine")["title"] == "Keyround: a test"
    main(["send", "--list", "--config", str(config.path)])
    files = "".join(one.read_text() for one in (config.store / "acme" / "outbox").glob("*.json"))
    assert "s3cr3t" not in files + "".join(capsys.readouterr()) + caplog.text


def test_ids_do_not_depend_on_the_day(tmp_path):
    config = configured(tmp_path)
    one_mail(config)
    assert telling.mail(config, config.client("acme"), "CHEFIN@acme.example", "Grüße", "", "x", NOW + timedelta(9)) == 0
    assert date(2026, 11, 24) == messages(config)[0].made.date()
