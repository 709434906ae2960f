"""The engines' bench: rows for what is installed, and a reason for what is not."""

import sys

import pytest

from walcrash.tools.bench import engines as bench_engines
from walcrash.values.scenario import SubjectSpec


def silent(_: str) -> None:
    pass


def test_an_engine_that_is_not_installed_has_rows_that_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "plyvel", None)
    monkeypatch.setattr(bench_engines, "SETTINGS", {"leveldb": SubjectSpec("leveldb")})
    comparisons, (limit,) = bench_engines.measure(1, silent)
    for series in [limit.series, *(row.ours for row in comparisons)]:
        assert series.samples == ()
        assert series.missing == "not installed: pip install 'walcrash[leveldb]'"
    assert limit.is_met is None


def test_an_engine_is_measured_recorded_bare_and_by_its_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_engines, "SETTINGS", {"dumb": SubjectSpec("dbm.dumb")})
    monkeypatch.setattr(bench_engines, "PUTS", 5)
    monkeypatch.setattr(bench_engines, "IMAGES", 4)
    (recorded, judged), limits = bench_engines.measure(1, silent)
    assert [row.name for row in (recorded, judged)] == [
        "engine-recorded-dumb",
        "engine-images-dumb",
    ]
    assert all(sample > 0 for sample in (*recorded.ours.samples, *judged.ours.samples))
    assert len(recorded.other.samples) == 1
    assert limits == []
