"""To whom a policy applies: the subset of CEL that Google's policies are written in, and what it says of somebody.

    entity.org_units.exists(u, u.org_unit_id == orgUnitId('03ph8a')) && !entity.groups.exists(g, g.group_id in [...])

What is not understood is a clause that nobody can decide: it may hold or not. Logic is Kleene's, so it only matters
where nothing else settles the answer.

Source  https://cloud.google.com/identity/docs/reference/rest/v1/policies#PolicyQuery
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

DEEPEST = 60
"""Brackets within brackets; beyond that a query is not understood."""


@dataclass(frozen=True, slots=True)
class Unit:
    """In this organisational unit or below it; the id without its prefix."""

    id: str


@dataclass(frozen=True, slots=True)
class Member:
    """In this group, through whatever groups inside it; the id without its prefix."""

    id: str


@dataclass(frozen=True, slots=True)
class Licensed:
    """Holds this licence: the id of the product (SKU)."""

    id: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """A clause that this version does not know."""

    text: str


@dataclass(frozen=True, slots=True)
class Sure:
    holds: bool


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class Some:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Every:
    parts: tuple[Condition, ...]


Atom = Unit | Member | Licensed | Unclear
Condition = Atom | Sure | Not | Some | Every

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<word>[^\W\d][\w.]*|\d[\w.]*)|(?P<mark>&&|\|\||==|!=|\S))"""
)
_KINDS: dict[str, tuple[type[Unit] | type[Member] | type[Licensed], frozenset[str]]] = {
    "entity.org_units.exists": (Unit, frozenset({".org_unit_id", ".orgUnitId"})),
    "entity.groups.exists": (Member, frozenset({".group_id", ".groupId"})),
    "entity.licenses.exists": (Licensed, frozenset({""})),
}
_ENDS = ("&&", "||", ")", None)


def parse(text: str) -> Condition:
    """The query as a condition; never raises, whatever `text` is.

    >>> parse("entity.groups.exists(g, g.group_id == groupId('02xc')) && !entity.country('DE')")
    Every(parts=(Member(id='02xc'), Not(part=Unclear(text="entity.country('DE')"))))
    >>> parse("(((")
    Unclear(text='(((')
    """
    try:
        reader = _Reader(list(_tokens(text)))
        found = reader.some(0)
        if reader.peek() is None:
            return found
    except _NotUnderstood:
        pass
    return Unclear(text.strip())


class _NotUnderstood(Exception):
    pass


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        token = match["text"] or match["word"] or match["mark"]
        if token in ("'", '"', "?"):  # a text without an end; a choice binds weaker than everything before it
            raise _NotUnderstood
        yield token


