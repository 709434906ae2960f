"""The drivers' bench: a row where there is a compiler, and a reason where there is none."""

from pathlib import Path

import pytest
from needs import need_program

from walcrash.tools.bench import drivers as bench_drivers
from walcrash.tools.bench import engines as bench_engines
from walcrash.values.errors import HarnessFault


def silent(_: str) -> None:
    pass


def test_without_a_compiler_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_drivers, "COMPILER", "walcrash-none")
    (row,), limits = bench_drivers.measure(1, silent)
    assert (row.name, limits) == ("driver-recorded-c", [])
    for series in (row.ours, row.other):
        assert series.samples == ()
        assert series.missing == "no walcrash-none: apt-get install gcc libc6-dev"


def test_the_example_is_built_and_measured_recorded_and_bare(
    monkeypatch: pytest.MonkeyPatch, interception: None
) -> None:
    need_program("gcc")
    monkeypatch.setattr(bench_engines, "PUTS", 5)
    (row,), _ = bench_drivers.measure(2, silent)
    assert row.ours.name == "driver in C: 5 puts, recorded"
    assert len(row.ours.samples) == len(row.other.samples) == 2
    assert all(sample > 0 for sample in (*row.ours.samples, *row.other.samples))


def test_a_source_that_cannot_be_built_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    need_program("gcc")
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "filelog.c").write_text("int main(void) { return x; }\n")
    monkeypatch.setattr(bench_drivers, "shipped_directory", lambda: tmp_path)
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(HarnessFault, match=r"(?s)filelog\.c cannot be built: .*'x' undeclared"):
        bench_drivers.measure(1, silent)
