"""Kills: exact ones, and that nothing of a worker outlives its watch."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from watching import run_watched, say

from walcrash.recorder.recording import WatchEnd
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import KEPT_SCALE, CrashPoint, KillTimer
from walcrash.values.moments import Placement
from walcrash.values.tears import PAGE_BYTES

SOON_SECONDS = 5.0


def append_three() -> object:
    fd = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for number in range(3):
        os.write(fd, b"%d" % number * 10)
        os.fsync(fd)
        say(b"")
    return "done"


def content(directory: Path) -> bytes:
    return (directory / "log").read_bytes() if (directory / "log").exists() else b"no file"


WRITES_ON = """
import os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
while True:
    os.write(fd, b"x" * %d)
"""
WRITE_BYTES = 1_000_001
TORN = 5


def test_linux_tears_a_write_at_a_page_end_of_its_file(tmp_path: Path) -> None:
    """What the rule is taken from (`walcrash.values.tears`)."""
    torn: list[int] = []
    for attempt in range(40):
        path = tmp_path / "log"
        path.unlink(missing_ok=True)
        program = [sys.executable, "-ISc", WRITES_ON % WRITE_BYTES, str(path)]
        with subprocess.Popen(program) as writer:
            while not path.exists() or path.stat().st_size < WRITE_BYTES:
                time.sleep(0.001)
            time.sleep(attempt / 10_000)
            writer.kill()
        size = path.stat().st_size
        torn += [size] if size % WRITE_BYTES else []
        if len(torn) == TORN:
            break
    assert len(torn) == TORN
    assert all(size % PAGE_BYTES == 0 for size in torn)


def append_across_a_page() -> object:
    fd = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(fd, b"a" * 4090)
    os.write(fd, b"b" * 5000)
    return "done"


@pytest.mark.parametrize(
    ("tear_bytes", "kept", "left"),
    [
        (4096, 0, 6),
        (4096, KEPT_SCALE // 4, 6),
        (4096, KEPT_SCALE // 2, 4102),
        (4096, KEPT_SCALE - 1, 4102),
        (512, KEPT_SCALE // 2, 2566),
        (1, 0, 1),
        (1, KEPT_SCALE // 2, 2500),
        (1, KEPT_SCALE - 1, 4999),
    ],
)
def test_a_kill_tears_a_write_at_the_nearest_place_where_it_can_be_torn(
    tear_bytes: int, kept: int, left: int, zygote: Zygote, tmp_path: Path
) -> None:
    within = CrashPoint(
        call=0, ordinal=1, placement=Placement.WITHIN, event=EventKind.WRITE, kept=kept
    )
    seen = run_watched(zygote, append_across_a_page, tmp_path, crash=within, tear_bytes=tear_bytes)
    assert content(tmp_path) == b"a" * 4090 + b"b" * left
    assert seen.recording.crash is not None
    assert seen.recording.crash.kept_bytes == left


@pytest.mark.parametrize(
    ("call", "event", "ordinal", "placement", "kept", "left"),
    [
        (0, EventKind.CREATE, 0, Placement.BEFORE, 0, b"no file"),
        (0, EventKind.CREATE, 0, Placement.AFTER, 0, b""),
        (0, EventKind.WRITE, 0, Placement.BEFORE, 0, b""),
        # No page ends in it.
        (0, EventKind.WRITE, 0, Placement.WITHIN, 0, b""),
        (0, EventKind.WRITE, 0, Placement.AFTER, 0, b"0" * 10),
        (0, EventKind.FSYNC, 0, Placement.BEFORE, 0, b"0" * 10),
        (0, EventKind.REPLY, 0, Placement.BEFORE, 0, b"0" * 10),
        (0, EventKind.REPLY, 0, Placement.WITHIN, 9, b"0" * 10),
        (0, EventKind.REPLY, 0, Placement.AFTER, 0, b"0" * 10),
        (2, None, 1, Placement.AFTER, 0, b"0" * 10 + b"1" * 10 + b"2" * 10),
        (2, None, 0, Placement.BEFORE, 0, b"0" * 10 + b"1" * 10),
        # A call that has no such event is hit at its reply.
        (1, EventKind.RENAME, 0, Placement.BEFORE, 0, b"0" * 10 + b"1" * 10),
        (1, EventKind.WRITE, 7, Placement.AFTER, 0, b"0" * 10 + b"1" * 10),
    ],
)
def test_a_kill_falls_exactly_where_it_was_asked_for(
    call: int,
    event: EventKind | None,
    ordinal: int,
    placement: Placement,
    kept: int,
    left: bytes,
    zygote: Zygote,
    tmp_path: Path,
) -> None:
    crash = CrashPoint(call=call, ordinal=ordinal, placement=placement, event=event, kept=kept)
    seen = run_watched(zygote, append_three, tmp_path, crash=crash)
    assert content(tmp_path) == left
    assert seen.recording.end is WatchEnd.KILLED
    assert os.WIFSIGNALED(seen.watched.status)
    assert os.WTERMSIG(seen.watched.status) == signal.SIGKILL
    landing = seen.recording.crash
    assert landing is not None
    assert landing.row.call == call
    if event is not EventKind.RENAME and ordinal == 0 and event is not None:
        assert landing.row.kind is event


def test_replies_before_the_kill_are_told_and_later_ones_are_not(
    zygote: Zygote, tmp_path: Path
) -> None:
    for placement, replies in ((Placement.BEFORE, 1), (Placement.AFTER, 2)):
        crash = CrashPoint(call=1, ordinal=0, placement=placement, event=EventKind.REPLY)
        seen = run_watched(zygote, append_three, tmp_path, crash=crash)
        kinds = [row.kind for row in seen.recording.rows]
        assert kinds.count(EventKind.REPLY) == replies


def write_forever() -> object:
    fd = os.open("log", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    while True:
        os.write(fd, b"x")


def test_a_timer_kills_after_the_first_event(zygote: Zygote, tmp_path: Path) -> None:
    began = time.monotonic()
    seen = run_watched(zygote, write_forever, tmp_path, crash=KillTimer(50_000))
    assert 0.05 <= time.monotonic() - began < SOON_SECONDS
    assert seen.recording.end is WatchEnd.KILLED
    assert len(content(tmp_path)) == len(seen.events) - 1


def threads_write_forever() -> object:
    for _ in range(4):
        threading.Thread(target=write_forever, daemon=True).start()
    if os.fork() == 0:
        write_forever()
    time.sleep(60)
    return None


def test_the_file_is_as_the_trace_says_when_threads_and_children_are_killed_too(
    zygote: Zygote, tmp_path: Path
) -> None:
    for ordinal in (20, 57, 91):
        crash = CrashPoint(
            call=0, ordinal=ordinal, placement=Placement.AFTER, event=EventKind.WRITE
        )
        seen = run_watched(zygote, threads_write_forever, tmp_path, crash=crash)
        assert content(tmp_path) == b"x" * (ordinal + 1)
        assert sum(event.kind is EventKind.WRITE for event in seen.events) == ordinal + 1
        (tmp_path / "log").unlink()


# Nothing outlives a watch.


def note_pid() -> None:
    """Write this process's id where the test finds it."""
    fd = os.open("pids", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(fd, b"%d\n" % os.getpid())
    os.close(fd)


def becomes_a_daemon() -> object:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            note_pid()
            write_forever()
        os._exit(0)
    os.wait()
    time.sleep(0.1)
    return None


def ignores_sigterm() -> object:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    note_pid()
    time.sleep(60)
    return None


def forks_many() -> object:
    for _ in range(50):
        if os.fork() == 0:
            os.setpgid(0, 0)
            note_pid()
            time.sleep(60)
    time.sleep(0.1)
    return None


def forks_forever() -> object:
    note_pid()
    for _ in range(30):
        if os.fork() == 0:
            os.setsid()
            for _ in range(3):
                if os.fork() == 0:
                    note_pid()
            time.sleep(60)
    time.sleep(60)
    return None


def leaves_a_shell() -> object:
    subprocess.Popen(
        ["setsid", "sh", "-c", "echo $$ >> pids; while true; do echo x >> log; done"],
        stdout=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    return None


@pytest.mark.parametrize(
    "function", [becomes_a_daemon, ignores_sigterm, forks_many, forks_forever, leaves_a_shell]
)
def test_nothing_that_a_worker_started_outlives_it(
    function: object, zygote: Zygote, tmp_path: Path
) -> None:
    run_watched(zygote, function, tmp_path, seconds=0.5)  # type: ignore[arg-type]
    pids = [int(line) for line in (tmp_path / "pids").read_text().splitlines()]
    assert pids
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    # What is left is the next worker, forked ahead, which waits to be asked.
    left = psutil.Process(zygote.pid).children(recursive=True)
    assert len(left) <= 1
    before = content(tmp_path)
    time.sleep(0.05)
    assert content(tmp_path) == before


def exits_at_once() -> object:
    os._exit(7)


def dies_of_a_fault() -> object:
    import ctypes

    ctypes.string_at(0)


def raises() -> object:
    raise ValueError("the subject's own words")


def test_how_a_worker_ended_is_told(zygote: Zygote, tmp_path: Path) -> None:
    ends = [run_watched(zygote, f, tmp_path) for f in (exits_at_once, dies_of_a_fault, raises)]
    assert [end.recording.end for end in ends] == [WatchEnd.EXITED] * 3
    assert os.waitstatus_to_exitcode(ends[0].watched.status) == 7
    assert os.waitstatus_to_exitcode(ends[1].watched.status) == -signal.SIGSEGV
    assert os.waitstatus_to_exitcode(ends[2].watched.status) == 70
    assert "ValueError: the subject's own words" in ends[2].watched.output


def test_the_zygote_cleans_up_when_the_harness_is_gone(tmp_path: Path) -> None:
    """A process that watches is killed; its zygote, its worker and its directory must go."""
    work = tmp_path / "walcrash-work"
    work.mkdir()
    code = (
        "import sys, pathlib\n"
        "from watching import import_for_workers, run_watched\n"
        "from walcrash.recorder.environment import HERE\n"
        "import test_recorder_kills as module\n"
        f"zygote = import_for_workers(HERE, {str(work)!r})\n"
        "print(zygote.pid, flush=True)\n"
        f"run_watched(zygote, module.forks_forever, pathlib.Path({str(work)!r}), seconds=60)\n"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join(map(str, (here, here.parent, here.parents[1] / "harness")))
    harness = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
    )
    assert harness.stdout is not None
    zygote_pid = int(harness.stdout.readline())
    deadline = time.monotonic() + SOON_SECONDS
    while not (work / "pids").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    pids = [zygote_pid, *(p.pid for p in psutil.Process(zygote_pid).children(recursive=True))]
    harness.kill()
    harness.wait()
    harness.stdout.close()
    deadline = time.monotonic() + SOON_SECONDS
    while time.monotonic() < deadline and (work.exists() or any(map(psutil.pid_exists, pids))):
        time.sleep(0.02)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not work.exists()