@dataclass(slots=True)
class _Reader:
    tokens: list[str]
    at: int = 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str:
        if self.at >= len(self.tokens):
            raise _NotUnderstood
        self.at += 1
        return self.tokens[self.at - 1]

    def some(self, depth: int) -> Condition:
        parts = [self.every(depth)]
        while self.peek() == "||":
            self.take()
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def every(self, depth: int) -> Condition:
        parts = [self.one(depth)]
        while self.peek() == "&&":
            self.take()
            parts.append(self.one(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def one(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise _NotUnderstood
        if self.peek() == "!":
            self.take()
            return Not(self.one(depth + 1))
        start = self.at
        found = self.plain(depth)
        if self.peek() in _ENDS and found is not None:
            return found
        while self.peek() not in _ENDS:  # a comparison, say, with what was read so far
            self.skipped()
        if self.at == start:
            raise _NotUnderstood
        return Unclear("".join(self.tokens[start : self.at]))

    def plain(self, depth: int) -> Condition | None:
        """A bracket, a clause or a constant; None, nothing taken, for anything else."""
        token = self.peek()
        if token == "(":
            self.take()
            inner = self.some(depth + 1)
            if self.take() != ")":
                raise _NotUnderstood
            return inner
        if token in ("true", "false"):
            return Sure(self.take() == "true")
        if token in _KINDS and self.tokens[self.at + 1 : self.at + 2] == ["("]:
            self.take()
            inside = self.skipped()[1:-1]
            return _clause(token, inside) or Unclear(f"{token}({''.join(inside)})")
        return None

    def skipped(self) -> list[str]:
        """The next token, with everything up to its partner where it opens a bracket."""
        start, depth = self.at, 0
        while True:
            token = self.take()
            depth += token in ("(", "[", "{")
            depth -= token in (")", "]", "}")
            if depth < 0:
                raise _NotUnderstood
            if depth == 0:
                return self.tokens[start : self.at]


def _clause(kind: str, tokens: list[str]) -> Condition | None:
    """`u, u.org_unit_id == orgUnitId('x')`, `l, l in ['x', 'y']`, several of them with ||; None for anything else."""
    if len(tokens) < 3 or tokens[1] != ",":
        return None
    atom, names = _KINDS[kind]
    ids: list[str] = []
    for test in _split(_bare(tokens[2:]), "||"):
        found = _named(_bare(test), tokens[0], names)
        if found is None:
            return None
        ids += found
    if atom is Licensed and not all("/sku/" in one for one in ids):
        return None  # a whole product, say
    parts = tuple(atom(bare_id(one)) for one in ids)
    return parts[0] if len(parts) == 1 else Some(parts)


def _named(test: list[str], variable: str, names: frozenset[str]) -> list[str] | None:
    """The ids one comparison allows."""

    def own(tokens: list[str]) -> bool:
        return len(tokens) == 1 and tokens[0].startswith(variable) and tokens[0][len(variable) :] in names

    for mark in ("==", "in"):
        if test.count(mark) == 1:
            left, right = test[: test.index(mark)], test[test.index(mark) + 1 :]
            if mark == "==" and own(right):
                left, right = right, left
            if not own(left):
                return None
            if mark == "==":
                one = _value(right)
                return None if one is None else [one]
            if right[:1] != ["["] or right[-1:] != ["]"]:
                return None
            values = [_value(part) for part in _split(right[1:-1], ",")] if right[1:-1] else []
            return None if None in values else [value for value in values if value is not None]
    return None


def _value(tokens: list[str]) -> str | None:
    """A text, or one wrapped into the name of its kind: orgUnitId('x')."""
    match tokens:
        case [text] | [_, "(", text, ")"] if text[0] in "'\"":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
    return None


def _bare(tokens: list[str]) -> list[str]:
    """Without brackets around all of it."""
    while tokens[:1] == ["("] and tokens[-1:] == [")"] and len(_split(tokens, "")) == 1 and _one_pair(tokens):
        tokens = tokens[1:-1]
    return tokens


def _one_pair(tokens: list[str]) -> bool:
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return place == len(tokens) - 1
    return False


def _split(tokens: list[str], mark: str) -> list[list[str]]:
    """Cut at every `mark` that stands in no bracket."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += token in ("(", "[", "{")
        depth -= token in (")", "]", "}")
        if token == mark and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def bare_id(text: str) -> str:
    """An id as the directory has it.

    >>> [bare_id(one) for one in ("orgUnits/03ph", "id:03ph", "groups/02xc", "/product/Google-Apps/sku/1010020020")]
    ['03ph', '03ph', '02xc', '1010020020']
    """
    return text.strip().rpartition("/")[2].removeprefix("id:")


def atoms(condition: Condition) -> Iterator[Atom]:
    """Everything the condition hangs on."""
    match condition:
        case Not(part):
            yield from atoms(part)
        case Some(parts) | Every(parts):
            for part in parts:
                yield from atoms(part)
        case Unit() | Member() | Licensed() | Unclear():
            yield condition


def holds(condition: Condition, of: Callable[[Atom], bool | None]) -> bool | None:
    """Whether the condition is met by whom `of` says of each atom whether it is; None: nobody can say."""
    match condition:
        case Sure(value):
            return value
        case Not(part):
            found = holds(part, of)
            return None if found is None else not found
        case Every(parts):
            return all_hold(holds(part, of) for part in parts)
        case Some(parts):
            return any_holds(holds(part, of) for part in parts)
    return of(condition)


def any_holds(values: Iterable[bool | None]) -> bool | None:
    """True where one is; None where the answer hangs on an unknown.

    >>> any_holds([None, True]), any_holds([None, False]), any_holds([])
    (True, None, False)
    """
    answer: bool | None = False
    for value in values:
        if value:
            return True
        if value is None:
            answer = None
    return answer


def all_hold(values: Iterable[bool | None]) -> bool | None:
    """False where one is; None where the answer hangs on an unknown.

    >>> all_hold([None, False]), all_hold([None, True]), all_hold([])
    (False, None, True)
    """
    answer: bool | None = True
    for value in values:
        if value is False:
            return False
        if value is None:
            answer = None
    return answer
