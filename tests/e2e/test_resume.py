"""Campaigns that go on after they were killed, interrupted, or were asked to go on wrongly."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = [
    str(ROOT / "scenarios" / f"{name}.toml") for name in ("quickstart", "planted/uncut-tail")
]
ARGUMENTS = [*SCENARIOS, "--seed", "same", "--cases", "30", "--jobs", "2"]

# limits
START_SECONDS = 60.0
END_SECONDS = 120.0


def start(directory: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "walcrash", "run", *words, "--runs", "runs"],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores Ctrl-C, and hands that on to all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def walcrash(directory: Path, *words: str) -> tuple[int, str, str]:
    process = start(directory, *words)
    out, err = process.communicate(timeout=END_SECONDS)
    return process.returncode, out, err


def stop_at(directory: Path, lines: int, number: signal.Signals) -> Path:
    """Begin the campaign, stop it when its log has so many lines, and return its directory."""
    process = start(directory, *ARGUMENTS)
    log = wait_for_lines(process, directory, lines)
    process.send_signal(number)
    process.communicate(timeout=END_SECONDS)
    return log.parent


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The event log of the campaign that nobody stopped."""
    directory = tmp_path_factory.mktemp("whole")
    code, _, err = walcrash(directory, *ARGUMENTS)
    assert code == 1, err
    (log,) = logs(directory)
    assert [path.name for path in sorted(log.parent.iterdir())] == [
        "events.ndjson",
        "report.html",
        "report.md",
    ]
    return log.read_bytes()


@pytest.mark.parametrize(
    ("lines", "number"),
    [(12, signal.SIGKILL), (45, signal.SIGKILL), (12, signal.SIGINT), (45, signal.SIGTERM)],
    ids=["killed early", "killed in the second scenario", "Ctrl-C", "SIGTERM"],
)
def test_a_campaign_that_goes_on_tells_what_one_tells_that_was_not_stopped(
    lines: int, number: signal.Signals, whole: bytes, tmp_path: Path
) -> None:
    run = stop_at(tmp_path, lines, number)
    assert (run / "events.ndjson").read_bytes() != whole
    code, out, err = walcrash(tmp_path, "--resume", str(run), "--jobs", "1")
    assert code == 1, err
    assert (run / "events.ndjson").read_bytes() == whole
    assert "60 cases" in out
    assert (run / "report.html").is_file()
    assert not list(run.glob("state.sqlite*"))


def test_an_interrupted_campaign_keeps_no_findings_of_half_a_scenario(tmp_path: Path) -> None:
    run = stop_at(tmp_path, 45, signal.SIGTERM)
    with sqlite3.connect(run / "state.sqlite") as connection:
        done = [name for (name,) in connection.execute("select scenario from done")]
        minimal = [name for (name,) in connection.execute("select scenario from minimal")]
        reported = [name for (name,) in connection.execute("select scenario from reported")]
    connection.close()
    assert {*minimal, *reported} <= set(done)


def test_cases_that_were_judged_are_not_run_again(whole: bytes, tmp_path: Path) -> None:
    """A log with words of its own shows that it is made from what was kept."""
    run = stop_at(tmp_path, 30, signal.SIGKILL)
    with sqlite3.connect(run / "state.sqlite") as connection:
        connection.execute(
            "update judged set outcome = replace(outcome, '\"recoveries\": ', '\"recoveries\": 77')"
        )
        (kept,) = connection.execute("select count(*) from judged").fetchone()
    connection.close()
    assert kept >= 8
    assert walcrash(tmp_path, "--resume", run.name)[0] == 1
    log = (run / "events.ndjson").read_bytes()
    assert log.count(b'"recoveries":77') >= kept
    assert b'"recoveries":77' not in whole


def test_a_run_that_has_ended_does_not_go_on(tmp_path: Path) -> None:
    assert walcrash(tmp_path, "quickstart", "--cases", "8", "--seed", "1")[0] == 0
    (log,) = logs(tmp_path)
    code, _, err = walcrash(tmp_path, "--resume", log.parent.name)
    assert code == 2
    assert "the run has ended" in err
    assert "hint: walcrash report" in err


def test_what_a_run_is_about_may_not_change(tmp_path: Path) -> None:
    text = (ROOT / "scenarios" / "quickstart.toml").read_text(encoding="utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace('"quickstart"', '"mine"'), encoding="utf-8")
    process = start(tmp_path, "mine.toml", "--seed", "1", "--cases", "100000")
    log = wait_for_lines(process, tmp_path, 9)
    code, _, err = walcrash(tmp_path, "--resume", log.parent.name)
    assert code == 2
    assert "is still running" in err
    process.kill()
    process.communicate(timeout=END_SECONDS)

    perturbed = tmp_path / "elsewhere"
    perturbed.mkdir()
    code, _, err = walcrash(perturbed, "--resume", str(log.parent))
    assert code == 2
    assert f"was begun in {tmp_path}" in err

    file.write_text(file.read_text(encoding="utf-8").replace("cases = 100", "cases = 99"))
    before = log.read_bytes()
    code, _, err = walcrash(tmp_path, "--resume", log.parent.name)
    assert code == 2
    assert "mine or its subject has changed since it was begun" in err
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [b"", b"not a database, not at all", None], ids=["empty", "garbage", "other format"]
)
def test_a_state_that_cannot_be_read_is_told(damage: bytes | None, tmp_path: Path) -> None:
    run = stop_at(tmp_path, 9, signal.SIGKILL)
    state = run / "state.sqlite"
    if damage is None:
        with sqlite3.connect(state) as connection:
            connection.execute("pragma user_version = 9")
        connection.close()
    else:
        state.write_bytes(damage)
        (run / "state.sqlite-journal").unlink(missing_ok=True)
    code, _, err = walcrash(tmp_path, "--resume", run.name)
    assert code == 2
    assert str(state.name) in err
    assert "hint: " in err
    assert "Traceback" not in err


def test_resume_takes_no_other_request(tmp_path: Path) -> None:
    code, _, err = walcrash(tmp_path, "--resume", "x", "--seed", "1")
    assert code == 2
    assert "goes on with what that run was asked for" in err
