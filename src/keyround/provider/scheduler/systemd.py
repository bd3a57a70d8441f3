"""systemd: a service and a timer, of the system or of a user's own session.

The service may write into the store and the reports and nowhere else, and gains no rights.
"""

from __future__ import annotations

import getpass
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from . import MARK, Installed, Plan, ScheduleError, mark, refuse_foreign
from .tools import Ran, has, outputs, tool

TITLE = "systemd"
SYSTEM = Path("/etc/systemd/system")
_UP = ("running", "degraded", "starting", "initializing", "maintenance")

# Works in both kinds of units. AF_NETLINK: by it the C library asks which addresses this computer has. DuckDB and
# pyarrow make no code at run time, so that memory need never be both written and run.
_EVERYWHERE = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
LimitCORE=0"""
# A user's own manager may not take these from its services: they would not start.
_SYSTEM_ONLY = """\
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible"""


_WHY = {
    "2": "{user} cannot read the configuration, or it is wrong",
    "3": "{user} cannot write into the store",
    "200": "{user} may not enter {folder}",
    "203": "{user} may not start {program}, or a folder above it hides it from that user",
    "217": "there is no user {user}",
    "226": "a folder that it shall write into is gone, or this computer allows no view of the disk of its own",
}
"""Our own exit statuses, and systemd's for what happens before a program runs."""


def there(own: bool) -> bool:
    """systemd runs on this computer, or in this user's session."""
    ran = _systemctl(own, "is-system-running")
    return ran.out.decode(errors="replace").strip() in _UP


def text(plan: Plan) -> str:
    return "\n".join(f"# {path}\n{content}" for path, content in units(plan).items())


def units(plan: Plan) -> dict[Path, str]:
    folder = _folder(plan.own)
    return {folder / f"{plan.name}.service": _service(plan), folder / f"{plan.name}.timer": _timer(plan)}


def _service(plan: Plan) -> str:
    network = "" if plan.own else "Wants=network-online.target\nAfter=network-online.target\n"
    return f"""\
# {mark(plan)}
# Written by `keyround schedule install`; your own settings go into `systemctl edit {plan.name}.service`.
# A call does what `keyround run --due` does, or the dry run that `keyround schedule install` has asked for.

[Unit]
Description=Keyround: scan the clients that are due
{network}
[Service]
Type=oneshot
ExecStart={_line(plan.command)}
WorkingDirectory={_plain(plan.config.parent)}
{"" if plan.own else f"User={plan.run_as}{chr(10)}"}{_environment(plan)}Nice=10
TimeoutStartSec=1d
TimeoutStopSec=2min

{chr(10).join(_view(plan))}
{_EVERYWHERE}
{"" if plan.own else _SYSTEM_ONLY + chr(10)}"""


def _environment(plan: Plan) -> str:
    return f"EnvironmentFile={_plain(plan.environment_file)}\n" if plan.environment_file else ""


def _view(plan: Plan) -> Iterator[str]:
    """What of the disk a call sees: all of it for reading, except homes where nothing that it needs lies in one."""
    needed = (*plan.writable, *plan.reads, plan.config)
    yield "ProtectSystem=strict"
    yield f"ProtectHome={'read-only' if _below(needed, '/home', '/root', '/run/user') or plan.own else 'yes'}"
    yield f"ReadWritePaths={' '.join(map(_word, map(str, plan.writable)))}"
    if not _below(needed, "/tmp", "/var/tmp"):
        yield "PrivateTmp=yes"


def _timer(plan: Plan) -> str:
    hours, minutes = divmod(plan.minutes, 60)
    when = f"*:0/{minutes}" if minutes else "hourly" if hours == 1 else f"0/{hours}:00" if hours < 24 else "daily"
    return f"""\
# {mark(plan)}

[Unit]
Description=Keyround: look every {plan.minutes} minutes which clients are due

[Timer]
OnCalendar={when}
Persistent=true
RandomizedDelaySec={min(plan.minutes * 60 // 5, 300)}
FixedRandomDelay=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def install(plan: Plan) -> list[str]:
    """Gives what people should know besides. Raises ScheduleError, and then everything is as it was."""
    refuse_foreign(found(plan.name, plan.own), plan)
    wanted = units(plan)
    notes = _verified(plan, wanted)
    before = {path: path.read_bytes() if path.exists() else None for path in wanted}
    try:
        for path, content in wanted.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content.encode())
        _needs(plan.own, "daemon-reload")
        _needs(plan.own, "enable", "--now", f"{plan.name}.timer")
    except (OSError, ScheduleError) as error:
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                _replace(path, old)
        _systemctl(plan.own, "daemon-reload")
        if isinstance(error, ScheduleError):
            raise
        raise ScheduleError(f"{error.filename} cannot be written: {error.strerror}.") from error
    return notes + _lingering(plan)


def _verified(plan: Plan, wanted: dict[Path, str]) -> list[str]:
    """What systemd itself says of the units, before they are put in place."""
    if not has("systemd-analyze"):
        return []
    with tempfile.TemporaryDirectory(prefix="keyround-units-") as folder:
        paths = [Path(folder) / path.name for path in wanted]
        for path, content in zip(paths, wanted.values(), strict=True):
            path.write_text(content, encoding="utf-8")
        ran = tool("systemd-analyze", "verify", "--man=no", *(["--user"] if plan.own else []), *map(str, paths))
    return [] if ran.ok and not ran.err.strip() else [f"systemd-analyze says: {ran.said}"]


def _lingering(plan: Plan) -> list[str]:
    """Without it, a user's units end with the last session. It is only said: it is a setting of the computer."""
    if not plan.own or outputs(tool("loginctl", "show-user", plan.run_as, "-p", "Linger")).get("Linger") == "yes":
        return []
    remedy = f"For nights and restarts: loginctl enable-linger {plan.run_as}"
    return [f"Units of your own run only while you are signed in. {remedy}"]


