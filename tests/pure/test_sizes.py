"""What bins cost an install, and the number that is recommended instead."""

import pytest

from tufsigning.core.sizes import BinSizes

ENTRY, TARGET, HEADER = 54, 190, 400  # bytes


def sizes(count: int, targets: int) -> BinSizes:
    return BinSizes(count, "bin-0", HEADER + TARGET * targets // count, HEADER * count + TARGET * targets, ENTRY)


@pytest.mark.parametrize(
    ("count", "targets", "recommended"),
    [
        (256, 0, None),
        (256, 10_000, None),
        (256, 100_000, 4096),
        (256, 2_273_539, 16_384),
        (2, 10_000, 1024),
        (4096, 2_273_539, 16_384),
        (8192, 2_273_539, None),
        (16_384, 2_273_539, None),
        (16_384, 100, None),
    ],
)
def test_another_number_is_recommended_where_it_spares_an_install_half_of_much(
    count: int, targets: int, recommended: int | None
) -> None:
    assert sizes(count, targets).recommended == recommended


def test_an_install_fetches_the_snapshot_and_a_bin_for_each_target() -> None:
    assert sizes(256, 25_600).fetched(256) == 256 * ENTRY + 40 * (HEADER + 100 * TARGET)
    assert sizes(256, 25_600).fetched(2) == 2 * ENTRY + 2 * (HEADER + 12_800 * TARGET)
