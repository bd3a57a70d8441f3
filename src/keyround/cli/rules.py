"""`keyround rules`: what is checked, and why; own rules tried, and new ones begun."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from ..config import Config
from ..connector import Connector
from ..engine import casebook
from ..engine.proofread import Remark
from ..engine.rule import ID, SEVERITIES, TOPICS, Rule, load, read
from ..errors import ConfigError, RuleError, nearest
from ..installed import connector
from ..words import word
from . import options
from .lines import broken
from .rulepage import WIDTH, asked, page
from .scaffold import SCAFFOLD

UNCHANGED = "Nothing was changed; give the new rule another name."


@click.group(
    invoke_without_command=True,
    help="""What is checked, and why; alone it lists every rule.

Rules of your own are TOML files in a folder that keyround.toml names above all its sections. Scans and reports judge
them like those that come with Keyround.

\b
  rules = "ours"                                  in keyround.toml
  keyround rules new no-mobile-left --folder ours
  keyround rules test ours""",
)
@click.pass_context
def command(context: click.Context) -> int | None:
    if context.invoked_subcommand is None:
        return int(context.invoke(listed, path=None, topic="", severity=None, provider="", control="", search="",
                                  form="text"))  # fmt: skip
    return None


@command.command(
    "list",
    short_help="Every rule by topic; filters narrow it down.",
    help="Every rule by topic, own ones marked with their folder. Filters narrow it down.",
)
@options.config
@click.option("--topic", metavar="TOPIC", default="", help=f"Only this topic: {', '.join(TOPICS)}.")
@click.option("--severity", metavar="LEVEL", type=click.Choice(SEVERITIES),
              help="Only this severity and graver: critical, high, medium, low or info.")  # fmt: skip
@click.option("--provider", metavar="NAME", default="", help="Only what is asked there: m365 or google.")
@click.option("--control", metavar="ID", default="",
              help="Only what answers this control or its chapter: 5.2.2.1, MS.AAD.3, GWS.GMAIL.9.1.")  # fmt: skip
@click.option("--search", metavar="TEXT", default="", help="Only rules whose texts hold all these words.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def listed(
    path: Path | None, topic: str, severity: str | None, provider: str, control: str, search: str, form: str
) -> int:
    topic = topic.lower().replace("-", "_")
    if topic and topic not in TOPICS:
        raise ConfigError(f"There is no topic {topic!r}.", nearest(topic, TOPICS))
    providers = {name: connector(name) for name in _providers()}
    if provider and provider not in providers:
        raise ConfigError(f"There is no provider {provider!r}.", nearest(provider, providers))
    every = load(_own(path))
    graver = SEVERITIES[: SEVERITIES.index(severity) + 1] if severity else SEVERITIES
    chosen = [
        rule
        for rule in every
        if topic in ("", rule.topic)
        and rule.severity in graver
        and (not provider or provider in asked(rule, providers))
        and (not control or any(_answers(one, control) for ids in rule.controls.values() for one in ids))
        and all(text in _searched(rule) for text in search.lower().split())
    ]
    if form == "json":
        print(json.dumps([_as_json(rule, providers) for rule in chosen], indent=2, ensure_ascii=False, default=str))
        return 0
    for one in TOPICS:
        if of_topic := sorted(
            (r for r in chosen if r.topic == one), key=lambda r: (SEVERITIES.index(r.severity), r.id)
        ):
            print(word("topic", one))
            for rule in of_topic:
                _say_line(rule, providers)
            print()
    _say_end(len(chosen), len(every))
    return 0


def _say_line(rule: Rule, providers: Mapping[str, Connector[Any]]) -> None:
    """Three facts, the title below them; whom it is not for where not for all."""
    only = asked(rule, providers)
    marks = [f"{' and '.join(only)} only"] if len(only) < len(providers) else []
    marks += [f"own: {rule.folder}"] if rule.folder else []
    print(f"  {word('severity', rule.severity):<9} {rule.id:<32} {', '.join(marks)}".rstrip())
    print(broken(" " * 12, rule.title, width=WIDTH))


def _say_end(chosen: int, every: int) -> None:
    if not chosen:
        print(f"No rule of {every} is like that. Use fewer filters, or `keyround rules list` alone.")
        return
    print(f"{every} rules." if chosen == every else f"{chosen} of {every} rules.", end=" ")
    print("`keyround rules show ID` says why, what to do, and what it reads.")
    for level in SEVERITIES:
        print(broken(f"  {word('severity', level):<9} ", word("severity_meaning", level), width=WIDTH))


def _searched(rule: Rule) -> str:
    texts = (rule.id, rule.title, rule.action, rule.why, rule.remark, rule.message, *rule.fix.values())
    return "\n".join(texts).lower()


def _answers(control: str, asked: str) -> bool:
    """The control itself, whatever its version, or one of the chapter that was asked for."""
    return re.fullmatch(rf"{re.escape(asked)}(v\d+|\..*)?", control, re.IGNORECASE) is not None


def _as_json(rule: Rule, providers: Mapping[str, Connector[Any]]) -> dict[str, Any]:
    return {
        "id": rule.id, "title": rule.title, "severity": rule.severity, "confidence": rule.confidence,
        "topic": rule.topic, "nature": rule.nature, "subject": rule.subject, "effort": rule.effort,
        "action": rule.action, "why": rule.why, "providers": asked(rule, providers),
        "fix": rule.fix, "references": rule.references, "controls": rule.controls, "parameters": rule.parameters,
        "meaning": rule.meaning, "follows": rule.follows, "reads": sorted(rule.reads), "folder": rule.folder,
        "takes": rule.work(), "page": rule.page, "message": rule.message,
    }  # fmt: skip


def _providers() -> list[str]:
    return sorted({point.name for point in entry_points(group="keyround.connectors")}, reverse=True)


def _own(path: Path | None) -> tuple[Path, ...]:
    """The folders of own rules; none where there is no configuration and none was named."""
    config = _configured(path)
    return config.rules if config else ()


def _configured(path: Path | None) -> Config | None:
    return options.configuration(path) if path or options.place().exists() else None


@command.command(
    "show",
    short_help="One rule: all that there is to say about it.",
    help="One rule: why it matters, what to do, whom it asks about, what it reads and rests on.",
)
@click.argument("rule_id", metavar="ID")
@options.config
@click.option("--sql", is_flag=True, help="Show the select too.")
@click.option("--cases", is_flag=True, help="Show the cases too: rows in, verdicts out.")
def show(rule_id: str, path: Path | None, sql: bool, cases: bool) -> None:
    rules = {rule.id: rule for rule in load(_own(path))}
    if rule_id not in rules:
        raise ConfigError(f"There is no rule {rule_id!r}.", nearest(rule_id, rules))
    print(page(rules[rule_id], {name: connector(name) for name in _providers()}, sql, cases))


@command.command(
    "test",
    help="""Run the cases of rule files, or of every rule in a folder, and read them through.

