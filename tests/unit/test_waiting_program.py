"""Programs that wait for their first input: which are copied, and what a copy is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from walcrash.recorder.thread_call import StoppedThread
from walcrash.recorder.tracing import NotTraced
from walcrash.recorder.waiting_program import WaitingProgram

ECHO = """
import os, sys
began = os.getpid()
count = 0
for line in sys.stdin:
    count += 1
    print(count, os.getpid() != began, line.strip(), flush=True)
    print("said", line.strip(), file=sys.stderr, flush=True)
"""


AS_TEXT = """
import ctypes
libc, room = ctypes.CDLL(None), ctypes.create_string_buffer(4096)
while True:
    ctypes.memset(room, 0, len(room))
    if libc.read(0, room, len(room) - 1) <= 0:
        break
    libc.write(1, room, len(room.value))
"""
"""What it has read it takes for text that ends with the first zero."""

MADE_TIMER = """
import ctypes, os
room = ctypes.create_string_buffer(64)
ctypes.CDLL(None).timer_create(1, None, room)
os.read(0, 100)
"""


@contextmanager
def waiting(program: str) -> Iterator[WaitingProgram]:
    process = subprocess.Popen(
        (sys.executable, "-I", "-S", "-c", program),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        ends = (process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno())
        found = WaitingProgram.stop(process.pid, ends, seconds=20.0)
        assert found.pid == process.pid
        yield found
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


class Copy:
    """A copy with our ends of its pipes."""

    def __init__(self, program: WaitingProgram) -> None:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        ours_err, theirs_err = os.pipe()
        self.pid = program.copy((theirs_in, theirs_out, theirs_err))
        for fd in (theirs_in, theirs_out, theirs_err):
            os.close(fd)
        self.stdin = os.fdopen(ours_in, "wb", buffering=0)
        self.stdout = os.fdopen(ours_out, "rb")
        self.stderr = os.fdopen(ours_err, "rb")

    def ask(self, line: bytes) -> bytes:
        self.stdin.write(line + b"\n")
        return self.stdout.readline()

    def end(self) -> tuple[bytes, int]:
        self.stdin.close()
        said = self.stderr.read()
        self.stdout.close()
        self.stderr.close()
        return said, os.waitpid(self.pid, 0)[1]


def test_a_copy_goes_on_by_itself_and_another_one_knows_nothing_of_it() -> None:
    with waiting(ECHO) as program:
        one, two = Copy(program), Copy(program)
        assert one.ask(b"a") == b"1 True a\n"
        assert one.ask(b"b") == b"2 True b\n"
        assert two.ask(b"c") == b"1 True c\n"
        assert one.end() == (b"said a\nsaid b\n", 0)
        three = Copy(program)
        assert three.ask(b"d") == b"1 True d\n"
        assert (two.end(), three.end()) == ((b"said c\n", 0), (b"said d\n", 0))


def test_a_copy_has_its_own_streams_and_no_more() -> None:
    listing = 'import os\nos.read(0, 100)\nos.write(1, repr(os.listdir("/proc/self/fd")).encode())'
    with waiting(listing) as program:
        copy = Copy(program)
        copy.stdin.write(b"\n")
        copy.stdin.close()
        # The last one is that of the listing itself.
        assert copy.stdout.read() == b"['0', '1', '2', '3']"
        copy.stdout.close()
        copy.stderr.close()
        os.waitpid(copy.pid, 0)


def test_a_copy_finds_in_its_buffer_what_it_read_and_what_was_there() -> None:
    with waiting(AS_TEXT) as program:
        copy = Copy(program)
        assert copy.ask(b"a") == b"a\n"
        copy.stdin.close()
        assert copy.stdout.read() == b""
        copy.stdout.close()
        copy.stderr.close()
        os.waitpid(copy.pid, 0)


@pytest.mark.parametrize("answer", [0, "a stranger"])
def test_where_the_programs_own_filter_answers_for_the_kernel_nobody_is_killed(
    monkeypatch: pytest.MonkeyPatch, answer: int | str
) -> None:
    words = ("/bin/sh", "-c", "sleep 60 >&- 2>&- & echo $!")
    stranger = int(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    killed: list[int] = []
    with waiting(ECHO) as program:
        monkeypatch.setattr(StoppedThread, "call", lambda *_: answer if answer == 0 else stranger)
        monkeypatch.setattr(os, "kill", lambda pid, _: killed.append(pid))
        with pytest.raises(NotTraced):
            program.copy((0, 1, 2))
    monkeypatch.undo()
    os.kill(stranger, signal.SIGKILL)
    assert not killed


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (
            "import threading, time, os\n"
            "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\nos.read(0, 100)",
            "it has threads",
        ),
        (
            "import os, signal\nif os.fork() == 0: signal.pause()\nos.read(0, 100)",
            "it has started a process",
        ),
        ('import os\nkept = open("/dev/null")\nos.read(0, 100)', "it has opened a file"),
        ('import os\nos.chdir("/usr")\nos.read(0, 100)', "it has gone to another directory"),
        ("import os\nos.read(0, 1)", "it reads 1 bytes at once"),
        (
            "import os\nos.dup2(1, 2)\nos.dup2(os.open(os.devnull, os.O_WRONLY), 1)\n"
            "os.closerange(3, 9)\nos.read(0, 100)",
            "it has changed its descriptor 1",
        ),
        (
            "import mmap, os\nshared = mmap.mmap(-1, 4096)\nos.read(0, 100)",
            "it has memory that its copies would share",
        ),
        ("import os, signal\nsignal.alarm(600)\nos.read(0, 100)", "it has a timer"),
        (MADE_TIMER, "it has a timer"),
        (
            "import os, signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
            "os.kill(os.getpid(), signal.SIGUSR1)\nos.read(0, 100)",
            "it has a signal that is pending",
        ),
        ("print()", "it has ended"),
    ],
    ids=[
        "threads",
        "child",
        "file",
        "directory",
        "a byte",
        "streams",
        "memory",
        "alarm",
        "timer",
        "signal",
        "gone",
    ],
)
def test_what_a_fork_does_not_copy_whole_is_not_copied(program: str, why: str) -> None:
    with pytest.raises(NotTraced) as raised, waiting(program):
        pass
    assert why in str(raised.value)


@pytest.mark.parametrize(
    ("program", "seconds", "why"),
    [
        ("while True: pass", 0.5, r"did not read its stdin within 0\.5 seconds"),
        ("import time\ntime.sleep(60)", 50.0, "waits for something else than its stdin"),
        ("import select\nselect.select([0], [], [])", 50.0, "waits for something else"),
        ("import os\nos.set_blocking(0, False)\nwhile True: pass", 50.0, "does not wait in a read"),
    ],
    ids=["computes", "sleeps", "polls", "asks again"],
)
def test_what_does_not_read_is_not_waited_for(program: str, seconds: float, why: str) -> None:
    words = (sys.executable, "-I", "-S", "-c", program)
    began = time.monotonic()
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        ends = (process.stdin.fileno(), 1, 2)
        with pytest.raises(NotTraced, match=why):
            WaitingProgram.stop(process.pid, ends, seconds=seconds)
        process.kill()
    assert time.monotonic() - began < 30.0


def test_what_waits_is_killed_with_the_process_that_stopped_it() -> None:
    reading, writing = os.pipe()
    holder = os.fork()
    if holder == 0:
        with waiting(ECHO) as program:
            os.write(writing, b"%d" % program.pid)
            signal.pause()
    pid = int(os.read(reading, 20))
    os.close(reading)
    os.close(writing)
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    end = time.monotonic() + 10.0
    while _state(pid) not in "ZX" and time.monotonic() < end:
        time.sleep(0.01)
    assert _state(pid) in "ZX"


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
