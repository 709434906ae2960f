"""The bench: ratios, turns, its table and its JSON; no test here depends on a time."""

import json
from pathlib import Path

import pytest

from walcrash.report.bench_text import benchmark_json, benchmark_text, publish_benchmark
from walcrash.tools.bench import cases as bench_cases
from walcrash.tools.bench import growth as bench_growth
from walcrash.tools.bench import images as bench_images
from walcrash.tools.bench import writes as bench_writes
from walcrash.tools.bench.bench import PARTS, run_bench
from walcrash.tools.bench.plain import run_plain_case
from walcrash.tools.bench.rounds import take_turns
from walcrash.values.benchmark import Benchmark, Better, Comparison, Limit, Series
from walcrash.values.errors import ExitCode, UsageError


def silent(_: str) -> None:
    pass


def series(*samples: float, better: Better = Better.HIGHER, missing: str = "") -> Series:
    return Series(name="made up", unit="x/s", better=better, samples=samples, missing=missing)


def made_up(ours: Series, other: Series, target: float | None = 2.0) -> Benchmark:
    comparison = Comparison(name="made-up", ours=ours, other=other, target=target)
    limit = Limit(name="start", series=series(0.1), bound=0.3)
    return Benchmark(machine={"processors": 2}, comparisons=(comparison,), limits=(limit,))


def test_samples_are_taken_in_turns() -> None:
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return float(len(order))

    taken = take_turns(
        {"a": lambda: measure("a"), "b": lambda: measure("b")}, 3, silent, what="made up"
    )
    assert order == ["a", "b"] * 3
    assert taken == {"a": (1.0, 3.0, 5.0), "b": (2.0, 4.0, 6.0)}


@pytest.mark.parametrize(("better", "ratio"), [(Better.HIGHER, 3.0), (Better.LOWER, 1 / 3)])
def test_a_ratio_says_how_many_times_better_ours_is(better: Better, ratio: float) -> None:
    ours = series(1.0, 6.0, 100.0, better=better)
    comparison = Comparison(name="made-up", ours=ours, other=series(2.0), target=2.0)
    assert comparison.ratio == pytest.approx(ratio)
    assert comparison.is_met is (ratio >= 2)


def test_what_is_not_installed_has_no_ratio_and_no_verdict() -> None:
    benchmark = made_up(series(1.0), series(missing="strace is not installed"))
    text = benchmark_text(benchmark)
    assert "strace is not installed" in text
    assert "NOT MET" not in text
    assert json.loads(benchmark_json(benchmark))["comparisons"][0]["met"] is None


def test_a_missed_target_is_said_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert publish_benchmark(made_up(series(1.0), series(1.0)), json_path=None) is ExitCode.PASSED
    assert "NOT MET" in capsys.readouterr().out


def test_json_has_every_sample(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    publish_benchmark(made_up(series(4.0, 5.0, 9.0), series(2.0)), json_path=str(path))
    read = json.loads(path.read_text())
    assert read["machine"] == {"processors": 2}
    assert read["comparisons"][0]["ours"]["samples"] == [4.0, 5.0, 9.0]
    assert read["comparisons"][0]["ratio"] == 2.5
    assert read["limits"][0]["met"] is True


def test_a_json_file_that_cannot_be_written_is_the_user_s_error() -> None:
    with pytest.raises(UsageError, match="/dev/null/x"):
        publish_benchmark(made_up(series(1.0), series(1.0)), json_path="/dev/null/x")


def test_the_plain_loop_finds_what_was_acknowledged(tmp_path: Path) -> None:
    assert run_plain_case(tmp_path, operations=5, lines=3)


@pytest.mark.slow
def test_a_short_bench_measures_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_writes, "WRITES", 20)
    monkeypatch.setattr(bench_cases, "CASES_A_BATCH", 1)
    monkeypatch.setattr(bench_cases, "BATCHES_A_JOB", 1)
    monkeypatch.setattr(bench_cases, "PLAIN_CASES_A_JOB", 1)
    monkeypatch.setattr(bench_images, "RECORDS", 6)
    monkeypatch.setattr(bench_images, "IMAGES", 2)
    monkeypatch.setattr(bench_images, "REPEATS", 1)
    monkeypatch.setattr(bench_growth, "SIZES", (100, 300))
    monkeypatch.setattr(bench_growth, "TORN_SIZES", (100, 200))
    monkeypatch.setattr(bench_growth, "EVENTS_A_SAMPLE", 300)
    # Subjects are measured at length, in tests of their own.
    parts = [part for part in PARTS if part not in ("engines", "drivers", "real-trees")]
    benchmark = run_bench(parts=parts, rounds=1, say=silent)
    names = [comparison.name for comparison in benchmark.comparisons]
    assert names == [
        "writes-pinned",
        "writes-unpinned",
        "kill-cases-1",
        "kill-cases-2",
        "kill-cases-all-invariants-1",
        "kill-cases-all-invariants-2",
        "error-cases",
        "images-built-ext4",
        "images-built-posix",
        "images-judged-isolated",
        "images-judged-shared",
        "positions-300",
        "cut-positions-200",
        "forks",
    ]
    for comparison in benchmark.comparisons:
        assert comparison.ours.median, comparison.name
    limits = [limit.name for limit in benchmark.limits]
    assert limits == ["error-each", "positions-memory", "cut-positions-memory", "start"]


def test_without_strace_the_recorder_is_measured_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_writes, "WRITES", 20)
    monkeypatch.setattr(bench_writes.shutil, "which", lambda _name: None)
    for comparison in run_bench(parts=["writes"], rounds=1, say=silent).comparisons:
        assert comparison.ours.median
        assert comparison.other.missing == "strace is not installed"
