"""Recoveries of a driver: each in a process of the driver's own, which leaves nothing running."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from noting_driver import NotingDriver, shown

from walcrash.case.recovery_runs import CLOSE
from walcrash.case.sandbox import Sandbox
from walcrash.values.errors import HarnessFault
from walcrash.values.history import BootEnd
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits

LIMITS = RecoveryLimits(seconds=10.0)
PUT = Operation(OperationKind.APPEND, Record(RecordType.PUT, "a", 1, b"x" * 100))

DRIVER = """
import json, os, signal, sys, time

pids, way, directory = sys.argv[1:4]

def started():
    with open(pids, "a") as known:
        known.write(f"{os.getpid()} ")

started()
if way == "daemon":
    noted, note = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            started()
            os.write(note, b".")
            time.sleep(600)
        os._exit(0)
    os.read(noted, 1)
if way == "session":
    os.setsid()
for line in sys.stdin:
    asked = json.loads(line)
    directory = asked.get("dir", directory)
    log, do = directory + "/log", asked["do"]
    if do == "open":
        if way == "hangs":
            while True:
                pass
        if way == "group":
            os.killpg(0, signal.SIGKILL)
        if os.path.exists(directory + "/bad"):
            print(json.dumps({"ok": False, "error": "bad"}), flush=True)
            continue
        supports = ["reopen"] if way == "reopens" else []
        reply = {"ok": True, "name": "small", "protocol": 1, "version": "1", "supports": supports}
    elif do == "append":
        with open(log, "a") as file:
            file.write(json.dumps(asked["record"]) + chr(10))
        reply = {"ok": True, "offset": sum(1 for _ in open(log)) - 1}
    elif do == "replay":
        lines = open(log).read().splitlines() if os.path.exists(log) else []
        for number, text in enumerate(lines):
            if number >= asked["from"]:
                print(json.dumps({"offset": number, "record": json.loads(text)}))
        reply = {"ok": True, "end": len(lines)}
    else:
        reply = {"ok": True}
    print(json.dumps(reply), flush=True)
    if do == "close" and way != "reopens":
        sys.exit()
"""


def looked(sandbox: Sandbox, way: str, folder: Path) -> NotingDriver:
    right = "reopens" if way == "reopens" else "right"
    return NotingDriver(sandbox, DRIVER, way, folder, loaded_as=right)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


@pytest.mark.parametrize(("way", "processes"), [("right", 1), ("session", 1), ("daemon", 2)])
def test_each_recovery_has_a_process_that_is_gone_with_what_it_started(
    sandbox: Sandbox, tmp_path: Path, way: str, processes: int
) -> None:
    driver = looked(sandbox, way, tmp_path)
    for number in range(3):
        assert shown(driver.look(PUT)) == number
        assert driver.running() == []
        assert len(set(driver.started())) == processes * (number + 1)


def test_nothing_waits_that_was_closed(sandbox: Sandbox, tmp_path: Path) -> None:
    driver = looked(sandbox, "reopens", tmp_path)
    for number in range(3):
        boot = driver.look(PUT, CLOSE)
        assert boot.end is BootEnd.CLOSED
        assert shown(boot) == number
        assert driver.running() == []
    assert len(set(driver.started())) == 3


def test_a_driver_that_hangs_is_killed_and_the_next_one_works(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folders = tmp_path / "hangs", tmp_path / "right"
    for folder in folders:
        folder.mkdir()
    hangs, right = looked(sandbox, "hangs", folders[0]), looked(sandbox, "right", folders[1])
    boot = hangs.look(seconds=0.5)
    assert isinstance(boot.recovery, RecoveryFailure)
    assert boot.recovery.kind is FailureKind.HUNG
    assert hangs.running() == []
    assert shown(right.look(PUT)) == 0
    assert shown(right.look()) == 1


def test_a_driver_that_kills_its_group_has_died(sandbox: Sandbox, tmp_path: Path) -> None:
    driver = looked(sandbox, "group", tmp_path)
    for _ in range(2):
        boot = driver.look()
        assert isinstance(boot.recovery, RecoveryFailure)
        assert boot.recovery.kind is FailureKind.DIED
    assert driver.running() == []


def test_a_refused_image_says_nothing_of_the_next(sandbox: Sandbox, tmp_path: Path) -> None:
    driver, bad = looked(sandbox, "right", tmp_path), Path(sandbox.directory) / "bad"
    for is_bad in (False, True, True, False):
        bad.unlink(missing_ok=True)
        if is_bad:
            bad.touch()
        boot = driver.look()
        assert isinstance(boot.recovery, RecoveryFailure if is_bad else Recovery)


def test_a_driver_ends_where_nobody_is_left_to_kill_it(sandbox: Sandbox, tmp_path: Path) -> None:
    driver = looked(sandbox, "right", tmp_path)
    driver.look()
    zygote = psutil.Process(sandbox.zygote.pid)
    server = next(each for each in zygote.children() if each.status() != psutil.STATUS_ZOMBIE)
    killer = os.fork()
    if killer == 0:
        while len(driver.started()) < 2:
            time.sleep(0.01)
        zygote.kill()
        server.kill()
        os._exit(0)
    with pytest.raises(HarnessFault):
        driver.look(*[PUT] * 100_000)
    os.waitpid(killer, 0)
    end = time.monotonic() + 10.0
    while driver.running() and time.monotonic() < end:
        time.sleep(0.01)
    assert driver.running() == []
