"""`keyround schedule`: what is written is whole, ours alone, and tried through the scheduler itself.

The schedulers here are small programs on a PATH of their own that behave like systemctl, crontab and schtasks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from keyround.cli import main
from keyround.provider import lastrun, probe
from keyround_fixtures import Cloud, load

from .conftest import NOW

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

SYSTEMCTL = """#!/bin/sh
PATH=/usr/bin:/bin
echo "$@" >> "$HOME/called"
shift
case "$1" in
is-system-running) echo running ;;
enable) [ ! -e "$HOME/refuses" ] || { echo "Failed to enable unit" >&2; exit 1; } ;;
show) [ ! -e "$HOME/broken" ] || echo "ActiveState=failed
Result=exit-code
ExecMainStatus=226" ;;
start)
  [ ! -e "$HOME/broken" ] || exit 0
  line=$(sed -n 's/^ExecStart=//p' "$XDG_CONFIG_HOME/systemd/user/$3" | sed 's/%%/%/g')
  env -i PATH="$PATH" PYTHONPATH="$PYTHONPATH" HOME="$HOME" sh -c "$line" > "$HOME/journal" 2>&1 & ;;
esac
"""
CRONTAB = """#!/bin/sh
PATH=/usr/bin:/bin
case "$1" in
-l) [ -e "$HOME/tab" ] || { echo "no crontab for $(id -un)" >&2; exit 1; }
    [ ! -e "$HOME/refuses" ] || { echo "you are not allowed to use this program" >&2; exit 1; }
    cat "$HOME/tab" ;;
-) cat > "$HOME/tab" ;;
esac
"""
SCHTASKS = """#!/bin/sh
PATH=/usr/bin:/bin
case "$1" in
/Create) cat "$5" > "$HOME/task" ;;
/Query) [ -e "$HOME/task" ] && cat "$HOME/task" ;;
/Delete) rm "$HOME/task" ;;
esac
"""


@pytest.fixture
def place(tmp_path, monkeypatch) -> Callable[..., Path]:
    """A provider's folder whose name is hard on schedulers; gives the function that puts a scheduler there."""
    folder = tmp_path / "Kunden 100% & Söhne"
    tools = tmp_path / "tools"
    for one in (folder, tools):
        one.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "conf"))
    monkeypatch.chdir(folder)

    def furnished(tool: str, script: str) -> Path:
        (tools / tool).write_text(script)
        (tools / tool).chmod(0o755)
        monkeypatch.setenv("PATH", str(tools))  # and nothing of this computer's own
        return folder

    (tools / "systemd-analyze").symlink_to("/bin/true")
    return furnished


def configured(folder: Path, sections: str = "") -> None:
    client = ('[client.acme]\nevery = "week"\n[[client.acme.tenant]]\nconnector = "google"\ncustomer_id = "C0acme"\n'
              'credential = "token"\ntoken = "env:ACME_TOKEN"\n')  # fmt: skip
    (folder / "keyround.toml").write_text(f'store = "store"\n{sections or client}', encoding="utf-8")


