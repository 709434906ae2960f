"""The bench's rows for real trees: what they compare, and what they say where it is lacking."""

import pytest
from needs import need_real_file_systems

from walcrash.blocks import abilities
from walcrash.tools.bench import real_trees
from walcrash.values.benchmark import Comparison


def rows() -> dict[str, Comparison]:
    compared, limits = real_trees.measure(1, lambda _: None)
    assert limits == ()
    return {row.name: row for row in compared}


def test_what_is_lacking_stands_in_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abilities.os, "geteuid", lambda: 1000)
    found = rows()
    assert len(found) == 2 * len(real_trees.FILE_SYSTEMS)
    assert {row.ours.missing for row in found.values()} == {"it needs root"}
    assert {row.ratio for row in found.values()} == {None}


@pytest.mark.slow
def test_cuts_and_mounts_are_measured_against_a_bare_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    need_real_file_systems()
    monkeypatch.setattr(real_trees, "FILE_SYSTEMS", ("ext4",))
    found = rows()
    assert set(found) == {"real-trees-mounts-ext4", "real-trees-cuts-ext4"}
    for row in found.values():
        assert row.ours.samples
        assert row.other.samples
        assert row.ratio is not None
