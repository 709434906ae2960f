"""Campaigns that go on after they were killed, interrupted, or were asked to go on wrongly."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from command import ROOT, environment, walcrash, walcrash_here
from needs import lacking
from once import made_once

SCENARIOS = [
    str(ROOT / "scenarios" / f"{name}.toml") for name in ("quickstart", "planted/buffered-append")
]
ARGUMENTS = [*SCENARIOS, "--seed", "same", "--cases", "5", "--jobs", "2"]

EARLY, SECOND = 5, 11
"""Lines of the log after which a campaign is stopped: in its first and in its second scenario."""

# limits
START_SECONDS = 60.0
END_SECONDS = 300.0

KILLED_CAMPAIGNS = 2
"""Campaigns that are killed at points of their own."""


def start(directory: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "walcrash", "run", *words, "--runs", "runs"],
        cwd=directory,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and hands that on to all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def wait_for_lines(process: "subprocess.Popen[str]", directory: Path, lines: int) -> Path:
    """Wait until the log of a campaign has so many lines, and return the log."""
    deadline = time.monotonic() + START_SECONDS
    while not any(log.read_bytes().count(b"\n") >= lines for log in logs(directory)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (log,) = logs(directory)
    return log


def logs(directory: Path) -> list[Path]:
    return list(directory.glob("runs/*/events.ndjson"))


def resume(directory: Path, *words: str) -> tuple[int, str, str]:
    done = walcrash_here(directory, "run", "--resume", *words, "--runs", "runs")
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The event log of the campaign that nobody stopped."""

    def make(directory: Path) -> None:
        done = walcrash_here(directory, "run", *ARGUMENTS, "--runs", "runs")
        assert done.returncode == 1, done.stderr
        (log,) = logs(directory)
        assert [path.name for path in sorted(log.parent.iterdir())] == [
            "events.ndjson",
            "report.html",
            "report.md",
        ]

    (log,) = logs(made_once(tmp_path_factory, "whole-campaign", make))
    return log.read_bytes()


Stopped = tuple[int, signal.Signals]
"""After how many lines of its log a campaign was stopped, and with what."""


@dataclass(frozen=True)
class Run:
    """A campaign that was stopped: its run's directory, and where it may go on."""

    place: Path
    directory: Path

    @property
    def log(self) -> Path:
        return self.directory / "events.ndjson"


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> dict[Stopped, Run]:
    """The campaigns that were stopped so far."""
    return {}


@pytest.fixture
def stopped(
    campaigns: dict[Stopped, Run], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Callable[[int, signal.Signals], Run]:
    """Begin a campaign and stop it, once for each way; hand out a copy of its run."""

    def stop(lines: int, number: signal.Signals) -> Run:
        if (lines, number) not in campaigns:
            place = tmp_path_factory.mktemp("stopped")
            process = start(place, *ARGUMENTS)
            log = wait_for_lines(process, place, lines)
            process.send_signal(number)
            process.communicate(timeout=END_SECONDS)
            campaigns[lines, number] = Run(place, log.parent)
        made = campaigns[lines, number]
        copy = shutil.copytree(made.directory, tmp_path / "runs" / made.directory.name)
        return Run(made.place, Path(copy))

    return stop


Stop = Callable[[int, signal.Signals], Run]


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        pytest.param(EARLY, signal.SIGKILL, marks=pytest.mark.slow, id="killed early"),
        pytest.param(SECOND, signal.SIGKILL, id="killed in the second scenario"),
        pytest.param(EARLY, signal.SIGINT, marks=pytest.mark.slow, id="Ctrl-C"),
        pytest.param(SECOND, signal.SIGTERM, marks=pytest.mark.slow, id="SIGTERM"),
    ],
)
def test_a_campaign_that_goes_on_tells_what_one_tells_that_was_not_stopped(
    lines: int, number: signal.Signals, whole: bytes, stopped: Stop
) -> None:
    run = stopped(lines, number)
    assert run.log.read_bytes() != whole
    # One of them in processes, with several jobs.
    go_on, jobs = (walcrash, "2") if number is signal.SIGINT else (walcrash_here, "1")
    done = go_on(run.place, "run", "--resume", str(run.directory), "--jobs", jobs)
    assert done.returncode == 1, done.stderr
    assert run.log.read_bytes() == whole
    assert "10 cases" in done.stdout
    assert (run.directory / "report.html").is_file()
    assert not list(run.directory.glob("state.sqlite*"))


ALL_KINDS = [
    str(ROOT / "scenarios" / f"{name}.toml")
    for name in ("planted/power/never-synced", "drivers/journal", "crash-mid-write")
]


@pytest.mark.slow
def test_campaigns_killed_at_any_point_and_again_tell_what_one_tells_that_was_not(
    tmp_path: Path,
) -> None:
    """Power losses with a finding, a driver, and exact kills; killed once or twice each."""
    if shutil.which("perl") is None:
        lacking("perl, for a driver")
    words = [*ALL_KINDS, "--seed", "any", "--cases", "3", "--jobs", "2"]
    began = time.monotonic()
    expected = log_after(tmp_path / "whole", words, kills=[])
    seconds = time.monotonic() - began
    assert expected.count(b'"line":"finding-reported"') >= 1
    prng = Random("kill points")
    for number in range(KILLED_CAMPAIGNS):
        kills = [prng.uniform(0.1, seconds) for _ in range(1 + number % 2)]
        assert log_after(tmp_path / str(number), words, kills=kills) == expected, kills


