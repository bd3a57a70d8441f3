"""Table `mailbox_rules`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class MailboxRule(Row):
    """One row per rule of an inbox, and one for each mailbox that could not be read."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "rule_id")

    account_id: Annotated[Id, "Joins accounts."]
    rule_id: Annotated[Id | None, "The provider's id of the rule; null: the mailbox could not be read."] = None
    rules_known: Annotated[bool, "false: the rules of this mailbox could not be read, and the row says only that."] = (
        True
    )
    name: Annotated[str | None, "What its owner, or somebody else, called it."] = None
    enabled: Annotated[bool | None, "The rule is at work."] = None
    forwards_to: Annotated[list[str] | None, "Addresses it sends mail on to, lower case; empty: none."] = None
    external_to: Annotated[list[str] | None, "Those of them outside the organisation's own domains."] = None
    deletes: Annotated[bool | None, "It deletes what it matches."] = None
    moves_to: Annotated[str | None, "Folder it moves mail to: a name, or the provider's id of it."] = None
    hides: Annotated[
        bool | None, "It deletes, or moves mail where nobody looks; null: the folder it moves to has no name here."
    ] = None
    marks_read: Annotated[bool | None, "It marks what it matches as read."] = None
    keywords: Annotated[list[str] | None, "Words it looks for in subject or text; empty: none."] = None
