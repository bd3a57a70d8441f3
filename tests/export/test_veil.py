"""People by code: no name anywhere in any file, what is so and what people did never joined, the figures as ever."""

from __future__ import annotations

import html
import json
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from keyround import export
from keyround.engine.results import Evaluated, Finding, Judged, Scan
from keyround.errors import StoreError
from keyround.export import portfolio, sheets
from keyround.export.blocks import Column, Sheet, Table
from keyround.export.standing import standing
from keyround.export.text import render
from keyround.export.veil import veiled as last_look
from keyround.handover import hand_over, names, veil
from keyround.handover.ours import our_words
from keyround.handover.scrub import Index
from keyround.model import Account, Device, MfaEnforcement, SignInPlace
from keyround.presentation import FORMATS, Presentation, Provider
from keyround.store import ClientStore
from keyround.terms import Home, Remark, Terms, Trip

from .invented import (
    ABROAD,
    ACCEPTANCES,
    BEFORE,
    FACTOR,
    GOOGLE,
    M365,
    MICROSOFT,
    NOW,
    RESULTS,
    SECOND,
    WORKSPACE,
    Held,
    accept,
    accepting,
    account,
    bare,
    changed,
    company,
    findings,
    rule,
)

AGED = rule("device-outdated", title="Old devices", subject="devices", action="Replace it")
TRIED = rule("password-spraying", title="Passwords tried at many", nature="event", subject="tenants", action="Look")
SEQUENCE = rule("takeover-sequence", title="Looks taken over", nature="event", severity="critical", action="Call")
TWIN = "tilde.quittenbaum"
STEPS = ["2026-11-09T02:10:00Z abroad PT 198.51.100.4", "2026-11-09T02:15:00Z forwarding_outside bo@post.example"]
MORE = (
    Evaluated(AGED, M365, (Judged("d1", "fail", {"account": f"{TWIN}@brandtner.example", "device": "QUITTENBAUM-PC",
                                                 "last_seen": NOW}),)),
    Evaluated(TRIED, M365, (Judged(M365, "fail", {"names": [f"{TWIN}@brandtner.example", "OLD@brandtner.example"],
                                                  "attempts": 12}, "2026-11-09"),)),
    Evaluated(SEQUENCE, M365, (Judged("tilde", "fail", {"account": f"{TWIN}@brandtner.example", "administrator": False,
                                                       "timeline": STEPS, "times": 31}),)),
)  # fmt: skip
PEOPLE = [
    account("tilde", "Tilde Quittenbaum", username=f"{TWIN}@brandtner.example", mail="t.quittenbaum@post.example"),
    bare("tilde"),
    MfaEnforcement("tilde", "conditional", enforced_by=["Alle außer Quittenbaum, Tilde"], gaps=["Ask Coskun about it"],
                   contradiction="Signed in with the password alone on 9 November."),
    Device("d1", "directory", name="QUITTENBAUM-PC", account_id="tilde"),
    SignInPlace("tilde", None, "PT", "success", False, True, 31, 31, datetime(2026, 11, 9), NOW, ["198.51.100.4"]),
    SignInPlace("tilde", None, "DE", "success", False, False, 40, 0, NOW, NOW, None),
]  # fmt: skip
SAME = account("777", "Tilde Q.", username=f"{TWIN}@Brandtner.example")


