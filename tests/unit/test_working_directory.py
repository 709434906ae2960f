"""A working directory never exists without somebody who removes it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command import environment

from walcrash.recorder import keeper
from walcrash.recorder.working_directory import WorkingDirectory
from walcrash.values.errors import HarnessFault

SECONDS = 20.0


def until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def test_a_harness_that_is_killed_at_any_line_of_its_start_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_at.py")],
        env=environment(WALCRASH_WORK=str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
    )
    places = dict(map(json.loads, done.stdout.splitlines()))
    assert [where for where, left in places.items() if left] == []
    assert "the end" in places
    for module in ("working_directory.py", "keeper.py", "sandbox.py"):
        assert sum(where.startswith(module) for where in places) > 5


def test_a_keeper_whose_user_is_gone_before_it_begins_leaves_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    subprocess.run(
        [sys.executable, "-I", "-S", keeper.__file__, tmp_path / "walcrash-work-0123456789abcdef"],
        stdin=subprocess.DEVNULL,
        stdout=writing,
        check=True,
    )
    os.close(writing)
    assert os.listdir(tmp_path) == []


def test_a_keeper_that_is_killed_is_replaced_by_its_user(tmp_path: Path) -> None:
    with WorkingDirectory(parent=str(tmp_path)) as work:
        os.kill(work.keeper_pid, signal.SIGKILL)
        Path(work.path, "file").touch()
        # Another start must not take it for one that was left.
        keeper.sweep(str(tmp_path))
        assert os.listdir(work.path) == ["file"]
    assert os.listdir(tmp_path) == []


def test_a_keeper_is_deaf_to_what_ends_a_campaign(tmp_path: Path) -> None:
    with WorkingDirectory(parent=str(tmp_path)) as work:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(work.keeper_pid, number)
        keeper.sweep(str(tmp_path))
        assert os.path.isdir(work.path)
    assert os.listdir(tmp_path) == []


def test_a_start_removes_what_was_left_when_all_were_killed_at_once(tmp_path: Path) -> None:
    left = tmp_path / "walcrash-work-0123456789abcdef"
    (left / "subject").mkdir(parents=True)
    (left / "subject" / "wal.log").write_bytes(b"1")
    with WorkingDirectory(parent=str(tmp_path)):
        assert until(lambda: not left.exists())


def test_a_start_removes_nothing_else(tmp_path: Path) -> None:
    used = tmp_path / "walcrash-work-0123456789abcdef"
    used.mkdir()
    others = ["walcrash-work-notes", "walcrash-abcdefgh", "walcrash-work-0123456789abcdef0", "mine"]
    for name in others:
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "walcrash-work-fedcba9876543210"
    link.symlink_to(tmp_path / "elsewhere")
    file = tmp_path / "walcrash-work-ffffffffffffffff"
    file.touch()
    fd = os.open(used, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    keeper.sweep(str(tmp_path))
    names = {*others, "elsewhere", used.name, link.name, file.name}
    assert set(os.listdir(tmp_path)) == names
    os.close(fd)
    keeper.sweep(str(tmp_path))
    assert set(os.listdir(tmp_path)) == names - {used.name}


def test_what_is_being_swept_away_is_not_held(tmp_path: Path) -> None:
    path = tmp_path / "walcrash-work-0123456789abcdef"
    assert keeper.hold(str(path)) is None
    path.mkdir()
    fd = os.open(path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert keeper.hold(str(path)) is None
    os.close(fd)


def test_no_room_and_no_process_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(HarnessFault, match=r"no working directory can be made in .*: Not a dir"):
        WorkingDirectory(parent=str(file))
    monkeypatch.setattr(sys, "executable", str(file))
    with pytest.raises(HarnessFault, match=r"no process can be started .*: Permission denied") as e:
        WorkingDirectory(parent=str(tmp_path))
    assert "ulimit -u" in e.value.hint
    assert os.listdir(tmp_path) == ["file"]


def test_a_directory_that_is_swept_away_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keeper that begins meanwhile takes it for one that was left."""
    path = str(tmp_path / f"walcrash-work-{0:016x}")
    made: list[str] = []
    real = os.mkdir

    def mkdir(name: str, mode: int) -> None:
        real(name, mode)
        made.append(name)
        if len(made) <= 2:
            keeper.sweep(str(tmp_path))

    monkeypatch.setattr(os, "mkdir", mkdir)
    held = keeper.make(path)
    assert held is not None
    os.close(held)
    assert made == [path] * 3
    assert os.listdir(tmp_path) == [os.path.basename(path)]
