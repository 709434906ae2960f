"""The command line in this process, over a made-up campaign."""

import json
import os
import sys
from pathlib import Path

import pytest
import report_lines
from report_lines import FakeCampaign, write_scenario

from walcrash.cli import main
from walcrash.values.errors import ExitCode


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeCampaign]:
    monkeypatch.setitem(sys.modules, "walcrash.campaign.campaign", report_lines.fake_module())
    for name in ("WALCRASH_RUNS", "FAIL_CASES", "CASE_SECONDS", "ERROR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    FakeCampaign.plans.clear()
    FakeCampaign.closed = 0
    write_scenario(tmp_path)
    return FakeCampaign


def one_run(runs: Path = Path("reports/runs")) -> Path:
    (directory,) = (path for path in runs.iterdir() if path.is_dir())
    return directory


def test_a_passing_run_keeps_its_log_and_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "made-up.toml", "--seed", "7"]) == ExitCode.PASSED
    shown = capsys.readouterr()
    assert "PASS  no findings in 4 cases" in shown.out
    assert shown.err == "seed 7: 1 scenario, 4 cases\n"
    directory = one_run()
    assert sorted(path.name for path in directory.iterdir()) == [
        "events.ndjson",
        "report.html",
        "report.md",
    ]
    lines = (directory / "events.ndjson").read_text().splitlines()
    assert json.loads(lines[-1])["line"] == "campaign-ended"
    assert Path("reports/runs/.gitignore").read_text() == "*\n"


def test_the_page_made_later_is_the_one_that_the_run_wrote(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_CASES", "1")
    assert main(["run", "made-up.toml", "--seed", "7"]) == ExitCode.FINDINGS
    directory = one_run()
    assert f"  open      {directory}/report.html" in capsys.readouterr().out
    assert main(["report", str(directory), "--to", "html", "-o", "later.html"]) == ExitCode.PASSED
    assert Path("later.html").read_bytes() == (directory / "report.html").read_bytes()


def test_a_format_that_nobody_knows_is_answered_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["report", ".", "--to", "pdf"]) == ExitCode.USAGE
    assert "there is no format `pdf`; there: html" in capsys.readouterr().err


def test_findings_exit_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_CASES", "1")
    assert main(["run", "made-up.toml", "--seed", "7"]) == ExitCode.FINDINGS
    assert "FAIL  1 finding in 4 cases" in capsys.readouterr().out


def test_a_seed_that_nobody_chose_is_printed(
    capsys: pytest.CaptureFixture[str], fake: type[FakeCampaign]
) -> None:
    assert main(["run", "made-up.toml"]) == ExitCode.PASSED
    seed = fake.plans[0].master_seed
    assert len(seed) == 8
    shown = capsys.readouterr()
    assert f"seed {seed}:" in shown.err
    assert f"--seed {seed}" in shown.out


def test_options_reach_the_campaign(fake: type[FakeCampaign], tmp_path: Path) -> None:
    arguments = "run made-up.toml --seed 00x --cases 2 --time 1.5m --jobs 3 --runs elsewhere"
    assert main(arguments.split()) == ExitCode.PASSED
    (plan,) = fake.plans
    assert (plan.master_seed, plan.cases, plan.seconds, plan.jobs) == ("00x", 2, 90.0, 3)
    assert plan.runs == Path("elsewhere")
    assert (one_run(Path("elsewhere")) / "report.md").exists()


def test_one_case_runs_alone(fake: type[FakeCampaign]) -> None:
    main(["run", "made-up.toml", "--seed", "7", "--case", "19"])
    assert fake.plans[0].only_case == 19


def test_jobs_default_to_the_processors_that_may_be_used(fake: type[FakeCampaign]) -> None:
    main(["run", "made-up.toml"])
    assert fake.plans[0].jobs == len(os.sched_getaffinity(0))


def test_the_environment_names_the_runs_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WALCRASH_RUNS", "from-environment")
    assert main(["run", "made-up.toml"]) == ExitCode.PASSED
    assert one_run(Path("from-environment")).is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run nowhere.toml", "there is no scenario"),
        ("run made-up.toml --time 5x", "'5x' is not a time budget"),
        ("run made-up.toml --time 0", "'0' is not a time budget"),
        ("run made-up.toml --time -5", "'-5' is not a time budget"),
        ("run made-up.toml --time inf", "'inf' is not a time budget"),
        ("run made-up.toml --cases 0", "0 is not in the range"),
        ("run made-up.toml --jobs 0", "0 is not in the range"),
        ("run made-up.toml --case -1", "-1 is not in the range"),
        ("run made-up.toml --case 1 --cases 2", "both were given"),
        ("run made-up.toml ./made-up.toml", "two scenarios are called made-up"),
        ("run made-up.toml --sed 3", "there is no option --sed"),
        ("run made-up.toml --runs made-up.toml", "cannot be written to"),
        ("run made-up.toml --log /nowhere/log", "cannot be written to"),
        ("rum", "there is no command `rum`"),
        ("replay", "Missing argument"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_leaves_nothing(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str], fake: type[FakeCampaign]
) -> None:
    assert main(arguments.split()) == ExitCode.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err
    assert "\nhint: " in shown.err or "hint: " not in message
    assert fake.closed == 0
    runs = Path("reports/runs")
    assert not runs.exists() or os.listdir(runs) == [".gitignore"]


def test_an_empty_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "made-up.toml", "--seed", ""]) == ExitCode.USAGE
    assert "it is empty" in capsys.readouterr().err


