"""The line of every key, as `tomllib` reads the file: in sections, lists of tables, inline tables and long texts."""

from __future__ import annotations

import tomllib

import pytest

from keyround.config.lines import located

TELLING = '''# a comment [that.is.no.header]
top = """
[client.fake]
x = 1
""" # after it
"quoted key" = 'no # comment'
a.b."c d" = 1.5
when = 1979-05-27 07:32:00
list = [
  1, # one
  "two, ]",
  { x = 1, y.z = [ { k = 2 } ] },
  [ 5 ],
]
empty = []
nothing = {}
[client.contoso.thresholds.x] # its parents have no header yet
days = 3
[client.contoso]
name = "x"
[[client.contoso.tenant]]
connector = "a"
[[client.contoso.tenant]]
connector = "b"
[client.contoso.tenant.own]
q = """a\\""""
[[client.contoso.tenant.deep]]
p = 1
[[client.contoso.tenant.deep]]
p = 2
[client."with.dot"]
n = \'\'\'
x\'\'\'\'\'
m = 1
[[same]]
[[same.same]]
k = 1
[[same]]
[[same.same]]
k = 2
[[same.same]]
k = 3
'''
LINES = {
    ("top",): 2,
    ("quoted key",): 6,
    ("a", "b", "c d"): 7,
    ("list",): 9,
    ("list", 1): 11,
    ("list", 2, "y", "z", 0, "k"): 12,
    ("list", 3, 0): 13,
    ("client", "contoso"): 19,
    ("client", "contoso", "thresholds", "x", "days"): 18,
    ("client", "contoso", "tenant", 1): 23,
    ("client", "contoso", "tenant", 1, "connector"): 24,
    ("client", "contoso", "tenant", 1, "own", "q"): 26,
    ("client", "contoso", "tenant", 1, "deep", 1, "p"): 30,
    ("client", "with.dot", "m"): 34,
    ("same", 1, "same", 1, "k"): 42,
}


def paths(value, path=()):
    """Every path of what was read."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path[:n] for n in range(1, len(path) + 1)}.union(*(paths(one, (*path, key)) for key, one in inside))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_path_has_its_line_and_nothing_else_has(ends):
    text = TELLING.replace("\n", ends)
    found = located(text)
    assert found.keys() == paths(tomllib.loads(text))
    assert {path: found[path] for path in LINES} == LINES
