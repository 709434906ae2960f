"""Threads, children and other programs: all in one trace, and nothing they do is missed."""

import fcntl
import os
import shutil
import socket
import subprocess
import threading
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from needs import lacking
from watching import Seen, both_ways, errors_of, outcome, run_watched

from walcrash.recorder.processes import MOST_ZEROS_BYTES, shared_zeros
from walcrash.recorder.zygote import Zygote
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint
from walcrash.values.image import FileEntry
from walcrash.values.moments import Placement

C_PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int shared;

static void *append(void *name) {
    char line[8];
    memset(line, *(char *)name, sizeof line);
    for (int i = 0; i < 50; i++) {
        if (write(shared, line, sizeof line) != sizeof line) abort();
        int own = open((char *)name, O_CREAT | O_WRONLY | O_APPEND, 0600);
        if (own < 0 || write(own, line, 3) != 3 || close(own)) abort();
    }
    return 0;
}

static void on_alarm(int number) { (void)number; }

static int many_threads(void) {
    pthread_t threads[4];
    char *names[] = {"1", "2", "3", "4"};
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, 0);
    ualarm(200, 200);  /* signals must not make a call happen twice */
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, append, names[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
    ualarm(0, 0);
    return 0;
}

static int vfork_child(void) {
    pid_t pid = vfork();
    if (pid == 0) {
        if (write(shared, "vfork", 5) != 5) _exit(1);
        execlp("sh", "sh", "-c", "echo sh >> from-sh", (char *)0);
        _exit(2);
    }
    int status;
    waitpid(pid, &status, 0);
    return status || write(shared, "after", 5) != 5;
}

static int exit_in_the_middle(void) {
    pthread_t threads[4];
    char *names[] = {"1", "2", "3", "4"};
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, append, names[i]);
    usleep(1000);
    _exit(0);
}

static int thread_of(void *name) { append(name); return 0; }

static int shared_table(void) {
    /* A process that shares the table of descriptors but not the memory. */
    char *stack = malloc(1 << 16);
    int pid = clone(thread_of, stack + (1 << 16), CLONE_FILES | SIGCHLD, "1");
    int status;
    waitpid(pid, &status, 0);
    return status;
}

