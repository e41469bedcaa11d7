"""What publications reach: a hash that was added is always found, and an unknown role's documents are kept."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from tufsigning.core.reach import Digests, Reach

hashes = st.lists(st.integers(0, 200), max_size=40)


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@given(hashes, hashes, hashes)
def test_hashes_are_found_whenever_they_were_added(first: list[int], later: list[int], others: list[int]) -> None:
    found = Digests()
    found.add(map(digest, first))
    assert all(digest(number) in found for number in first)
    found.add(map(digest, later))
    assert all(digest(number) in found for number in [*first, *later])
    assert not any(digest(number) in found for number in {*others} - {*first, *later})


def test_documents_that_are_reached_or_newer_or_of_unknown_roles_are_kept() -> None:
    reach = Reach()
    assert reach.add_document("bin-0", 5)
    assert reach.add_document("bin-0", 9)
    assert not reach.add_document("bin-0", 9)
    kept = [version for version in range(1, 12) if reach.has_document("bin-0", version)]
    assert kept == [5, 9, 10, 11]
    assert reach.add_document("root", 3)
    assert all(reach.has_document(role, 1) for role in ("root", "project-nobody-knows"))
