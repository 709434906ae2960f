"""Recoveries in processes of their own: nothing is carried over, nothing is left running."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from walcrash.case.recoverer import Recoverer
from walcrash.case.recovery_runs import OPEN
from walcrash.case.sandbox import Sandbox
from walcrash.recorder import fork_server, prefault
from walcrash.recorder.descendants import ending_here
from walcrash.subjects import worker
from walcrash.values.history import BootHistory
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

SUBJECTS = Path(__file__).with_name("apart_subjects.py")
LIMITS = RecoveryLimits(seconds=10.0)
PUT = Operation(OperationKind.APPEND, Record(RecordType.PUT, "a", 1, b"x" * 100))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


def look(sandbox: Sandbox, name: str, *, limits: RecoveryLimits = LIMITS) -> BootHistory:
    subject = SubjectSpec(f"{SUBJECTS}:{name}")
    sandbox.load(subject, limits)
    return sandbox.recover(subject, (OPEN, PUT), limits, is_forked=True)


def started(sandbox: Sandbox) -> list[int]:
    return [int(line) for line in (Path(sandbox.directory).parent / "pids").read_text().split()]


def content(sandbox: Sandbox) -> list[str]:
    return sorted(os.listdir(sandbox.directory))


@pytest.mark.parametrize(
    ("name", "processes", "failure"),
    [
        ("StartsChild", 1, None),
        ("StartsDaemon", 3, None),
        ("DiesWithDaemon", 3, FailureKind.MEMORY_FAULT),
        ("HangsWithDaemon", 3, FailureKind.HUNG),
    ],
)
def test_what_a_recovery_started_is_gone_when_it_has_ended(
    sandbox: Sandbox, name: str, processes: int, failure: FailureKind | None
) -> None:
    limits = RecoveryLimits(seconds=1.0) if failure is FailureKind.HUNG else LIMITS
    for round_number in (1, 2):
        boot = look(sandbox, name, limits=limits)
        pids = started(sandbox)
        assert [pid for pid in pids if psutil.pid_exists(pid)] == []
        assert len(pids) == processes * round_number
        before = content(sandbox)
        if failure is None:
            assert isinstance(boot.recovery, Recovery)
            assert len(boot.recovery.records) == round_number - 1
        else:
            assert isinstance(boot.recovery, RecoveryFailure)
            assert boot.recovery.kind is failure
        assert content(sandbox) == before


def test_a_recovery_that_kills_its_group_ends_itself_only(sandbox: Sandbox) -> None:
    for _ in range(3):
        boot = look(sandbox, "KillsItsGroup")
        assert isinstance(boot.recovery, RecoveryFailure)
        assert boot.recovery.message == "died of signal 9"


def test_no_recovery_finds_what_another_left_in_memory(sandbox: Sandbox) -> None:
    for number in range(4):
        boot = look(sandbox, "Counts")
        assert isinstance(boot.recovery, Recovery)
        assert len(boot.recovery.records) == number


def test_a_refused_image_says_nothing_of_the_next(sandbox: Sandbox) -> None:
    bad = Path(sandbox.directory) / "bad"
    for is_bad in (False, True, False, True, True, False):
        bad.unlink(missing_ok=True)
        if is_bad:
            bad.touch()
        boot = look(sandbox, "RefusesOnce")
        assert isinstance(boot.recovery, RecoveryFailure if is_bad else Recovery)


def test_nothing_is_left_of_the_processes_that_were_ahead() -> None:
    others = set(psutil.Process().children(recursive=True))
    with Sandbox() as sandbox:
        look(sandbox, "Counts")
        below = set(psutil.Process().children(recursive=True)) - others
    assert below
    assert [process for process in below if process.is_running()] == []


def test_a_package_in_the_current_directory_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "walcrash").mkdir()
    (tmp_path / "walcrash/__init__.py").write_text("raise SystemExit('of somebody else')")
    monkeypatch.chdir(tmp_path)
    with Sandbox() as sandbox:
        assert isinstance(look(sandbox, "Counts").recovery, Recovery)


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="no /proc/self/pagemap here")
def test_pages_that_a_fork_wrote_to_are_found_and_can_be_written_to_in_advance() -> None:
    page = 4096
    shared = bytearray(b"." * (64 * page))
    told, tell = os.pipe()
    if (pid := os.fork()) == 0:
        shared[32 * page] = ord("!")
        os.write(tell, b".")
        signal.pause()
    os.read(told, 1)
    ranges = prefault.find_written(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    address = prefault.ctypes.addressof((prefault.ctypes.c_char * 1).from_buffer(shared))
    at = [address + index * page for index in (16, 32, 48)]
    hit = [any(start <= each < start + length for start, length in ranges) for each in at]
    assert hit == [False, True, False]
    if os.fork() == 0:
        prefault.write_ahead(prefault.prepare(ranges))
        os.write(tell, bytes(shared[32 * page - 1 : 32 * page + 2]))
        os._exit(0)
    os.wait()
    assert os.read(told, 64) == b"..."
    for fd in (told, tell):
        os.close(fd)


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="no /proc/self/pagemap here")
@pytest.mark.parametrize("is_one_call_refused", [False, True])
def test_a_fork_has_copies_of_the_pages_that_it_asked_for(
    monkeypatch: pytest.MonkeyPatch, *, is_one_call_refused: bool
) -> None:
    if is_one_call_refused:
        # As a kernel before 6.13 does.
        monkeypatch.setattr(prefault, "_SYS_PROCESS_MADVISE", 1 << 20)
    page = 4096
    shared = bytearray(b"." * (64 * page))
    address = prefault.ctypes.addressof((prefault.ctypes.c_char * 1).from_buffer(shared))
    first = -(-address // page) * page
    ahead = prefault.prepare([(first + 8 * page, page), (first + 40 * page, 2 * page)])
    told, tell = os.pipe()
    if (pid := os.fork()) == 0:
        prefault.write_ahead(ahead)
        found = prefault.find_written(os.getpid())
        at = [first + index * page for index in (8, 24, 40, 41, 56)]
        os.write(tell, bytes(any(s <= each < s + n for s, n in found) for each in at))
        os._exit(0)
    os.waitpid(pid, 0)
    said = os.read(told, 64)
    for fd in (told, tell):
        os.close(fd)
    assert said == b"\1\0\1\1\0"


def test_without_pidfds_nothing_is_looked_at_and_all_is_recovered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.ENOSYS, "as in gVisor")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    ours, theirs = socket.socketpair()
    if (pid := os.fork()) == 0:
        # As the zygote does.
        with ending_here():
            ours.close()
            fork_server.serve(b"walcrash.subjects.worker:run_one", theirs)
    theirs.close()
    request = worker.BootRequest(
        adapter="walcrash.subjects.rehearsed:Rehearsed",
        options={},
        directory=str(tmp_path),
        operations=(OPEN,),
    )
    recoverer = Recoverer(pid, ours, 100)
    for _ in range(3):
        said: list[bytes] = []
        assert recoverer.converse(request, 10.0, said.append) is None
        assert said[0].startswith(b'{"ok": true, "recovery"')
    recoverer.close()
    assert os.waitpid(pid, 0)[1] == 0


def test_no_more_ranges_are_asked_for_than_the_kernel_takes_at_once() -> None:
    many = [(0x10000 + index * 8192, 4096) for index in range(prefault.RANGES + 9)]
    ahead = prefault.prepare(many)
    assert [(span.base, span.length) for span in ahead] == many[: prefault.RANGES]
    assert len(prefault.prepare(())) == 0


def test_where_the_kernel_does_not_tell_nothing_is_found() -> None:
    assert prefault.find_written(pid=0) == ()


def test_what_is_forked_carries_no_module_that_every_fork_pays_for() -> None:
    code = (
        "import walcrash.recorder.zygote_main, walcrash.recorder.fork_server, sys\n"
        "import walcrash.subjects.worker\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    dear = {"threading", "random", "tempfile", "shutil", "subprocess", "logging"}
    assert "json" in done.stdout.split()
    assert not dear.intersection(done.stdout.split())


def test_a_rehearsal_leaves_nothing_open() -> None:
    before = os.listdir("/proc/self/fd")
    worker.rehearse()
    assert os.listdir("/proc/self/fd") == before
