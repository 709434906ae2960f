"""The recording device, on a real kernel: what is logged, what a cut shows, what is left."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from needs import lacking, need_real_file_systems

from walcrash.blocks import abilities
from walcrash.blocks.data_writes import is_data
from walcrash.blocks.file_systems import VARIANTS
from walcrash.blocks.isolation import start_isolated
from walcrash.values.errors import ExitCode, Inconclusive

HERE = str(Path(__file__).parent)
MARK = "WALCRASH_TEST_OF_BLOCKS"
SECONDS_TO_END = 20.0
FUNCTIONS = "block_work"


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have isolated processes find what they are to run."""
    there = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, there]))


def test_a_sync_is_logged_and_what_a_cut_shows_follows_it() -> None:
    need_real_file_systems()
    said, _ = start_isolated(f"{FUNCTIONS}:in_isolation", []).communicate(timeout=60)
    (before, after, empty), flushes, killed = json.loads(said)
    assert before.get("synced", 0) == 0
    assert after["synced"] == 12000
    assert "lost" not in after
    assert flushes >= 1
    assert killed == 0, "the process behind FUSE ends by itself when the device is gone"
    assert "mounted" not in empty, "a device of zeros is no file system"


def test_data_that_is_held_is_overtaken_and_data_that_fails_never_arrives() -> None:
    need_real_file_systems()
    said, _ = start_isolated(f"{FUNCTIONS}:hold_and_fail", []).communicate(timeout=60)
    (file, other, file_at_last, other_at_last), syncs = json.loads(said)
    assert file == [9000, [0]], "the rename is committed, and its data has not arrived"
    assert file_at_last == [9000, [ord("n")]]
    assert syncs == [errno.EIO, None], "the second sync says nothing of what the first has lost"
    assert other == other_at_last == [5000, [ord("o")]]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"A" * 4096, True),
        (b"z" * 512 + bytes(512), True),
        (bytes(4096), False),
        (b"\xff" * 4096, False),
        (b"Aa" * 2048, False),
        (b"A" * 511 + b"B", False),
        (b"", False),
    ],
)
def test_data_is_known_by_one_letter_in_its_first_sector(data: bytes, expected: bool) -> None:
    assert is_data(data) is expected


def leftovers(device: str) -> list[str]:
    """Return what is there of a process that was marked, and of its device."""
    found = [device] if device and Path(f"/sys/block/{device[5:]}/loop").exists() else []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if MARK.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(f"process {pid}")
        except OSError:
            continue
    mounts = Path("/proc/mounts").read_text().splitlines()
    return found + [line for line in mounts if device and line.startswith((device, "walcrash"))]


@pytest.mark.parametrize(
    ("said", "file_system"),
    [("started", "ext4"), ("device", "ext4"), ("mounted", "ext4"), *[("mounted", "xfs")] * 3],
)
def test_nothing_is_left_of_one_that_is_killed(said: str, file_system: str) -> None:
    need_real_file_systems()
    found, hint = abilities.lacking_for(VARIANTS[file_system])
    if found:
        lacking(f"{found}; {hint}")
    code = (
        "import shutil, sys; from walcrash.blocks.isolation import start_isolated; "
        f"p = start_isolated('{FUNCTIONS}:stay', ['{file_system}']); "
        "shutil.copyfileobj(p.stdout, sys.stdout.buffer.raw, 1)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, MARK: said}
    )
    assert parent.stdout is not None
    device = ""
    for line in parent.stdout:
        word, _, device = line.decode().strip().partition(" ")
        if word == said:
            break
    time.sleep({"started": 0.05, "device": 0.02, "mounted": 0.1}[said])
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    until = time.monotonic() + SECONDS_TO_END
    while leftovers(device) and time.monotonic() < until:
        time.sleep(0.05)
    assert leftovers(device) == []


def test_what_is_lacking_is_said_and_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abilities.os, "geteuid", lambda: 1000)
    with pytest.raises(Inconclusive) as caught:
        abilities.need(VARIANTS["xfs"])
    assert caught.value.exit_code is ExitCode.INCONCLUSIVE
    assert "xfs" in caught.value.message
    assert "root" in caught.value.message
    assert abilities.trial.__wrapped__() == "it needs root"


def test_a_file_system_without_its_mkfs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abilities.shutil, "which", lambda name: None)
    found, hint = abilities.lacking_for(VARIANTS["btrfs"])
    assert found == "there is no mkfs.btrfs"
    assert hint == "apt-get install btrfs-progs"
