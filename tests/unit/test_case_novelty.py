"""Novelty: which images of a case are recovered in all ways, and which once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from made_up_subject import killed, put, stored

from walcrash.case.novelty import IN_ALL_WAYS_ONE_IN, Novelty, change, shown
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.values.further_recoveries import FurtherRecoveries
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome, RecoveryName
from walcrash.values.image import FileEntry, Image
from walcrash.values.operation import Operation
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import (
    FailureKind,
    OperationState,
    OperationStatus,
    RecoveredRecord,
    Recovery,
    RecoveryFailure,
    SubjectState,
)

NOTHING = Recovery((), 0, None)
PLACE = "append"


def image(**files: bytes) -> Image:
    return Image({name.replace("_", "."): FileEntry(data) for name, data in files.items()})


def recovery(*records: Record, **state: OperationStatus) -> Recovery:
    shown_records = tuple(RecoveredRecord(10 * at, each) for at, each in enumerate(records))
    operations = {name: OperationState(status) for name, status in state.items()}
    return Recovery(shown_records, 10 * len(records), SubjectState(0, 0, operations))


def put_of(number: int) -> Record:
    return Record(RecordType.PUT, f"op-{number}", number)


def never_drawn() -> Novelty:
    """Return the novelty of a case that draws none of its first images."""
    for seed in range(100):
        novelty = Novelty(seed)
        empty = Image({})
        novelty.is_worth_more(PLACE, empty, NOTHING, empty)
        if not any(novelty.is_worth_more(PLACE, empty, NOTHING, empty) for _ in range(8)):
            novelty = Novelty(seed)
            return novelty
    raise AssertionError("one in a hundred seeds draws none of nine")


def test_an_image_is_new_by_what_recovery_did_to_it_at_such_a_place() -> None:
    novelty = never_drawn()
    torn, whole = image(log_1=b"abc"), image(log_1=b"ab")
    assert novelty.is_worth_more(PLACE, torn, NOTHING, whole)
    assert not novelty.is_worth_more(PLACE, image(log_7=b"xyz"), NOTHING, image(log_7=b"x"))
    assert novelty.is_worth_more(PLACE, torn, NOTHING, torn)
    assert novelty.is_worth_more("compact", torn, NOTHING, torn)
    assert not novelty.is_worth_more("compact", torn, NOTHING, torn)


def test_an_image_is_new_by_what_was_shown_and_by_the_kinds_of_its_files() -> None:
    novelty = never_drawn()
    one, two = image(log=b"a"), image(log=b"a", log_tmp=b"")
    pending = recovery(put_of(1), op=OperationStatus.PENDING)
    assert novelty.is_worth_more(PLACE, one, pending, one)
    assert novelty.is_worth_more(PLACE, one, recovery(put_of(1), op=OperationStatus.DONE), one)
    assert not novelty.is_worth_more(PLACE, one, recovery(put_of(9), op=OperationStatus.DONE), one)
    assert novelty.is_worth_more(PLACE, two, pending, two)
    assert not novelty.is_worth_more(PLACE, two, pending, two)


def test_of_the_others_one_in_eight_is_drawn_by_the_seed_alone() -> None:
    def drawn(seed: int) -> list[bool]:
        novelty, empty = Novelty(seed), Image({})
        novelty.is_worth_more(PLACE, empty, NOTHING, empty)
        return [novelty.is_worth_more(PLACE, empty, NOTHING, empty) for _ in range(800)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 60 < sum(drawn(1)) < 800 // IN_ALL_WAYS_ONE_IN * 2


def test_a_change_tells_what_became_of_each_kind_of_name() -> None:
    before = image(cut_1=b"ab", kept=b"x", gone=b"", grown=b"a", other=b"ab")
    after = image(cut_1=b"a", kept=b"x", made=b"", grown=b"ab", other=b"ba")
    assert change(before, after) == {
        ("cut.#", "cut"),
        ("kept", "same"),
        ("gone", "removed"),
        ("made", "made"),
        ("grown", "appended"),
        ("other", "written"),
    }


def test_what_was_shown_has_no_numbers_of_its_own() -> None:
    few = [recovery(*map(put_of, range(count))) for count in (5, 6, 7, 8)]
    assert len(set(map(shown, few))) == 1
    assert shown(recovery(put_of(1))) != shown(recovery(put_of(1), put_of(2)))


@dataclass
class Showing:
    """A sandbox whose subject shows the same of each image, and counts its recoveries."""

    directory: str
    shows: Recovery | RecoveryFailure = NOTHING
    starts: list[int] = field(default_factory=list)

    def recover(
        self, _: object, operations: Sequence[Operation], *__: object, **___: object
    ) -> BootHistory:
        self.starts.append(len(operations))
        calls = tuple(Call(each, Outcome.ACKNOWLEDGED) for each in operations)
        return BootHistory(calls, self.shows, BootEnd.CLOSED)

    def recover_killed(
        self, _: object, operations: Sequence[Operation], *__: object, **___: object
    ) -> tuple[BootHistory, Image | None]:
        return self.recover(_, operations), None


def test_an_image_with_nothing_new_is_recovered_once_and_that_is_counted(tmp_path: Path) -> None:
    sandbox = Showing(str(tmp_path))
    runs = RecoveryRuns(cast("Sandbox", sandbox), stored(killed(put(1))), is_fresh=False)
    found = [runs.restored(image(log=b"%d" % at), place=PLACE) for at in range(40)]
    partial = [each for each in found if each.is_partial]
    assert not found[0].is_partial
    assert 25 < len(partial) < 40
    assert all(each.again is None and each.perturbed is None for each in partial)
    every = (RecoveryName.AGAIN, RecoveryName.AFTER, RecoveryName.PERTURBED)
    assert runs.further == FurtherRecoveries(
        made={name.value: 40 - len(partial) for name in every},
        left_out={name.value: len(partial) for name in every},
    )
    assert runs.recoveries == len(sandbox.starts) == 40 + 3 * (40 - len(partial))


def test_an_image_without_a_place_is_recovered_in_all_ways(tmp_path: Path) -> None:
    runs = RecoveryRuns(
        cast("Sandbox", Showing(str(tmp_path))), stored(killed(put(1))), is_fresh=False
    )
    found = [runs.restored(image(log=b"a")) for _ in range(10)]
    assert not any(each.is_partial or each.after is None for each in found)


def test_an_image_that_is_not_recovered_leaves_nothing_out(tmp_path: Path) -> None:
    failure = RecoveryFailure(FailureKind.REFUSED, "no")
    sandbox = Showing(str(tmp_path), failure)
    runs = RecoveryRuns(cast("Sandbox", sandbox), stored(killed(put(1))), is_fresh=False)
    assert not runs.restored(image(log=b"a"), place=PLACE).is_partial
    assert runs.further == FurtherRecoveries()


def test_totals_are_added_name_by_name() -> None:
    one = FurtherRecoveries(made={"a": 1}, left_out={"b": 2}, later_boots=3)
    other = FurtherRecoveries(made={"c": 4, "a": 5})
    added = FurtherRecoveries(made={"a": 6, "c": 4}, left_out={"b": 2}, later_boots=3)
    assert FurtherRecoveries.sum((one, other)) == added
    assert FurtherRecoveries.sum(()) == FurtherRecoveries()
