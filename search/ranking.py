"""The order of what was found, the same on both databases. Pure.

The name that was asked for comes first, then names that begin with it, then what says the words in better places: name
before keywords before summary before the rest. Among equals the database's own order counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log10

from search.words import Query, name_words, words_of

_EXACT, _BEGINNING = (8.0, 6.0), (4.0, 3.0)  # of a name's word that is equal, or begins so; of a keyword
_SUMMARY = (3.0, 2.0)
_ELSEWHERE = 1.0
_NO_BEGINNING = 1000  # behind every name, however long, that begins with what was asked


@dataclass(frozen=True, slots=True)
class Candidate:
    """A project that the database found. `downloads` of the last 30 days."""

    id: int
    name: str
    keywords: str
    summary: str
    downloads: int


def ranked(query: Query, candidates: Iterable[Candidate]) -> list[int]:
    """The ids, best first; `candidates` come in the database's order."""
    keyed = [(_key(query, each), place, each.id) for place, each in enumerate(candidates)]
    return [id_ for _, _, id_ in sorted(keyed)]


def _key(query: Query, candidate: Candidate) -> tuple[int, float]:
    joined = candidate.name.replace("-", "")
    if joined == query.joined:
        return 0, 0.0
    return len(joined) if joined.startswith(query.joined) else _NO_BEGINNING, -_score(query, candidate)


def _score(query: Query, candidate: Candidate) -> float:
    fields = (
        (_EXACT, set(name_words(candidate.name))),
        (_BEGINNING, set(words_of(candidate.keywords))),
        (_SUMMARY, set(words_of(candidate.summary))),
    )
    score = 0.0
    for word, stem in zip(query.words, query.stems, strict=True):
        score += max(_field_score(word, stem, *field) for field in fields)
    if score >= _EXACT[1] * len(query.words):  # every word is in the name: the more of it they are, the better
        score += 2 * min(1.0, len(query.joined) / len(candidate.name))
    return score + 0.3 * log10(1 + candidate.downloads)


def _field_score(word: str, stem: str, worth: tuple[float, float], words: set[str]) -> float:
    if word in words:
        return worth[0]
    return worth[1] if any(each.startswith(stem) for each in words) else _ELSEWHERE


def allowed_slips(length: int) -> int:
    """How many slips a name of this length may have and still be meant; in short ones none."""
    return 0 if length < 3 else 1 if length < 6 else 2


def nearest(asked: str, names: Iterable[tuple[int, str, int]]) -> list[tuple[int, str]]:
    """Of names (id, name, downloads) those that `asked` may mean, nearest and most downloaded first."""
    most = allowed_slips(len(asked))
    found = []
    for id_, name, downloads in names:
        joined = name.replace("-", "")
        if abs(len(joined) - len(asked)) <= most and (slips := distance(asked, joined)) <= most:
            found.append((slips, -downloads, name, id_))
    return [(id_, name) for _, _, name, id_ in sorted(found)]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """How many characters more, less, other, or two swapped make one of the other (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
