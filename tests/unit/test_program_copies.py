"""Drivers that are copied for each recovery: which are, and that nothing is carried over."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from made_up_subject import killed, put, stored
from noting_driver import NotingDriver, shown

from walcrash.case.alignment import Alignment
from walcrash.case.drawn import Drawn
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_plan import SearchPlan
from walcrash.recorder import program_copies
from walcrash.recorder.program_copies import ProgramCopies
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits
from walcrash.values.verdict import Verdict

LIMITS = RecoveryLimits(seconds=20.0)
PUT = Operation(OperationKind.APPEND, Record(RecordType.PUT, "a", 1, b"x" * 100))

DRIVER = """
import json, os, sys

pids, way, directory = sys.argv[1:4]
log = directory + "/log"
with open(pids, "a") as known:
    known.write(f"{os.getpid()} ")
if way == "lists":
    os.listdir(directory)
if way == "writes":
    open(directory + "/made", "w").close()
if way == "alone":
    held = pids + ".held"
    holder = open(held).read() if os.path.exists(held) else ""
    if holder and os.path.exists(f"/proc/{holder}/exe"):
        sys.exit(f"{holder} runs already")
    with open(held, "w") as mine:
        mine.write(str(os.getpid()))
if way == "speaks":
    print("here I am", file=sys.stderr, flush=True)
is_there = os.path.exists(log)
for line in sys.stdin:
    asked = json.loads(line)
    do = asked["do"]
    reply = {"ok": True}
    if do == "open":
        if way == "looks" and not is_there:
            # What it saw when it started, which is no longer so in a copy.
            open(log, "w").close()
        reply = {"ok": True, "name": "small", "protocol": 1, "version": "1", "supports": []}
    elif do == "append":
        with open(log, "a") as file:
            file.write(json.dumps(asked["record"]) + chr(10))
            file.flush()
            os.fsync(file.fileno())
        reply = {"ok": True, "offset": sum(1 for _ in open(log)) - 1}
        if way == "looks later" and not is_there and reply["offset"] == 6:
            open(log, "w").close()
    elif do == "replay":
        lines = open(log).read().splitlines() if os.path.exists(log) else []
        for number, text in enumerate(lines):
            if number >= asked["from"]:
                print(json.dumps({"offset": number, "record": json.loads(text)}))
        reply = {"ok": True, "end": len(lines)}
    print(json.dumps(reply), flush=True)
    if do == "close":
        sys.exit()
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made


class Copied(NotingDriver):
    """The driver, each of whose recoveries has a copy where it can be copied."""

    def __init__(self, sandbox: Sandbox, way: str, folder: Path) -> None:
        super().__init__(sandbox, DRIVER, way, folder)

    def copy(self, *operations: Operation) -> int:
        return shown(self.look(*operations, is_copied=True))

    def passes_where_it_is_started(self, sandbox: Sandbox, drawn: Drawn | None = None) -> None:
        """Run a case of it: no copy accuses it or leaves a doubt, and none is made any more."""
        case = replace(stored(killed(put(1))), subject=self.subject, limits=LIMITS)
        run = run_case(sandbox, case, drawn=drawn)
        assert run.verdict is Verdict.PASS
        assert run.doubt == ""
        assert not sandbox.copies(self.subject)


def test_a_driver_starts_once_for_all_its_recoveries(sandbox: Sandbox, tmp_path: Path) -> None:
    driver = Copied(sandbox, "right", tmp_path)
    for number in range(5):
        assert driver.copy(PUT) == number
    assert len(driver.started()) == 1
    assert shown(driver.look()) == 5
    assert len(driver.started()) == 2


def test_a_copy_leaves_nothing_running_but_what_it_was_made_of(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    driver = Copied(sandbox, "right", tmp_path)
    driver.copy(PUT)
    zygote = psutil.Process(sandbox.zygote.pid)
    before = {each.pid for each in zygote.children(recursive=True)}
    for _ in range(3):
        driver.copy(PUT)
    assert {each.pid for each in zygote.children(recursive=True)} == before
    sandbox.end_recoverers()
    assert not [pid for pid in before if psutil.pid_exists(pid) and not _is_over(pid)]


def _is_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_driver_that_does_something_before_it_is_asked_is_started_each_time(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    for way in ("lists", "writes", "speaks"):
        sandbox.clear()
        folder = tmp_path / way
        folder.mkdir()
        driver = Copied(sandbox, way, folder)
        for number in range(2):
            assert driver.copy(PUT) == number
        # One more, to find out.
        assert len(driver.started()) == 3


def test_what_is_in_the_directory_stays_there_when_a_driver_is_prepared(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    driver = Copied(sandbox, "right", tmp_path)
    inside = Path(sandbox.directory, "inside")
    inside.mkdir()
    (inside / "file").write_text("kept")
    node = (inside / "file").stat().st_ino
    driver.copy()
    assert (inside / "file").read_text() == "kept"
    assert (inside / "file").stat().st_ino == node


def test_a_program_that_starts_in_no_time_is_not_worth_a_copy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = (sys.executable, "-I", "-S", "-c", "import os\nos.read(0, 100)")
    for worth, count in ((60.0, 0), (0.0, 1)):
        monkeypatch.setattr(program_copies, "WORTH_SECONDS", worth)
        copies = ProgramCopies()
        copies.prepare(words, str(tmp_path))
        assert len(copies.pids) == count
        copies.end()
        assert not copies.pids


def test_a_copy_that_knows_of_an_earlier_directory_accuses_nobody(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It empties a log that it did not see when it started: each of its own starts sees it."""
    driver = Copied(sandbox, "looks", tmp_path)
    assert driver.copy(PUT) == 0
    assert driver.copy() == 0, "a copy is wrong"
    sandbox.clear()
    driver.passes_where_it_is_started(sandbox)


def test_what_a_copy_shows_in_later_boots_is_no_doubt_about_the_case(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It empties its log at the seventh record, where it saw none when it started."""
    driver = Copied(sandbox, "looks later", tmp_path)
    drawn = Drawn(
        alignment=Alignment.within(stored(killed(put(1))).case),
        search=SearchPlan(),
        later=lambda _: tuple(killed(put(number)) for number in range(10, 18)),
    )
    driver.passes_where_it_is_started(sandbox, drawn)


def test_a_driver_that_runs_once_at_a_time_is_not_accused_for_the_one_that_waits(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """It notes outside its directory which process it is, and refuses while that runs."""
    driver = Copied(sandbox, "alone", tmp_path)
    assert driver.copy(PUT) == 0
    with pytest.raises(AssertionError, match="runs already"):
        shown(driver.look())
    sandbox.clear()
    driver.passes_where_it_is_started(sandbox)
