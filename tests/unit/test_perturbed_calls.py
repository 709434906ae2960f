"""The perturbed environment reaches programs in any language, and says where it does not."""

import contextlib
import errno
import json
import os
import socket
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from needs import need_program
from watching import HERE as TESTS
from watching import import_for_workers

from walcrash.recorder import clock
from walcrash.recorder.environment import PERTURBED
from walcrash.recorder.perturbed_calls import (
    ADAPTER,
    read_notes,
    reverse_entries,
    work_below,
)
from walcrash.recorder.zygote import Zygote
from walcrash.values.errors import HarnessFault
from walcrash.values.varied import Surrounding, Varied

MEMORY_MB = 512
SECONDS = 20.0
SHIFT = PERTURBED.clock_shift_seconds

PROGRAM = r"""
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void times(void) {
    struct timespec a, b, c;
    struct timeval d, e;
    clock_gettime(CLOCK_REALTIME, &a);
    clock_gettime(CLOCK_REALTIME_COARSE, &c);
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &b);
    gettimeofday(&d, NULL);
    syscall(SYS_gettimeofday, &e, NULL);
    printf("[%ld,%ld,%ld,%ld,%ld,%ld]\n", (long)a.tv_sec, (long)b.tv_sec, (long)c.tv_sec,
           (long)d.tv_sec, (long)e.tv_sec, (long)time(NULL));
}

static struct timespec soon(void) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += 20000000;
    if (at.tv_nsec >= 1000000000) at.tv_sec++, at.tv_nsec -= 1000000000;
    return at;
}

static long long now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int is_set;

static void *set(void *unused) {
    pthread_mutex_lock(&mutex);
    is_set = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void waits(void) {
    struct timespec at = soon();
    long long began = now_ns();
    pthread_mutex_lock(&mutex);
    int timed = pthread_cond_timedwait(&condition, &mutex, &at);
    int was_early = now_ns() - began < 15000000;
    at = soon();
    began = now_ns();
    int slept = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
    int slept_early = now_ns() - began < 15000000;
    at = soon();
    at.tv_sec += 3600;
    pthread_t thread;
    pthread_create(&thread, NULL, set, NULL);
    int woken = 0;
    while (!is_set && !woken) woken = pthread_cond_timedwait(&condition, &mutex, &at);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    printf("[%d,%d,%d,%d,%d]\n", timed == ETIMEDOUT, was_early, slept, slept_early, woken);
}

static void list(const char *path) {
    DIR *directory = opendir(path);
    struct dirent *entry;
    printf("[");
    for (int at = 0; (entry = readdir(directory)); at++)
        printf("%s\"%s\"", at ? "," : "", entry->d_name);
    printf("]\n");
}

static char *next;

static void *execute(void *unused) {
    execl("/nonexistent", "x", (char *)NULL);
    execl(next, next, "times", (char *)NULL);
    return unused;
}

int main(int count, char **words) {
    pthread_t thread;
    if (!strcmp(words[1], "times")) times();
    if (!strcmp(words[1], "waits")) waits();
    if (!strcmp(words[1], "list")) list(words[2]);
    if (!strcmp(words[1], "thread")) { /* not the leader executes a program */
        next = words[0];
        pthread_create(&thread, NULL, execute, NULL);
        pthread_join(thread, NULL);
        return 1;
    }
    return count == 0;
}
"""


def run_programs(payload: bytes, channel: socket.socket) -> None:
    """Entry: run each program, and say what it printed or how it ended."""
    said = []
    for words in json.loads(payload):
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=SECONDS)
        said.append(json.loads(done.stdout) if done.returncode == 0 else [done.returncode])
    channel.sendall(json.dumps(said).encode())
    channel.close()


class Inside:
    """Programs that are run in the perturbed environment."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self.varied: frozenset[Varied] = frozenset()

    def run(self, *programs: list[str], shift: int | None = None) -> list[list[object]]:
        notes = os.memfd_create("varied")
        entry = f"{__name__}:run_programs"
        payload = json.dumps(programs).encode()
        pid, channel = self._zygote.serve(
            entry, payload, memory_mb=MEMORY_MB, notes=notes, clock_shift_seconds=shift
        )
        with channel:
            channel.settimeout(SECONDS)
            said = b"".join(iter(lambda: channel.recv(1 << 16), b""))
        self._zygote.finish(pid)
        self.varied = read_notes(notes)
        os.close(notes)
        assert said, self._zygote.output()
        found: list[list[object]] = json.loads(said)
        return found


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    zygote = import_for_workers(PERTURBED, str(tmp_path_factory.mktemp("perturbed")))
    with contextlib.closing(zygote):
        yield Inside(zygote)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The program, linked in two ways."""
    compiler = need_program("gcc")
    directory = tmp_path_factory.mktemp("programs")
    (directory / "look.c").write_text(PROGRAM, encoding="ascii")
    made = {}
    for name, options in (("dynamic", []), ("static", ["-static"])):
        made[name] = str(directory / name)
        words = [compiler, "-O1", "-pthread", *options, "-o", made[name], "look.c"]
        subprocess.run(words, cwd=directory, check=True)
    return made


def is_shifted(seconds: object) -> bool:
    assert isinstance(seconds, int | float)
    return abs(seconds - time.time() - SHIFT) < SHIFT / 2


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_a_program_in_c_has_another_time_by_every_call(
    kind: str, programs: dict[str, str], inside: Inside
) -> None:
    times, executed = inside.run([programs[kind], "times"], [programs[kind], "thread"])
    assert [is_shifted(each) for each in times] == [True] * 6
    assert [is_shifted(each) for each in executed] == [True] * 6
    assert Varied(program=kind, what=Surrounding.CLOCK) in inside.varied
    assert not [varied for varied in inside.varied if varied.problem]