def test_one_case_of_several_scenarios_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scenario(tmp_path, "other")
    assert main(["run", "made-up.toml", "other.toml", "--case", "1"]) == ExitCode.USAGE
    assert "hint: walcrash run made-up.toml --case 1" in capsys.readouterr().err


def test_a_log_on_stdout_is_all_that_is_there(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "made-up.toml", "--seed", "7", "--log", "-"]) == ExitCode.PASSED
    shown = capfd.readouterr()
    assert shown.out.encode() == (one_run() / "events.ndjson").read_bytes()
    assert "PASS  no findings" in shown.err


def test_a_second_log_has_the_same_bytes() -> None:
    assert main(["run", "made-up.toml", "--log", "copy.ndjson"]) == ExitCode.PASSED
    assert Path("copy.ndjson").read_bytes() == (one_run() / "events.ndjson").read_bytes()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("HarnessFault('the recorder lost a worker', hint='walcrash doctor')", 3),
        ("Inconclusive('interception is missing', hint='walcrash doctor')", 4),
        ("ScenarioError('the subject cannot be loaded', hint='walcrash doctor')", 2),
    ],
)
def test_an_error_in_the_middle_comes_after_the_summary(
    error: str,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    fake: type[FakeCampaign],
) -> None:
    monkeypatch.setenv("ERROR", error)
    assert main(["run", "made-up.toml", "--seed", "7"]) == code
    shown = capsys.readouterr()
    assert "INCONCLUSIVE  no findings in 1 case" in shown.out
    assert "  seed      7" in shown.out
    assert shown.err.splitlines()[-2:] == [
        f"error: {error.split(chr(39))[1]}",
        "hint: walcrash doctor",
    ]
    assert fake.closed == 1


@pytest.mark.parametrize(
    "error",
    [
        "OSError(24, 'Too many open files')",
        "BlockingIOError(11, 'Resource temporarily unavailable')",
        'RuntimeError("can\'t start new thread")',
    ],
)
def test_limits_that_are_too_low_are_told_without_a_traceback(
    error: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERROR", error)
    assert main(["run", "made-up.toml", "--seed", "7"]) == ExitCode.HARNESS_FAULT
    said = capsys.readouterr().err
    assert "error: walcrash needs more processes, threads or open files: " in said
    assert "hint: ulimit -u shows" in said
    assert "Traceback" not in said


def test_a_bug_of_walcrash_says_so_and_how_to_report_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fake: type[FakeCampaign]
) -> None:
    monkeypatch.setenv("ERROR", "KeyError('\\x1b[2J')")
    assert main(["run", "made-up.toml", "--seed", "7"]) == ExitCode.HARNESS_FAULT
    shown = capsys.readouterr()
    assert "stopped   fault of the harness" in shown.out
    assert "Traceback" in shown.err
    assert "error: walcrash itself failed: KeyError" in shown.err
    assert "please report it" in shown.err
    assert fake.closed == 1


def test_a_full_log_ends_the_run_with_its_summary(
    capsys: pytest.CaptureFixture[str], fake: type[FakeCampaign]
) -> None:
    assert main(["run", "made-up.toml", "--log", "/dev/full"]) == ExitCode.HARNESS_FAULT
    shown = capsys.readouterr()
    assert "stopped   the event log /dev/full could not be written" in shown.out
    assert "No space left on device" in shown.err
    assert fake.closed == 1


def test_the_shipped_scenarios_are_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from walcrash.scenario import file as scenario_file

    monkeypatch.setattr(
        scenario_file, "shipped_scenarios", lambda: {"made-up": tmp_path / "made-up.toml"}
    )
    assert main(["scenarios"]) == ExitCode.PASSED
    assert capsys.readouterr().out == "  made-up  made up for a test\n"


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == ExitCode.PASSED
    assert json.loads(capsys.readouterr().out)["type"] == "object"


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["run", "made-up.toml", "--cases"], "1<=x<=1000000000"),
        (["run", "made-up.toml", "--case"], "0<=x<=999999999"),
        (["compare", "reference", "reference", "--case"], "0<=x<=999999999"),
        (["run", "made-up.toml", "--jobs"], "1<=x<=256"),
        (["replay", "F-", "--times"], "1<=x<=10000"),
        (["selftest", "--seeds"], "1<=x<=1000"),
    ],
)
@pytest.mark.parametrize("number", ["99999999999999999999", "-1"])
def test_a_number_out_of_range_is_refused_with_its_range(
    words: list[str], allowed: str, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, number]) == ExitCode.USAGE
    shown = capsys.readouterr()
    assert f"{number} is not in the range {allowed}" in shown.err
    assert "hint: " in shown.err
    assert not shown.out


def test_a_seed_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "made-up.toml", "--seed", "\udcff"]) == ExitCode.USAGE
    assert r"'\udcff' is no UTF-8; say any other text" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["run", "made-up.toml"], ["findings"], ["replay", "F-"]])
def test_an_empty_directory_of_runs_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*words, "--runs", ""]) == ExitCode.USAGE
    assert "it is empty; leave the option out, or name a directory" in capsys.readouterr().err
    # As the shell has it, a variable that is empty is one that is not set.
    monkeypatch.setenv("WALCRASH_RUNS", "")
    assert main(["findings"]) == ExitCode.PASSED
    assert "no finding is kept in reports/runs" in capsys.readouterr().err
