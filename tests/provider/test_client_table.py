"""Lists of clients as people keep them, keys out of names, and a client taken out of a file of several."""

from __future__ import annotations

import pytest

from keyround.config.keys import LONGEST, key_of
from keyround.config.removed import without
from keyround.errors import ConfigError
from keyround.provider.clients import table

GERMAN = 'Kunde;Domain;Länder;Ort\r\nMüller & Söhne;mueller.example;DE, AT;Kiel\r\n;;;\r\n"Nord; Süd";x.example;;\r\n'


@pytest.mark.parametrize(
    "raw",
    [
        GERMAN.encode("cp1252"), GERMAN.encode("utf-8-sig"), GERMAN.encode(), GERMAN.encode("utf-16"),
        ("sep=;\r\n" + GERMAN).encode("cp1252"), GERMAN.replace(", ", "/").replace(";", ",").encode(),
    ],
)  # fmt: skip
def test_a_file_as_excel_writes_it(raw, tmp_path):
    (tmp_path / "kunden.csv").write_bytes(raw)
    found = table.read(tmp_path / "kunden.csv")
    first, second = found.lines
    assert first.cells | {"home": ""} == {"name": "Müller & Söhne", "m365": "mueller.example", "home": ""}
    assert (second.cells["m365"], found.unused, found.mistakes) == ("x.example", ("Ort",), ())
    assert second.place == f"kunden.csv, line {5 if raw.startswith(b'sep') else 4}"


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "is empty"),
        ("Kunde;Ort\nA;B\n", "no column names a tenant"),
        ("kude;m365\nA;B\n", "Did you mean 'kunde'"),
        ("name;firma;m365\nA;B;C\n", "'name' and 'firma' are the same column"),
        ('name;m365\n"A;b.example\nC;d.example\n', "line 2: unexpected end of data"),
        ("PK\3\4", "Save as > CSV"),
    ],
)
def test_what_is_no_such_list(text, said, tmp_path):
    (tmp_path / "kunden.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        table.read(tmp_path / "kunden.csv")
    assert said in str(caught.value) and "kunden.csv" in str(caught.value)


def test_a_cell_too_many_is_one_line_s_mistake(tmp_path):
    (tmp_path / "k.csv").write_text("name;m365\nA;a.example\nB; C;b.example\n")
    found = table.read(tmp_path / "k.csv")
    assert len(found.lines) == 1 and "k.csv, line 3 has more cells" in found.mistakes[0].detail


def test_keys():
    names = ["Müller & Söhne", "Åse Ødegård Ærø A/S", "Straße", "Łódź", "Con", "LPT1", "  ACME  ", "U\u0308ber"]
    assert [key_of(name) for name in names] == [
        "mueller-soehne", "aase-oedegaard-aeroe-a-s", "strasse", "lodz", "con-client", "lpt1-client", "acme", "ueber",
    ]  # fmt: skip
    long = "Brandtner Anlagenbau und Maschinentechnik Gesellschaft mbH & Co KG"
    taken: set[str] = set()
    for _ in range(12):
        taken.add(key_of(long, taken))
    assert len(taken) == 12 and max(map(len, taken)) <= LONGEST and "brandtner-anlagenbau-und-12" in taken
    with pytest.raises(ConfigError):
        key_of("&")


SEVERAL = '''# The file's own head.
store = "s"

[client.b]
name = "B"
[[client.b.tenant]]
connector = "m365"
# [[client.b.home]] an example

# About A, which goes with it.
[client.a]
name = """
[client.b]
"""
[client.a.order]
authorised_by = "X"
[[client.a.tenant]]
connector = "m365"
# More about A.

# About AB.
[client."ab"]
name = "AB"  # stays
[[client.ab.tenant]]
connector = "google"
'''


def test_everybody_else_s_lines_stay():
    left = without(SEVERAL, "a")
    begins, ends = SEVERAL.index("# About A,"), SEVERAL.index("# About AB.")
    assert left == SEVERAL[:begins] + SEVERAL[ends:]
    assert without(without(left, "b"), "ab").startswith("# The file's own head.\nstore")
    assert without('# Only one.\n[client.a]\nname = "A"\n', "a") == ""
    inline = 'client = { a = { name = "A" }, b = { name = "B" } }  # both\n'
    assert " ".join(without(inline, "a").split()) == 'client = { b = { name = "B" } } # both'
