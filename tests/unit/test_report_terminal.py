"""Progress: lines where there is no terminal, and a picture that leaves nothing behind."""

import contextlib
import fcntl
import importlib.util
import io
import itertools
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import report_lines
from needs import lacking
from report_lines import finding, judged, scenario_started, write_scenario

from walcrash.report.output import is_terminal, wants_color
from walcrash.report.terminal import LINE_SECONDS, STOPPING, minutes, open_progress
from walcrash.values.activity import CASES, Activity, Step
from walcrash.values.log import FindingReported

FAKE = report_lines.__file__
ROOT = str(Path(FAKE).parents[2] / "harness")
COUNTS = {"quickstart": 4, "torn-tail": 4}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def steps(seconds: float) -> Callable[[], float]:
    return itertools.count(0.0, seconds).__next__


def clock_of(times: list[float]) -> Callable[[], float]:
    return lambda: times[0]


@pytest.mark.parametrize(
    ("environment", "terminal"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "CI": "false"}, True),
        ({"TERM": "xterm", "CI": "true"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_a_picture_needs_a_terminal_that_a_person_looks_at(
    environment: dict[str, str], terminal: bool
) -> None:
    assert is_terminal(Terminal(), environment) is terminal
    assert not is_terminal(io.StringIO(), environment)


def test_no_color_takes_the_colours_only() -> None:
    environment = {"TERM": "xterm", "NO_COLOR": "1"}
    assert is_terminal(Terminal(), environment)
    assert not wants_color(Terminal(), environment)


def test_without_a_terminal_there_is_one_line_every_ten_seconds() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = open_progress(
        stream, {}, case_counts={"quickstart": 100}, seconds=None, clock=clock_of(now)
    )
    progress.start()
    progress.show(scenario_started("quickstart"))
    for case in range(50):
        now[0] += 1.0
        progress.show(judged("quickstart", case))
    progress.stop()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 50 // LINE_SECONDS
    assert lines[0] == ("quickstart: 10 of 100 cases in 0:10, 1.0 cases/s, no findings, 1:30 left")


def test_before_its_first_case_a_scenario_is_said_to_be_tried_without_a_crash() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = open_progress(
        stream, {}, case_counts={"quickstart": None}, seconds=30.0, clock=clock_of(now)
    )
    progress.start()
    now[0] = 10.0
    progress.wait(CASES)
    said = "quickstart: 0 cases in 0:10, trying it without a crash, no findings, 0:20 left\n"
    assert stream.getvalue() == said


def test_a_time_budget_ends_the_wait_if_it_is_sooner() -> None:
    stream, now = io.StringIO(), [0.0]
    progress = open_progress(
        stream, {}, case_counts={"quickstart": 100}, seconds=30.0, clock=clock_of(now)
    )
    now[0] = 10.0
    progress.show(judged("quickstart", 0, failing=True))
    assert "1 failed, 0:20 left" in stream.getvalue()


def test_what_is_counted_never_gets_less_when_failing_cases_come_to_fewer_findings() -> None:
    stream = io.StringIO()
    progress = open_progress(
        stream, {}, case_counts=COUNTS, seconds=None, clock=steps(LINE_SECONDS)
    )
    for case, group in enumerate(("G-1", "G-2", "G-3")):
        progress.show(replace(judged("quickstart", case, failing=True), finding=group))
    both = finding(scenario="quickstart", groups=("G-1", "G-2", "G-3"))
    progress.show(FindingReported(finding=both))
    told = [
        line.split("cases/s, ")[1].rpartition(", ")[0] for line in stream.getvalue().splitlines()
    ]
    assert told == ["1 failed", "2 failed", "3 failed", "3 failed, 1 finding"]


def test_minimising_and_replaying_are_told_every_ten_seconds_while_no_line_comes() -> None:
    stream, now = io.StringIO(), [5.0]
    progress = open_progress(
        stream, {}, case_counts={"quickstart": 2}, seconds=None, clock=clock_of(now)
    )
    progress.show(judged("quickstart", 0, failing=True))
    progress.show(judged("quickstart", 1, failing=True))
    for second in range(20):
        now[0] = 6.0 + second
        progress.wait(Activity(step=Step.MINIMISING, done=second // 10, of=2, tries=second))
    now[0] += 10.0
    progress.wait(Activity(step=Step.REPLAYING, done=0, of=1))
    assert [line.partition(" in ")[2] for line in stream.getvalue().splitlines()] == [
        "0:10, minimising: 0 of 2 groups of failing cases done, 9 tries, 2 failed",
        "0:20, minimising: 1 of 2 groups of failing cases done, 19 tries, 2 failed",
        "0:30, replaying: 0 of 1 findings done, 2 failed",
    ]


def test_that_nobody_reads_the_progress_is_no_reason_to_stop() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        progress = open_progress(
            stream, {}, case_counts=COUNTS, seconds=None, clock=steps(LINE_SECONDS)
        )
        progress.show(judged("quickstart", 0))
        progress.stopping()
        with pytest.raises(BrokenPipeError):
            stream.flush()  # what is still in the buffer cannot go anywhere either
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_minutes_are_read_like_a_clock() -> None:
    assert [minutes(0.4), minutes(75), minutes(3661)] == ["0:00", "1:15", "1:01:01"]


class Screen:
    """What a person sees while a command runs on a terminal of its own."""

    def __init__(self, columns: int) -> None:
        if importlib.util.find_spec("pyte") is None:
            lacking("the terminal emulator pyte is not installed; pip install 'walcrash[test]'")
        pyte = importlib.import_module("pyte")
        self.emulator = pyte.Screen(columns, 40)
        self._stream = pyte.ByteStream(self.emulator)
        self.pictures: list[str] = []
        self._leader, self._follower = pty.openpty()
        size = struct.pack("HHHH", 40, columns, 0, 0)
        fcntl.ioctl(self._follower, termios.TIOCSWINSZ, size)

    def run(self, arguments: list[str], directory: Path, keys: bytes = b"", **more: str) -> int:
        """Run walcrash over a made-up campaign; press `keys` once a bar is there."""
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "PYTHONPATH": ROOT}
        pid = os.fork()
        if pid == 0:
            _take(self._follower)
            os.chdir(directory)
            os.execve(sys.executable, [sys.executable, FAKE, *arguments], environment | more)
        os.close(self._follower)
        with contextlib.suppress(OSError):  # EIO is how a terminal says that nobody is left
            while data := os.read(self._leader, 1 << 16):
                # A picture is whole before the return that the next begins with.
                for part in re.split(rb"(?=\r)", data):
                    self._stream.feed(part)
                    self.pictures.append("\n".join(self.lines))
                if keys and "all scenarios" in self.pictures[-1]:
                    os.write(self._leader, keys)
                    keys = b""
        os.close(self._leader)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.emulator.display if line.strip()]


def _take(follower: int) -> None:
    os.setsid()
    fcntl.ioctl(follower, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(follower, number)


@pytest.mark.parametrize("columns", [pytest.param(100, marks=pytest.mark.slow), 80, 45])
def test_the_picture_moves_and_is_gone_at_the_end(columns: int, tmp_path: Path) -> None:
    write_scenario(tmp_path, "one", cases=4)
    write_scenario(tmp_path, "two", cases=4)
    screen = Screen(columns)
    code = screen.run(["run", "one.toml", "two.toml", "--seed", "7"], tmp_path, CASE_SECONDS="0.11")
    assert code == 0
    assert any("two" in picture and "all s" in picture for picture in screen.pictures)
    if columns >= 80:
        assert any("5/8" in picture or "6/8" in picture for picture in screen.pictures)
    assert not any("all scenarios" in line for line in screen.lines)
    assert screen.lines[0] == "seed 7: 2 scenarios, 8 cases"
    assert screen.lines[1].startswith("  scenario")
    assert not screen.emulator.cursor.hidden


def test_ctrl_c_on_a_terminal_ends_with_the_summary(tmp_path: Path) -> None:
    write_scenario(tmp_path, "one", cases=1000)
    screen = Screen(100)
    code = screen.run(["run", "one.toml", "--seed", "7"], tmp_path, b"\x03", CASE_SECONDS="0.2")
    assert code == 130
    assert any(STOPPING[:20] in picture for picture in screen.pictures)
    text = "\n".join(screen.lines)
    assert "all scenarios" not in text
    assert "INCONCLUSIVE  no findings in" in text
    assert "stopped   interrupted" in text
    assert not screen.emulator.cursor.hidden


def test_a_picture_without_colours_has_none(tmp_path: Path) -> None:
    write_scenario(tmp_path, "one", cases=4)
    screen = Screen(100)
    arguments = ["run", "one.toml", "--seed", "7", "--no-color"]
    assert screen.run(arguments, tmp_path, FAIL_CASES="1", CASE_SECONDS="0.11") == 1
    colours = {cell.fg for row in screen.emulator.buffer.values() for cell in row.values()}
    assert colours == {"default"}
    assert any("all scenarios" in picture for picture in screen.pictures)
