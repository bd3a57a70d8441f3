"""Names in free text: a policy's title, a reason somebody wrote, a note. Every one that is known becomes a code.

Linear in the length of the text, however many names there are: words are looked up, nothing is searched for.

Addresses     one that is known becomes the person's code; of any other the part before the @ goes
Whole names   the words of a display name, of a user name before the @, of a device, in this or the opposite order
Single words  given and family names, where nobody's own sentence has that very word (`ours`)

What several people share becomes "…": a code would say too much, and a name what it must not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

SEVERAL = -1
SOMEBODY = "…"
_MOST_WORDS = 8
_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[^\W\d_]+(?:[\s.,'’()-]+[^\W\d_]+){0,4}\W*")
"""A display name that looks like a person's: some words, and no more."""
_BEFORE_AT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-")
_AFTER_AT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_#@")

_GAP = frozenset(" \u00a0\t.,_-'’()")
_QUOTES = "'`*{|/=."


def words(text: str) -> list[str]:
    return [found[0].casefold() for found in _WORD.finditer(text)]


@dataclass(slots=True)
class Index:
    """Whose every name is, by number. `ours`: words that stand in sentences of our own, exactly as written there.

    `kept`: names that are no secret, such as the client's own.
    """

    ours: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    addresses: dict[str, int] = field(default_factory=dict)
    phrases: dict[str, int] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)  # first word -> number of words in the longest phrase

    def add(self, who: int, display: str | None, addresses: Iterable[str | None] = (), parts: bool = True) -> None:
        """`parts`: its single words are names too, if it looks like a person's."""
        for address in filter(None, addresses):
            _put(self.addresses, address.casefold(), who)
            self._phrase(words(address.partition("@")[0]), who)
        if not display:
            return
        name = words(display)
        self._phrase(name, who)
        if len(name) == 2:
            self._phrase(name[::-1], who)
        if parts and len(name) > 1 and _NAME.fullmatch(display):
            for word in name:
                self._phrase([word], who)

    def _phrase(self, name: list[str], who: int) -> None:
        name = name[:_MOST_WORDS]
        phrase = " ".join(name)
        if not name or phrase in self.kept or (len(name) == 1 and len(phrase) < (3 if phrase.isascii() else 2)):
            return
        _put(self.phrases, phrase, who)
        self.longest[name[0]] = max(len(name), self.longest.get(name[0], 0))

    def scrub(self, text: str, label: Callable[[int], str]) -> str:
        """`text` with whatever names somebody replaced by `label` of whose it is."""
        return self._words(self._addresses(text, label) if "@" in text else text, label)

    def _addresses(self, text: str, label: Callable[[int], str]) -> str:
        made, done = [], 0
        at = text.find("@")
        while at >= 0:
            begin, end = at, at + 1
            while begin > done and (text[begin - 1] in _BEFORE_AT or text[begin - 1].isalnum()):
                begin -= 1
            while end < len(text) and (text[end] in _AFTER_AT or text[end].isalnum()):
                end += 1
            while begin < at and text[begin] in _QUOTES:
                begin += 1
            address = text[begin:end].rstrip(".-_")
            if begin < at and len(address) > at + 1 - begin:
                who = self.addresses.get(address.casefold())
                domain = address.rpartition("@")[2]
                if address.casefold() not in self.kept:
                    made += [text[done:begin], f"{SOMEBODY}@{domain}" if who is None else label(who)]
                    done = begin + len(address)
            at = text.find("@", max(end, at + 1))
        return "".join([*made, text[done:]]) if made else text

    def _words(self, text: str, label: Callable[[int], str]) -> str:
        found = list(_WORD.finditer(text))
        folded = [one[0].casefold() for one in found]
        made, done, n = [], 0, 0
        while n < len(found):
            for count in range(_joined(text, found, n, self.longest.get(folded[n], 0)), 0, -1):
                who = self.phrases.get(" ".join(folded[n : n + count]))
                if who is None or (count == 1 and found[n][0] in self.ours):
                    continue
                made += [text[done : found[n].start()], label(who)]
                done = found[n + count - 1].end()
                n += count - 1
                break
            n += 1
        return "".join([*made, text[done:]]) if made else text


def _joined(text: str, found: list[re.Match[str]], first: int, most: int) -> int:
    """How many words from `first` on may be one name: at most `most`, and none behind a line's or a list's end."""
    count = min(most, 1)
    while count < most and first + count < len(found):
        gap = text[found[first + count - 1].end() : found[first + count].start()]
        if len(gap) > 3 or not _GAP.issuperset(gap):
            break
        count += 1
    return count


def _put(into: dict[str, int], name: str, who: int) -> None:
    into[name] = who if into.get(name, who) == who else SEVERAL
