"""What connectors and the core write in English while a tenant is read can be said in every language.

A sentence that somebody adds without a translation fails here, with its file and line.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import EntryPoint
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

import keyround
import keyround_google
import keyround_m365
from keyround.errors import COLLECT_ERRORS
from keyround.words import languages, sentences, speaking
from keyround.words.sentences import known, told
from keyround_google.refusals import DATA
from keyround_google.two_step.contradictions import against_policy, against_programs, against_report
from keyround_google.two_step.words import STEP, TITLES
from keyround_m365.conditional_access import gaps

OTHERS = [language for language in languages() if language != "en"]
CORE, M365, GOOGLE = (Path(module.__file__).parent for module in (keyround, keyround_m365, keyround_google))
CORE_FILES = ["connector.py", "errors.py", "engine/thresholds.py", "judging.py", "store/snapshot.py"]
ASKED = {"setup.py", "settings.py", "credentials.py", "certificates.py", "discovery.py", "belonging.py",
         "signing_in.py", "permissions.py"}  # fmt: skip
"""What a person who runs a command reads on the terminal: never stored."""
PHRASED = {"effective.py", "people.py", "documents.py", "contradictions.py", "exclusions.py"}
"""Where phrases without a full stop are sentences of their own."""
TOLD = {"tells", "therefore", "remedy", "detail", "remedy_by_default"}
NOT_ALONE = {"`customer_id` is missing.", "not an object", "1 March 2026", "device state: 1 March 2026"}
"""What is never stored, or only inside another sentence."""
HOLE = "1 March 2026"
COMPOSED = [
    "Microsoft is still searching the audit log, since 09:04 UTC on 2026-11-22: the next scan collects what it finds.",
    "Microsoft refused the sign-in of this scan (AADSTS50011).",
    "Check tenant_id, client_id and the credential. Microsoft explains the code at https://microsoft.example/50011.",
    "Sign in again and tick every box: run the command once more.",
    "Sign in again and tick every box: delete token.json, then run `keyround check` on this computer.",
    "The report cannot say from where people signed in.",
    "No second factor in Exchange Online and in other apps than Azure management in a browser on trusted networks; "
    "outside “Office” when the risk is medium or high.",
    "Instead of a second factor it is enough to have an approved app or accepted terms of use together with an "
    "authentication of the strength “Passkeys”: on Windows and Mac; in “Büro” but outside “A and B”.",
    "It depends on this: the policy “A; B” names people in a way that Keyround does not know; licences were not read.",
    "URGENT: The certificate ends in one day, on 24 Nov 2026. Without a new one the next scan reads nothing. "
    "`keyround cert new` makes the next one; both work at once.",
    "The client secret ends in 20 days, on 13 Dec 2026. Replace it now. "
    "Create a new one or, better, a certificate (`keyround cert new`).",
    "2-Step Verification for the group Sales in the unit /DACH, with certain licences, since 1 March 2026",
    "The report cannot say of everybody whether sign-ins from there came from abroad: Denmark, Sweden.",
    'A home is that of "Vertrieb". No department, no organisational unit and no group that was read is called so.',
]  # fmt: skip


def written() -> Iterator[tuple[str, str]]:
    """Where a sentence stands, and the sentence with something in each hole."""
    for file in [*(CORE / name for name in CORE_FILES), *sorted(M365.rglob("*.py")), *sorted(GOOGLE.rglob("*.py"))]:
        if file.name not in ASKED and file.name not in ("gaps.py", "contradictions.py"):
            for line, text in _literals(file):
                yield f"{file.name}:{line}", text
    for file, keys in ((GOOGLE / "errors.toml", ("detail", "remedy")),
                       (M365 / "sign_in_refusals.toml", ("happened", "remedy"))):  # fmt: skip
        for name, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for entry in entries if isinstance(entries, list) else [entries]:
                for key in keys:
                    if entry.get(key):
                        yield f"{file.name}:{name}", re.sub(r"{\w+}", HOLE, entry[key])
    yield from (("two_step/words.py", f"{title} for the whole organisation") for title in TITLES.values())
    yield from (("refusals.py", f"Google gave no token for {data}: no.") for data in DATA.values())
    yield from (
        ("gaps.py", f"Instead of a second factor it is enough to have {way}.") for way in gaps._INSTEAD.values()
    )
    yield from (("gaps.py", f"No second factor {one}.") for one in (*gaps._CLIENTS.values(), *gaps._FLOWS.values()))


def _literals(file: Path) -> Iterator[tuple[int, str]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = {"STEP": STEP} | {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    passed = {id(one): True for node in ast.walk(tree) for one in _passed(node)}
    inside = {id(one) for node in ast.walk(tree) for one in _no_sentence(node)}
    for node in ast.walk(tree):
        text = _filled(node, named) if id(node) not in inside else None
        if text is None or " " not in text.strip():
            continue
        sentence = re.fullmatch(r"[A-Z`].* .*[.]", text, re.DOTALL)
        phrase = file.name in PHRASED and len(re.findall(r"\b[a-z]{2,}\b", text)) > 1 and text.strip() == text
        if sentence or phrase or passed.get(id(node)):
            yield node.lineno, text  # type: ignore[attr-defined]


def _passed(node: ast.AST) -> Iterator[ast.AST]:
    """Texts that are given to an error or to a data set."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in COLLECT_ERRORS:
        yield from node.args[:3]
    elif isinstance(node, ast.keyword) and node.arg in TOLD:
        yield node.value


