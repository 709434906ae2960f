"""Boots with another wall clock or with random bytes that repeat, for a worker and its programs."""

import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from scenario_faults import loaded
from watching import run_watched

from walcrash.recorder.zygote import Zygote
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import case_from_json, case_to_json
from walcrash.values.errors import ScenarioError
from walcrash.values.faults import (
    Around,
    ClockJump,
    Fault,
    FaultKind,
    FaultPlan,
    RepeatedRandom,
    around_of,
)
from walcrash.values.operation import Operation, OperationKind

DAY = 86_400
NEAR_SECONDS = 3_600
ASK = "import os, time; print(time.time(), time.monotonic(), os.urandom(4).hex())"


def jump(seconds: int, boot: int = 0) -> ClockJump:
    return ClockJump(boot=boot, call=0, shift_seconds=seconds)


def look_around() -> object:
    """Ask for the time and for random bytes in every way, also in another program."""
    said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    told, counted, drawn = said.stdout.split()
    clocks = [time.time(), time.clock_gettime(time.CLOCK_REALTIME), float(told)]
    steady = [time.monotonic(), float(counted)]
    device = Path("/dev/urandom").open("rb", buffering=0)  # noqa: SIM115 - it is read below
    with device:
        bytes_ = [os.urandom(4), random.random(), str(uuid.uuid4()), drawn, device.read(4)]
    return clocks, steady, bytes_


def look_with(zygote: Zygote, directory: Path, *faults: Fault) -> object:
    seen = run_watched(zygote, look_around, directory, faults=faults)
    assert seen.watched.status == 0, seen.watched.output
    assert not seen.recording.unmodelled
    return seen.result


@pytest.mark.parametrize("seconds", [-20 * 365 * DAY, DAY])
def test_a_boot_has_another_wall_clock_and_its_programs_too(
    zygote: Zygote, tmp_path: Path, seconds: int
) -> None:
    clocks, steady, _ = look_with(zygote, tmp_path, jump(seconds))  # type: ignore[misc]
    assert all(abs(clock - seconds - time.time()) < NEAR_SECONDS for clock in clocks)
    assert all(abs(clock - time.monotonic()) < NEAR_SECONDS for clock in steady)
    clocks, _, _ = look_with(zygote, tmp_path)  # type: ignore[misc]
    assert all(abs(clock - time.time()) < NEAR_SECONDS for clock in clocks)


def test_random_bytes_repeat_in_boots_that_ask_for_it_and_in_no_other(
    zygote: Zygote, tmp_path: Path
) -> None:
    fault = RepeatedRandom(boot=0, call=0)
    (_, _, first), (_, _, again), (_, _, other) = (
        look_with(zygote, tmp_path, *faults)  # type: ignore[misc]
        for faults in ([fault], [fault], [])
    )
    assert first == again
    assert not set(map(str, first)) & set(map(str, other))


def test_they_are_stored_told_and_moved_with_their_boots() -> None:
    boot = BootPlan((Operation(OperationKind.OPEN), Operation(OperationKind.CLOSE)))
    faults = (jump(-25 * 3600, boot=1), RepeatedRandom(boot=0, call=0))
    case = Case("s", 0, 1, (boot, boot), faults)
    assert case_from_json(case_to_json(case)) == case
    assert [str(fault) for fault in faults] == [
        "the wall clock of boot 2 is 25 hours behind",
        "boot 1 gets random bytes that repeat",
    ]
    assert faults[0].moved(boot=0, call=7) == jump(-25 * 3600)
    assert around_of(faults) == Around(clock_shift_seconds=-25 * 3600, repeats_random=True)


def test_a_simpler_jump_is_a_smaller_one_in_the_same_direction() -> None:
    simpler = [fault.shift_seconds for fault in jump(-400 * DAY).simpler(())]
    assert simpler == [-3600, -25 * 3600]
    assert not list(jump(3600).simpler(()))


def test_a_scenario_asks_for_clocks_and_for_random_bytes(tmp_path: Path) -> None:
    assert loaded(tmp_path, 'kind = "clock"\nshift_seconds = [-5, 5]\n') == (
        FaultPlan(kind=FaultKind.CLOCK, shift_seconds=(-5, 5)),
    )
    assert loaded(tmp_path, 'kind = "repeated-random"\n')[0].kind is FaultKind.REPEATED_RANDOM


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ('kind = "clock"\nshift_seconds = 9999999999', "-1576800000 to 1576800000"),
        ('kind = "clock"\ncalls = ["fsync"]', "falls on a whole boot and has no `calls`"),
        ('kind = "repeated-random"\ntimes = 2', "falls on a whole boot and has no `times`"),
    ],
)
def test_a_key_that_they_do_not_have_is_refused(tmp_path: Path, fault: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        loaded(tmp_path, fault)
    assert words in " ".join(str(caught.value).split())