def test_the_dry_run_goes_through_the_scheduler(place, capsys, monkeypatch):
    monkeypatch.setenv("BOLT_TOKEN", "known to this shell only")
    folder = place("systemctl", SYSTEMCTL)
    with Cloud(load("google", now=NOW)) as cloud:
        (folder / "token").write_text(cloud.token("google"))
        (folder / "token").chmod(0o600)
        configured(folder, "".join(
            f'[client.{key}]\n{more}[[client.{key}.tenant]]\nconnector = "google"\ncustomer_id = "{customer}"\n'
            f'api_url = "{cloud.url}"\ncredential = "token"\ntoken = "{token}"\n'
            for key, customer, token, more in (
                ("acme", cloud.tenant("google").id, "file:token", 'every = "week"\n'),
                ("bolt", "C0bolt", "env:BOLT_TOKEN", 'every = "day"\n'),
                ("cole", "C0cole", "file:token", 'every = "day"\n'),
                ("dorn", "C0dorn", "file:token", ""),
            )
        ))  # fmt: skip
        (folder / "store").mkdir()
        (folder / "store" / "cole").write_text("a file where a folder should be")
        assert main(["schedule", "install", "--with", "systemd", "--user"]) == 3
    said, journal = capsys.readouterr(), (Path(os.environ["HOME"]) / "journal").read_text()
    rows = {line.split()[0]: line for line in said.out.splitlines() if line.startswith("  ") and line[2] != " "}
    text = " ".join(said.out.split())
    assert list(rows)[-1] == "acme" and "acme ready secrets, folders and sign-in work" in text
    assert "bolt failed The scheduler has no variable BOLT_TOKEN. Name it as file:PATH" in text
    assert "cole failed" in text and "cannot write into its store" in text
    assert "names the tenant C0cole, but the credential opens" in text  # it was signed in to
    assert "dorn left out It has no schedule" in text and "Ready: 1 of 4 clients, 1 left out." in text
    assert "BOLT_TOKEN (bolt)" in " ".join(said.err.split()) and "enable-linger" in text
    assert "Ready: 1 of 4" in journal and "Traceback" not in journal
    assert not any((folder / "store" / ".provider").glob("probe-*")) and not (folder / "store" / "acme").exists()
    caller = lastrun.caller(folder / "store")
    assert caller and (caller.by, caller.name, caller.every) == ("systemd", "keyround", 900)
    unit = (Path(os.environ["XDG_CONFIG_HOME"]) / "systemd/user/keyround.service").read_text(encoding="utf-8")
    assert "100%% & Söhne" in unit and "ProtectSystem=strict" in unit and "PrivateTmp" not in unit


