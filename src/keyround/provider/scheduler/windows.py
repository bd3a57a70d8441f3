"""Windows Task Scheduler: a task as XML, registered with `schtasks`. No password is asked for or stored.

Two kinds of tasks do without one. S4U runs as the user whether or not anybody is signed in, but Windows then opens
neither the user's credential vault nor shares of other computers: secrets are files then, and an elevated prompt is
needed to register it. InteractiveToken runs only while the user is signed in, and can read what the user can.
"""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from . import MARK, Installed, Plan, ScheduleError, mark, refuse_foreign, spread
from .tools import Ran, has, tool

TITLE = "Windows Task Scheduler"
S4U = ("The task runs also while nobody is signed in (S4U). Windows then opens neither the credential vault (keyring:) "
       "nor shares of other computers: name secrets as file:PATH on this computer.")  # fmt: skip
SIGNED_IN = (
    "The task runs only while you are signed in. For a server: --system, from a prompt with administrator rights."
)


def there(own: bool = True) -> bool:
    return has("schtasks")


def user() -> str:
    """DOMAIN\\name, as tasks name a user."""
    domain = os.environ.get("USERDOMAIN", "")
    return f"{domain}\\{getpass.getuser()}" if domain else getpass.getuser()


def text(plan: Plan) -> str:
    command, *words = plan.words
    minutes = plan.minutes
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{escape(mark(plan))}</Description>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition>
        <Interval>PT{minutes}M</Interval>
        <StopAtDurationEnd>false</StopAtDurationEnd>
      </Repetition>
      <StartBoundary>2026-01-01T00:{spread(plan):02}:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(plan.run_as)}</UserId>
      <LogonType>{"InteractiveToken" if plan.own else "S4U"}</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>P1D</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(command)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(words))}</Arguments>
      <WorkingDirectory>{escape(str(plan.config.parent))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def install(plan: Plan) -> list[str]:
    refuse_foreign(found(plan.name), plan)
    with tempfile.TemporaryDirectory(prefix="keyround-task-") as folder:
        file = Path(folder) / "task.xml"
        file.write_text(text(plan), encoding="utf-16")  # with its mark, as schtasks wants it
        ran = _schtasks("/Create", plan.name, "/XML", str(file), "/F")
    if not ran.ok:
        denied = " Open the prompt as an administrator, or use --user." if not plan.own else ""
        raise ScheduleError(f"schtasks does not take the task: {ran.said}.{denied}", therefore="Nothing was changed.")
    return [SIGNED_IN if plan.own else S4U]


def found(name: str, own: bool = True, user: str = "") -> Installed | None:
    """schtasks says its errors in the language of the computer: what it cannot show is not there."""
    ran = _schtasks("/Query", name, "/XML")
    if not ran.ok:
        return None
    shown = _decoded(ran.out)
    said = re.search(r"<Description>(.*?)</Description>", shown, re.DOTALL)
    marked = MARK.fullmatch(_unescaped(said[0]) if said else "")
    where = f"the task {_named(name)}"
    if not marked:
        return Installed(where)
    off = "" if not re.search(r"<Enabled>\s*false", shown) else f"{where} is disabled"
    return Installed(where, Path(marked[3]), timedelta(minutes=int(marked[2])), shown, off=off)


def remove(name: str, own: bool = True, user: str = "") -> list[str]:
    there = found(name)
    if there is None:
        return []
    if there.config is None:
        raise ScheduleError(f"{there.where} was not written by Keyround, and is left as it is.", "Remove it by hand.")
    ran = _schtasks("/Delete", name, "/F")
    if not ran.ok:
        raise ScheduleError(f"{there.where} cannot be removed: {ran.said}.")
    return [there.where]


def fire(plan: Plan) -> Callable[[], None]:
    ran = _schtasks("/Run", plan.name)
    if not ran.ok:
        raise ScheduleError(f"{_named(plan.name)} does not start: {ran.said}.", therefore="It is installed.")
    return lambda: None


def trouble(plan: Plan) -> str:
    return ""


def _named(name: str) -> str:
    return f"Keyround\\{name}"


def _schtasks(verb: str, name: str, *words: str) -> Ran:
    return tool("schtasks", verb, "/TN", _named(name), *words)


def _decoded(shown: bytes) -> str:
    """schtasks writes XML in the console's encoding, and in UTF-16 where that is redirected on some versions."""
    if shown.startswith((b"\xff\xfe", b"\xfe\xff")):
        return shown.decode("utf-16", errors="replace")
    return shown.decode("utf-8", errors="replace")


def _unescaped(element: str) -> str:
    try:
        return ElementTree.fromstring(element).text or ""
    except ElementTree.ParseError:
        return ""
