"""Words, slips and the order of results: rules over values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.ranking import Candidate, distance, nearest, ranked
from search.words import MAX_WORD, MAX_WORDS, marked, parse_query, stem, words_of


@given(st.text())
def test_words_of_any_text_are_letters_and_digits_without_case(text: str) -> None:
    for word in words_of(text):
        assert word.isalnum()
        assert len(word) <= MAX_WORD
        assert list(words_of(word)) == [word] or not word.isascii()
    assert len(parse_query(text).words) <= MAX_WORDS


@given(st.text(max_size=300), st.text(max_size=10))
def test_marking_loses_nothing(text: str, asked: str) -> None:
    assert "".join(piece for piece, _ in marked(text, parse_query(asked).stems)) == text


STEMS = [("parsing", "pars"), ("parsers", "pars"), ("libraries", "librar"), ("library", "librar")]
STEMS += [("types", "type"), ("red", "red"), ("www", "www"), ("class", "clas"), ("requests", "request")]


@pytest.mark.parametrize(("word", "expected"), STEMS)
def test_a_word_loses_its_ending_where_enough_is_left(word: str, expected: str) -> None:
    assert stem(word) == expected


DISTANCES = [("flask", "flask", 0), ("flask", "flas", 1), ("flask", "flaks", 1), ("flask", "floask", 1)]
DISTANCES += [("flask", "flosk", 1), ("nmupy", "numpy", 1), ("abc", "cab", 2), ("", "ab", 2), ("ab", "", 2)]


@pytest.mark.parametrize(("one", "other", "slips"), DISTANCES)
def test_slips_are_counted(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == slips == distance(other, one)


def test_of_names_equally_near_the_more_downloaded_is_meant() -> None:
    names = [(1, "flasks", 0), (2, "flash", 5), (3, "flas-k", 0), (4, "florist", 99), (5, "flack", 7)]
    assert nearest("flask", names) == [(3, "flas-k"), (5, "flack"), (2, "flash"), (1, "flasks")]
    assert nearest("io", [(1, "oi", 0)]) == []  # everything is like so short a name


def test_a_better_place_counts_more_and_the_databases_order_among_equals() -> None:
    found = [
        Candidate(1, "other", "", "About web things.", 0),
        Candidate(2, "another", "web", "", 0),
        Candidate(3, "the-web", "", "", 0),
        Candidate(4, "webbing", "", "", 0),
        Candidate(5, "web", "", "", 0),
        Candidate(6, "more", "", "About web things.", 0),
        Candidate(7, "most", "", "About web things.", 100),
    ]
    assert ranked(parse_query("web"), found) == [5, 4, 3, 2, 7, 1, 6]
