"""What people type besides a scan, and what they get when they mistype."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from keyround.cli import VERBS, main
from keyround.model import TABLES


def test_help_and_version_import_nothing_heavy():
    code = "import sys; from keyround.cli import main; main(['--help']); print([m for m in sys.modules if m in HEAVY])"
    heavy = "('click', 'duckdb', 'pyarrow', 'pandas', 'msgspec', 'openpyxl', 'msgraph', 'googleapiclient', 'rich')"
    done = subprocess.run([sys.executable, "-c", f"HEAVY = {heavy}\n{code}"], capture_output=True, text=True)
    assert done.stdout.endswith("[]\n") and all(verb in done.stdout for verb in VERBS)


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_a_reader_that_goes_away_is_no_traceback(words):
    reader, writer = os.pipe()
    os.close(reader)
    code = f"import sys; from keyround.cli import main; sys.exit(main({words}))"
    done = subprocess.run([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: keyround {verb}")


@pytest.mark.parametrize(
    "words, said",
    [
        (["sacn", "acme"], "Did you mean 'scan'?"),
        (["scan"], "Missing argument"),
        (["scan", "acme", "--config", "nowhere.toml"], "There is no nowhere.toml."),
        (["scan", "acme", "--at", "yesterday"], "not an instant"),
        (["scan", "acme", "--fail-on", "hgih"], "high"),
        (["rules", "show", "admin-no-second-facto"], "Did you mean 'admin-no-second-factor'?"),
        (["tables", "acounts"], "Did you mean 'accounts'?"),
        (["report", "acme", "--config", "nowhere.toml"], "keyround demo"),
    ],
)
def test_mistakes_exit_2_and_say_what_helps(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_rules_and_tables_print_what_there_is(capsys):
    assert main(["rules"]) == 0 and "admin-no-second-factor" in capsys.readouterr().out
    assert main(["rules", "show", "foreign-sign-in"]) == 0
    page = capsys.readouterr().out
    assert "What to do in Microsoft 365" in page and "What to do in Google" in page and "\nReads\n" in page
    assert main(["tables"]) == 0
    dictionary = capsys.readouterr().out
    assert all(f"{name}: " in dictionary for name in TABLES)


def test_report_before_any_scan(desk):
    done = desk("m365").run("report", "acme")
    assert done.returncode == 2 and "keyround scan acme" in done.stderr


def test_check_names_what_is_missing_and_what_will_run(desk):
    here = desk("m365")
    done = here.run("check", "acme")
    assert done.returncode == 0, done.stderr
    lacking = [line.strip() for line in done.stdout.splitlines() if "cannot run" in line]
    assert "will run" in done.stdout  # and what is told of accounts at risk and of trainings needs plans it lacks
    assert {line.rpartition(" ")[2] for line in lacking} == {"risk_events", "training"}
    here.cloud.deny("m365", "AuditLog.Read.All")
    done = here.run("check", "acme")
    assert done.returncode == 3 and "AuditLog.Read.All" in done.stdout and "cannot run without sign_ins" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals and /dev/full")
def test_a_full_disk_behind_our_output_is_said():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "keyround", "tables"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 3 and "No space left" in done.stderr and "Traceback" not in done.stderr
