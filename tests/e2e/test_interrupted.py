"""Campaigns that are stopped from outside: whatever is killed, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from command import environment
from test_bad_subjects import assert_nothing_left, marked, write_scenario

# limits
START_SECONDS = 30.0
END_SECONDS = 60.0


@contextmanager
def campaign(directory: Path, adapter: str, *, seconds: float = 5.0) -> Iterator["Running"]:
    """A campaign of many cases in its own process group, as a shell would start it."""
    work = directory / "work"
    work.mkdir()
    mark = f"walcrash-e2e-{os.getpid()}-{time.monotonic_ns()}"
    file = write_scenario(directory, adapter, seconds=seconds)
    process = subprocess.Popen(
        [sys.executable, "-m", "walcrash", "run", file, "--seed", "1", "--cases", "100000",
         "--jobs", "2"],
        cwd=directory,
        env=environment(WALCRASH_WORK=str(work), WALCRASH_TEST_MARK=mark),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        # A shell's background job ignores Ctrl-C, and hands that on to all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    running = Running(process, mark, work, directory)
    try:
        yield running
    finally:
        for left in marked(mark):
            left.kill()
        process.kill()
        process.communicate()


def _created(process: psutil.Process) -> float:
    """Return when a process was started; after all others if it is gone meanwhile."""
    try:
        return process.create_time()
    except psutil.Error:
        return float("inf")


def _words(process: psutil.Process) -> str:
    """Return a process's command line; empty if the process is gone meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class Running:
    """A campaign under way."""

    def __init__(
        self, process: "subprocess.Popen[str]", mark: str, work: Path, directory: Path
    ) -> None:
        self.process = process
        self._mark = mark
        self._work = work
        self._directory = directory

    def wait_for_cases(self, count: int = 10) -> None:
        """Wait until so many lines are in its log."""

        def has_lines() -> bool:
            logs = list(self._directory.glob("reports/runs/*/events.ndjson"))
            return bool(logs) and logs[0].read_bytes().count(b"\n") >= count

        self.wait_until(has_lines)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_so():
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def jobs(self) -> list[psutil.Process]:
        """Its job processes."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in _words(child)]

    def zygotes(self) -> list[psutil.Process]:
        found = [process for process in marked(self._mark) if "zygote_main" in _words(process)]
        # Oldest first: what a zygote forks has its command line, and may be gone in a moment.
        return sorted(found, key=_created)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end; nothing may be left then."""
        out, err = self.process.communicate(timeout=END_SECONDS)
        assert_nothing_left(self._mark, self._work)
        return self.process.returncode, out, err


def test_a_harness_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    with campaign(tmp_path, "Right") as running:
        running.wait_for_cases()
        running.process.kill()
        assert running.end()[0] == -signal.SIGKILL


def test_a_harness_that_is_killed_while_a_subject_hangs_leaves_nothing(tmp_path: Path) -> None:
    code = "import time, pathlib\npathlib.Path('loading').touch()\nwhile True: time.sleep(1)\n"
    (tmp_path / "hangs.py").write_text(code, encoding="utf-8")
    with campaign(tmp_path, "hangs.py:Subject") as running:
        running.wait_until((tmp_path / "loading").exists)
        running.process.kill()
        assert running.end()[0] == -signal.SIGKILL


def test_a_job_that_is_killed_is_a_fault_told_in_a_sentence(tmp_path: Path) -> None:
    with campaign(tmp_path, "Right") as running:
        running.wait_for_cases()
        running.jobs()[0].kill()
        code, out, err = running.end()
    assert code == 3
    assert "error: a job process died" in err
    assert "hint: " in err
    assert "Traceback" not in err
    assert "seed      1" in out


@pytest.mark.slow
def test_a_zygote_that_is_killed_is_a_fault_told_in_a_sentence(tmp_path: Path) -> None:
    with campaign(tmp_path, "Right") as running:
        running.wait_for_cases()
        running.zygotes()[0].kill()
        code, _, err = running.end()
    assert code == 3
    assert "the zygote is gone" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("number", "is_for_all"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, False, marks=pytest.mark.slow, id="SIGTERM"),
        pytest.param(signal.SIGTERM, True, marks=pytest.mark.slow, id="SIGTERM to all"),
    ],
)
def test_a_signal_ends_a_campaign_soon_with_a_partial_summary(
    number: signal.Signals, is_for_all: bool, tmp_path: Path
) -> None:
    with campaign(tmp_path, "Right") as running:
        running.wait_for_cases()
        began = time.monotonic()
        if is_for_all:
            os.killpg(running.process.pid, number)  # as a terminal does
        else:
            running.process.send_signal(number)
        code, out, err = running.end()
    assert code == 130
    assert time.monotonic() - began < END_SECONDS
    assert "stopped   interrupted" in out
    assert "seed      1" in out
    assert "resume    walcrash run --resume reports/runs/" in out
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_signal_ends_a_campaign_whose_subject_hangs(tmp_path: Path) -> None:
    with campaign(tmp_path, "HangsInOpen", seconds=60) as running:
        running.wait_until(lambda: len(running.zygotes()) >= 2)
        time.sleep(0.5)
        os.killpg(running.process.pid, signal.SIGINT)
        code, out, err = running.end()
    assert code == 130
    assert "stopped   interrupted" in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "delay_seconds",
    [pytest.param(0.4, marks=pytest.mark.slow), 0.7, pytest.param(1.0, marks=pytest.mark.slow)],
)
def test_a_signal_while_a_campaign_starts_is_no_fault(delay_seconds: float, tmp_path: Path) -> None:
    with campaign(tmp_path, "Right") as running:
        time.sleep(delay_seconds)
        os.killpg(running.process.pid, signal.SIGINT)
        code, _, err = running.end()
    assert code in (130, -signal.SIGINT)
    if "seed 1:" in err:
        assert code == 130
        assert "Traceback" not in err


@pytest.mark.parametrize(
    "delay_seconds",
    [pytest.param(0.5, marks=pytest.mark.slow), 0.9, pytest.param(1.3, marks=pytest.mark.slow)],
)
def test_a_harness_that_is_killed_while_it_starts_leaves_nothing(
    delay_seconds: float, tmp_path: Path
) -> None:
    with campaign(tmp_path, "Right") as running:
        time.sleep(delay_seconds)
        running.process.kill()
        assert running.end()[0] == -signal.SIGKILL
