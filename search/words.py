"""What is a word, in queries and in what is searched. Pure, and the same for both databases.

Words are lower case letters and digits without accents, so nothing of a database's own query language is left in them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

MAX_QUERY = 200  # characters; what is behind them is not read
MAX_WORDS = 8
MAX_WORD = 40  # characters
_WORD = re.compile(r"[^\W_]+")
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "ies", "er", "ed", "es", "s", "e", "y")
_STEM = 4  # characters that are left of a word at least


@dataclass(frozen=True)
class Query:
    """A query as it is understood: at most so many words, each once."""

    words: tuple[str, ...]

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """What words must begin with to be found: `parsing` finds parse and parser."""
        return tuple(stem(word) for word in self.words)

    @property
    def joined(self) -> str:
        """The query as a name without separators."""
        return "".join(self.words)


def parse_query(text: str) -> Query:
    """Any text is a query; one without words asks for everything."""
    found = dict.fromkeys(words_of(text[:MAX_QUERY]))
    return Query(tuple(found)[:MAX_WORDS])


def words_of(text: str) -> Iterator[str]:
    """The words of a text, in order, each as often as it stands there."""
    plain = unicodedata.normalize("NFKD", text).casefold() if not text.isascii() else text.lower()
    for match in _WORD.finditer(_without_accents(plain) if not plain.isascii() else plain):
        yield match.group()[:MAX_WORD]


def stem(word: str) -> str:
    """The word without an English ending, where enough of it is left; what is found begins with it."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word.removesuffix(ending)
    return word


def name_words(name: str) -> list[str]:
    """A normalized name's pieces, and the name in one: `zope-interface` is found as `zopeinterface` too."""
    pieces = name.split("-")
    return [*pieces, "".join(pieces)] if len(pieces) > 1 else pieces


def first_words(text: str, *, limit: int) -> list[str]:
    """The different words of a text, as far as there is room for."""
    found: dict[str, None] = {}
    for word in words_of(text):
        found[word] = None
        if len(found) == limit:
            break
    return list(found)


def marked(text: str, stems: Iterable[str]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is a hit: a word that begins with one of the stems."""
    beginnings = tuple(stems)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _WORD.finditer(text) if beginnings else ():
        word = next(words_of(match.group()), "")
        if word.startswith(beginnings):
            pieces += [(text[end : match.start()], False), (match.group(), True)]
            end = match.end()
    return [piece for piece in [*pieces, (text[end:], False)] if piece[0]]


def _without_accents(text: str) -> str:
    return "".join(each for each in text if not unicodedata.combining(each))
