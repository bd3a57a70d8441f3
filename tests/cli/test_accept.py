"""`keyround accept` and what the report makes of it, over one tenant of the frozen store: no cloud."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyround.cli import main
from keyround.cli.laid_down import mistakes
from keyround.config import read
from keyround.engine.rule import load
from keyround.store import ClientStore
from keyround.words import country

STORE = Path(__file__).parents[2] / "fixtures" / "stores" / "0.1.0"
OWNER = "owner@atelier-hollenstedt.example"
RISK = ("--rule", "admin-no-second-factor", "--subject", OWNER, "--reason", "In the safe.", "--owner", "M. Jensen")
CONFIG = """\
# ours
store = "store"

[client.acme]
name = "Acme"

[[client.acme.tenant]]
connector = "m365"   # never asked here

# theirs
[client.beta]
name = "Beta"

[[client.beta.tenant]]
connector = "google"
"""


@dataclass
class Office:
    """A folder with keyround.toml and the store; `run` gives status, output and errors."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        status = main([*words, "--at", "2026-11-20"] if "--at" not in words else words)
        said = self.capsys.readouterr()
        return status, said.out, said.err

    @property
    def config(self) -> str:
        return (self.folder / "keyround.toml").read_text(encoding="utf-8")

    def results(self) -> dict[str, object]:
        (path,) = self.folder.glob("*.json")
        return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Office]:
    def set_up(more: str = "") -> Office:
        shutil.copytree(STORE / "acme", tmp_path / "store" / "acme", copy_function=shutil.copyfile)
        for manifest in tmp_path.glob("store/acme/scans/*/manifest.json"):  # one tenant is judged in half the time
            raw = json.loads(manifest.read_text(encoding="utf-8"))
            raw["tenants"] = [one for one in raw["tenants"] if one["connector"] == "google"]
            manifest.write_text(json.dumps(raw), encoding="utf-8")
        (tmp_path / "keyround.toml").write_text(CONFIG + more, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        return Office(tmp_path, capsys)

    return set_up


def test_accepted_it_stays_in_the_report_raises_no_alarm_and_comes_back_in_time(office):
    here = office()
    status, said, warned = here.run("accept", "acme", *RISK, "--until", "2026-12-01")
    assert status == 0 and OWNER in said and "(11 days left)" in said and not warned
    head, _, tail = here.config.partition("[[client.acme.accept]]")
    assert head == CONFIG.partition("# theirs")[0] and tail.endswith(CONFIG[CONFIG.index("\n# theirs") :])
    status, _, warned = here.run("report", "acme", "--at", "2026-12-01T23:59:00Z")
    assert "accepted by M. Jensen until 1 Dec 2026 only" in warned
    (mine,) = [f for f in here.results()["findings"] if f["state"] == "accepted"]
    assert (mine["account"], mine["accepted"]["owner"]) == (OWNER, "M. Jensen")
    assert [(one["state"], one["covers"]) for one in here.results()["accepted"]] == [("expires_soon", 1)]
    status, said, _ = here.run("accept", "acme", "--list", "--at", "2026-12-02")
    assert status == 0 and "EXPIRED: Administrators" in said and "ended 1 day ago" in said and "In the safe." in said
    # Renewed in its place, then withdrawn: the file is what it was.
    assert here.run("accept", "acme", *RISK, "--until", "2028-06-30")[2].startswith("That is more than a year ahead.")
    assert here.config.count("[[client.acme.accept]]") == 1 and "2028-06-30" in here.config
    assert here.run("accept", "acme", "--remove", *RISK[:4])[0] == 0 and here.config == CONFIG


@pytest.mark.parametrize(
    "instead, said",
    [
        ({"--rule": "admin-no-second-facto"}, "Did you mean 'admin-no-second-factor'?"),
        ({"--subject": "oner@atelier-hollenstedt.example"}, f"Did you mean '{OWNER}'?"),
        ({"--until": "2026-11-19"}, "is over"),
        ({"--until": "someday"}, "For example"),
        ({"--reason": " "}, "--reason"),
    ],
)
def test_mistakes_are_said_and_nothing_is_written(office, instead, said):
    here = office()
    given = dict(zip(RISK[::2], RISK[1::2], strict=True)) | {"--until": "2027-06-30"} | instead
    status, _, warned = here.run("accept", "acme", *[word for pair in given.items() for word in pair])
    assert status == 2 and said in warned and here.config == CONFIG


def test_a_read_only_configuration_is_left_alone(office):
    here = office()
    (here.folder / "keyround.toml").chmod(0o444)
    status, _, warned = here.run("accept", "acme", *RISK, "--until", "2027-06-30")
    assert status == 3 and "read-only" in warned and here.config == CONFIG


def test_one_case_is_accepted_as_the_report_shows_it(office):
    here = office()
    _, said, _ = here.run("accept", "acme", "--rule", "foreign-sign-in")
    subject, aspect = re.search(r"--subject (\S+) --aspect ([A-Z]{2})$", said, re.MULTILINE).groups()
    risk = ("--rule", "foreign-sign-in", "--subject", subject, *RISK[4:], "--until", "2027-06-30", "--aspect")
    status, said, warned = here.run("accept", "acme", *risk, country(aspect).upper())
    assert status == 0 and f'aspect   = "{aspect}"' in here.config and "It covers" in said and not warned
    status, said, warned = here.run("accept", "acme", *risk, "Atlantis")
    assert status == 0 and "No case 'Atlantis' is found there. Found: " in warned and country(aspect) in warned
    assert "later" in said


ODD = """
[[client.acme.accept]]
rule = "admin-no-second-facto"
reason = "x"
owner = "x"
until = 2027-01-01

[[client.acme.accept]]
rule = "dormant-account"
subject = "aushilf@atelier-hollenstedt.example"
reason = "x"
owner = "x"
until = 2027-01-01

[thresholds.dormant-account]
unused_days = 400
never_used = 3
"""


WRONG = ('rule = "admin-no-second-facto"', 'subject = "aushilf@atelier-hollenstedt.example"', "never_used = 3")


def test_what_nobody_knows_is_an_error_in_check(office):
    here = office(ODD)
    config = read(here.folder / "keyround.toml")
    found = mistakes(config, config.client("acme"), ClientStore(config.store, "acme"), load())
    lines = here.config.splitlines()
    rule, subject, threshold = (f"keyround.toml, line {lines.index(line) + 1}" for line in WRONG)
    assert [str(one) for one in found] == [
        f"{threshold}: thresholds.dormant-account: there is no threshold 'never_used'. Did you mean 'never_used_days'?",
        f"{rule}: [[client.acme.accept]] number 1: there is no rule 'admin-no-second-facto'. "
        "Did you mean 'admin-no-second-factor'?",
        f"{subject}: [[client.acme.accept]] number 2: 'aushilf@atelier-hollenstedt.example' is not in the snapshot "
        "of 20 Nov 2026. Did you mean 'aushilfe@atelier-hollenstedt.example'?",
    ]
