"""Closes that are in the trace: the last one of a file that was cut to nothing."""

import contextlib
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from watching import Seen, run_watched

from walcrash.recorder.zygote import Zygote

NEW = os.O_RDWR | os.O_CREAT


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "log").write_bytes(b"old")
    return tmp_path / "directory"


def told(zygote: Zygote, directory: Path, function: object) -> list[str]:
    seen: Seen = run_watched(zygote, function, directory)  # type: ignore[arg-type]
    assert seen.watched.status == 0, seen.watched.output
    assert not seen.recording.unmodelled
    return [text for text in seen.told if not text.startswith("attribute")]


def close_after_truncation() -> None:
    fd = os.open("log", os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"new")
    os.close(fd)
    os.close(os.open("log", os.O_RDWR))


def test_a_close_after_a_cut_to_nothing_is_an_event_and_no_other_close_is(
    zygote: Zygote, directory: Path
) -> None:
    assert told(zygote, directory, close_after_truncation) == [
        "truncate log to 0 bytes", "write log, 3 bytes at 0", "close log",
    ]  # fmt: skip


def closes_that_say_nothing() -> None:
    fd = os.open("log", os.O_RDWR)
    os.ftruncate(fd, 1)
    os.close(fd)
    os.close(os.open("new", NEW | os.O_TRUNC))


def test_other_cuts_and_new_files_have_no_close(zygote: Zygote, directory: Path) -> None:
    assert told(zygote, directory, closes_that_say_nothing) == [
        "truncate log to 1 bytes",
        "create new",
    ]


def shared_descriptors() -> None:
    fd = os.open("log", os.O_RDWR)
    other = os.open("log", os.O_RDONLY)
    os.ftruncate(fd, 0)
    copy = os.dup(fd)
    os.close(fd)
    os.write(copy, b"1")
    spare = os.open("new", NEW)
    os.dup2(spare, copy)
    os.write(spare, b"2")
    os.close(other)


def test_a_copy_keeps_the_description_and_what_replaces_it_closes_it(
    zygote: Zygote, directory: Path
) -> None:
    assert told(zygote, directory, shared_descriptors) == [
        "truncate log to 0 bytes", "write log, 1 bytes at 0", "create new", "close log",
        "write new, 1 bytes at 0",
    ]  # fmt: skip


def another_description() -> None:
    fd, other = os.open("log", os.O_RDWR), os.open("log", os.O_RDONLY)
    os.truncate("log", 0)
    os.write(fd, b"1")
    os.close(other)
    os.write(fd, b"2")
    os.close(fd)


def test_any_description_counts_and_only_the_first_close_after_the_cut(
    zygote: Zygote, directory: Path
) -> None:
    assert told(zygote, directory, another_description) == [
        "truncate log to 0 bytes", "write log, 1 bytes at 0", "close log",
        "write log, 1 bytes at 1",
    ]  # fmt: skip


def many_at_once() -> None:
    fds = [os.open("log", os.O_RDWR | os.O_TRUNC)]
    os.write(fds[0], b"new")
    fds += [os.dup(fds[0]), os.dup(fds[0])]
    os.closerange(min(fds), max(fds) + 1)
    os.open("new", NEW)


def test_a_range_that_holds_all_copies_closes_it(zygote: Zygote, directory: Path) -> None:
    assert told(zygote, directory, many_at_once) == [
        "truncate log to 0 bytes", "write log, 3 bytes at 0", "close log", "create new",
    ]  # fmt: skip


def child_holds_it() -> None:
    fd = os.open("log", os.O_RDWR | os.O_TRUNC)
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write_end)
        os.read(read_end, 1)
        os.write(fd, b"child")
        os._exit(0)
    os.close(read_end)
    os.close(fd)
    os.close(os.open("new", NEW))
    os.close(write_end)
    os.waitpid(pid, 0)
    os.open("last", NEW)


def test_a_child_that_has_it_closes_it_at_its_end(zygote: Zygote, directory: Path) -> None:
    assert told(zygote, directory, child_holds_it) == [
        "truncate log to 0 bytes", "create new", "write log, 5 bytes at 0", "close log",
        "create last",
    ]  # fmt: skip


def parent_holds_it() -> None:
    fd = os.open("log", os.O_RDWR | os.O_TRUNC)
    pid = os.fork()
    if pid == 0:
        os.write(fd, b"child")
        os._exit(0)
    os.waitpid(pid, 0)
    os.open("new", NEW)
    os.close(fd)


def test_a_child_that_ends_does_not_close_what_its_parent_has(
    zygote: Zygote, directory: Path
) -> None:
    assert told(zygote, directory, parent_holds_it) == [
        "truncate log to 0 bytes", "write log, 5 bytes at 0", "create new", "close log",
    ]  # fmt: skip


def shell() -> None:
    subprocess.run(["/bin/sh", "-c", "echo one > log; echo two > new"], check=True)


def test_a_shell_that_redirects_closes(zygote: Zygote, directory: Path) -> None:
    assert told(zygote, directory, shell) == [
        "truncate log to 0 bytes", "write log, 4 bytes at 0", "close log", "create new",
        "write new, 4 bytes at 0",
    ]  # fmt: skip


def program() -> None:
    code = "import os; fd = os.open('log', os.O_WRONLY | os.O_TRUNC); os.write(fd, b'new')"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
    os.open("new", NEW)


def test_the_end_of_a_program_closes_what_it_left_open(zygote: Zygote, directory: Path) -> None:
    assert told(zygote, directory, program) == [
        "truncate log to 0 bytes", "write log, 3 bytes at 0", "close log", "create new",
    ]  # fmt: skip


def mapped() -> None:
    fd = os.open("log", os.O_RDWR | os.O_TRUNC)
    os.ftruncate(fd, 4096)
    with mmap.mmap(fd, 4096) as view:
        os.close(fd)
        view[:4] = b"data"
        os.open("new", NEW)


def test_a_mapping_keeps_it(zygote: Zygote, directory: Path) -> None:
    text = told(zygote, directory, mapped)
    assert "create new" in text
    assert not any("close log" in line for line in text[: text.index("create new")])


def killed_child() -> None:
    pid = os.fork()
    if pid == 0:
        fd = os.open("log", os.O_RDWR | os.O_TRUNC)
        os.write(fd, b"child")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    os.open("new", NEW)
    with contextlib.suppress(OSError):
        os.close(99)


def test_a_process_that_a_signal_ends_closes_unseen(zygote: Zygote, directory: Path) -> None:
    assert told(zygote, directory, killed_child) == [
        "truncate log to 0 bytes", "write log, 5 bytes at 0", "create new",
    ]  # fmt: skip
