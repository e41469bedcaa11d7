"""Archives with bytes flipped, put in and cut out: refused by a named error, or taken as the library reads them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz_archives import Seed, check, fuzz, mutate, seeds

SEEDS = seeds()
FUZZED = 4000  # archives; about three seconds


@pytest.mark.parametrize("seed", SEEDS, ids=range(len(SEEDS)))
def test_what_is_mutated_is_good_to_begin_with(seed: Seed) -> None:
    assert check(seed.filename, seed.finish(seed.content))


@pytest.mark.parametrize("seed", SEEDS, ids=range(len(SEEDS)))
@given(data=st.data())
def test_a_mutated_archive_is_read_alike_by_all_or_refused(seed: Seed, data: st.DataObject) -> None:
    content = bytearray(seed.content)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    check(seed.filename, seed.finish(bytes(content)))


def test_fuzzing_finds_nothing_in_a_fixed_count() -> None:
    outcomes = fuzz(count=FUZZED, seed=20)
    assert sum(outcomes.values()) == FUZZED
    assert outcomes["taken"] > 100  # or else only the first check of each reader would be tried
    assert outcomes["refused"] > 1000


def test_fuzzing_is_the_same_for_the_same_seed() -> None:
    assert mutate(b"x" * 500, random.Random(3)) == mutate(b"x" * 500, random.Random(3))