def log_after(directory: Path, words: list[str], *, kills: list[float]) -> bytes:
    """Return the log of a campaign that was killed after so many seconds, each time anew."""
    directory.mkdir()
    now, left = words, [*kills, END_SECONDS, END_SECONDS]
    while left:
        process = start(directory, *now)
        try:
            _, err = process.communicate(timeout=left.pop(0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            begun = sorted(directory.glob("runs/*/"))
            now = ["--resume", str(begun[-1]), "--jobs", "2"] if begun else words
            continue
        if process.returncode == 2:
            # It was killed before anything said what was asked for, or behind its last line.
            if "the run has ended" in err:
                break
            assert "was stopped before the run had begun" in err
            now = words
            continue
        assert process.returncode == 1, err
        break
    (log,) = [log for log in logs(directory) if b'"campaign-ended"' in log.read_bytes()]
    assert not list(log.parent.glob("state.sqlite*"))
    return log.read_bytes()


@pytest.mark.slow
def test_an_interrupted_campaign_keeps_no_findings_of_half_a_scenario(stopped: Stop) -> None:
    run = stopped(SECOND, signal.SIGTERM)
    with sqlite3.connect(run.directory / "state.sqlite") as connection:
        done = [name for (name,) in connection.execute("select scenario from done")]
        minimal = [name for (name,) in connection.execute("select scenario from minimal")]
        reported = [name for (name,) in connection.execute("select scenario from reported")]
    connection.close()
    assert {*minimal, *reported} <= set(done)


def test_cases_that_were_judged_are_not_run_again(whole: bytes, stopped: Stop) -> None:
    """A log with words of its own shows that it is made from what was kept."""
    run = stopped(SECOND, signal.SIGKILL)
    with sqlite3.connect(run.directory / "state.sqlite") as connection:
        connection.execute(
            "update judged set outcome = replace(outcome, '\"recoveries\":', '\"recoveries\":77')"
        )
        (kept,) = connection.execute("select count(*) from judged").fetchone()
    connection.close()
    assert kept >= 5
    assert resume(run.place, str(run.directory))[0] == 1
    log = run.log.read_bytes()
    assert log.count(b'"recoveries":77') >= kept
    assert b'"recoveries":77' not in whole


def test_a_run_that_has_ended_does_not_go_on(tmp_path: Path) -> None:
    words = ("run", "quickstart", "--cases", "8", "--seed", "1", "--runs", "runs")
    assert walcrash_here(tmp_path, *words).returncode == 0
    (log,) = logs(tmp_path)
    code, _, err = resume(tmp_path, log.parent.name)
    assert code == 2
    assert "the run has ended" in err
    assert "hint: walcrash report" in err


def test_what_a_run_is_about_may_not_change(tmp_path: Path) -> None:
    text = (ROOT / "scenarios" / "quickstart.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace('"quickstart"', '"mine"'), encoding="utf-8")
    process = start(tmp_path, "mine.toml", "--seed", "1", "--cases", "100000", "--jobs", "1")
    log = wait_for_lines(process, tmp_path, 9)
    code, _, err = resume(tmp_path, log.parent.name)
    assert code == 2
    assert "is still running" in err
    process.kill()
    process.communicate(timeout=END_SECONDS)

    perturbed = tmp_path / "elsewhere"
    perturbed.mkdir()
    code, _, err = resume(perturbed, str(log.parent))
    assert code == 2
    assert f"was begun in {tmp_path}" in err

    changed, changes = re.subn(r"(?m)^cases = \d+$", "cases = 39", file.read_text(encoding="utf-8"))
    assert changes == 1
    file.write_text(changed, encoding="utf-8")
    before = log.read_bytes()
    code, _, err = resume(tmp_path, log.parent.name)
    assert code == 2
    assert "mine or its subject has changed since it was begun" in err
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"", b"not a database, not at all", None], ids=["empty", "garbage", "other format"]
)
def test_a_state_that_cannot_be_read_is_told(damage: bytes | None, stopped: Stop) -> None:
    run = stopped(SECOND, signal.SIGKILL)
    state = run.directory / "state.sqlite"
    if damage is None:
        with sqlite3.connect(state) as connection:
            connection.execute("pragma user_version = 9")
        connection.close()
    else:
        state.write_bytes(damage)
        (run.directory / "state.sqlite-journal").unlink(missing_ok=True)
    code, _, err = resume(run.place, str(run.directory))
    assert code == 2
    assert str(state.name) in err
    assert "hint: " in err
    assert "Traceback" not in err


def test_resume_takes_no_other_request(tmp_path: Path) -> None:
    code, _, err = resume(tmp_path, "x", "--seed", "1")
    assert code == 2
    assert "goes on with what that run was asked for" in err
