"""Recovery runs: which operations each recovery of an image has, and how it ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest
from made_up_subject import SHOWN, closed, killed, put, stored

from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.values.case import BootPlan
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.image import FileEntry, Image
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import RecordType
from walcrash.values.recovery import RecoveredRecord, Recovery


@dataclass
class Listening:
    """A sandbox whose subject shows nothing, and that notes what each recovery was to do."""

    directory: str
    shown: Recovery = SHOWN
    ends: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def recover(
        self, _: object, operations: Sequence[Operation], *__: object, is_killed: bool = False,
        **___: object,
    ) -> BootHistory:  # fmt: skip
        puts = [each.record for each in operations if each.record is not None]
        self.ids += [put.id for put in puts if put.type is RecordType.PUT]
        self.sizes += [len(put.payload) for put in puts if put.type is RecordType.PUT]
        is_closed = operations[-1].kind is OperationKind.CLOSE
        self.ends.append("closed" if is_closed else "killed" if is_killed else "left")
        return BootHistory((), self.shown, BootEnd.CLOSED)

    def recover_killed(
        self, _: object, operations: Sequence[Operation], *__: object, **___: object
    ) -> tuple[BootHistory, Image | None]:
        return self.recover(_, operations, is_killed=True), None


def ends(directory: Path, *boots: BootPlan, is_fresh: bool) -> list[str]:
    sandbox = Listening(str(directory))
    runs = RecoveryRuns(cast("Sandbox", sandbox), stored(*boots), is_fresh=is_fresh)
    runs.here(Image({}))
    return sandbox.ends


@pytest.mark.parametrize("is_fresh", [False, True])
def test_each_recovery_of_a_control_closes(tmp_path: Path, is_fresh: bool) -> None:
    boots = (closed(put(1)), closed(put(2)))
    assert ends(tmp_path, *boots, is_fresh=is_fresh) == ["closed"] * 4


def test_the_first_recovery_after_a_crash_is_killed_at_rest(tmp_path: Path) -> None:
    boots = (killed(put(1)), closed(put(2)))
    assert ends(tmp_path, *boots, is_fresh=False) == ["killed", "closed", "left", "left"]


def test_the_work_after_a_recovery_is_in_one_of_four_as_large_as_what_was_taken(
    tmp_path: Path,
) -> None:
    """What is longer a log may refuse."""
    taken = put(1, b"x" * 5000).record
    assert taken is not None
    shown = Recovery((RecoveredRecord(0, taken),), 1, None)
    case = stored(killed(put(1, b"x" * 5000), put(2, b"x" * 9000)))
    found = []
    for seed in range(200):
        sandbox = Listening(str(tmp_path), shown)
        seeded = replace(case, case=replace(case.case, seed=seed))
        RecoveryRuns(cast("Sandbox", sandbox), seeded, is_fresh=False).here(Image({}))
        found.append(sandbox.sizes)
    assert all(sizes in ([0, 2], [0, 5000]) for sizes in found)
    assert 30 < found.count([0, 5000]) < 70


def test_the_first_put_after_a_recovery_is_in_half_of_all_cases_as_long_as_the_one_that_is_gone(
    tmp_path: Path,
) -> None:
    """What lies behind that one lies right behind the new one then."""
    taken, same, longer = put(1, b"x" * 100), put(22, b"y" * 60), put(3, b"z" * 200)
    assert taken.record is not None
    shown = Recovery((RecoveredRecord(0, taken.record),), 1, None)

    def works(*operations: Operation) -> list[tuple[str, int]]:
        found = []
        for seed in range(100):
            case = stored(killed(*operations))
            sandbox = Listening(str(tmp_path), shown)
            seeded = replace(case, case=replace(case.case, seed=seed))
            RecoveryRuns(cast("Sandbox", sandbox), seeded, is_fresh=False).here(Image({}))
            found.append((sandbox.ids[0], sandbox.sizes[0]))
        return found

    usual, like = ("after-recovery-0", 0), ("after", 60)
    found = works(taken, same, longer)
    assert set(found) == {usual, like}
    assert 30 < found.count(like) < 70
    # One that is longer than all that was taken a log may refuse.
    assert set(works(taken, longer, same)) == {usual}
    assert set(works(taken)) == {usual}


@dataclass
class Closing(Listening):
    """A sandbox whose subject leaves one file where it is killed, and another where it closes."""

    found: list[list[str]] = field(default_factory=list)

    def recover(self, *asked: object, **named: object) -> BootHistory:
        self.found.append(sorted(path.name for path in Path(self.directory).iterdir()))
        return super().recover(*asked, **named)  # type: ignore[arg-type]

    def recover_killed(self, *asked: object, **named: object) -> tuple[BootHistory, Image | None]:
        history, _ = super().recover_killed(*asked, **named)  # type: ignore[arg-type]
        Path(self.directory, "closed").touch()
        return history, Image({"killed": FileEntry(b"", 0o600)})


def test_what_a_killed_recovery_left_is_what_the_next_one_finds(tmp_path: Path) -> None:
    sandbox = Closing(str(tmp_path))
    case = stored(killed(put(1)), closed(put(2)))
    RecoveryRuns(cast("Sandbox", sandbox), case, is_fresh=False).restored(Image({}))
    (tmp_path / "closed").unlink(missing_ok=True)
    assert sandbox.found == [[], ["killed"], ["killed"], []]
