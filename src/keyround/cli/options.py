"""Options that several verbs share, and what they turn into."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import platformdirs

from ..config import Config, read
from ..engine.rule import SEVERITIES, Rule, load
from ..errors import ConfigError, StoreError
from ..presentation import FORMATS, Presentation
from ..words import languages

client = click.argument("client")
config = click.option(
    "--config", "path", metavar="FILE", type=click.Path(path_type=Path),
    help="The configuration (default: keyround.toml here, then in your configuration folder).",
)  # fmt: skip
output = click.option(
    "--output", metavar="DIR", type=click.Path(path_type=Path), default=Path(),
    help="Where to write the workbook and the JSON (default: here).",
)  # fmt: skip
fail_on = click.option(
    "--fail-on", metavar="LEVEL", type=click.Choice(SEVERITIES), default="high", show_default=True,
    help="Lowest severity that makes the exit status 1: critical, high, medium, low or info.",
)  # fmt: skip


class Formats(click.ParamType[tuple[str, ...]]):
    """xlsx, json, html, csv: one, or several with commas between them."""

    name = "formats"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = [one.lower() for one in words(value)]
        for one in asked:
            if one not in FORMATS:
                self.fail(f"{one!r} is none of {', '.join(FORMATS)}", param, ctx)
        return tuple(kind for kind in FORMATS if kind in asked)


formats = click.option(
    "--format", "formats", metavar="LIST", type=Formats(), default="xlsx,json", show_default=True,
    help="What to write: xlsx, json, html (a page of its own), csv (a file for each sheet).",
)  # fmt: skip
language = click.option(
    "--language", metavar="CODE", type=click.Choice(languages()), default=None,
    help="The report's language (default: as keyround.toml says, else en).",
)  # fmt: skip
carry = click.option(
    "--carry", metavar="FILE", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="A workbook that came back with people's entries; may be given several times. The last one in the output "
         "folder is read anyway.",
)  # fmt: skip
days = click.option(
    "--days", metavar="N", type=click.IntRange(1, 180), default=30, show_default=True,
    help="How many days of sign-ins to read; the provider may keep fewer.",
)  # fmt: skip


class Duration(click.ParamType[timedelta]):
    """A length of time: 90s, 20m, 2h, or 0."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = re.fullmatch(r"(\d{1,5})([smh])|0", value.strip().lower())
        if not match:
            self.fail(f"{value!r} is not a length of time such as 90s, 20m or 2h", param, ctx)
        return timedelta(seconds=int(match[1] or 0) * {"s": 1, "m": 60, "h": 3600}[match[2] or "s"])


wait = click.option(
    "--wait", metavar="TIME", type=Duration(), default="3m", show_default=True,
    help="How long to wait for what a provider prepares in its own time, such as 20m; the next scan collects the rest.",
)  # fmt: skip
scheduled = click.option(
    "--scheduled", metavar="FILE", hidden=True, type=click.Path(path_type=Path, dir_okay=False),
    help="A run started this: leave it in FILE how it ended.",
)  # fmt: skip
chatty = click.option("--verbose", "chatty", is_flag=True, help="Show every request and wait.")


class Instant(click.ParamType[datetime]):
    """An ISO 8601 instant; without a zone it is UTC. Becomes naive UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC).replace(tzinfo=None, microsecond=0) if read.tzinfo else read
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not an instant such as 2026-08-01T06:00:00Z", param, ctx)


at = click.option("--at", metavar="ISO", type=Instant(), help="Judge as of this instant instead of now.")


def place() -> Path:
    """keyround.toml here, else the one in the user's configuration folder where there is one."""
    here = Path("keyround.toml")
    at_home = Path(platformdirs.user_config_dir("keyround")) / "keyround.toml"
    return at_home if not here.exists() and at_home.exists() else here


def configuration(path: Path | None) -> Config:
    """The named file, else the one at `place`. Raises ConfigError."""
    return read(path or place())


def rules(folders: Sequence[Path]) -> tuple[Rule, ...]:
    """Every rule there is; own ones are tried on empty tables, which finds what does not run. Raises RuleError."""
    found = load(folders)
    if own := [rule for rule in found if rule.folder]:
        from ..engine.casebook import rehearse  # the package's own are tried by its tests

        for rule in own:
            rehearse(rule)
    return found


def presented(presentation: Presentation, language: str | None) -> Presentation:
    """The same in the language that was asked for, where one was."""
    return replace(presentation, language=language) if language else presentation


def words(text: str) -> list[str]:
    """The words of an option that takes a list: "DK, SE"."""
    return [word for part in text.split(",") if (word := part.strip())]


def pair(text: str) -> tuple[str, str]:
    """KEY=VALUE. Raises ConfigError."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--setting {text!r} is not of the form KEY=VALUE.", "For example --setting cloud=usgov.")
    return key.strip(), value.strip()


def read_only(path: Path) -> bool:
    """Somebody has protected it: it would be rude to put another file in its place, which the folder may allow."""
    return not path.stat().st_mode & 0o222


def written(path: Path, text: str, new: bool, remedy: str = "Choose another place: --config FILE.") -> None:
    """Write a file; a full disk leaves the old one, and a new one replaces nothing. Raises StoreError."""
    try:
        if new:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            return
        target = path.resolve()
        if read_only(target):
            raise StoreError(f"{path} is read-only.", "Allow writing to it, or choose another file: --config FILE.")
        beside = target.with_name(f".{target.name}.new")
        beside.write_text(text, encoding="utf-8", newline="")
        shutil.copymode(target, beside)
        os.replace(beside, target)
    except OSError as error:
        raise StoreError(f"{path} cannot be written ({error.strerror}).", remedy) from error


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)