def found(name: str, own: bool, user: str = "") -> Installed | None:
    service, timer = (_folder(own) / f"{name}.{kind}" for kind in ("service", "timer"))
    if not (there := [path for path in (service, timer) if path.exists()]):
        return None
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in there}
    for path, content in texts.items():
        if not (marked := MARK.search(content.split("\n", 1)[0])):
            return Installed(str(path))
    state = outputs(_systemctl(own, "show", f"{name}.timer", "-p", "ActiveState,NextElapseUSecRealtime"))
    if "ActiveState" not in state:
        off = f"Whether {name}.timer is active, systemd does not tell {getpass.getuser()}."
    elif state["ActiveState"] != "active" or len(there) < 2:
        off = f"{name}.timer is not active: run `keyround schedule install` again."
    else:
        off = ""
    return Installed(
        where=" and ".join(map(str, there)),
        config=Path(marked[3]),  # type: ignore[index]
        every=timedelta(minutes=int(marked[2])),  # type: ignore[index]
        text="\n".join(f"# {path}\n{content}" for path, content in texts.items()),
        next_at=state.get("NextElapseUSecRealtime", ""),
        off=off,
    )


def remove(name: str, own: bool, user: str = "") -> list[str]:
    """The paths that were removed."""
    there = found(name, own)
    if there is None:
        return []
    if there.config is None:
        raise ScheduleError(f"{there.where} was not written by Keyround, and is left as it is.", "Remove it by hand.")
    _systemctl(own, "disable", "--now", f"{name}.timer")
    gone = []
    for path in (_folder(own) / f"{name}.{kind}" for kind in ("timer", "service")):
        if path.exists():
            path.unlink()
            gone.append(str(path))
    _systemctl(own, "daemon-reload")
    return gone


def fire(plan: Plan) -> Callable[[], None]:
    _systemctl(plan.own, "reset-failed", f"{plan.name}.service")  # what failed before would be taken for this call
    _needs(plan.own, "start", "--no-block", f"{plan.name}.service")
    return lambda: None


def trouble(plan: Plan) -> str:
    show = ("show", f"{plan.name}.service", "-p", "ActiveState,Result,ExecMainStatus")
    state = outputs(_systemctl(plan.own, *show))
    if state.get("ActiveState") != "failed":
        return ""
    status = state.get("ExecMainStatus", "?")
    why = _WHY.get(status, "").format(user=plan.run_as, program=plan.command[0], folder=plan.config.parent)
    journal = f"journalctl {'--user ' if plan.own else ''}-u {plan.name}.service"
    return f"systemd says: {state.get('Result', '')}, status {status}{why and f': {why}'}; see `{journal}`"


def unwritable(text: str, folders: tuple[Path, ...]) -> list[Path]:
    """Those of `folders` that an installed service may not write into."""
    named = re.search(r"^ReadWritePaths=(.*)$", text, re.MULTILINE)
    allowed = named[1] if named else ""
    return [folder for folder in folders if f" {_word(str(folder))} " not in f" {allowed} "]


def _folder(own: bool) -> Path:
    if not own:
        return SYSTEM
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home() / ".config") / "systemd" / "user"


def _systemctl(own: bool, *words: str) -> Ran:
    return tool("systemctl", *(["--user"] if own else []), *words)


def _needs(own: bool, *words: str) -> None:
    ran = _systemctl(own, *words)
    if not ran.ok:
        raise ScheduleError(f"systemctl {' '.join(words)}: {ran.said}.", therefore="Nothing was installed.")


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, and readable for everybody: no secret is in it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    beside.chmod(0o644)
    os.replace(beside, path)


def _below(paths: tuple[Path, ...], *folders: str) -> bool:
    return any(path.is_relative_to(folder) for path in paths for folder in folders)


def _plain(path: Path) -> str:
    """A setting that takes one path and nothing else."""
    return str(path).replace("%", "%%")


def _line(words: tuple[str, ...]) -> str:
    """A command line. Of its first word, the program, systemd expands no variables."""
    return " ".join([_word(words[0]), *(_word(word).replace("$", "$$") for word in words[1:])])


def _word(word: str) -> str:
    """One word of a setting that takes several."""
    word = word.replace("%", "%%")
    if re.fullmatch(r"[\w@%+=:,./$-]+", word, re.ASCII):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