def test_units_are_whole_ours_and_gone_again(place, capsys):
    folder = place("systemctl", SYSTEMCTL)
    configured(folder)
    home = Path(os.environ["HOME"])
    units = Path(os.environ["XDG_CONFIG_HOME"]) / "systemd/user"
    install = ["schedule", "install", "--with", "systemd", "--user", "--no-dry-run"]
    (home / "refuses").touch()
    assert main(install) == 2 and "Nothing was installed." in capsys.readouterr().err
    assert list(units.iterdir()) == []
    (home / "refuses").unlink()
    assert main(install) == 0
    first = {path: path.read_bytes() for path in units.iterdir()}
    assert main(install) == 0 and {path: path.read_bytes() for path in units.iterdir()} == first
    (home / "refuses").touch()  # the one that is there stays
    assert main([*install, "--every", "1h"]) == 2 and {path: path.read_bytes() for path in units.iterdir()} == first
    (home / "refuses").unlink()
    assert main(["schedule", "show"]) == 3  # the stand-in says nothing of the timer
    assert "every 15 minutes" in capsys.readouterr().out
    other = folder / "other.toml"
    other.write_text((folder / "keyround.toml").read_text())
    assert main([*install, "--config", str(other)]) == 2
    assert "already calls" in capsys.readouterr().err and {p: p.read_bytes() for p in units.iterdir()} == first
    assert main(["schedule", "remove"]) == 0 and not list(units.iterdir()) and lastrun.caller(folder / "store") is None
    (units / "keyround.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert main(install) == 2 and "was not written by Keyround" in capsys.readouterr().err
    assert main(["schedule", "remove"]) == 0 and "Nothing of ours" in capsys.readouterr().out
    assert [path.name for path in units.iterdir()] == ["keyround.service"]


def test_a_call_that_fails_before_it_can_say_anything_is_said(place, capsys):
    configured(place("systemctl", SYSTEMCTL))
    (Path(os.environ["HOME"]) / "broken").touch()
    assert main(["schedule", "install", "--with", "systemd", "--user"]) == 2
    said = capsys.readouterr().err
    assert "exit-code, status 226" in said and "journalctl --user -u keyround" in said and "untried" in said
    assert not any(Path("store/.provider").glob("probe-*"))


def test_the_crontab_of_people_stays_as_it_is(place, capsys):
    folder = place("crontab", CRONTAB)
    configured(folder)
    tab = Path(os.environ["HOME"]) / "tab"
    install = ["schedule", "install", "--with", "cron", "--no-dry-run"]
    assert main(install) == 0 and tab.read_bytes().count(b"\n") == 4
    theirs = b"MAILTO=me\n0 5 * * * cp a\\%b c # \xff not UTF-8\n# BEGIN keyround schedule keyround of old\n\n"
    theirs += b"30 1 * * * x"
    tab.write_bytes(theirs)
    assert main([*install, "--environment-file", "keyround.toml"]) == 0
    once = tab.read_bytes()
    assert main([*install, "--environment-file", "keyround.toml"]) == 0 and tab.read_bytes() == once
    assert once.startswith(theirs + b"\n# BEGIN keyround schedule keyround; ")
    assert main([*install, "--every", "6h"]) == 0
    line = tab.read_text(errors="replace").splitlines()[-2]
    minute, hours, rest = line.split(" ", 2)
    assert hours == "0,6,12,18" and 0 <= int(minute) < 60 and rest.startswith(f"* * * {sys.executable} -P -m keyround ")
    assert rest.endswith(" --log") and "100\\% & S" in rest and " '/" in rest
    tab.write_bytes(tab.read_bytes() + b"@daily y\n")
    (Path(os.environ["HOME"]) / "refuses").touch()  # what cannot be read is not replaced
    assert main(install) == 2 and "cannot be read" in capsys.readouterr().err
    (Path(os.environ["HOME"]) / "refuses").unlink()
    assert main(["schedule", "remove"]) == 0 and tab.read_bytes() == theirs + b"\n@daily y\n"


def test_a_task_for_windows(place, capsys, monkeypatch):
    folder = place("schtasks", SCHTASKS)
    configured(folder)
    monkeypatch.setenv("USERDOMAIN", "NORDLICHT")
    install = ["schedule", "install", "--with", "windows", "--no-dry-run", "--every", "1h"]
    assert main(install) == 0 and "(S4U)" in capsys.readouterr().out
    written = (Path(os.environ["HOME"]) / "task").read_bytes()
    task = ElementTree.fromstring(written.decode("utf-16").partition("?>")[2])
    inside = {node.tag.partition("}")[2]: node.text for node in task.iter()}
    assert inside["LogonType"] == "S4U" and inside["UserId"].startswith("NORDLICHT\\")
    assert inside["Interval"] == "PT60M" and inside["StartWhenAvailable"] == "true"
    assert inside["WorkingDirectory"] == str(folder) and f'"{folder}/keyround.toml"' in inside["Arguments"]
    assert main([*install, "--user"]) == 0 and "only while you are signed in" in capsys.readouterr().out
    (Path(os.environ["HOME"]) / "task").write_text("<Task><Description>somebody's</Description></Task>")
    assert main(install) == 2 and "not written by Keyround" in capsys.readouterr().err


@pytest.mark.parametrize("every", ["1m", "7m", "90m", "5h", "2d", "30s"])
def test_intervals_that_not_every_scheduler_could_keep_are_refused(every, place, capsys):
    configured(place("crontab", CRONTAB))
    assert main(["schedule", "install", "--with", "cron", "--print", "--every", every]) == 2
    assert capsys.readouterr().err and not (Path(os.environ["HOME"]) / "tab").exists()


def test_a_call_keeps_a_log_and_says_only_what_failed(place, capsys):
    folder = place("crontab", CRONTAB)
    call = ["schedule", "call", "--config", str(folder / "keyround.toml"), "--log"]
    configured(folder)
    before = os.umask(0o022)
    assert main(call) == 3
    said, log = capsys.readouterr(), folder / "store" / ".provider" / "run.log"
    assert "FAILED" in said.err and "ACME_TOKEN" in said.err and not said.out
    length = len(log.read_text())
    assert main(call) == 0 and not any(capsys.readouterr())  # it is tried again later
    assert "1 not due" in log.read_text()[length:] and log.stat().st_mode & 0o77 == 0
    os.umask(before)


def test_an_old_wish_is_no_wish_and_one_call_gets_it(tmp_path):
    now = NOW.replace(tzinfo=None)
    wanted = probe.ask(tmp_path, now)
    assert probe.take(tmp_path, now + probe.FRESH) == wanted and probe.take(tmp_path, now) is None
    probe.ask(tmp_path, now)
    assert probe.take(tmp_path, now + 2 * probe.FRESH) is None and probe.take(tmp_path, now) is None