def _no_sentence(node: ast.AST) -> Iterator[ast.AST]:
    """What is part of another literal, documentation, a log line, or Google's and Microsoft's own words."""
    if isinstance(node, ast.JoinedStr):
        yield from (one for one in ast.walk(node) if one is not node)
    whose = node.value if isinstance(node, ast.Subscript) else node.func if isinstance(node, ast.Call) else node
    if isinstance(whose, ast.Name | ast.Attribute) and re.match(r"Annotated$|_?log[.]|re[.]", ast.unparse(whose)):
        yield from ast.walk(node)
    body = getattr(node, "body", None)
    if isinstance(body, list):
        yield from (one.value for one in body if isinstance(one, ast.Expr))


def _filled(node: ast.AST, named: Mapping[str, object]) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else str(named.get(ast.unparse(part.value), HOLE))
            for part in node.values
        )
    return None


def _contradictions() -> Iterator[str]:
    """What begins in one place and ends in another, as it is put together."""
    now = datetime(2026, 11, 23)
    left = SimpleNamespace(gap="Not enrolled: the enrolment period of 7 days begins with the first sign-in.")
    for words, admin in product(("off", "scheduled"), (True, None, False)):
        yield from against_policy(True, SimpleNamespace(words={words}), SimpleNamespace(admin=admin), None, now)
    for since, leave, spared in (
        (now, None, ""), (datetime(2026, 1, 1), left, ""), (datetime(2026, 1, 1), None, "the unit /Lager"),
        (datetime(2026, 1, 1), None, ""),
    ):  # fmt: skip
        demand = SimpleNamespace(words={"on"}, dates=[since], spared=spared)
        yield from against_policy(False, demand, SimpleNamespace(admin=False), leave, now)
    for day, protected, enrolled in product((now, None), (True, False), (True, False)):
        measure = SimpleNamespace(as_of=day, protected=protected, enrolled=enrolled, enforced=True, less_secure_apps=1)
        yield from against_report(measure, True, not protected)
        yield from against_programs(measure, SimpleNamespace(old_programs=False))


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_that_is_stored_can_be_said(language: str) -> None:
    with speaking(language):
        missing = {f"{place} {text}" for place, text in written() if text not in NOT_ALONE and not _said(text)}
        missing |= {text for text in _contradictions() if not _said(text)}
    assert not missing, "\n".join(["no translation of:", *sorted(missing)])


def _said(text: str) -> bool:
    """As it is, or without what is not always there: "again{more}"."""
    return known(text) or known(re.sub(rf"(?<=[\w.]){HOLE}|{HOLE}(?=\w)|^{HOLE} ", "", text))


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("text", COMPOSED)
def test_what_is_put_together_is_said_without_a_word_of_english(text: str, language: str) -> None:
    with speaking(language):
        said = told(text)
    assert not re.search(r"\b(the|of|to|not|is|when|or|with|cannot|sign)\b", re.sub("[“„].*?[”“]", "", said)), said


def test_values_are_filled_in_and_never_read() -> None:
    name = "{0.__class__} “No second factor.” and Scan again. The end"
    with speaking("de"):
        assert told(f"{name}: exempt as a guest") == f"{name}: ausgenommen als Gast"
        assert told(f"The sign-in provider of {name}") == f"Anmeldedienst von {name}"
        assert told("Nothing that we ever wrote. Scan again.") == "Nothing that we ever wrote. Erneut scannen."
    assert told("Scan again.") == "Scan again."


def test_a_stranger_brings_sentences_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that is only looked at: importing it would fail."""
    package = tmp_path / "keyround_okta"
    (package / "words").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError")
    (package / "words" / "de.toml").write_text('"Okta kept {n} accounts back." = "Okta hielt {n} Konten zurück."')
    point = EntryPoint("okta", "keyround_okta.door:CONNECTOR", "keyround.connectors")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sentences, "entry_points", lambda group: [point])
    sentences.forget()
    with speaking("de"):
        assert told("Okta kept 3 accounts back.") == "Okta hielt 3 Konten zurück."
    sentences.forget()
