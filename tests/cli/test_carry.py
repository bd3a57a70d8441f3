"""What people write into a workbook, over two further scans: people added, fixed, renamed; findings gone and back."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from keyround.cli import main

OPEN, FIXED = "account-no-second-factor", "admin-no-second-factor"
AT = ["2026-11-20T12:00:00Z", "2026-11-27T12:00:00Z", "2026-12-04T12:00:00Z"]


class Book:
    """A workbook, read once."""

    def __init__(self, path: Path) -> None:
        self.book = load_workbook(path)

    def rows(self, sheet: str) -> list[dict[str, Any]]:
        """The cells below the last header that has a Ref, by title."""
        found: list[dict[str, Any]] = []
        titles: list[Any] = []
        for row in self.book[sheet].iter_rows():
            if "Ref" in (values := [cell.value for cell in row]):
                titles, found = values, []
            elif titles:
                found.append(dict(zip(titles, row, strict=True)))
        return found

    def row(self, sheet: str, **wanted: str) -> dict[str, Any]:
        """The one row where each of these columns begins so."""
        (found,) = [
            row for row in self.rows(sheet)
            if all(str(row[title.replace("_", " ")].value).startswith(text) for title, text in wanted.items())
        ]  # fmt: skip
        return found


def fill(row: dict[str, Any], **said: Any) -> None:
    for title, value in said.items():
        row[title].value = value


def said_in(row: dict[str, Any]) -> list[Any]:
    return [row[title].value for title in ("Owner", "Due", "Status", "Note")]


def test_what_people_wrote_survives_two_further_scans(desk, monkeypatch, capsys):
    here = desk("google")
    monkeypatch.chdir(here.folder)
    monkeypatch.setenv("TOKEN_GOOGLE", here.environment["TOKEN_GOOGLE"])

    def run(*words: str) -> tuple[int, str]:
        status = main(list(words))  # here: as many processes would take as long again
        return status, capsys.readouterr().err

    users = {row["primaryEmail"].partition("@")[0]: row for row in here.cloud.tenant("google").tables["users"]}

    def scan(number: int, *more: str) -> tuple[Path, str]:
        status, said = run("scan", "acme", "--at", AT[number], "--format", "xlsx", *more)
        assert status == 1, said
        (path,) = here.folder.glob(f"acme-{AT[number][:10]}.xlsx")
        return path, said

    first, _ = scan(0)
    book = Book(first)
    first_open, fixed = (book.row("Actions", Rule_id=rule) for rule in (OPEN, FIXED))
    fill(first_open, Owner="Mara", Due=date(2026, 12, 4), Status="Done", Note="Letters are out.")
    fill(fixed, Owner="Söhne", Status="Waiting for keys")
    fill(jana := book.row("Findings", User_name="jana.", Rule_id=OPEN), Owner="Bo")
    book.book["Actions"].append([None, None, None, "Ask the insurer"])
    book.book["Actions"].title = "Our list"
    book.book.save(renamed := here.folder / "Mara's list.xlsx")
    first.unlink()
    theirs = renamed.read_bytes()

    # One added, one fixed, one renamed; and all of another action fixed.
    users["nele.quast"]["isEnrolledIn2Sv"] = True
    jana_ernst = {"primaryEmail": "jana.ernst@atelier-hollenstedt.example", "name": {"fullName": "Jana Ernst"}}
    users["jana.luetke"] |= jana_ernst
    new = {"id": "100000000000000000007", "primaryEmail": "neu@atelier-hollenstedt.example"}
    here.cloud.tenant("google").tables["users"].append(users["aushilfe"] | new | {"name": {"fullName": "Neu Dazu"}})
    bare = [row for row in users.values() if row["isAdmin"] or row["isDelegatedAdmin"]]
    bare = [row for row in bare if not row["isEnrolledIn2Sv"]]
    for row in bare:
        row["isEnrolledIn2Sv"] = True
    second, said = scan(1)
    assert renamed.read_bytes() == theirs and "marked done and still found" in said and "Ask the insurer" in said
    book = Book(second)
    still = book.row("Actions", Ref=first_open["Ref"].value)
    assert said_in(still) == ["Mara", datetime(2026, 12, 4), "Done", "Letters are out."]
    assert still["Since last time"].value.startswith("Marked done, still found")
    assert "Neu Dazu" in still["Who"].value and "Jana Ernst" in still["Who"].value
    assert "Nele" in first_open["Who"].value and "Nele" not in still["Who"].value
    found = book.row("Findings", Ref=jana["Ref"].value)
    assert (found["User name"].value, found["Owner"].value) == (jana_ernst["primaryEmail"], "Bo")
    gone = book.row("Changes", Ref=fixed["Ref"].value)
    assert said_in(gone) == ["Söhne", None, "Waiting for keys", None]
    assert gone["Last found"].value == datetime(2026, 11, 20)
    assert book.row("Changes", Ref="N-")["What it was about"].value == "Could not be placed: Ask the insurer"

    # A copy comes back by mail; another client's is refused before anything is asked.
    mailed = here.folder / "mail" / "copy.xlsx"
    mailed.parent.mkdir()
    fill(still, Status="In progress", Owner=None)
    book.book.save(mailed)
    here.cloud.requests.clear()
    config = here.folder / "keyround.toml"
    config.write_text(config.read_text() + config.read_text().split("\n", 1)[1].replace("client.acme", "client.other"))
    status, said = run("scan", "other", "--carry", str(mailed))
    assert status == 2 and "'acme'" in said and not here.cloud.requests
    users["gesa.mundt"]["isEnrolledIn2Sv"] = False
    third, _ = scan(2, "--carry", str(mailed))
    book = Book(third)
    still, back = (book.row("Actions", Rule_id=rule) for rule in (OPEN, FIXED))
    assert said_in(still) == [None, datetime(2026, 12, 4), "In progress", "Letters are out."]
    assert said_in(back) == ["Söhne", None, "Waiting for keys", None]

    # Through a program that keeps no properties: its refs say whose it is.
    fill(back, Note="The keys are here.")
    for name in [one.name for one in book.book.custom_doc_props.props]:
        del book.book.custom_doc_props[name]
    book.book.save(mailed)
    run("report", "acme", "--carry", str(mailed))
    (found,) = [one for one in here.results()["actions"] if one["ref"] == still["Ref"].value]  # type: ignore[attr-defined]
    assert [found[name] for name in ("owner", "due", "status")] == [None, "2026-12-04", "in_progress"]
    (found,) = [one for one in here.results()["actions"] if one["ref"] == back["Ref"].value]  # type: ignore[attr-defined]
    assert (found["owner"], found["note"]) == ("Söhne", "The keys are here.")
    kept = here.folder / "store" / "acme"
    assert not any(path.stat().st_mode & 0o077 for path in (kept / "notes.json", *(kept / "noted").iterdir()))
