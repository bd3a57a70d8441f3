"""Are a rule's texts fit to be read: by whoever decides, whoever repairs it, and the people it concerns? Pure.

Translations are read here too: they must say all that the English says, and lead to the same places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..errors import RuleError
from ..words import languages
from . import spoken
from .rule import Rule

TRUSTED = ("learn.microsoft.com", "support.google.com", "knowledge.workspace.google.com", "www.cisa.gov")
"""Hosts of the providers' own pages and the benchmarks'."""
CONTROLS = {
    "cis_m365": r"[1-9]\.\d{1,2}(\.\d{1,2}){1,2}",
    "cis_google": r"[1-9]\.\d{1,2}(\.\d{1,2}){0,3}",
    "scuba_m365": r"MS\.(AAD|DEFENDER|EXO|TEAMS|SHAREPOINT|POWERPLATFORM|POWERBI)\.\d{1,2}\.\d{1,2}v\d",
    "scuba_google": r"GWS\.(COMMONCONTROLS|GMAIL|DRIVEDOCS|CALENDAR|GROUPS|MEET|CHAT|CLASSROOM)\.\d{1,2}\.\d{1,2}v\d",
}
"""Benchmarks a rule can point to, and what an id of theirs looks like."""
GLOSSES = {
    "2FA": "second factor", "2SV": "second factor", "MFA": "second factor", "TOTP": "code", "OTP": "code",
    "FIDO": "key", "FIDO2": "key", "OAuth": "sign-in", "SAML": "sign-in", "SSO": "sign-in", "IMAP": "mail",
    "POP": "mail", "SMTP": "mail", "VPN": "privacy service", "UPN": "user name", "ASN": "network", "CIDR": "network",
    "PIM": "role", "CA": "policy", "IdP": "sign-in", "OU": "unit", "GUID": "id", "API": "program", "MDM": "device",
    "DMARC": "mail", "token": "sign-in", "tenant": "organisation", "IP": "address",
}  # fmt: skip
"""Words a manager does not know, and one that stands near them where a text explains them."""
CONSOLES = {
    "m365": ("entra.microsoft.com", "security.microsoft.com", "admin.microsoft.com", "admin.exchange.microsoft.com",
             "intune.microsoft.com"),
    "google": ("admin.google.com",),
}  # fmt: skip
"""Hosts of the pages where an administrator works, by connector."""
SOMEBODYS = r"@|onmicrosoft|\.example|[0-9a-f]{8}-[0-9a-f]{4}-|\bC0[0-9a-z]{7}\b"
"""What an address holds that is right for one organisation only."""
LONGEST = {"title": 60, "action": 80, "message": 900}
"""Characters that fit where the text is shown; a translation may have a third more (`ROOM`)."""
ROOM = 1.3
AT_MOST = {"minutes": 1, "hours": 8, "days": 40}
"""Hours at a stretch, once or for each, up to which an effort is called so."""
PLACEHOLDER = "Write: "
"""What the texts of a new rule begin with until somebody has written them."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is wrong with a rule, or, where it is not `serious`, with how it reads."""

    text: str
    serious: bool = True


def read(rule: Rule) -> Iterator[Remark]:
    """What is wrong with the English of it."""
    yield from _fit_to_print(rule)
    yield from _handed_over(rule)
    yield from _sources(rule)
    yield from _jargon("the texts", f"{rule.title}\n{rule.action}\n{rule.why}")
    yield from _jargon("the message", rule.message)  # its readers get it alone


def _fit_to_print(rule: Rule) -> Iterator[Remark]:
    for name, text in (("title", rule.title), ("action", rule.action)):
        if not _is_line(text, LONGEST[name]):
            yield Remark(f"{name} is one line of at most {LONGEST[name]} characters, without a full stop at its end")
    if not rule.why:
        yield Remark("why says nothing")
    texts = {name: getattr(rule, name) for name in ("title", "action", "why", "message")}
    texts |= {f"fix.{provider}": steps for provider, steps in rule.fix.items()}
    for name, text in texts.items():
        if PLACEHOLDER in text:
            yield Remark(f"{name} still says what to write there")
    for provider in sorted({"m365", "google"} - rule.not_for - rule.fix.keys()):
        yield Remark(f"no fix.{provider}: write the steps, or name it in not_for where the question does not exist")
    for provider, steps in rule.fix.items():
        if provider in rule.not_for:
            yield Remark(f"fix.{provider} helps nobody: not_for names {provider}")
        numbers = _numbers(steps)
        if not numbers or numbers != [str(n + 1) for n in range(len(numbers))]:
            yield Remark(f"fix.{provider} is steps numbered 1., 2., 3., each at the beginning of a line")


def _sources(rule: Rule) -> Iterator[Remark]:
    if not rule.references:
        yield Remark("no reference: name the page of the provider that it rests on", serious=False)
    for reference in rule.references:
        host = _host(reference)
        if not host:
            yield Remark(f"the reference {reference} is no https address")
        elif host not in TRUSTED:
            yield Remark(f"the reference {reference} is no page of a provider or a benchmark", serious=False)
    for frame, ids in rule.controls.items():
        if frame not in CONTROLS:
            yield Remark(f"controls.{frame} is no benchmark known here: {', '.join(CONTROLS)}", serious=False)
            continue
        for control in ids:
            if not re.fullmatch(CONTROLS[frame], control):
                yield Remark(f"controls.{frame}: {control} does not look like an id of that benchmark")


