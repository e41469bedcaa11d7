"""The bins that unclaimed delegates to: in both styles where python-tuf looks, and every target finds its new bin."""

from copy import deepcopy
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Targets

from indexsite_client.protocol import Bins, BinStyle, Json, ProtocolError, RoleHeader, is_bin, read_bins, targets_signed
from tests.ceremonies import new_signer
from tufsigning.core.bins import Rebinning
from tufsigning.core.canonical import canonical_bytes
from tufsigning.core.documents import role_keys, target_entry
from tufsigning.core.publication import TargetsWhenSigned

KEYS = role_keys([new_signer().public_key], 1)
COUNTS = [1 << bits for bits in range(1, 15)]
PATHS = [f"project-{number}/index.json" for number in range(300)]
BOTH = list(product([2, 8, 16, 32, 512], BinStyle))
number = st.sampled_from([2, 4, 8, 16, 32, 64])


def unclaimed(bins: Bins) -> Json:
    header = RoleHeader("unclaimed", 1, datetime(2027, 1, 1, tzinfo=UTC), "an-index")
    return targets_signed(header, targets={}, delegations=bins.delegations(dict(KEYS.keys), KEYS.entry()))


@pytest.mark.parametrize(("count", "style"), BOTH)
def test_python_tuf_looks_for_a_path_in_the_same_bin(count: int, style: BinStyle) -> None:
    bins = Bins(count, style)
    theirs = Targets.from_dict(deepcopy(unclaimed(bins))).delegations
    assert theirs is not None
    for path in PATHS:
        assert [name for name, _ in theirs.get_roles_for_target(path)] == [bins.bin_of(path)]


@pytest.mark.parametrize(("count", "style"), BOTH)
def test_the_bins_read_back_as_they_were_written(count: int, style: BinStyle) -> None:
    bins = Bins(count, style)
    assert read_bins(unclaimed(bins)) == bins
    assert all(name in bins and is_bin(name) for name in bins.names())


def test_the_name_of_a_bin_of_another_number_is_none_of_these_bins() -> None:
    asked = ("bin-0ff", "bin-100", "bin-1ff", "bin-200", "bin-ff", "unclaimed", "bin-")
    assert [name for name in asked if name in Bins(512)] == ["bin-0ff", "bin-100", "bin-1ff"]


@pytest.mark.parametrize("count", [0, 1, 3, 255, 32_768, -2])
def test_there_is_no_other_number_of_bins(count: int) -> None:
    with pytest.raises(ProtocolError, match="power of two from 2 to 16384"):
        Bins(count)


@pytest.mark.parametrize("style", BinStyle)
def test_the_most_bins_fit_into_what_every_client_reads(style: BinStyle) -> None:
    assert len(canonical_bytes(unclaimed(Bins(16_384, style)))) < 4_000_000  # of 5,000,000


def held(bins: Bins, paths: list[str]) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = {name: {} for name in bins.names()}
    for path in paths:
        found[bins.bin_of(path)][path] = target_entry(sha256="a" * 64, length=len(path))
    return found


@given(number, number, st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=60))
def test_every_target_is_in_its_new_bin_and_in_no_other(before: int, after: int, paths: list[str]) -> None:
    old, new = held(Bins(before), paths), held(Bins(after), paths)
    rebinning = Rebinning(Bins(before), Bins(after), old.__getitem__)
    assert {name: rebinning.targets(name) for name in Bins(after).names()} == new


@pytest.mark.parametrize(("before", "after"), [(4, 64), (64, 4)])
def test_each_old_bin_is_read_once(before: int, after: int) -> None:
    old, read = held(Bins(before), PATHS), list[str]()

    def read_targets(role: str) -> dict[str, Json]:
        read.append(role)
        return old[role]

    bins = Rebinning(Bins(before), Bins(after), read_targets)
    planned = TargetsWhenSigned(Bins(after).names(), bins.targets)
    assert read == []
    assert sum(len(targets) for _, targets in planned.items()) == len(PATHS)
    assert read == Bins(before).names()