Each cell of each case that a provider might not tell is also emptied in turn: a verdict may stay or become unknown,
nothing else.

Exit status: 0 all is well, 1 something failed, 2 a file is no rule.""",
)
@click.argument("paths", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
def test(paths: tuple[Path, ...]) -> int:
    unreadable, failed = 0, 0
    found = list(_files(paths))
    for file in found:
        print(file)
        try:
            ours = file.parent.resolve() == Path(str(files("keyround.rules")))
            failed += _tested(read(file, "" if ours else str(file.parent), str(file)))
        except RuleError as error:
            _say("FAIL", f"It is no rule that can run. {error.detail} {error.remedy}")
            unreadable += 1
        print()
    if len(found) > 1:
        print(f"{len(found)} files: {failed + unreadable or 'none'} failed.")
    return 2 if unreadable else int(failed > 0)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.toml"))
            if not inside:
                raise ConfigError(f"{path} holds no rule file.", "Rules are files that end in .toml.")
            yield from inside
        else:
            yield path


def _tested(rule: Rule) -> bool:
    """Say what each case and each look brings; gives whether anything failed. Raises RuleError."""
    casebook.rehearse(rule)
    failures, emptied, notes = 0, 0, 0
    for case in rule.cases:
        missed = _said(casebook.misses, rule, case)
        _say("FAIL" if missed else "ok", f"{case.name} (line {case.line})" if missed else case.name)
        for line in missed:
            print(broken(" " * 10, line, width=WIDTH))
        failures += bool(missed)
        if missed:
            continue  # what silence does to a verdict that is not the right one tells nothing
        emptied += sum(1 for _ in casebook.cells(rule, case.given))
        betrayed = _said(casebook.betrayals, rule, case.given, case.parameters)
        if betrayed:
            _say("FAIL", "but a cell left empty changes a verdict to something else than unknown:")
        for line in betrayed:
            print(broken(" " * 10, line, width=WIDTH))
        failures += bool(betrayed)
    remarks = [*_same_id(rule), *casebook.review(rule)]
    for remark in remarks:
        _say("FAIL" if remark.serious else "note", f"{remark.text}.")
        failures += remark.serious
        notes += not remark.serious
    said = f"Cases: {len(rule.cases)}, cells emptied in turn: {emptied}; "
    said += f"{failures} failed" if failures else "all is well"
    print(broken("  ", f"{said}{f', {notes} to think about' if notes else ''}.", width=WIDTH))
    return failures > 0


def _said(look: Callable[..., Iterable[str]], *of: Any) -> list[str]:
    """What a look finds; that the select broke over these rows is found too."""
    try:
        return list(look(*of))
    except RuleError as error:
        return [error.detail.rstrip(".")]


def _say(mark: str, text: str) -> None:
    print(broken(f"  {mark:<5} ", text, width=WIDTH))


def _same_id(rule: Rule) -> Iterator[Remark]:
    if rule.folder and files("keyround.rules").joinpath(f"{rule.id}.toml").is_file():
        yield Remark(f"Keyround comes with a rule {rule.id}: give the file another name")


@command.command(
    "new",
    help="""Begin a rule: a file that explains each key and says what to write next.