@pytest.mark.parametrize("kind", ["dynamic", "static"])
def test_waits_for_a_time_end_then_and_are_woken_before(
    kind: str, programs: dict[str, str], inside: Inside
) -> None:
    """Else a right log that waits with a time limit would hang, or give up at once."""
    (seen,) = inside.run([programs[kind], "waits"])
    timed_out, was_early, slept, slept_early, woken = seen
    assert (timed_out, was_early) == (1, 0)
    assert (slept, slept_early) == (0, 0)
    assert woken == 0


def test_a_program_lists_a_directory_in_reverse(
    programs: dict[str, str], inside: Inside, tmp_path: Path
) -> None:
    for number in range(1100):  # more than one call takes
        (tmp_path / f"file-{number}").touch()
    here = subprocess.run(
        [programs["dynamic"], "list", str(tmp_path)], capture_output=True, text=True, check=True
    )
    order = json.loads(here.stdout)
    ((*seen,),) = inside.run([programs["dynamic"], "list", str(tmp_path)])
    assert sorted(map(str, seen)) == sorted(order)
    assert seen != order
    assert seen[:2] == [".", ".."]
    assert Varied(program="dynamic", what=Surrounding.LISTING) in inside.varied


def test_what_is_forked_from_the_zygote_is_told_from_what_is_executed(inside: Inside) -> None:
    inside.run([sys.executable, "-c", "print([])"])
    clocks = {varied.program for varied in inside.varied if varied.what is Surrounding.CLOCK}
    assert clocks == {ADAPTER, os.path.basename(sys.executable)}


def test_a_clock_can_go_back_for_a_program_and_for_what_starts_it(inside: Inside) -> None:
    program = "import json, time; print(json.dumps([time.time(), time.time_ns() / 1e9]))"
    ((*seen,),) = inside.run([sys.executable, "-c", program], shift=-90_000)
    for seconds in seen:
        assert isinstance(seconds, float)
        assert abs(time.time() - 90_000 - seconds) < 3600
    assert Varied(program=ADAPTER, what=Surrounding.CLOCK) in inside.varied


def test_where_nobody_may_trace_a_program_keeps_its_time_and_that_is_said(tmp_path: Path) -> None:
    """All of its time: one that is told two times may accuse a right log."""
    code = """
        import os, sys
        from walcrash.recorder import filter as f, perturbed_probe
        number = {"x86_64": 101, "aarch64": 117}[os.uname().machine]
        refuse = [(f.LOAD, 0, 0, f.NUMBER_AT), (f.JUMP_EQUAL, 0, 1, number),
                  (f.RETURN, 0, 0, 0x0005_0000 | 1), (f.RETURN, 0, 0, f.ALLOW)]
        f._give_up_privileges()
        f._set_filter(0, f._as_kernel_takes(refuse))
        print(perturbed_probe.probe_perturbed(sys.argv[1]))
    """
    words = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=env, cwd=TESTS)
    refused = "ptrace: Operation not permitted"
    assert "adapter_clock=''" in done.stdout
    assert f"program_clock='{refused}', called_clock='{refused}', listing=''" in done.stdout


def test_a_fault_of_what_answers_is_ours_and_not_the_subject_s() -> None:
    """Else whoever was answered would be accused of having died."""
    notes = os.memfd_create("varied")
    os.write(notes, json.dumps(["x", "clock", ""]).encode() + b"\n")
    assert read_notes(notes) == {Varied(program="x", what=Surrounding.CLOCK)}
    os.write(notes, json.dumps("KeyError: 7").encode() + b"\n")
    with pytest.raises(HarnessFault, match="KeyError: 7"):
        read_notes(notes)
    os.close(notes)


def test_a_process_that_cannot_be_forked_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    notes = os.memfd_create("varied")
    with pytest.raises(BlockingIOError):
        work_below(list, channel=-1, notes=notes, shift_seconds=1, is_reversed=False)
    with pytest.raises(HarnessFault, match="Resource temporarily unavailable"):
        read_notes(notes)
    os.close(notes)


def entry(inode: int, offset: int, name: bytes) -> bytes:
    length = (19 + len(name) + 1 + 7) // 8 * 8
    return (struct.pack("<QqHB", inode, offset, length, 8) + name).ljust(length, b"\0")


def test_a_listing_is_reversed_behind_the_dots_and_goes_on_behind_all_of_it() -> None:
    names = [b"first", b".", b"a-longer-name", b"..", b"last"]
    listing = b"".join(entry(n, 10 * n, name) for n, name in enumerate(names, start=1))
    found, at = [], 0
    other = reverse_entries(listing)
    while at < len(other):
        inode, offset, length = struct.unpack_from("<QqH", other, at)
        found.append((inode, offset, other[at + 19 : at + length].rstrip(b"\0")))
        at += length
    assert found == [
        (2, 10, b"."),
        (4, 20, b".."),
        (5, 30, b"last"),
        (3, 40, b"a-longer-name"),
        (1, 50, b"first"),
    ]
    assert reverse_entries(b"") == b""


@pytest.mark.parametrize("make", [clock._x86_64_code, clock._aarch64_code])
def test_what_is_looked_for_in_a_vdso_is_in_every_shift(make: object) -> None:
    assert callable(make)
    for name, code in make(SHIFT).items():
        assert code[: clock._SAME_BYTES] == make(-1)[name][: clock._SAME_BYTES]
