"""Inbox rules: mail that is sent on to the outside, deleted or put where nobody looks.

Endpoint    GET /users/{id}/mailFolders/inbox/messageRules in batches, GET /users to know whom to ask for  (v1.0)
Permission  MailboxSettings.Read; User.Read.All for the list of people
Gaps        hidden rules are not returned; forwarding set on the mailbox itself is not in Graph; a folder comes as an
            id without a name; a mailbox that an application access policy closes cannot be read
Source      https://learn.microsoft.com/graph/api/mailfolder-list-messagerules
"""

# Asked for is everybody of the house who has a licence or an address, enabled or not: a shared mailbox is a disabled
# account, and so is the one of the colleague who left and had his mail sent home.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted
from keyround.model import MailboxRule

from . import modules

if TYPE_CHECKING:
    from .graph import Graph, Question

NO_MAILBOX = {
    "mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "resourcenotfound", "erroritemnotfound",
    "request_resourcenotfound", "errorinvaliduser", "errornonexistentmailbox",
}  # fmt: skip
"""Codes, lower case, that say that an account has no mailbox in the cloud."""
# Where nobody looks, as folders are called in Graph and on the screen, lower case without blanks.
HIDING = {
    "deleteditems", "archive", "conversationhistory", "rssfeeds", "rsssubscriptions", "junkemail", "junk",
    "recoverableitemsdeletions", "syncissues", "outbox",
}  # fmt: skip
KEPT_OUT = (
    "Exchange keeps this scan out of some mailboxes: by an application access policy, which lists the mailboxes that "
    "an application may read, or because a person signed in, who may look into no other mailbox."
)
OPEN = "To have their rules checked too, add them to the policy, or scan with an application rather than as a person."
CLOSED = "ErrorAccessDenied"
LONGEST_NAME = 60  # an id of a folder is longer


class _Person(msgspec.Struct):
    id: str
    userType: str | None = None
    mail: str | None = None
    assignedLicenses: list[msgspec.Raw] | None = None


class _People(msgspec.Struct):
    value: list[_Person]


class _Address(msgspec.Struct):
    address: str | None = None


class _Recipient(msgspec.Struct):
    emailAddress: _Address | None = None


class _Actions(msgspec.Struct):
    forwardTo: list[_Recipient] | None = None
    forwardAsAttachmentTo: list[_Recipient] | None = None
    redirectTo: list[_Recipient] | None = None
    moveToFolder: str | None = None
    delete: bool | None = None
    permanentDelete: bool | None = None
    markAsRead: bool | None = None


class _Conditions(msgspec.Struct):
    subjectContains: list[str] | None = None
    bodyContains: list[str] | None = None
    bodyOrSubjectContains: list[str] | None = None


class _Rule(msgspec.Struct):
    id: str
    displayName: str | None = None
    isEnabled: bool | None = None
    actions: _Actions | None = None
    conditions: _Conditions | None = None


class _Rules(msgspec.Struct):
    value: list[_Rule]


class Page(msgspec.Struct, frozen=True):
    """The rules of one mailbox, or None where they could not be read; `domains`: the organisation's own, if known."""

    account: str
    bodies: tuple[bytes, ...] | None
    domains: frozenset[str] | None


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    from .graph import Question, listing

    closed: list[tuple[str, CollectError]] = []
    readable = 0
    people = Question("users", "User.Read.All", select="id,userType,mail,assignedLicenses", top=999)
    for body in listing(graph, people):
        asked = [_rules_of(one.id) for one in decode(body, _People).value if _may_have_mailbox(one)]
        for question, found in graph.batch(asked):
            account = question.path.split("/")[1]
            if not isinstance(found, CollectError):
                readable += 1
                yield Page(account, found, graph.domains)
            elif found.code.lower() not in NO_MAILBOX:
                closed.append((account, found))
    if not closed:
        return
    broken = next((error for _, error in closed if not isinstance(error, NotGranted)), None)
    # With the permission, or beside mailboxes that could be read, it is somebody's decision.
    decided = readable or graph.held()
    why = broken or (NotEnabled(KEPT_OUT, OPEN, code=CLOSED) if decided else closed[0][1])
    if not readable:
        raise why
    for account, _ in closed:
        yield Page(account, None, graph.domains)
    some = f"The report cannot say which rules {len(closed)} of {readable + len(closed)} mailboxes have."
    yield Without(("rules_known",), why.about(some))


def _rules_of(account: str) -> Question:
    from .graph import Question

    return Question(f"users/{account}/mailFolders/inbox/messageRules", "MailboxSettings.Read")


def _may_have_mailbox(person: _Person) -> bool:
    if (person.userType or "").lower() == "guest":
        return False
    return person.assignedLicenses is None or bool(person.assignedLicenses) or bool(person.mail)


def rows(page: Page) -> Iterator[MailboxRule]:
    if page.bodies is None:
        yield MailboxRule(page.account, rules_known=False)
        return
    for body in page.bodies:
        for rule in decode(body, _Rules).value:
            row = MailboxRule(page.account, rule.id, name=rule.displayName, enabled=rule.isEnabled)
            yield row if rule.actions is None else replace(row, **_done(rule, rule.actions, page.domains))


def _done(rule: _Rule, does: _Actions, domains: frozenset[str] | None) -> dict[str, Any]:
    """What a rule does. Microsoft leaves out of the actions whatever a rule does not do."""
    when, to = rule.conditions or _Conditions(), _addresses(does)
    words = [*(when.subjectContains or ()), *(when.bodyContains or ()), *(when.bodyOrSubjectContains or ())]
    deletes = bool(does.delete or does.permanentDelete)
    return {
        "forwards_to": to,
        "external_to": _external(to, domains),
        "deletes": deletes,
        "moves_to": does.moveToFolder or None,
        "hides": deletes or _hiding(does.moveToFolder),
        "marks_read": bool(does.markAsRead),
        "keywords": list(dict.fromkeys(words)),
    }


def _addresses(does: _Actions) -> list[str]:
    everybody = [*(does.forwardTo or ()), *(does.forwardAsAttachmentTo or ()), *(does.redirectTo or ())]
    found = [one.emailAddress.address for one in everybody if one.emailAddress and one.emailAddress.address]
    return list(dict.fromkeys(address.strip().lower() for address in found))


def _external(addresses: list[str], domains: frozenset[str] | None) -> list[str] | None:
    """Those outside; None where it cannot be told: own domains unknown, or an address as Exchange writes it inside."""
    if not addresses:
        return []
    if domains is None:
        return None
    outside = [one for one in addresses if "@" in one and one.rpartition("@")[2] not in domains]
    return outside or (None if any("@" not in one for one in addresses) else [])


def _hiding(folder: str | None) -> bool | None:
    if not folder:
        return False
    if "".join(folder.lower().split()) in HIDING:
        return True
    return False if len(folder) < LONGEST_NAME else None


DATASET = modules.optional(
    DataSet(
        name="mailbox_rules",
        fills=(MailboxRule,),
        pages=pages,
        rows=rows,
        tells="whose mail is sent on to the outside or put out of sight by a rule",
        source="https://learn.microsoft.com/graph/api/mailfolder-list-messagerules",
        grants=("MailboxSettings.Read",),
        module="mail",
        after=("organization",),  # which tells the organisation's own domains
    )
)
