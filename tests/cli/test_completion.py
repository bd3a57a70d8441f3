"""Tab in a real bash: the script that is printed, loaded there, asked what bash would show."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keyround.cli import VERBS

CONFIG = '[client.contoso]\nname = "Contoso"\n[client.corvid]\nname = "Corvid"\n[client.adatum]\nname = "Adatum"\n'
ASK = """
eval "$(keyround completion bash)"
ask() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  $(complete -p keyround | sed 's/.*-F \\([^ ]*\\).*/\\1/') keyround "${COMP_WORDS[COMP_CWORD]}" ""
  echo "${COMPREPLY[@]}"
}
ask keyround ""
ask keyround scan --fail-on ""
ask keyround scan --no-such --
ask keyround scan co
ask keyround report --config elsewhere.toml ""
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_completes_verbs_options_choices_and_clients(tmp_path: Path):
    (tmp_path / "keyround.toml").write_text(CONFIG)
    (tmp_path / "elsewhere.toml").write_text("[client.fabrikam]\n")
    (tmp_path / "clients.d").mkdir()
    (tmp_path / "clients.d" / "corner.toml").write_text('[client.corner]\nname = "Corner"\n')
    (tmp_path / "clients.d" / "torn.toml").write_text("[client.")
    program = tmp_path / "keyround"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyround "$@"\n')
    program.chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "--norc", "-c", ASK], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stderr == ""
    verbs, levels, flags, clients, elsewhere = (line.split() for line in done.stdout.splitlines())
    assert verbs == list(VERBS)
    assert levels == ["critical", "high", "medium", "low", "info"]
    assert {"--fail-on", "--days", "--config"} <= set(flags) and "--scheduled" not in flags
    assert clients == ["contoso", "corner", "corvid"]
    assert elsewhere == ["corner", "fabrikam"]
