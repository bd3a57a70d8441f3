"""keyround.toml edited for its owner: what was meant, nothing else, and no comment lost or moved."""

from __future__ import annotations

import tomllib
from datetime import date

import pytest

from keyround.cli.edited import added, removed, renewed

ENTRY = {"rule": "x", "subject": 'a "b"', "reason": "Because\nof it.", "until": date(2027, 6, 30)}
SECTION = (
    '[[client.acme.accept]]\nrule    = "x"\nsubject = "a \\"b\\""\nreason  = "Because\\nof it."\nuntil   = 2027-06-30\n'
)
FILE = """\
# head
store = "s"

[client.acme]   # ours
name = "A"  # note

[[client.acme.tenant]]
connector = "m365"
# the tenant's last comment

# ---- another client
[client.beta]
name = "B"
"""


def test_a_section_comes_behind_the_client_s_own_and_comments_stay_where_they_were() -> None:
    made = added(FILE, "acme", ENTRY)
    assert made == FILE.replace("\n# ---- another", f"\n{SECTION}\n# ---- another")
    assert added(FILE, "beta", ENTRY) == FILE + "\n" + SECTION.replace("acme", "beta")
    again = added(made, "acme", ENTRY | {"rule": "y"})
    assert again and [one["rule"] for one in tomllib.loads(again)["client"]["acme"]["accept"]] == ["x", "y"]
    assert removed(again, "acme", 1) == made and removed(made, "acme", 0) == FILE


def test_renewing_changes_the_values_and_keeps_what_stands_around_them() -> None:
    made = added(FILE, "acme", ENTRY)
    assert made
    noted = made.replace("until   = 2027-06-30\n", "# asked in spring\nuntil   = 2027-06-30  # or sooner\n")
    again = renewed(noted, "acme", 0, {"until": date(2028, 1, 1), "severity": "high"})
    assert again == noted.replace("2027-06-30", "2028-01-01").replace(".accept]]\n", '.accept]]\nseverity = "high"\n')


def test_lines_of_windows_stay_lines_of_windows() -> None:
    made = added(FILE.replace("\n", "\r\n"), "acme", ENTRY)
    assert made and "\n" not in made.replace("\r\n", "")
    assert removed(made, "acme", 0) == FILE.replace("\n", "\r\n")


@pytest.mark.parametrize(
    "text",
    [
        'client.acme.name = "A"\n',
        'client.acme = { name = "A" }\n',
        '[client]\nacme = { name = "A", accept = [{ rule = "w" }] }\n',
        '[client.acme]\naccept = [\n  { rule = "w" },  # old\n]\n',
        '[client."acme"]\nname = "A"\n[store]\n',
        '[client.acme]\nname = """\n[client.beta]\n"""\n',
        '[client.acme]\nname = "A"\n[client.beta]\n[client.acme.thresholds.x]\ny = 1\n[other]',
        '[client.acme]\nname = "A"',
    ],
)
def test_whatever_the_form_it_reads_as_meant_or_is_left_alone(text: str) -> None:
    before = tomllib.loads(text)["client"]["acme"]
    made = added(text, "acme", ENTRY)
    if made is None:  # an inline table is closed: nothing can be added to it from outside
        assert "{ name" in text
        return
    after = tomllib.loads(made)
    assert after["client"]["acme"].pop("accept") == [*before.pop("accept", []), ENTRY]
    assert after["client"]["acme"] == before and all(line in made for line in text.splitlines() if "#" in line)
    back = removed(made, "acme", len(tomllib.loads(made)["client"]["acme"]["accept"]) - 1)
    assert back and tomllib.loads(back) == tomllib.loads(text)