`keyround rules test` fails on it until that is written.""",
)
@click.argument("rule_id", metavar="ID")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False),
              help="Where (default: the first folder of own rules in keyround.toml, else here).")  # fmt: skip
@options.config
def new(rule_id: str, folder: Path | None, path: Path | None) -> None:
    if not ID.fullmatch(rule_id):
        raise ConfigError(f"{rule_id!r} is no id of a rule.", "It is made of a-z, 0-9 and single hyphens.")
    config = _configured(path)
    own = config.rules if config else ()
    if files("keyround.rules").joinpath(f"{rule_id}.toml").is_file():
        raise ConfigError(f"Keyround comes with a rule {rule_id!r}.", UNCHANGED)
    folder = folder or (own[0] if own else Path())
    for shelf in (folder, *own):
        if (file := shelf / f"{rule_id}.toml").exists():
            raise ConfigError(f"There is {file} already.", UNCHANGED)
    file = folder / f"{rule_id}.toml"
    options.written(file, SCAFFOLD.replace("RULE-ID", rule_id), True, "Choose another place: --folder DIR.")
    print(f"{file} is begun. Write it, and ask as often as you like what is left:")
    print(f"  keyround rules test {file}")
    if folder.resolve() not in {shelf.resolve() for shelf in own}:
        print(broken("", f'A scan uses it once keyround.toml says, above all sections: rules = "{folder.as_posix()}"',
                     width=WIDTH))  # fmt: skip
