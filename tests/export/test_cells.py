"""Cells as CSV: nothing runs, numbers stay numbers, and the same text comes back."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyround import words
from keyround.export import cells, clean
from keyround.export.blocks import Cell, Link


def written(*rows: tuple[Cell, ...]) -> str:
    file = io.StringIO(newline="")
    write = cells.row_writer(file)
    for row in rows:
        write(row)
    return file.getvalue()


def test_a_row() -> None:
    row = (1, -2.5, True, None, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), float("nan"), Link("Ada", sheet="People"))
    assert written(row, ("a,b", 'say "x"', "two\nlines", "-")) == (
        "1,-2.5,Yes,,2026-01-02,2026-01-02 03:04,,Ada\r\n"
        '"a,b","say ""x""","two\nlines",\'-\r\n'
    )  # fmt: skip


def test_where_the_decimal_sign_is_a_comma_cells_are_parted_by_semicolons() -> None:
    with words.speaking("de"):
        assert written((1.5, "a;b", "a,b", 1234567)) == '1,5;"a;b";a,b;1234567\r\n'


RUN = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", "\ufeff=1", "\u200b @A"]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_shown(text: str) -> None:
    assert cells.plain(text).startswith("'")
    assert cells.plain(Link(text, "https://x.example")).startswith("'")


@given(st.lists(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("=+-@\t\r\n;,\"' ﻿"))), min_size=1))
def test_any_text_comes_back(texts: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(written(tuple(texts)), newline=""))
    for got, text in zip(row, texts, strict=True):
        assert got.removeprefix("'") == clean.clean(text).removeprefix("'")
        assert not got.strip().startswith(("=", "+", "-", "@"))