def _host(reference: str) -> str:
    """Of an https address; empty where it is none."""
    try:
        parts = urlsplit(reference)
    except ValueError:  # a bracket where none belongs
        return ""
    return (parts.hostname or "") if parts.scheme == "https" else ""


def _jargon(where: str, text: str) -> Iterator[Remark]:
    """Title and action are read alone; only `why` has room to explain a word, and then the title may use it."""
    for word, gloss in GLOSSES.items():
        if (said := re.search(rf"\b{word}s?\b", text)) and gloss not in text.lower():
            yield Remark(f"{said[0]} is a word managers do not know: say {gloss!r} in {where}, or both", serious=False)


def _is_line(text: str, longest: int) -> bool:
    return bool(text.strip()) and "\n" not in text and len(text) <= longest and not text.endswith(".")


def _handed_over(rule: Rule) -> Iterator[Remark]:
    """What makes an action of it: hours, where to begin, and what to tell people. A rule can do without, not well."""
    if not rule.takes:
        yield Remark("takes is missing: hours of work, such as takes = { once = 1, each = 0.25 }", serious=False)
    elif not 0 < (longest := max(rule.takes.values())) <= AT_MOST[rule.effort]:
        yield Remark(f"takes says {longest:g} hours: with an effort of {rule.effort} it is more than 0 and at most"
                     f" {AT_MOST[rule.effort]}")  # fmt: skip
    for provider in sorted(rule.fix.keys() - rule.page.keys()):
        yield Remark(f"no page.{provider}: the address of the admin page where its steps begin", serious=False)
    for provider, address in rule.page.items():
        if provider not in rule.fix:
            yield Remark(f"page.{provider} leads nobody: there is no fix.{provider}")
        if provider in CONSOLES and _host(address) not in CONSOLES[provider]:
            yield Remark(f"page.{provider} is no page of {' or '.join(CONSOLES[provider])}")
        if re.search(SOMEBODYS, address, re.IGNORECASE):
            yield Remark(f"page.{provider} is right for one organisation only: {address}")
    if not rule.message:
        yield Remark("no message: what to write or to say to the people concerned", serious=False)
    yield from _sendable("message", rule.message, LONGEST["message"])


def _sendable(name: str, message: str, longest: float) -> Iterator[Remark]:
    """It is sent as it stands: nobody fills anything in."""
    if len(message) > longest:
        yield Remark(f"{name} has {len(message)} characters: more than {longest:g} nobody reads")
    if hole := re.search(r"[{}<>\[\]]|\((the|das|der|die) \w+\)", message):
        yield Remark(f"{name} holds {hole[0]!r}: it is sent as it stands, nobody fills anything in")


# -- in other languages -----------------------------------------------------------------------------------------------


def translations(rule: Rule) -> Iterator[Remark]:
    """What is wrong with each translation; that a rule which comes with Keyround lacks one is remarked, too."""
    for language in (one for one in languages() if one != "en"):
        try:
            said = spoken.overlay(rule, language)
        except RuleError as error:
            yield Remark(error.detail.rstrip("."))
            continue
        if said is not None:
            yield from _as_the_english(rule, language, said)
        elif not rule.folder:
            yield Remark(f"nothing says it in {language}", serious=False)


def _as_the_english(rule: Rule, language: str, said: Mapping[str, Any]) -> Iterator[Remark]:
    for name in spoken.TEXTS:
        if bool(getattr(rule, name)) != bool(said.get(name, "").strip()):
            yield Remark(f"{language}: {name} is missing" if getattr(rule, name) else
                         f"{language}: {name} stands where the English has none")  # fmt: skip
    for name in spoken.TABLES:
        for key in sorted(getattr(rule, name).keys() ^ said.get(name, {}).keys()):
            there = key in getattr(rule, name)
            yield Remark(f"{language}: {name}.{key} {'is missing' if there else 'stands where the English has none'}")
    for name in ("title", "action"):
        if said.get(name) and not _is_line(said[name], int(LONGEST[name] * ROOM)):
            yield Remark(f"{language}: {name} is one line of at most {int(LONGEST[name] * ROOM)} characters,"
                         " without a full stop at its end")  # fmt: skip
    yield from _sendable(f"{language}: message", said.get("message", ""), LONGEST["message"] * ROOM)
    for provider in rule.fix.keys() & said.get("fix", {}).keys():
        if _numbers(rule.fix[provider]) != _numbers(said["fix"][provider]):
            yield Remark(f"{language}: fix.{provider} has not the same numbered steps")
    for name, english, other in _pairs(rule, said):
        if _places(english) != _places(other):
            differing = ", ".join(sorted(_places(english) ^ _places(other)))
            yield Remark(f"{language}: {name} does not lead to the same places: {differing}")


def _pairs(rule: Rule, said: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every text with what is said in its place."""
    for name in spoken.TEXTS:
        if said.get(name):
            yield name, getattr(rule, name), said[name]
    for name in spoken.TABLES:
        for key in sorted(getattr(rule, name).keys() & said.get(name, {}).keys()):
            yield f"{name}.{key}", getattr(rule, name)[key], said[name][key]


def _numbers(steps: str) -> list[str]:
    return re.findall(r"^(\d+)\. ", steps, re.MULTILINE)


def _places(text: str) -> set[str]:
    """Addresses, and names of files, which are no words of any language."""
    found = re.findall(r"(?:https://)?\b[a-z0-9-]{2,}(?:\.[a-z0-9-]{2,})+(?:/[^\s,;:)]*)?", text)
    return {place.rstrip(".") for place in found if not place.replace(".", "").isdigit()}
