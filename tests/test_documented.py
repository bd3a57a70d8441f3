"""Every `keyround ...` that a page or a message names can be typed: the verb is there, and takes these words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from keyround.cli import VERBS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("connectors/*/README.md")])
TOLD = sorted(
    path for top in ("src", "connectors") for end in ("py", "toml") for path in (ROOT / top).rglob(f"*.{end}")
)
_COMMAND = re.compile(r"(?:.*[\s(/])?keyround (?!keyround)([a-z]+(?: .*)?)")


def named(path: Path) -> Iterator[str]:
    """What stands behind `keyround` in the code of a page, or between backticks in a message."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        for block in re.findall(r"```\w*\n(.*?)```", text, re.S):
            yield from (found[1] for line in block.splitlines() if (found := _COMMAND.match(line)))
        text = re.sub(r"```.*?```", "", text, flags=re.S)
    for span in re.findall(r"`(keyround [a-z][^`]*)`", text):
        yield re.sub(r"\s+", " ", re.sub(r'"\n\s*f?"', "", span)).removeprefix("keyround ")


def words_of(line: str) -> list[str]:
    """Without comment, redirection, and the other half of "--list, --drop"; what a message fills in is a word."""
    line = re.split(r" [#>|&] ?|\)|;|\\$", re.sub(r"\{[^{}]*\}", "X", line).replace(r"\"", '"').replace("…", "X"))[0]
    return shlex.split(re.sub(r" \.\.\.", "", line))


def refusal(line: str) -> str:
    """Why it cannot be typed; "" where it can."""
    verb, *words = words_of(line)
    if verb not in VERBS:
        return "no such verb"
    command = import_module(f"keyround.cli.{verb}").command
    try:
        while isinstance(command, click.Group):
            if not words:
                return ""
            verb, *words = words
            if verb not in command.commands:
                return f"no such word: {verb}"
            command = command.commands[verb]
        command.make_context(verb, list(words), resilient_parsing=not words)
    except click.exceptions.Exit:
        return ""
    except click.UsageError as error:
        if type(error) is click.BadParameter and any(word.isupper() for word in words):
            return ""  # SHELL stands for one that may stand there
        return error.format_message()
    return ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_says_can_be_typed(path, capsys):
    assert {line: said for line in named(path) if (said := refusal(line))} == {}


def test_what_a_message_says_can_be_typed(capsys):
    wrong = {(path.name, line): said for path in TOLD for line in named(path) if (said := refusal(line))}
    assert wrong == {} and sum(1 for path in TOLD for _ in named(path)) > 100


def test_what_cannot_be_typed_is_seen():
    assert refusal("scann contoso") and refusal("scan contoso --frmat csv") and refusal("client forgt contoso")
    assert refusal("consent --wait") and not refusal("scan contoso --format csv  # the workbook")
