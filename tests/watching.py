"""Worker functions under watch, and the same functions run without it.

A worker function takes the directory that is its current one and returns what a message can
carry (pickled). It lives at the top of a test module, since the zygote imports it by name.
"""

import contextlib
import errno
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walcrash.recorder import abi
from walcrash.recorder.environment import Environment
from walcrash.recorder.recording import Recording
from walcrash.recorder.tree import capture
from walcrash.recorder.watch import Watched, watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import Event, EventKind
from walcrash.values.faults import CrashPoint, Fault, KillTimer, around_of
from walcrash.values.image import Image
from walcrash.values.tears import PAGE_BYTES

HERE = Path(__file__).resolve().parent
DIRECTORIES = (HERE, HERE / "unit", HERE / "property")

SECONDS_PER_CALL = 10.0
MEMORY_MB = 1024

Work = Callable[..., object]


def import_for_workers(environment: Environment, directory: str) -> Zygote:
    """Start a zygote that finds the test modules."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, DIRECTORIES))
    try:
        return Zygote(environment, directory)
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def reason_without_interception() -> str:
    """Return why this machine cannot intercept, or an empty text."""
    # Under the filter its exit would wait for somebody to answer, so it kills itself.
    code = "from walcrash.recorder import filter; filter.install()"
    code = f"import os; {code}; os.kill(os.getpid(), 9)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE.parent, capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode != -signal.SIGKILL else ""


# In the zygote and in workers.


def preload(payload: bytes) -> bytes:
    """Entry: import a module once, so that each worker has it."""
    __import__(payload.decode())
    return b""


def work(payload: bytes) -> None:
    """Entry: run a worker function in its directory and say what it returned."""
    function, directory, arguments = pickle.loads(payload)
    os.chdir(directory)
    say(pickle.dumps(function(*arguments)))


def say(message: bytes) -> None:
    """Reply to one call."""
    os.write(abi.MESSAGE_FD, b"R" + message)


def errors_of(*actions: Callable[[], object]) -> list[object]:
    """Run actions one after the other; an error becomes its name."""
    return [outcome(action) for action in actions]


def outcome(action: Callable[[], object]) -> object:
    """Return what an action returns, or the name of its error."""
    try:
        return action()
    except OSError as problem:
        return errno.errorcode[problem.errno or 0]


def opened(*arguments: Any, **named: Any) -> str:
    """Open and close a file; descriptors differ between two processes, so none is returned."""
    os.close(os.open(*arguments, **named))
    return "opened"


def raw(name: str, *arguments: object) -> int:
    """Make a system call by name; a wrapper may choose another one."""
    return abi.raw_call(name, *arguments)


# In the tests.


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker function returned, did (as the recorder tells it) and left behind."""

    result: Any
    watched: Watched
    image: Image

    @property
    def recording(self) -> Recording:
        return self.watched.recording

    @property
    def events(self) -> list[Event]:
        """What was done to files, without what was said."""
        return [event for event in self.recording.events() if not event.is_message]

    @property
    def told(self) -> list[str]:
        return [str(event) for event in self.events]


def run_watched(
    zygote: Zygote,
    function: Work,
    directory: Path,
    *arguments: object,
    crash: CrashPoint | KillTimer | None = None,
    seconds: float = SECONDS_PER_CALL,
    memory_mb: int = MEMORY_MB,
    tear_bytes: int = PAGE_BYTES,
    faults: Sequence[Fault] = (),
) -> Seen:
    """Run a worker function under watch in a directory as it is."""
    zygote.load("watching:preload", function.__module__.encode())
    watched = watch(
        zygote,
        "watching:work",
        pickle.dumps((function, str(directory), arguments)),
        directory=str(directory),
        plan=WatchPlan(
            crash=crash,
            seconds_per_call=seconds,
            tear_bytes=tear_bytes,
            injections=tuple(fault.injection() for fault in faults),
            sees_reads=any(fault.sees_reads for fault in faults),
            takes_turns=any(fault.takes_turns for fault in faults),
            reverts_files=any(fault.reverts_files for fault in faults),
            around=around_of(faults),
        ),
        memory_mb=memory_mb,
    )
    replies = [row.data[1:] for row in watched.recording.rows if row.kind is EventKind.REPLY]
    result = pickle.loads(replies[-1]) if replies and replies[-1] else None
    return Seen(result, watched, capture(str(directory)))


def run_plain(function: Work, directory: Path, *arguments: object) -> tuple[Any, Image]:
    """Run a worker function in a forked process that nobody watches."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.chdir(directory)
            data = pickle.dumps(function(*arguments))
            while data:
                data = data[os.write(write_end, data) :]
        os._exit(0)
    os.close(write_end)
    pieces = []
    while piece := os.read(read_end, 65536):
        pieces.append(piece)
    os.close(read_end)
    os.waitpid(pid, 0)
    data = b"".join(pieces)
    return (pickle.loads(data) if data else None), capture(str(directory))


def both_ways(
    zygote: Zygote, function: Work, parent: Path, set_up: Callable[[Path], None], *arguments: object
) -> Seen:
    """Run a worker function with and without the recorder; both must see and leave the same."""
    directories = [parent / name / "directory" for name in ("watched", "plain")]
    for directory in directories:
        directory.mkdir(parents=True)
        set_up(directory)
    seen = run_watched(zygote, function, directories[0], *arguments)
    result, image = run_plain(function, directories[1], *arguments)
    assert seen.watched.status == 0, seen.watched.output
    assert seen.result == result
    assert seen.image.entries == image.entries
    outside = [capture(str(directory.parent)).entries for directory in directories]
    assert outside[0] == outside[1]
    return seen


def names(entries: Iterable[str]) -> Sequence[str]:
    """Return names in order."""
    return sorted(entries)