def scan(presentation: Presentation) -> Scan:
    """The invented company with names wherever people write them."""
    results = (*RESULTS, *MORE)
    again = Finding(M365, ABROAD, Judged("gone-9", "unknown", aspect="PT"), "not_rechecked", BEFORE, BEFORE,
                    "leontine.gone@brandtner.example")  # fmt: skip
    made = company(
        results=results,
        findings=(*findings(results), again),
        tables=Held({M365: [*MICROSOFT, *PEOPLE], GOOGLE: [*WORKSPACE, SAME]}),
        previous=BEFORE,
        changes=(*SECOND["changes"], changed("new", SEQUENCE, "tilde", None, f"{TWIN}@brandtner.example"),  # type: ignore[misc]
                 changed("gone", AGED, "d9", who="LEONTINE-NB")),
        presentation=presentation,
        terms=Terms(homes=(Home(("PT",), people=("eva@brandtner.example",)),),
                    trips=(Trip(date(2026, 11, 9), date(2026, 11, 10), people=("cy@brandtner.example",)),)),
        remarks=(Remark("Nobody is called bo.lindner@elsewhere.example.", "Lindner's trip explains nothing.", "Ask."),),
    )  # fmt: skip
    reasons = (
        accept(FACTOR, "bo@brandtner.example"),
        replace(accept(ABROAD, "cy", aspect="PT"), reason="Cy Adler is there until May.", owner="Eva Dietz"),
        replace(accept(SEQUENCE, ""), reason="Frau Quittenbaum was called."),
    )
    return accepting(made, *ACCEPTANCES[3:], *reasons)


def presented(**given: Any) -> Presentation:
    return Presentation(provider=Provider("Nordlicht IT", "A. Petersen"), **given)


def written(presentation: Presentation, folder: Path) -> dict[str, str]:
    """Every part of every file that is handed over, as text, by name."""
    (folder / "out").mkdir()
    handed = hand_over(scan(presentation), folder / "out", ClientStore(folder, "acme"), "high", FORMATS)
    parts = {"what is said": render(next(iter(sheets(handed.scan))))}
    for path in (folder / "out").rglob("*"):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                parts |= {f"{path.name}/{name}": book.read(name).decode("utf-8") for name in book.namelist()}
        elif path.is_file():
            parts[path.name] = path.read_text(encoding="utf-8-sig")
    return {name: html.unescape(text) for name, text in parts.items()}