int main(int count, char **words) {
    if (count < 2) return 9;
    shared = open("shared", O_CREAT | O_WRONLY | O_APPEND, 0644);
    if (!strcmp(words[1], "threads")) return many_threads();
    if (!strcmp(words[1], "vfork")) return vfork_child();
    if (!strcmp(words[1], "exit")) return exit_in_the_middle();
    if (!strcmp(words[1], "table")) return shared_table();
    return 9;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A C program for what Python cannot do."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        lacking("there is no C compiler; apt-get install gcc libc6-dev")
    directory = tmp_path_factory.mktemp("program")
    (directory / "calls.c").write_text(C_PROGRAM, encoding="ascii")
    made = str(directory / "calls")
    subprocess.run(
        [compiler, "-O1", "-pthread", "-o", made, str(directory / "calls.c")], check=True
    )
    return made


def nothing(directory: Path) -> None:
    """An empty directory to start from."""


def written(seen: Seen) -> dict[str, bytes]:
    """What the trace says that files hold."""
    contents: dict[str, bytearray] = defaultdict(bytearray)
    for event in seen.events:
        if event.kind is EventKind.WRITE:
            data = event.data[: event.result]
            contents[event.path][event.offset : event.offset + len(data)] = data
    return {path: bytes(content) for path, content in contents.items()}


def contents(seen: Seen) -> dict[str, bytes]:
    """What files hold."""
    entries = seen.image.entries.items()
    return {path: entry.content for path, entry in entries if isinstance(entry, FileEntry)}


def work_fork() -> object:
    fd = os.open("log", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"parent ")
    pid = os.fork()
    if pid == 0:
        os.write(fd, b"child ")
        os.umask(0o077)
        os.close(os.open("own", os.O_CREAT | os.O_WRONLY, 0o666))
        os.close(fd)
        os._exit(3)
    status = os.waitpid(pid, 0)[1]
    os.close(os.open("other", os.O_CREAT | os.O_WRONLY, 0o666))
    os.write(fd, b"again")
    return [status, os.lseek(fd, 0, os.SEEK_CUR)]


def test_a_forked_child_shares_the_offset_and_is_in_the_trace(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = both_ways(zygote, work_fork, tmp_path, nothing)
    assert seen.told == [
        "create log", "write log, 7 bytes at 0", "write log, 6 bytes at 7", "create own",
        "create other", "write log, 5 bytes at 13",
    ]  # fmt: skip
    assert [event.thread for event in seen.events] == [0, 0, 1, 1, 0, 0]
    assert seen.recording.children == 1


def work_shell() -> object:
    done = subprocess.run(
        ["/bin/sh", "-c", "echo one > f; echo two >> f; mv f g; mkdir d; rm g; exec echo 3 > d/h"],
        check=False, capture_output=True,
    )  # fmt: skip
    return [done.returncode, done.stdout, done.stderr]


def test_what_a_shell_and_its_tools_do_is_in_the_trace(zygote: Zygote, tmp_path: Path) -> None:
    seen = both_ways(zygote, work_shell, tmp_path, nothing)
    assert seen.told == [
        "create f", "write f, 4 bytes at 0", "write f, 4 bytes at 4", "rename f to g", "mkdir d",
        "unlink g", "create d/h", "write d/h, 2 bytes at 0",
    ]  # fmt: skip


def work_spawn() -> object:
    fd = os.open("log", os.O_CREAT | os.O_WRONLY)
    os.set_inheritable(fd, True)
    actions = [(os.POSIX_SPAWN_DUP2, fd, 1), (os.POSIX_SPAWN_CLOSE, fd)]
    pid = os.posix_spawn("/bin/echo", ["echo", "hello"], dict(os.environ), file_actions=actions)
    return [os.waitpid(pid, 0)[1], os.lseek(fd, 0, os.SEEK_CUR)]


def test_a_spawned_program_writes_to_an_inherited_file(zygote: Zygote, tmp_path: Path) -> None:
    seen = both_ways(zygote, work_spawn, tmp_path, nothing)
    assert seen.told == ["create log", "write log, 6 bytes at 0"]


def work_failing_execute() -> object:
    fd = os.open("log", os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"1")
    return [outcome(lambda: os.execv("/nothing", ["x"])), os.write(fd, b"2")]


def test_a_program_that_cannot_be_executed_changes_nothing(zygote: Zygote, tmp_path: Path) -> None:
    seen = both_ways(zygote, work_failing_execute, tmp_path, nothing)
    assert seen.told == ["create log", "write log, 1 bytes at 0", "write log, 1 bytes at 1"]


def work_execute() -> object:
    fd = os.open("log", os.O_CREAT | os.O_WRONLY)
    kept = os.open("kept", os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"1")
    os.dup2(kept, 1)
    os.execv("/bin/echo", ["echo", "hello"])


def test_a_worker_that_becomes_another_program_is_still_watched(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_execute, tmp_path)
    assert seen.watched.status == 0
    assert seen.told[-1] == "write kept, 6 bytes at 0"


def work_threads() -> object:
    fd = os.open("log", os.O_CREAT | os.O_RDWR | os.O_APPEND)

    def append(mark: bytes) -> None:
        for _ in range(100):
            os.write(fd, mark * 5)

    threads = [threading.Thread(target=append, args=(mark,)) for mark in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(Counter(os.pread(fd, 10_000, 0)).items())


def test_threads_that_write_at_once_are_in_one_order(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_threads, tmp_path)
    assert seen.result == [(97, 500), (98, 500), (99, 500)]
    assert written(seen) == contents(seen)
    assert {event.thread for event in seen.events} == {0, 1, 2, 3}


def run_program(program: str, what: str) -> object:
    return subprocess.run([program, what], check=False).returncode


@pytest.mark.parametrize("what", ["threads", "vfork", "table"])
def test_calls_from_c_are_followed_exactly(
    what: str, program: str, zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, run_program, tmp_path, program, what)
    assert seen.result == 0
    assert written(seen) == contents(seen)
    lengths = {path: len(content) for path, content in contents(seen).items()}
    assert (
        lengths
        == {
            "threads": {"shared": 1600, "1": 150, "2": 150, "3": 150, "4": 150},
            "vfork": {"shared": 10, "from-sh": 3},
            "table": {"shared": 400, "1": 150},
        }[what]
    )


def test_threads_that_die_in_the_middle_of_their_calls_are_no_fault(
    program: str, zygote: Zygote, tmp_path: Path
) -> None:
    for _ in range(15):
        seen = run_watched(zygote, run_program, tmp_path, program, "exit")
        assert seen.result == 0
        for path in seen.image.entries:
            (tmp_path / path).unlink()


def work_killed_children() -> object:
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            while True:
                os.close(os.open("f", os.O_CREAT | os.O_WRONLY))
                os.write(os.open("f", os.O_WRONLY), b"x")
                if os.fork() == 0:
                    os._exit(0)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return "done"


def test_children_that_are_killed_in_the_middle_of_their_calls_are_no_fault(
    zygote: Zygote, tmp_path: Path
) -> None:
    assert run_watched(zygote, work_killed_children, tmp_path).result == "done"


def work_pipes_and_sockets() -> object:
    read_end, write_end = os.pipe()
    one, other = socket.socketpair()
    os.write(write_end, b"pipe")
    one.sendall(b"socket")
    source = os.open("f", os.O_CREAT | os.O_RDWR)
    os.write(source, b"file")
    os.sendfile(one.fileno(), source, 0, 4)
    piped = subprocess.run(["cat"], input=b"through a pipe", capture_output=True, check=True)
    return [os.read(read_end, 9), other.recv(99), piped.stdout]


def test_pipes_and_sockets_are_not_recorded(zygote: Zygote, tmp_path: Path) -> None:
    seen = both_ways(zygote, work_pipes_and_sockets, tmp_path, nothing)
    assert seen.told == ["create f", "write f, 4 bytes at 0"]
    assert not seen.recording.outside


def work_names_without_data() -> object:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("socket")
    os.chmod("socket", 0o700)
    os.mkfifo("pipe")
    os.rename("pipe", "renamed")
    os.link("socket", "second")
    os.unlink("second")
    os.unlink("socket")
    descriptor = os.open("f", os.O_CREAT | os.O_WRONLY)
    os.rename("f", "renamed")
    os.write(descriptor, b"x")
    return sorted(os.listdir("."))


def test_names_of_sockets_and_pipes_are_in_no_trace(zygote: Zygote, tmp_path: Path) -> None:
    seen = both_ways(zygote, work_names_without_data, tmp_path, nothing)
    assert [line for line in seen.told if not line.startswith("attribute")] == [
        "create f",
        "rename f to renamed",
        "write renamed, 1 bytes at 0",
    ]
    assert not seen.recording.unmodelled
    assert seen.result == ["renamed"]


def work_socket_over_file() -> object:
    Path("f").write_bytes(b"data")
    socket.socket(socket.AF_UNIX).bind("socket")
    os.rename("socket", "f")
    return None


def test_a_socket_that_takes_the_name_of_a_file_is_named(zygote: Zygote, tmp_path: Path) -> None:
    seen = both_ways(zygote, work_socket_over_file, tmp_path, nothing)
    assert seen.recording.unmodelled == (
        "rename of a socket, pipe or device to a name that is taken: socket to f",
    )


def work_outside(outside: str) -> object:
    Path(outside).write_bytes(b"elsewhere")
    os.write(os.open("f", os.O_CREAT | os.O_WRONLY), b"here")
    Path("/proc/self/comm").write_text("renamed")
    return None


def test_files_outside_are_named_and_not_recorded(zygote: Zygote, tmp_path: Path) -> None:
    directory, outside = tmp_path / "directory", tmp_path / "outside"
    directory.mkdir()
    seen = run_watched(zygote, work_outside, directory, str(outside))
    assert seen.told == ["create f", "write f, 4 bytes at 0"]
    assert str(outside) in seen.recording.outside


def work_many_files() -> object:
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    fds = [os.open(f"f{n}", os.O_CREAT | os.O_RDWR) for n in range(1500)]
    for number, fd in enumerate(fds):
        os.write(fd, b"%d" % number)
    return len(fds)


def test_more_open_files_than_the_harness_may_have_are_all_followed(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = run_watched(zygote, work_many_files, tmp_path)
    assert seen.result == 1500
    assert written(seen) == contents(seen)


def work_large() -> object:
    fd = os.open("large", os.O_CREAT | os.O_RDWR)
    data = bytes(range(256)) * 32768
    os.ftruncate(fd, 1 << 40)
    found: list[object] = [os.write(fd, data), os.pwrite(fd, b"end", (1 << 40) - 3)]
    os.unlink("large")
    os.ftruncate(fd, 8 << 20)
    return [*found, os.pread(fd, 8 << 20, 0) == data]


def test_large_writes_and_sparse_and_unlinked_files_are_followed(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = both_ways(zygote, work_large, tmp_path, nothing)
    assert seen.told == [
        "create large", f"truncate large to {1 << 40} bytes",
        f"write large, {8 << 20} bytes at 0", f"write large, 3 bytes at {(1 << 40) - 3}",
        "unlink large", f"truncate large to {8 << 20} bytes",
    ]  # fmt: skip
    assert seen.events[2].data == bytes(range(256)) * 32768


def work_unlinked_names() -> object:
    first = os.open("f", os.O_CREAT | os.O_RDWR)
    os.unlink("f")
    second = os.open("f", os.O_CREAT | os.O_RDWR)
    real = os.open("f (deleted)", os.O_CREAT | os.O_RDWR)
    os.rename("f", "g")
    twin = os.dup(real)
    return [os.write(fd, b"x") for fd in (first, second, real, twin)]


def test_a_file_made_anew_is_another_file_and_a_name_is_kept_to_the_letter(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = both_ways(zygote, work_unlinked_names, tmp_path, nothing)
    writes = [(e.path, e.file) for e in seen.events if e.kind is EventKind.WRITE]
    assert writes == [("f", 0), ("g", 1), ("f (deleted)", 2), ("f (deleted)", 2)]


def work_locks(kind: str) -> object:
    fd = os.open("lock", os.O_CREAT | os.O_RDWR)
    lock = fcntl.flock if kind == "flock" else fcntl.lockf
    lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(fd, b"held")
    return "locked"


@pytest.mark.parametrize("kind", ["flock", "lockf"])
def test_locks_are_gone_when_a_worker_was_killed(kind: str, zygote: Zygote, tmp_path: Path) -> None:
    crash = CrashPoint(call=0, ordinal=0, placement=Placement.AFTER, event=EventKind.WRITE)
    for _ in range(3):
        seen = run_watched(zygote, work_locks, tmp_path, kind, crash=crash)
        assert seen.recording.crash is not None
        assert seen.told[-1] == "write lock, 4 bytes at 0"
    assert run_watched(zygote, work_locks, tmp_path, kind).result == "locked"


def work_dup_and_reuse() -> object:
    pipe = os.pipe()[1]
    os.write(pipe, b"x")
    found = []
    for name in ("a", "b", "c"):
        fd = os.open(name, os.O_CREAT | os.O_WRONLY)
        os.dup2(fd, pipe)
        found.append(os.write(pipe, name.encode() * 3))
        os.close(fd)
    os.closerange(pipe, pipe + 100)
    return [*found, *errors_of(lambda: os.write(pipe, b"x"))]


def test_a_number_that_becomes_another_file_is_never_mistaken(
    zygote: Zygote, tmp_path: Path
) -> None:
    seen = both_ways(zygote, work_dup_and_reuse, tmp_path, nothing)
    assert seen.told == [
        "create a", "write a, 3 bytes at 0", "create b", "write b, 3 bytes at 0", "create c",
        "write c, 3 bytes at 0",
    ]  # fmt: skip


def work_closes_everything() -> object:
    os.closerange(0, 1000)
    return os.write(os.open("f", os.O_CREAT | os.O_WRONLY), b"x")


def test_a_worker_that_closes_everything_is_still_heard(zygote: Zygote, tmp_path: Path) -> None:
    seen = run_watched(zygote, work_closes_everything, tmp_path)
    assert seen.result == 1
    assert seen.told == ["create f", "write f, 1 bytes at 0"]


def test_writes_of_zeros_are_one_object_and_no_other_bytes_change() -> None:
    assert shared_zeros(bytes(8192)) is shared_zeros(bytes(bytearray(8192)))
    assert shared_zeros(bytes(8192)) == bytes(8192)
    almost = bytes(5000) + b"\1" + bytes(3000)
    assert shared_zeros(almost) is almost
    longer = bytes(MOST_ZEROS_BYTES + 1)
    assert shared_zeros(longer) is longer
