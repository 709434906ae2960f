"""Where a write may be cut, for a contract's `atomic_bytes`."""

import pytest

from walcrash.values.tears import (
    checked_atomic_bytes,
    cuts,
    kill_unit_bytes,
    nearest_cut,
    sector_bytes,
    telling_cuts,
)


@pytest.mark.parametrize(
    ("offset", "length", "unit", "expected"),
    [
        (0, 4096, 4096, []),
        (0, 4097, 4096, [4096]),
        (4095, 2, 4096, [1]),
        (4096, 121, 4096, []),
        (4050, 121, 4096, [46]),
        (100, 9000, 4096, [3996, 8092]),
        (500, 1100, 512, [12, 524, 1036]),
        (512, 512, 512, []),
        (7, 3, 1, [1, 2]),
        (7, 1, 1, []),
        (7, 0, 1, []),
    ],
)
def test_a_write_is_cut_at_multiples_of_the_unit_in_its_file(
    offset: int, length: int, unit: int, expected: list[int]
) -> None:
    assert list(cuts(offset, length, unit)) == expected


@pytest.mark.parametrize("unit", [1, 3, 512])
@pytest.mark.parametrize("offset", [0, 1, 511, 512])
@pytest.mark.parametrize("length", [1, 2, 512, 513, 1500])
def test_the_nearest_cut_is_a_cut_and_none_is_nearer(offset: int, length: int, unit: int) -> None:
    every = cuts(offset, length, unit)
    for wanted in (1, 2, length // 2, length - 1, length, 10 * length):
        kept = nearest_cut(offset, length, unit, wanted)
        if not every:
            assert kept == 0
            continue
        assert kept in every
        assert abs(kept - wanted) == min(abs(each - wanted) for each in every)


def test_telling_cuts_lie_in_the_header_in_the_middle_and_in_the_checksum() -> None:
    assert telling_cuts(100) == [1, 4, 8, 12, 16, 20, 24, 32, 40, 50, 64, 92, 96, 99]
    assert telling_cuts(2) == [1]
    assert telling_cuts(1) == []


def test_a_kill_tears_at_pages_and_a_power_loss_at_sectors_unless_nothing_is_relied_upon() -> None:
    units = {each: (kill_unit_bytes(each), sector_bytes(each)) for each in (1, 512, 4096)}
    assert units == {1: (1, 512), 512: (4096, 512), 4096: (4096, 4096)}


@pytest.mark.parametrize("value", [0, 2, 511, 8192, True, 512.0, "512", None])
def test_another_number_is_refused_with_those_that_are_allowed(value: object) -> None:
    with pytest.raises(ValueError, match="`atomic_bytes` is one of 1, 512, 4096; found"):
        checked_atomic_bytes(value)
