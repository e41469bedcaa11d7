"""What files and projects may be called: each rule with a bad case and the good neighbour that passes."""

import string
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexsite_client.protocol import parse_distribution_filename
from packages.names import filename_faults, look_alike, name_fault, near_misses
from packages.policy import Policy

FILENAMES = [  # filename, policy, words of the refusal; empty where it passes
    ("demo_lib-1.0.tar.gz", Policy(), ""),
    ("demo_lib-1.0+ours.1.tar.gz", Policy(), ""),
    ("demo_lib-1.0+ours.1.tar.gz", Policy(pypi=True), "local version (+ours.1); publish 1.0"),
    ("Demo_Lib-1.0.tar.gz", Policy(), "must be called demo_lib-1.0.tar.gz"),
    ("demo-lib-1.0.tar.gz", Policy(), "must be called demo_lib-1.0.tar.gz"),
    ("demo.lib-1.0.tar.gz", Policy(), "must be called demo_lib-1.0.tar.gz"),
    ("demo_lib-01.0.tar.gz", Policy(), "must be called demo_lib-1.0.tar.gz"),
    ("Demo.Lib-1.0.tar.gz", Policy(older_sdist_names=True), ""),
    ("demo_lib-1.0.zip", Policy(), "is a zip archive; build the sdist as demo_lib-1.0.tar.gz"),
    ("demo_lib-1.0.zip", Policy(older_sdist_names=True), "is a zip archive"),
    ("demo_lib-1.0.zip", Policy(zip_sdists=True), ""),
    ("Demo-Lib-1.0.zip", Policy(zip_sdists=True), "must be called demo_lib-1.0.zip"),
    ("Demo-Lib-1.0.zip", Policy(zip_sdists=True, older_sdist_names=True), ""),
    ("demo_lib-1.0-py3-none-any.whl", Policy(pypi=True), ""),
    ("demo_lib-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", Policy(pypi=True), ""),
    ("demo_lib-1.0-cp311-cp311-linux_x86_64.whl", Policy(), ""),
    ("demo_lib-1.0-cp311-cp311-linux_x86_64.whl", Policy(pypi=True), "is for linux_x86_64"),
    ("demo_lib-1.0-1-cp311-cp311-manylinux1_x86_64.linux_x86_64.whl", Policy(pypi=True), "is for linux_x86_64"),
]


@pytest.mark.parametrize(("filename", "policy", "words"), FILENAMES)
def test_a_filename_is_refused_or_passes(filename: str, policy: Policy, words: str) -> None:
    found = "\n".join(filename_faults(parse_distribution_filename(filename), policy))
    assert words in found
    assert bool(found) == bool(words)


def test_several_faults_of_a_filename_come_together() -> None:
    assert len(filename_faults(parse_distribution_filename("A-1.0+b.zip"), Policy(pypi=True))) == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("json", "standard library"),
        ("asyncio", "standard library"),
        ("json5", ""),
        ("secret-project", "prohibited on this index (it is a product of ours)"),
        ("plain", "prohibited on this index; choose"),
        ("email", ""),  # allowed
        ("demo", ""),
    ],
)
def test_a_new_name_is_refused_or_passes(name: str, words: str) -> None:
    prohibited = {"secret-project": "it is a product of ours", "plain": ""}
    found = name_fault(name, prohibited=prohibited, allowed={"email"})
    assert words in found
    assert bool(found) == bool(words)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("demo-lib", "demolib", True),
        ("demo", "dem0", True),
        ("lib", "1ib", True),
        ("lib", "llb", True),
        ("pillow", "pi11ow", True),
        ("a-b-c", "abc", True),
        ("demo", "demos", False),
        ("demo-2", "demo-3", False),
    ],
)
def test_names_that_look_alike_are_told_from_others(one: str, other: str, same: bool) -> None:
    assert (look_alike(one) == look_alike(other)) is same


SLIPS = ["requests", "requets", "requestss", "rrequests", "reqeusts", "requesta", "equests", "request"]


def test_one_slip_of_the_finger_is_a_near_miss_and_two_are_none() -> None:
    assert near_misses("requests", SLIPS) == SLIPS[1:]
    assert near_misses("requests", ["reqeustss", "reuqestz", "flask", "", "stseuqer", "requ", "requests-cache"]) == []
    assert near_misses("ab", ["ba", "b", "abc", "cd"]) == ["ba", "b", "abc"]


NAME = st.text(alphabet=string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12)


@given(NAME, st.data())
def test_each_single_slip_is_found_from_either_side(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    other = data.draw(st.sampled_from(string.ascii_lowercase))
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    for slip in {
        name[:at] + name[at + 1 :],
        name[:at] + other + name[at:],
        name[:at] + other + name[at + 1 :],
        swapped,
    }:
        if slip != name:
            assert near_misses(name, [slip]) == [slip]
            assert near_misses(slip, [name]) == [name]


def distance(one: str, other: str) -> int:
    """The optimal string alignment distance, worked out slowly and plainly."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(row[-1] + 1, rows[-1][j] + 1, rows[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and (a, b) == (other[j - 2], one[i - 2]):
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


@given(st.lists(st.text(alphabet="ab-", max_size=5), min_size=2, max_size=8))
def test_near_misses_are_those_at_a_distance_of_one(names: list[str]) -> None:
    for one, other in pairwise(names):
        assert (near_misses(one, [other]) == [other]) is (distance(one, other) == 1)
