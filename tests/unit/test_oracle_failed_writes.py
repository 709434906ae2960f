"""A record whose write failed is told by that write, and what a short one has left is followed."""

from dataclasses import replace

import pytest
from oracle_builder import REFUSAL, acked, killed, refused, shows
from test_oracle_fate import (
    MARK,
    ONE,
    OPENED,
    TWO,
    act,
    create,
    fate,
    line,
    of_record,
    one_file,
    reply,
    said,
    trace,
    write,
)

from walcrash.report.fate_words import fate_advice
from walcrash.values.damage import DamageAtRest, DamageKind, Rotted
from walcrash.values.event import INJECTED, Event, EventKind
from walcrash.values.fate import Fate, FateKind
from walcrash.values.fate_mark import fate_mark

SIZE = len(line(ONE))
DISK_FULL = 28


def struck(event: Event, result: int) -> Event:
    return replace(event, result=result, flags=INJECTED)


def two(*events: Event, is_replied: bool = True) -> Fate | None:
    """Return the fate of a second record that is not shown."""
    second = acked(TWO) if is_replied else refused(TWO)
    more = (reply(2),) if is_replied else ()
    return fate(one_file(*events, *more, calls=(acked(ONE), second)), first=shows(ONE), lost=TWO)


def test_the_write_that_failed_is_named_where_no_other_carries_the_record() -> None:
    told = two(struck(write("wal", SIZE, line(TWO), 2), -DISK_FULL))
    assert said(told) == (
        "`PutOperation op-2` was to be written by event 4 of boot 1 (wal, 38 bytes at 38), which "
        "failed with ENOSPC, and no other write carries it"
    )
    assert fate_advice(told).startswith("Refuse what was to be written where its write failed")
    assert fate_mark(told) == "never-written: failed write"


def test_what_a_short_write_has_written_is_told_and_the_rest_is_asked_for() -> None:
    told = two(struck(write("wal", SIZE, line(TWO), 2), 9))
    assert said(told).endswith("which wrote 9 bytes of them, and no other write carries the rest")
    assert fate_advice(told).startswith("Write what a write that moved a part has left")
    assert fate_mark(told) == "never-written: short write"


def test_nothing_is_advised_where_the_record_was_refused() -> None:
    told = two(struck(write("wal", SIZE, line(TWO), 2), -DISK_FULL), is_replied=False)
    assert of_record(told).failed is not None
    assert fate_advice(told) == ""


@pytest.mark.parametrize("done", [-4, 20])
def test_a_write_that_is_gone_on_with_is_no_failed_one(done: int) -> None:
    whole = write("wal", SIZE, line(TWO), 2)
    at = max(0, done)
    left = whole.data[at:]
    rest = replace(whole, offset=SIZE + at, data=left, length=len(left), result=len(left))
    told = two(struck(whole, done), rest)
    # In two parts it is not followed, and made again it is there.
    assert told is None if at else of_record(told).kind is FateKind.THERE


def test_a_record_behind_what_a_short_write_has_left_is_told_so() -> None:
    short = struck(write("wal", SIZE, line(TWO), 2), 9)
    behind = write("wal", SIZE + 9, line(MARK), 3)
    calls = acked(ONE), refused(TWO), acked(MARK)
    boot = one_file(short, behind, reply(3), calls=calls)
    told = fate(boot, first=shows(ONE), lost=MARK)
    left = "what event 4 of boot 1 left, a write that was cut short"
    assert f"before it in the file lies {left}" in said(told)
    assert fate_advice(told).startswith("Cut off what a write that was cut short has left")
    # A recovery that writes the log anew takes it away as one that cuts it off does.
    anew = trace(create("new", file=7), act(EventKind.RENAME, "new", "wal", call=0), OPENED)
    told = fate(boot, first=shows(ONE), lost=MARK, recovery_trace=anew)
    assert f"before it in the file lay {left}" in said(told)
    assert fate_mark(told) == "removed by rename in recovery: wal, short before it"
    # What the subject has cut off itself is not there.
    cut = act(EventKind.TRUNCATE, "wal", file=0, call=2, offset=SIZE)
    again = replace(behind, offset=SIZE)
    told = fate(one_file(short, cut, again, reply(3), calls=calls), first=shows(ONE), lost=MARK)
    assert of_record(told).torn is None


