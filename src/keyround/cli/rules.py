"""`keyround rules`: what is checked, and why."""

from __future__ import annotations

import click

from ..engine.rule import Rule, load
from ..errors import ConfigError, nearest


@click.group(invoke_without_command=True, help="What is checked, and why.")
@click.pass_context
def command(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        context.invoke(listed)


@command.command("list", help="Every rule in one line.")
def listed() -> None:
    rules = load()
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        print(f"{rule.severity:<9} {rule.id:<{width}}  {rule.title}")


@command.command("show", help="One rule: why it matters, what to do, where it comes from.")
@click.argument("rule_id")
def show(rule_id: str) -> None:
    rules = {rule.id: rule for rule in load()}
    if rule_id not in rules:
        raise ConfigError(f"There is no rule {rule_id!r}.", nearest(rule_id, rules))
    print(page(rules[rule_id]))


def page(rule: Rule) -> str:
    """A rule as a page of text."""
    lines = [f"{rule.title}  ({rule.id})", f"{rule.severity}, {rule.topic.replace('_', ' ')}", "", rule.why]
    for provider, steps in rule.fix.items():
        lines += ["", f"What to do ({provider}, {rule.effort} each)", steps.strip()]
    if rule.parameters:
        lines += ["", "Parameters: " + ", ".join(f"{name} = {value}" for name, value in rule.parameters.items())]
    lines += ["", "Reads: " + ", ".join(sorted(rule.reads))]
    for frame, ids in rule.controls.items():
        lines.append(f"{frame}: {', '.join(ids)}")
    return "\n".join([*lines, *rule.references])