def planted() -> list[re.Pattern[str]]:
    """Every display name, user name, first half of one and id of an account; of people also each word of the name."""
    found = {"leontine.gone@brandtner.example", "leontine.gone", "LEONTINE-NB", "QUITTENBAUM-PC", "bo.lindner",
             "t.quittenbaum", "Leontine", "old@brandtner.example"}  # fmt: skip
    for row in [*MICROSOFT, *WORKSPACE, *PEOPLE, SAME]:
        if isinstance(row, Account):
            name = row.display_name or ""
            found |= {name, row.username or "", (row.username or "").partition("@")[0], row.account_id}
            found |= set(re.findall(r"[^\W\d_]{4,}", name)) if row.kind == "member" and "=" not in name else set()
    ours = our_words(scan(presented()))  # "Info" is a mailbox here, and a word of every report
    named = [name for name in found if len(name) > 2 and name not in ours]
    assert {"Quittenbaum", "Lindner", "Berg", "Dietz", TWIN, "Ada Berg", "Gus Guest"} < set(named)
    return [re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", re.I) for name in named]


@pytest.mark.parametrize("given", [
    {"names": "coded", "language": "de"}, {"names": "initials"}, {"names": "coded", "works_council": True},
], ids=lambda given: "-".join(map(str, given.values())))  # fmt: skip
def test_no_name_stands_anywhere_in_any_file(given: dict[str, Any], tmp_path: Path) -> None:
    parts = written(presented(**given), tmp_path)
    assert any(name.endswith("sheet3.xml") for name in parts) and any(name.endswith(".json") for name in parts)
    for pattern in planted():
        for name, text in parts.items():
            found = pattern.search(text)
            assert not found, f"{name}: {text[max(0, found.start() - 60) : found.end() + 30]}"
    assert "P-" in "".join(parts.values())
    plain = json.loads(parts["brandtner-2026-11-23.json"])
    assert len({(one["tenant"], one["account_id"]) for one in plain["accounts"]}) == len(plain["accounts"]) == 12
    assert {one["username"] for one in plain["accounts"]} == {None}
    schema = Path(export.__file__).parents[1] / "schema" / "results.schema.json"
    Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(plain)


@pytest.fixture(scope="module")
def council(tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """The scan as a works council has it: state by name, behaviour by code."""
    told = scan(presented(works_council=True))
    return veil.veiled(told, *names.coded(told, tmp_path_factory.mktemp("store")))


def tables(told: Scan) -> dict[str, list[dict[str, Any]]]:
    """The rows of every sheet by column title."""
    found: dict[str, list[dict[str, Any]]] = {}
    for sheet in sheets(told):
        for block in sheet.blocks:
            if isinstance(block, Table):
                titles = [column.title for column in block.columns]
                found[sheet.name] = [dict(zip(titles, row, strict=True)) for row in block.rows]
    return found


def test_state_is_named_behaviour_is_coded_and_no_row_holds_both(council: Scan, tmp_path: Path) -> None:
    got = tables(council)
    assert {"Bo Lindner", "Tilde Quittenbaum"} <= {row["Name"] for row in got["People"]}
    assert not {"Last sign-in", "Signed in from"} & {*got["People"][0], *got["Administrators"][0]}
    assert "Signed in with the password alone" not in str(got["People"])
    by_rule: dict[str, set[Any]] = {}
    for row in got["Findings"]:
        by_rule.setdefault(str(row["Finding"]), set()).add(row["Who"])
    assert "Bo Lindner" in by_rule[FACTOR.title]
    assert all(re.fullmatch(r"P-\d+", who) for who in by_rule[ABROAD.title] | by_rule[SEQUENCE.title])
    assert all(re.fullmatch(r"P-\d+", str(row["Name"])) for row in got["Sign-ins abroad"])
    patterns = planted()
    for name, table in got.items():
        for row in table:
            text = " ".join(map(str, row.values()))
            assert not (re.search(r"\bP-\d", text) and any(pattern.search(text) for pattern in patterns)), (name, row)
    said = "\n".join(render(sheet) for sheet in sheets(council))
    assert "P-" in next(line for line in said.splitlines() if line.startswith("Reported trips"))
    assert "Who is behind a code can be found by whoever keeps the data of this report" in said


def test_a_works_council_sees_no_time_of_day_no_count_of_a_person_and_no_sign_in_from_home(
    council: Scan, tmp_path: Path
) -> None:
    got = tables(council)
    for name in ("Findings", "Sign-ins abroad", "Actions", "People"):
        assert not re.search(r"\b\d\d:\d\d\b", str(got[name])), name
    (tilde,) = (row for row in got["Findings"] if row["Finding"] == SEQUENCE.title)
    assert "31" not in tilde["Facts"] and "9 Nov 2026: Signed in from abroad (Portugal" in tilde["Facts"]
    assert (
        "9 Nov 2026: Something of the account was changed" in tilde["Facts"]
    )  # whose mail goes where stands elsewhere
    assert {row["Sign-ins"] for row in got["Sign-ins abroad"]} == {"Up to 5", "Over 20"}
    assert {row["Password alone"] for row in got["Sign-ins abroad"]} == {"Yes", "No", None}
    plain = json.loads(written(presented(works_council=True), tmp_path)["brandtner-2026-11-23.json"])
    assert all(one["success"] is None and "DE" not in one["countries"] for one in plain["sign_ins"]["by_account"])
    assert plain["sign_ins"]["success"] == standing_of_sign_ins()  # the totals stay
    assert all(one["last_sign_in"] is None and one["sign_in_countries"] is None for one in plain["accounts"])
    assert not re.search(r"T\d\d:\d\d", json.dumps([one["evidence"] for one in plain["findings"]]))


def standing_of_sign_ins() -> int:
    places = [row for row in [*MICROSOFT, *PEOPLE] if isinstance(row, SignInPlace)]
    return sum(place.records or 0 for place in places if place.outcome == "success")


@pytest.mark.parametrize("given", [{"names": "coded"}, {"names": "initials"}, {"works_council": True}])
def test_figures_are_the_same_however_people_are_called(given: dict[str, Any], tmp_path: Path) -> None:
    plain, other = scan(presented()), scan(presented(**given))
    other = veil.veiled(other, *names.coded(other, tmp_path))
    first, second = (render(next(iter(sheets(one)))).splitlines() for one in (plain, other))
    assert [line for line in first if "Lindner" not in line] == [line for line in second if "P-" not in line]
    assert standing(other).people.total == standing(plain).people.total
    assert standing(other).abroad.guests == standing(plain).abroad.guests
    assert len(tables(other)["People"]) == len(tables(plain)["People"])


def test_a_note_joins_no_code_to_a_name(council: Scan) -> None:
    columns = (Column("Who"), Column("Note", fill_in=True))
    code = tables(council)["Sign-ins abroad"][0]["Name"]
    rows = [(code, "Was Tilde Quittenbaum, she says."), ("Bo Lindner", f"The same as {code}?")]
    told = last_look(Sheet("Actions", (Table("t", columns, rows),)), council)
    first, second = told.blocks[0].rows  # type: ignore[union-attr]
    assert "Quittenbaum" not in first[1] and first[1].startswith("Was P-")
    assert second == ("Bo Lindner", "The same as …?")


def test_the_providers_overview_calls_people_as_their_own_report_does(tmp_path: Path) -> None:
    told = scan(presented(names="coded"))
    client = portfolio.taken_in(veil.veiled(told, *names.coded(told, tmp_path)))
    said = str((client.parts, client.silences))
    found = [pattern.pattern for pattern in planted() if pattern.search(said)]
    assert not found and "P-" in said


def test_codes_stay_and_tell_neither_the_alphabet_nor_two_people_where_there_is_one(tmp_path: Path) -> None:
    def codes(*more: Account) -> dict[str, int]:
        staff = [account(f"a{n:02}", f"Name {n:02}") for n in range(40)]
        held = Held({M365: [*staff, *more], GOOGLE: [account("9", "N", username="a00@brandtner.example")]})
        told = company(tables=held, findings=(), presentation=presented(names="coded"))
        known, _ = names.coded(told, tmp_path)
        assert known
        return known.numbers["P"]

    first = codes()
    assert first[f"{M365}/a00"] == first[f"{GOOGLE}/9"]
    assert sorted(set(first.values())) == list(range(1, 41))
    assert [first[f"{M365}/a{n:02}"] for n in range(40)] != sorted(first[f"{M365}/a{n:02}"] for n in range(40))
    second = codes(account("a-first", "Aaron First"))
    assert second.items() > first.items() and second[f"{M365}/a-first"] == 41
    assert (tmp_path / "codes.json").stat().st_mode & 0o077 == 0
    (tmp_path / "codes.json").write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be read"):  # never begun anew: an old report would name the wrong one
        codes()
    (tmp_path / "codes.json").unlink()
    (tmp_path / "codes.json").mkdir()
    with pytest.raises(StoreError):
        codes()


def test_names_in_free_text() -> None:
    index = Index(ours=frozenset({"May", "Anna", "Info"}), kept=frozenset({"brandtner"}))
    index.add(1, "Anna May", ["anna.may@x.example"])
    index.add(2, "Lindner, Björn", ["bl@x.example"])
    index.add(3, "Info", ["info@x.example"], parts=False)
    index.add(4, "Kai Lindner", [])
    index.add(5, "Hans Brandtner", [])
    index.add(6, "李小龙", [])
    for text, said in {
        "For Anna May only": "For <1> only",
        "until May; anna.may was told": "until May; <1> was told",
        "björn lindner and LINDNER, BJÖRN": "<2> and <2>",
        "the Lindners, Lindner": "the Lindners, …",  # which of the two nobody says
        "Info: see ANNA.MAY@X.example.": "Info: see <1>.",
        "to 'bl@x.example', a.b@other.example": "to '<2>', …@other.example",
        "Brandtner GmbH, Hans Brandtner": "Brandtner GmbH, <5>",
        "@ @x a@ 李小龙": "@ @x a@ <6>",
        "Anna\nMay": "Anna\nMay",  # two words of a list, and both are ours
    }.items():
        assert index.scrub(text, lambda n: f"<{n}>" if n > 0 else "…") == said


def test_initials() -> None:
    for name, said in {"Peer van Lindner": "P. L.", "lindner, peer": "L. P.", "Info": "I.", "": "", "=1+1": "",
                       "Änne-Marie Öz (IT)": "Ä. I.", "\u202eAda": "A."}.items():  # fmt: skip
        assert names.initials(name) == said