def test_a_recovery_that_fails_on_what_a_short_write_has_left_is_told_so() -> None:
    short = struck(write("wal", SIZE, line(TWO), 2), 9)
    boot = one_file(short, calls=(acked(ONE), refused(TWO)))
    told = fate(boot, first=REFUSAL)
    assert said(told) == "it found what event 4 of boot 1 left, a write that was cut short"
    assert fate_advice(told).startswith("Recovery has to open on what is left of a write")


def test_a_rename_over_a_record_whose_write_into_the_new_file_failed_is_told_so() -> None:
    new = create("new", file=3, call=2), struck(write("new", 0, line(ONE), 2, file=3), -5)
    over = act(EventKind.RENAME, "new", "wal", file=3, call=2)
    told = fate(one_file(*new, over), first=shows(), lost=ONE)
    assert (
        "in the file that took its place it was to be written by event 5 of boot 1 (new, 38 bytes "
        "at 0), which failed with EIO"
    ) in said(told)
    assert fate_advice(told).startswith("Leave the old file in its place")
    assert fate_mark(told) == "removed by rename: wal, failed write anew"
    # Another file's failed write has nothing to do with it.
    whole = create("other", file=4, call=2), act(EventKind.RENAME, "other", "wal", file=4, call=2)
    told = fate(one_file(*new, *whole), first=shows(), lost=ONE)
    assert of_record(told).failed is None


def test_a_recovery_that_fails_on_a_file_that_an_error_left_empty_is_told_so() -> None:
    made = create("checkpoint", file=3, call=2)
    failing = struck(write("checkpoint", 0, b"10", 2, file=3), -DISK_FULL)
    told = fate(one_file(made, failing), first=REFUSAL)
    assert said(told) == "checkpoint is empty: event 5 of boot 1, its write, failed"
    assert fate_advice(told).startswith("Recovery has to open on the empty file")
    assert fate_mark(told) == "failed: checkpoint"
    # Where it was made again, it is not empty, and only that it is new is known.
    told = fate(one_file(made, failing, write("checkpoint", 0, b"10", 3, file=3)), first=REFUSAL)
    assert fate_mark(told) == "new: checkpoint"


@pytest.mark.parametrize(
    ("kind", "result", "did"),
    [
        (EventKind.OPEN, -5, "open wal, had failed"),
        (EventKind.READ, -5, "read wal, had failed"),
        (EventKind.READ, 9, "read wal, had given a part only"),
    ],
)
def test_what_a_recovery_took_behind_a_read_that_failed_is_told_so(
    kind: EventKind, result: int, did: str
) -> None:
    failing = struck(act(kind, "wal", call=0, length=38), result)
    cut = act(EventKind.TRUNCATE, "wal", call=0, offset=0)
    second = trace(failing, cut, OPENED), killed(recovery=shows())
    told = fate(one_file(), second, first=shows(), lost=ONE)
    assert said(told).endswith(f"; before that event 0 of boot 2, {did}")
    advice = "Read on where" if result > 0 else "Refuse to open where not all could be read"
    assert fate_advice(told).startswith(advice)
    assert fate_mark(told) == "removed by truncate in recovery: wal, not read before"
    # What the workload takes away later has nothing to do with it.
    later = trace(failing, OPENED, replace(cut, call=1)), killed(recovery=shows(ONE))
    assert of_record(fate(one_file(), later, first=shows(), lost=ONE)).unread is None


def test_behind_damage_only_what_that_recovery_left_out_is_told() -> None:
    damage = DamageAtRest(kind=DamageKind.BIT, path="wal", offset=3)
    rotted = Rotted(damage=damage)
    boot = one_file(write("wal", SIZE, line(TWO), 2), reply(2), calls=(acked(ONE), acked(TWO)))
    told = fate(boot, first=shows(), lost=TWO, rotted=rotted)
    assert of_record(told).is_damaged
    assert fate_advice(told).startswith("Report what is damaged")
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    told = fate(boot, first=shows(), lost=TWO, rotted=rotted, recovery_trace=cut)
    assert fate_mark(told) == "removed by truncate in recovery: wal"
    # What was gone before came back, or is shown twice, for the damage.
    gone = one_file(act(EventKind.UNLINK, "wal"))
    assert fate(gone, first=shows(), lost=ONE, rotted=rotted) is None
    assert fate(boot, first=shows(ONE, TWO), lost=ONE, rotted=rotted) is None
