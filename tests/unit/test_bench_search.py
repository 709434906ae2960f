"""`walcrash bench search`: what is sought, what is counted, and how it is told."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import InThisProcess

from walcrash.report.search_text import publish_search_bench, read_search_bench, search_text
from walcrash.tools.bench import python_driver
from walcrash.tools.bench.search import (
    BenchPart,
    SearchBenchPlan,
    first_finding,
    run_search_bench,
    weak_settings,
)
from walcrash.tools.bench.tree_time import cpu_seconds
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.search_bench import FirstFinding, SearchBench, SoughtSubject, StateRate


def runs(*states: int, is_found: bool = True) -> tuple[FirstFinding, ...]:
    return tuple(
        FirstFinding(
            seed=str(number),
            is_found=is_found,
            cases=1,
            states=count,
            cpu_seconds=count / 100,
            seconds=count / 10,
        )
        for number, count in enumerate(states)
    )


def made_up(*bugs: SoughtSubject, rates: tuple[StateRate, ...] = ()) -> SearchBench:
    machine = (("processors", "2"),)
    return SearchBench(command="walcrash bench", machine=machine, seeds=3, bugs=bugs, rates=rates)


def bug(name: str, *states: int, is_found: bool = True) -> SoughtSubject:
    return SoughtSubject(name=name, needs="a kill", runs=runs(*states, is_found=is_found))


def test_a_bug_is_told_with_median_and_worst_seed_and_the_slow_ones_by_name() -> None:
    text = search_text(made_up(bug("quick", 1, 2, 9), bug("slow", 150, 160, 700)))
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["quick"] == ["3", "of", "3", "2", "9", "0.02", "0.09", "0.20", "0.90"]
    assert rows["slow"] == ["3", "of", "3", "160", "700", "1.60", "7.00", "16.00", "70.00"]
    assert "planted bugs: 6 of 6 runs found it" in text
    assert "medians: 81 states and 0.81 s of processor time in the middle" in text
    assert "over 100 states: 1 (slow)" in text
    assert "over 1 s of processor time: 1 (slow)" in text
    assert "not found on every seed: none" in text


def test_runs_that_found_nothing_are_in_no_median_and_are_told() -> None:
    half = SoughtSubject(name="half", needs="", runs=(*runs(5), *runs(400, is_found=False)))
    text = search_text(made_up(half, bug("never", 300, is_found=False)))
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["half"][:5] == ["1", "of", "2", "5", "5"]
    assert rows["never"] == ["0", "of", "1", *"------"]
    assert "not found on every seed: 2 (half, never)" in text


def test_an_earlier_measurement_stands_beside_bug_for_bug() -> None:
    text = search_text(made_up(bug("a", 3), bug("b", 4)), before=made_up(bug("b", 50)))
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["a"][-2:] == ["-", "-"]
    assert rows["b"][-2:] == ["50", "0.50"]
    assert "before: 1 of 1 runs found it" in text


def test_rates_are_by_the_clock_and_by_processor_time() -> None:
    measured = StateRate(name="m", judged=100, states=80, cpu_seconds=4.0, seconds=10.0)
    text = search_text(made_up(rates=(measured, StateRate(name="n", missing="no gcc"))))
    row = next(line for line in text.splitlines() if line.strip().startswith("m "))
    assert row.split() == ["m", "100", "80", "10.0", "25.0"]
    assert "n: not measured: no gcc" in text


def test_what_is_written_is_read_again_and_the_page_names_its_command(tmp_path: Path) -> None:
    bench = made_up(bug("a", 3), rates=(StateRate(name="n", missing="no gcc"),))
    paths = {"json_path": str(tmp_path / "s.json"), "page_path": str(tmp_path / "s.md")}
    assert publish_search_bench(bench, before=None, **paths) is ExitCode.PASSED
    assert read_search_bench(paths["json_path"]) == bench
    assert "Made by `walcrash bench`" in (tmp_path / "s.md").read_text()
    with pytest.raises(UsageError, match="cannot be written"):
        publish_search_bench(bench, before=None, json_path="/dev/null/x", page_path=None)
    with pytest.raises(UsageError, match="cannot be read"):
        read_search_bench(str(tmp_path / "none"))


def test_settings_that_lose_are_those_that_keep_less_than_all_under_what_decides() -> None:
    subjects = [row.subject for row in weak_settings()]
    assert "sqlite,journal_mode=wal,synchronous=off" in subjects
    assert "reference,sync=none" in subjects
    assert "sqlite,journal_mode=wal,synchronous=full" not in subjects


def test_a_bug_is_sought_until_its_first_failing_case() -> None:
    plan = SearchBenchPlan(names=("buffered-append",), seeds=1, parts=(BenchPart.BUGS,))
    said: list[str] = []
    bench = run_search_bench(plan, say=said.append, make_executor=InThisProcess)
    ((run,),) = [each.runs for each in bench.bugs]
    assert said == ["buffered-append"]
    assert run.is_found
    assert 1 <= run.cases <= run.states
    assert run.cpu_seconds > 0
    assert bench.rates == bench.settings == ()
    assert bench.command.endswith("buffered-append --seeds 1 --part bugs --jobs 1")


def test_a_bug_is_sought_in_uniform_order_as_the_control() -> None:
    plan = SearchBenchPlan(names=("buffered-append",), seeds=1, parts=(BenchPart.UNIFORM,))
    bench = run_search_bench(plan, say=print, make_executor=InThisProcess)
    assert bench.bugs == ()
    ((run,),) = [each.runs for each in bench.uniform]
    assert run.is_found
    assert "in uniform order: 1 of 1 runs found it" in search_text(bench)


def test_a_name_that_is_no_bug_is_refused() -> None:
    plan = SearchBenchPlan(names=("nothing",), seeds=1)
    with pytest.raises(UsageError, match="no planted bug `nothing`"):
        run_search_bench(plan, say=print)


def test_processor_time_grows_with_work() -> None:
    before = cpu_seconds()
    while cpu_seconds() - before < 0.02:
        sum(range(10_000))
    assert callable(first_finding)


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, object]]]:
    """Return what gives the driver requests, and returns its replies."""

    def talk(*requests: dict[str, object], is_reopening: bool = False) -> list[dict[str, object]]:
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, requests))))
        monkeypatch.setattr(sys, "stdout", out)
        python_driver.serve(str(tmp_path), is_reopening=is_reopening)
        return [json.loads(line) for line in out.getvalue().splitlines()]

    return talk


def test_the_driver_in_python_keeps_what_is_whole_and_cuts_a_torn_tail(
    tmp_path: Path, talk: Callable[..., list[dict[str, object]]]
) -> None:
    first, second = {"id": "op-1"}, {"id": "op-2"}
    opened = {"do": "open"}
    talk(opened, {"do": "append", "record": first}, {"do": "append", "record": second})
    log = tmp_path / python_driver.NAME
    log.write_bytes(log.read_bytes()[:-1])
    replies = talk(opened, {"do": "replay", "from": 0}, {"do": "close"})
    assert [reply.get("record") for reply in replies] == [None, first, None, None]
    assert log.stat().st_size == replies[2]["end"]
    reopened = talk(opened, {"do": "close"}, opened, {"do": "replay", "from": 0}, is_reopening=True)
    assert reopened[3]["record"] == first
