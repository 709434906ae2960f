"""`walcrash.run` over a made-up campaign: what it asks for, what it returns, what it refuses."""

import os
from pathlib import Path

import pytest
from report_lines import fake_module, write_scenario

import walcrash
from walcrash import ExitCode, StopReason, Verdict


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario in the current directory, and a campaign that only plays its lines."""
    monkeypatch.setitem(__import__("sys").modules, "walcrash.campaign.campaign", fake_module())
    monkeypatch.delenv("WALCRASH_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    return write_scenario(tmp_path).relative_to(tmp_path)


def test_a_run_that_passes_says_what_was_tested(scenario: Path) -> None:
    result = walcrash.run(scenario, seed=7, cases=3)
    assert (result.verdict, result.exit_code) == (Verdict.PASS, ExitCode.PASSED)
    assert (result.seed, result.stopped) == ("7", StopReason.CASES_DONE)
    assert [ended.cases for ended in result.scenarios] == [3]
    assert result.findings == ()
    assert result.directory.parent == Path("reports/runs")
    assert {path.name for path in result.directory.iterdir()} >= {
        "events.ndjson", "report.html", "report.md",
    }  # fmt: skip


def test_findings_are_a_result_with_the_summary_that_the_command_prints(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_CASES", "1")
    result = walcrash.run(scenario, seed="abc", cases=3)
    assert result.exit_code is ExitCode.FINDINGS
    assert [finding.id for finding in result.findings] == ["F-7c1e"]
    assert "FAIL  made-up · lost-put · F-7c1e" in result.summary
    assert f"walcrash run {scenario} --cases 3 --seed abc" in result.summary
    assert "summary" not in repr(result)


def test_a_seed_that_nobody_chose_is_another_one_each_time(scenario: Path) -> None:
    seeds = {walcrash.run(scenario, cases=1).seed for _ in range(3)}
    assert len(seeds) == 3


def test_runs_are_kept_where_the_caller_says_then_the_environment(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WALCRASH_RUNS", "from-environment")
    assert walcrash.run(scenario, cases=1).directory.parent == Path("from-environment")
    kept = walcrash.run(scenario, cases=1, runs=tmp_path / "kept")
    assert kept.directory.parent == tmp_path / "kept"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": ""}, "the seed is an empty text"),
        ({"seed": "\ud800"}, r"a seed is text without lone surrogates; found seed='\\ud800'"),
        ({"seed": b"x"}, "a seed is any text or an integer; found seed=b'x'"),
        ({"seed": 1.5}, "a seed is any text or an integer; found seed=1.5"),
        ({"seed": True}, "a seed is any text or an integer; found seed=True"),
        ({"seed": 10**5000}, "an integer that can be written; found seed=a number that is too"),
        ({"cases": 0}, "1 to 1000000000 cases, a whole number; found cases=0"),
        ({"cases": 10**30}, "1 to 1000000000 cases, a whole number; found cases=1000"),
        ({"cases": "2"}, "a whole number; found cases='2'"),
        ({"cases": 2.5}, "a whole number; found cases=2.5"),
        ({"seconds": 0}, "found seconds=0"),
        ({"seconds": "1"}, "found seconds='1'"),
        ({"seconds": 10**400}, "found seconds=1000"),
        ({"seconds": float("nan")}, "found seconds=nan"),
        ({"seconds": 1e9}, "at most 2.592e\\+06 seconds; found"),
        ({"jobs": 0}, "1 to 256 jobs, a whole number; found jobs=0"),
        ({"jobs": 257}, "1 to 256 jobs, a whole number; found jobs=257"),
        ({"jobs": None}, "found jobs=None"),
        ({"runs": "\0"}, r"`runs` is a path, as text without NUL .* found runs='\\x00'"),
        ({"runs": ""}, "`runs` is a path, .* found runs=''"),
        ({"runs": b"runs"}, "`runs` is a path, .* found runs=b'runs'"),
    ],
)
def test_an_argument_out_of_range_is_refused_before_anything_is_written(
    scenario: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(walcrash.UsageError, match=message) as refused:
        walcrash.run(scenario, **arguments)  # type: ignore[arg-type]
    assert refused.value.hint
    assert os.listdir() == [scenario.name]


@pytest.mark.parametrize("path", ["a\0.toml", b"made-up.toml", 5, None, ""])
def test_what_is_no_path_of_a_scenario_is_a_usage_error(path: object) -> None:
    with pytest.raises(walcrash.UsageError, match="`scenario_path` is a path") as refused:
        walcrash.run(path)  # type: ignore[arg-type]
    assert refused.value.hint


def test_a_scenario_that_is_not_there_is_a_usage_error(scenario: Path) -> None:
    with pytest.raises(walcrash.UsageError, match=r"missing\.toml"):
        walcrash.run("missing.toml")
    assert os.listdir() == [scenario.name]


def test_a_broken_scenario_is_a_scenario_error_with_its_line(scenario: Path) -> None:
    scenario.write_text(scenario.read_text() + 'unknown = "key"\n')
    with pytest.raises(walcrash.ScenarioError, match=r"made-up\.toml"):
        walcrash.run(scenario)


def test_what_ends_a_campaign_comes_out_as_it_is(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERROR", "Inconclusive('interception is missing')")
    with pytest.raises(walcrash.Inconclusive, match="interception is missing"):
        walcrash.run(scenario)
