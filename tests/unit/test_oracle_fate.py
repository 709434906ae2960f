"""What became of a record is read off the events of its case, and said only where they decide it.

Records are written as JSON would write them: with their time in decimal digits.
"""

import errno
import zlib
from dataclasses import replace

import pytest
from oracle_builder import REFUSAL, acked, done, failed, killed, power_lost, put, shows

from walcrash.oracle.boot_trace import BootTrace, Loss
from walcrash.oracle.fate import fate_of
from walcrash.report.fate_words import fate_advice, fate_sentences
from walcrash.values.cause import FateSite, fate_site
from walcrash.values.damage import DamageAtRest, DamageKind, Rotted
from walcrash.values.event import Event, EventKind
from walcrash.values.fate import (
    EventRef,
    Fate,
    FateKind,
    FoundFate,
    Reading,
    RecordFate,
    event_ref,
)
from walcrash.values.fate_mark import fate_mark
from walcrash.values.history import BootHistory, Call, History, Recoveries
from walcrash.values.image import FileEntry, Image, LinkEntry
from walcrash.values.record import Record
from walcrash.values.recovery import FailureKind, Recovery, RecoveryFailure
from walcrash.values.story import Aspect
from walcrash.values.verdict import Invariant, Violation

NOON = 1_700_000_000_000
ONE = put("op-1", NOON + 1, b"the payload of one")
TWO = put("op-2", NOON + 2, b"the payload of two")
MARK = done("op-1", NOON + 3)
OPENED = Event(kind=EventKind.REPLY, call=0)


def line(record: Record) -> bytes:
    return f"{record.ts_ms} {record.id} ".encode() + record.payload + b"\n"


def create(path: str, file: int = 0, call: int = 0) -> Event:
    return Event(kind=EventKind.CREATE, path=path, file=file, call=call)


def write(path: str, at: int, data: bytes, call: int, file: int = 0) -> Event:
    return Event(
        kind=EventKind.WRITE, path=path, file=file, offset=at, length=len(data), data=data,
        result=len(data), call=call,
    )  # fmt: skip


def act(kind: EventKind, path: str, to: str = "", **changes: object) -> Event:
    return Event(kind=kind, path=path, path_to=to, **changes)  # type: ignore[arg-type]


def reply(call: int) -> Event:
    return Event(kind=EventKind.REPLY, call=call)


def trace(*events: Event, **changes: object) -> BootTrace:
    return BootTrace(events=events, **changes)  # type: ignore[arg-type]


IDLE = trace(OPENED)
"""A recovery under watch that changes nothing."""


def fate(
    *boots: tuple[BootTrace, BootHistory],
    first: Recovery | RecoveryFailure,
    lost: Record | None = None,
    image: Image | None = None,
    recovery_trace: BootTrace | None = IDLE,
    broken: Invariant = Invariant.LOST_PUT,
    continued: tuple[Call, ...] = (),
    rotted: Rotted | None = None,
) -> Fate | None:
    recoveries = Recoveries(first=first, continued=continued, rotted=rotted)
    history = History(tuple(told for _, told in boots), recoveries)
    about = None if lost is None else lost.ts_ms
    violation = Violation(broken, "first recovery", "", record_ts_ms=about)
    return fate_of(
        history,
        [seen for seen, _ in boots],
        violation,
        image=image,
        recovery_trace=recovery_trace,
    )


def of_record(told: Fate | None) -> RecordFate:
    assert told is not None
    assert told.record is not None
    return told.record


def said(told: Fate | None) -> str:
    return "; ".join(fate_sentences(told))


def one_file(
    *events: Event, calls: tuple[Call, ...] = (acked(ONE),)
) -> tuple[BootTrace, BootHistory]:
    """Return a boot that made `wal`, wrote the first record and did some more."""
    begin = (create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1))
    return trace(*begin, *events), killed(*calls)


def test_of_a_recovery_that_was_not_watched_it_is_not_said_that_it_left_a_record_there() -> None:
    assert fate(one_file(), first=shows(), lost=ONE, recovery_trace=None) is None
    # What was gone before it began, it has not taken.
    gone = one_file(act(EventKind.UNLINK, "wal", call=2))
    assert fate(gone, first=shows(), lost=ONE, recovery_trace=None) is not None


def test_a_record_that_is_there_is_named_with_its_place() -> None:
    told = fate(one_file(), first=shows(), lost=ONE)
    assert said(told) == (
        "`PutOperation op-1` is still there in wal, bytes 0-37, as event 2 of boot 1 wrote it, "
        "and recovery did not show it; it shows nothing that is in this file only"
    )
    assert not fate_advice(told)


def test_what_recovery_shows_of_the_file_is_told() -> None:
    more = write("wal", len(line(ONE)), line(TWO), 2), reply(2)
    calls = acked(ONE), acked(TWO)
    until = fate(one_file(*more, calls=calls), first=shows(ONE), lost=TWO)
    assert of_record(until).reading is Reading.UNTIL
    behind = fate(one_file(*more, calls=calls), first=shows(TWO), lost=ONE)
    assert of_record(behind).reading is Reading.BEHIND


def test_a_record_behind_a_torn_one_is_said_to_be_there() -> None:
    size = len(line(ONE))
    torn = replace(write("wal", size, line(TWO), 2), result=9)
    first_boot = one_file(torn, calls=(acked(ONE), acked(TWO)))
    first_boot = replace(first_boot[0], torn=4), first_boot[1]
    second = trace(OPENED, write("wal", size + 9, line(MARK), 1), reply(1))
    told = fate(
        first_boot,
        (second, killed(acked(MARK), recovery=shows(ONE))),
        first=shows(ONE),
        lost=MARK,
    )
    assert "before it in the file lies what event 4 of boot 1 left of a torn write" in said(told)
    assert "truncate the log after its last whole record" in fate_advice(told)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (act(EventKind.UNLINK, "wal"), "was removed by event 4 of boot 1"),
        (act(EventKind.TRUNCATE, "wal", file=0, offset=0), "was cut off by event 4 of boot 1"),
        (write("wal", 0, b"x" * 50, 2), "was overwritten by event 4 of boot 1"),
        (act(EventKind.RENAME, "other", "wal"), "was removed by event 4 of boot 1"),
    ],
)
def test_the_event_that_took_the_last_copy_is_named(event: Event, words: str) -> None:
    made = create("other", file=7)
    if event.kind is EventKind.RENAME:
        begin = (create("wal"), OPENED, write("wal", 0, line(ONE), 1), made, event)
        told = fate((trace(*begin), killed(acked(ONE))), first=shows(), lost=ONE)
    else:
        told = fate(one_file(event), first=shows(), lost=ONE)
    assert f"`PutOperation op-1` {words} (wal, bytes 0-37, written by event 2" in said(told)


def test_a_write_of_the_same_bytes_takes_nothing() -> None:
    told = fate(one_file(write("wal", 0, line(ONE), 2)), first=shows(), lost=ONE)
    assert of_record(told).kind is FateKind.THERE


def test_an_end_mark_that_the_next_record_replaces_is_no_part_of_the_record() -> None:
    size = len(line(ONE))
    begin = create("wal"), OPENED, write("wal", 0, line(ONE) + b"\xff\xff", 1), reply(1)
    more = write("wal", size, line(TWO) + b"\xff\xff", 2), reply(2)
    told = fate((trace(*begin, *more), killed(acked(ONE), acked(TWO))), first=shows(TWO), lost=ONE)
    assert of_record(told).kind is FateKind.THERE


def test_a_record_in_a_file_without_a_name_is_said_to_be_there() -> None:
    gone = act(EventKind.UNLINK, "wal", call=0)
    begin = create("wal"), gone, OPENED, write("", 0, line(ONE), 1), reply(1)
    told = fate((trace(*begin), killed(acked(ONE))), first=shows(), lost=ONE)
    assert "by event 3 of boot 1 to a file that has no name since event 1 of boot 1" in said(told)


def test_a_record_that_no_write_carries_was_never_written() -> None:
    begin = create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1), reply(2)
    told = fate((trace(*begin), killed(acked(ONE), acked(TWO))), first=shows(ONE), lost=TWO)
    assert said(told) == (
        "`PutOperation op-2` was answered by event 4 of boot 1, and no write of the case carries it"
    )


def test_of_encoded_records_the_bytes_of_the_append_are_told() -> None:
    packed = zlib.compress(line(ONE))
    begin = create("wal"), OPENED, write("wal", 0, packed, 1), reply(1)
    told = fate((trace(*begin), killed(acked(ONE))), first=shows(), lost=ONE)
    assert f"is still there in wal, bytes 0-{len(packed) - 1}" in said(told)
    late = create("wal"), OPENED, reply(1), write("wal", 0, packed, 2), reply(2)
    assert fate((trace(*late), killed(acked(ONE), acked(TWO))), first=shows(), lost=ONE) is None


def test_nothing_is_said_where_the_image_denies_it() -> None:
    image = Image({"wal": FileEntry(b"something else")})
    assert fate(one_file(), first=shows(), lost=ONE, image=image) is None
    image = Image({"wal": FileEntry(line(ONE))})
    assert fate(one_file(), first=shows(), lost=ONE, image=image) is not None


def test_nothing_is_said_of_a_record_whose_payload_is_elsewhere() -> None:
    index = write("wal", 0, str(ONE.ts_ms).encode(), 1)
    begin = create("wal"), OPENED, index, write("data", 0, b"in a form of its own", 1, 1), reply(1)
    assert fate((trace(*begin), killed(acked(ONE))), first=shows(), lost=ONE) is None


def lost_power(
    *events: Event, loss: Loss, image: Image, more: tuple[Event, ...] = ()
) -> tuple[BootTrace, BootHistory]:
    begin = (create("wal"), OPENED, write("wal", 0, line(ONE), 1), *events, reply(1), *more)
    return trace(*begin, losses=(loss,), image=image), power_lost(acked(ONE))


WRITTEN = event_ref(1, 2, write("wal", 0, line(ONE), 1))


def test_the_sync_that_is_missing_is_named() -> None:
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 38),))
    told = fate(
        lost_power(loss=loss, image=Image({"wal": FileEntry(bytes(38))})), first=shows(), lost=ONE
    )
    assert said(told).endswith("and was not durable: no sync of wal came after it")
    assert fate_advice(told) == "Sync wal before the reply that acknowledges the record."


def test_the_directory_whose_sync_is_missing_is_named() -> None:
    ref = event_ref(1, 0, create("wal"))
    loss = Loss(ref=ref, path="wal", aspect=Aspect.NAME)
    synced = act(EventKind.FSYNC, "wal", file=0)
    told = fate(lost_power(synced, loss=loss, image=Image({})), first=shows(), lost=ONE)
    assert "its name was lost, and no sync of the directory ./ kept it" in said(told)
    wanted = "Sync the directory ./ before the reply that acknowledges the record."
    assert fate_advice(told) == wanted


def test_a_sync_that_failed_is_named() -> None:
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 38),))
    synced = act(EventKind.FSYNC, "wal", file=0, result=-5)
    told = fate(
        lost_power(synced, loss=loss, image=Image({"wal": FileEntry(b"")})), first=shows(), lost=ONE
    )
    assert "event 3 of boot 1, its sync, failed" in said(told)
    assert fate_advice(told).startswith("Acknowledge nothing behind a sync that failed")
    again = replace(synced, result=-errno.EINTR)
    told = fate(
        lost_power(again, loss=loss, image=Image({"wal": FileEntry(b"")})), first=shows(), lost=ONE
    )
    assert "event 3 of boot 1, its sync, was interrupted" in said(told)
    assert fate_advice(told).startswith("Call a sync again that was interrupted")


def test_the_copy_that_was_taken_before_its_heir_was_durable_is_told() -> None:
    copied = write("new", 0, line(ONE) + line(TWO), 2, file=1)
    more = (
        create("new", 1, 2),
        copied,
        act(EventKind.RENAME, "new", "data", file=1, call=2),
        act(EventKind.TRUNCATE, "wal", file=0, call=2),
    )
    loss = Loss(
        ref=event_ref(1, 5, copied), path="data", aspect=Aspect.DATA, lost=((0, len(copied.data)),)
    )
    image = Image({"wal": FileEntry(b""), "data": FileEntry(b"")})
    told = fate(lost_power(loss=loss, image=image, more=more), first=shows(), lost=ONE)
    assert "no sync of new, later data, came after it; another copy was cut off by event 7" in said(
        told
    )
    assert "Sync new, later data, before event 7 of boot 1 takes the copy" in fate_advice(told)


def removed_early(first: Event, last: Event, *, is_killed: bool) -> Fate | None:
    """Return the fate of a record that a new file has as well, swept by a recovery.

    Its old file is removed and the new one renamed, in this order or the other; the process is
    killed in between, or a power loss takes the last event.
    """
    copied = create("wal.tmp", 1, 2), write("wal.tmp", 0, line(ONE), 2, file=1)
    swept = trace(act(EventKind.UNLINK, "wal.tmp", file=1, call=0), OPENED)
    if is_killed:
        return fate(one_file(*copied, first), first=shows(), lost=ONE, recovery_trace=swept)
    ref, image = event_ref(1, 7, last), Image({"wal.tmp": FileEntry(line(ONE))})
    losses = tuple(Loss(ref=ref, path=path, aspect=Aspect.NAME) for path in ("wal.tmp", "wal"))
    begin = (create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1))
    boot = trace(*begin, *copied, first, last, image=image, losses=losses)
    return fate(
        (boot, power_lost(acked(ONE))), first=shows(), lost=ONE, image=image, recovery_trace=swept
    )


def test_a_name_that_was_removed_before_its_heir_was_renamed_is_lost_alike_by_a_power_loss() -> (
    None
):
    removed = act(EventKind.UNLINK, "wal", file=0, call=2)
    renamed = act(EventKind.RENAME, "wal.tmp", "wal", file=1, call=2)
    killed_between = removed_early(removed, renamed, is_killed=True)
    lost = removed_early(removed, renamed, is_killed=False)
    assert "under an earlier name: wal was lost" in said(lost)
    site = fate_site(lost, Invariant.LOST_PUT)
    assert site is not None
    assert site == fate_site(killed_between, Invariant.LOST_PUT)
    assert site.by == (EventKind.UNLINK, "wal.tmp")
    assert fate_advice(lost) == (
        "Leave wal where event 6 of boot 1 removes it: event 7 of boot 1 takes its place at once."
    )
    # Another name, or one that a later event has, may still be missing for its sync alone.
    elsewhere = removed_early(
        act(EventKind.UNLINK, "wal", file=0, call=2),
        act(EventKind.RENAME, "wal.tmp", "log", file=1, call=2),
        is_killed=False,
    )
    assert not any(
        of_record(elsewhere).copies[0].was_after(each) for each in of_record(elsewhere).copies
    )


def test_what_the_recovery_itself_did_is_told_of_it() -> None:
    recovery = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    told = fate(one_file(), first=shows(), lost=ONE, recovery_trace=recovery)
    assert "was cut off by event 0 of that recovery" in said(told)


def test_what_happened_to_other_names_since_is_told() -> None:
    more = (
        create("mark.new", 1, 2),
        act(EventKind.RENAME, "mark.new", "mark", file=1, call=2),
    )
    told = fate(one_file(*more), first=shows(), lost=ONE)
    assert "since it was written: event 5 of boot 1 renamed mark.new to mark" in said(told)


def test_a_truncation_to_the_size_that_a_file_has_cut_nothing() -> None:
    other = create("other", 1, 2), write("other", 0, b"0123456789", 2, file=1)
    same = act(EventKind.TRUNCATE, "other", file=1, offset=10, call=2)
    longer = act(EventKind.TRUNCATE, "other", file=1, offset=20, call=2)
    shorter = act(EventKind.TRUNCATE, "other", file=1, offset=15, call=2)
    for cuts in ((same,), (longer,), (same, longer)):
        told = fate(one_file(*other, *cuts), first=shows(), lost=ONE)
        assert "since it was written" not in said(told)
    told = fate(one_file(*other, longer, shorter), first=shows(), lost=ONE)
    assert "since it was written: event 7 of boot 1 cut other" in said(told)


def test_a_failed_recovery_is_told_what_was_new() -> None:
    more = (create("wal.tmp", 1, 2),)
    told = fate(one_file(*more), first=REFUSAL)
    assert said(told) == (
        "it found names that no `open` before had found: event 4 of boot 1 made wal.tmp"
    )


def test_a_name_that_a_power_loss_brought_back_is_not_said_to_be_gone() -> None:
    begin = create("mark.tmp"), OPENED, act(EventKind.RENAME, "mark.tmp", "mark", file=0)
    both = Image({"mark.tmp": FileEntry(b""), "mark": FileEntry(b"")})
    told = fate((trace(*begin, image=both), power_lost()), first=REFUSAL)
    assert said(told) == (
        "it found names that no `open` before had found: event 2 of boot 1 renamed mark.tmp to mark"
    )


def test_a_directory_whose_name_was_lost_is_named_by_its_parent() -> None:
    begin = create("log/wal"), OPENED, write("log/wal", 0, line(ONE), 1), reply(1)
    made = event_ref(1, 0, act(EventKind.MKDIR, "log"))
    loss = Loss(ref=made, path="log", aspect=Aspect.NAME)
    boot = trace(*begin, losses=(loss,), image=Image({})), power_lost(acked(ONE))
    assert "no sync of the directory ./ kept it" in said(fate(boot, first=shows(), lost=ONE))


def test_a_copy_in_another_file_is_not_taken_for_the_bytes_of_this_one() -> None:
    more = create("new", 1, 2), write("new", 0, line(ONE), 2, file=1)
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 38),))
    image = Image({"wal": FileEntry(b""), "new": FileEntry(line(ONE))})
    told = fate(lost_power(loss=loss, image=image, more=more), first=shows(), lost=ONE)
    assert "is still there in new, bytes 0-37, as event 5 of boot 1 wrote it" in said(told)
    assert "another copy was written by event 2 of boot 1 (wal, bytes 0-37)" in said(told)


def test_a_torn_write_that_was_cut_off_with_what_came_behind_it_is_told() -> None:
    size = len(line(ONE))
    torn = replace(write("wal", size, line(TWO), 2), result=9)
    first_boot = one_file(torn, calls=(acked(ONE), acked(TWO)))
    first_boot = replace(first_boot[0], torn=4), first_boot[1]
    second = trace(OPENED, write("wal", size + 9, line(MARK), 1), reply(1))
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=size), OPENED)
    boots = first_boot, (second, killed(acked(MARK), recovery=shows(ONE)))
    told = fate(*boots, first=shows(ONE), lost=MARK, recovery_trace=cut)
    assert "was cut off by event 0 of that recovery" in said(told)
    assert "before it in the file lay what event 4 of boot 1 left of a torn write" in said(told)
    assert "before anything is appended" in fate_advice(told)
    assert fate_mark(told) == "removed by truncate in recovery: wal, torn before it"
    # What is left of the torn write may stay where the cut begins.
    there = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=size + 9), OPENED)
    assert fate_mark(fate(*boots, first=shows(ONE), lost=MARK, recovery_trace=there)) == (
        "removed by truncate in recovery: wal, torn before it"
    )
    # What lies before the torn write was not cut off because of it.
    deeper = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    before = fate(*boots, first=shows(), lost=ONE, recovery_trace=deeper)
    assert of_record(before).torn is None
    assert fate_advice(before).startswith("Recovery has to keep what is whole")


def test_what_a_failed_sync_has_left_is_no_torn_write_and_asks_for_another_repair() -> None:
    size = len(line(ONE))
    unsynced = act(EventKind.FSYNC, "wal", file=0, call=1, result=-5)
    first = trace(create("wal"), OPENED, write("wal", 0, line(ONE), 1), unsynced, reply(1))
    synced = act(EventKind.FSYNC, "wal", call=1)
    second = trace(
        OPENED,
        write("wal", size, line(TWO), 1),
        synced,
        reply(1),
        image=Image({"wal": FileEntry(line(ONE)[:8] + bytes(size - 8) + line(TWO))}),
        losses=(
            Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((8, size),), kept=((0, 8),)),
        ),
    )
    boots = (first, killed(acked(ONE))), (second, power_lost(acked(TWO), recovery=shows(ONE)))
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    told = fate(*boots, first=shows(), lost=TWO, recovery_trace=cut)
    lay = (
        "before it in the file lay what event 2 of boot 1 left: event 3 of boot 1, its sync, failed"
    )
    assert lay in said(told)
    assert fate_advice(told).startswith("Write anew what a sync that failed was of")
    assert fate_mark(told) == "removed by truncate in recovery: wal, unsynced before it"
    refused = fate(*boots, first=REFUSAL)
    assert said(refused).endswith("; event 3 of boot 1, its sync, had failed")
    assert fate_advice(refused) == fate_advice(told)


def test_a_hole_is_no_broken_promise_and_the_advice_is_about_the_order() -> None:
    begin = create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1), reply(2)
    boot = trace(*begin), killed(acked(ONE), acked(TWO))
    told = fate(boot, first=shows(ONE), lost=TWO, broken=Invariant.ORDER)
    assert said(told) == (
        "no write of the case carries `PutOperation op-2`, which event 4 of boot 1 answered"
    )
    assert fate_advice(told) == (
        "Hand the record to the kernel before a record that was appended behind it."
    )
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 38),))
    image = Image({"wal": FileEntry(bytes(38))})
    lost = fate(lost_power(loss=loss, image=image), first=shows(), lost=ONE, broken=Invariant.ORDER)
    assert fate_advice(lost) == ("Sync wal before a record that was appended behind it is durable.")


def test_a_number_that_is_free_since_its_record_was_lost_is_told_by_that_loss() -> None:
    again = (replace(acked(TWO), offset=acked(ONE).offset),)
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 38),))
    image = Image({"wal": FileEntry(b"")})
    ahead = {"first": shows(), "broken": Invariant.CHECKPOINT_AHEAD, "continued": again}
    told = fate(lost_power(loss=loss, image=image), **ahead)  # type: ignore[arg-type]
    assert "was not durable: no sync of wal came after it" in said(told)
    assert fate_advice(told) == (
        "Sync wal before the state or the checkpoint that knows of it is durable."
    )
    # Where it was not lost so, the number is what is wrong.
    kept = fate(one_file(act(EventKind.UNLINK, "wal")), **ahead)  # type: ignore[arg-type]
    assert fate_mark(kept) == "used twice"
    assert "was used twice: append returned it for `PutOperation op-1`" in said(kept)


def test_a_name_that_a_record_has_lost_again_is_told() -> None:
    ref = event_ref(1, 4, act(EventKind.RENAME, "wal", "log"))
    renamed = act(EventKind.RENAME, "wal", "log", file=0)
    loss = Loss(ref=ref, path="log", aspect=Aspect.NAME)
    image = Image({"wal": FileEntry(line(ONE))})
    told = fate(lost_power(renamed, loss=loss, image=image), first=shows(), lost=ONE)
    assert (
        "as event 2 of boot 1 wrote it, under an earlier name: log was lost, no sync of the "
        "directory ./ kept it, and recovery did not show it"
    ) in said(told)
    wanted = "Sync the directory ./ before the reply that acknowledges the record."
    assert fate_advice(told) == wanted
    assert fate_mark(told) == "there: wal, name lost: ./"


def test_a_failed_recovery_is_told_the_write_that_it_lacked_and_not_what_was_new() -> None:
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 38),))
    told = fate(lost_power(loss=loss, image=Image({"wal": FileEntry(bytes(38))})), first=REFUSAL)
    assert said(told) == "wal lacked what event 2 of boot 1 wrote to it, which was not durable"
    assert fate_mark(told) == "lost: wal"
    # What its call did behind it and was kept is told where it is one thing.
    head = write("wal", 100, b"head", 1)
    for kept_after in ((head,), (head, act(EventKind.UNLINK, "old", call=1))):
        boot = lost_power(*kept_after, loss=loss, image=Image({"wal": FileEntry(bytes(104))}))
        told = fate(boot, first=REFUSAL)
        is_one = len(kept_after) == 1
        assert ("behind that event 3 of boot 1 wrote wal, which was kept" in said(told)) is is_one
        assert fate_mark(told) == "lost: wal"
    kept = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((8, 38),), kept=((0, 8),))
    torn = fate(lost_power(loss=kept, image=Image({"wal": FileEntry(bytes(38))})), first=REFUSAL)
    assert fate_mark(torn) == "torn: wal"


def test_of_an_altered_record_it_is_said_that_not_all_of_it_was_durable() -> None:
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, 8),), kept=((8, 38),))
    image = Image({"wal": FileEntry(bytes(8) + line(ONE)[8:])})
    told = fate(
        lost_power(loss=loss, image=image),
        first=shows(replace(ONE, payload=b"")),
        lost=ONE,
        broken=Invariant.ALTERED_RECORD,
    )
    assert said(told) == (
        "`PutOperation op-1` was written by event 2 of boot 1 (wal, bytes 0-37), and not all of it "
        "was durable"
    )
    assert not fate_advice(told)


def test_a_record_whose_time_is_also_a_retry_time_is_not_said_to_be_never_written() -> None:
    mark = replace(failed("op-1", NOON + 3), next_retry_at_ms=NOON + 4)
    odd = put("op-3", NOON + 4, b"")
    begin = create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1)
    more = write("wal", 40, line(mark), 2), reply(2), write("wal", 90, line(odd), 3), reply(3)
    boot = trace(*begin, *more), killed(acked(ONE), acked(mark), acked(odd))
    assert fate(boot, first=shows(ONE, mark), lost=odd) is None
    # With a time of its own it is found.
    own = replace(mark, next_retry_at_ms=0)
    boot = boot[0], killed(acked(ONE), acked(own), acked(odd))
    assert of_record(fate(boot, first=shows(ONE, own), lost=odd)).kind is FateKind.THERE


def test_a_name_that_was_moved_is_not_said_to_be_gone() -> None:
    both = Image({"mark.tmp": FileEntry(b""), "mark": FileEntry(b"")})
    begin = create("mark.tmp"), OPENED, act(EventKind.RENAME, "mark.tmp", "mark", file=0)
    first_boot = trace(*begin, image=both), power_lost()
    moved = trace(OPENED, act(EventKind.RENAME, "mark.tmp", "mark"))
    gone = trace(OPENED, act(EventKind.UNLINK, "mark.tmp"))
    told = [
        fate(first_boot, (second, killed(recovery=shows())), first=REFUSAL)
        for second in (moved, gone)
    ]
    assert told[0] is None
    assert fate_mark(told[1]) == "gone: mark.tmp"


def test_a_rename_that_a_power_loss_left_half_done_is_told_where_nothing_else_is() -> None:
    both = Image({"mark": FileEntry(b"1"), "mark.tmp": LinkEntry("mark")})
    begin = create("mark.tmp"), OPENED, act(EventKind.RENAME, "mark.tmp", "mark", file=0)
    first_boot = trace(*begin, image=both), power_lost()
    cut = trace(OPENED, act(EventKind.TRUNCATE, "mark.tmp", file=0))
    kept, emptied = (
        fate(first_boot, (second, killed(recovery=shows())), first=REFUSAL)
        for second in (trace(OPENED), cut)
    )
    assert fate_mark(kept) == fate_mark(emptied) == "half done: mark"
    assert fate_sentences(emptied) == [
        "mark.tmp and mark are names of one file: event 2 of boot 1 renamed it, and the power loss "
        "left both",
        "since then event 1 of boot 2 cut mark.tmp, in its recovery",
    ]
    assert fate_advice(kept) == ""
    assert fate_advice(emptied).startswith("Remove mark.tmp and make it anew, and do not cut it")
    site = fate_site(emptied, Invariant.UNRECOVERABLE)
    lost = Fate(
        found=FoundFate(lost=(EventRef(boot=1, event=3, kind=EventKind.WRITE, path="mark"),))
    )
    of_lost = fate_site(lost, Invariant.UNRECOVERABLE)
    assert site is not None
    assert of_lost is not None
    assert site.facts == of_lost.facts


def test_a_name_that_a_power_loss_took_and_one_behind_it_that_it_kept_are_told() -> None:
    """An ordered journal keeps names in their order, and POSIX only those of a synced directory."""
    first, second = create("wal.1", file=0), create("wal.2", file=1)
    lost = Loss(ref=event_ref(1, 1, first), path="wal.1", aspect=Aspect.NAME)
    kept = Image({"wal.2": FileEntry(b"")})

    def told(*events: Event) -> Fate | None:
        boot = trace(OPENED, first, *events, image=kept, losses=(lost,)), power_lost()
        return fate(boot, first=REFUSAL)

    found = told(second)
    assert said(found) == (
        "wal.1 was not there: the power loss took its name, which event 1 of boot 1 had given it, "
        "and kept one that was made later"
    )
    assert fate_advice(found).startswith("Sync the directory ./ before anything relies on what")
    assert fate_mark(found) == "name lost: wal.#"
    # A record in it is lost for the same sync.
    record = FateSite(kind=FateKind.NOT_DURABLE, detail="./")
    site = fate_site(found, Invariant.UNRECOVERABLE)
    assert site is not None
    assert record.explains(site)
    # What was made before it says nothing of its loss, and what was moved away is not lost.
    assert fate_mark(told(act(EventKind.RENAME, "wal.1", "wal.2", file=0))) == "new: wal.#"
    before = trace(OPENED, second, first, image=kept, losses=(lost,)), power_lost()
    assert fate_mark(fate(before, first=REFUSAL)) == "new: wal.#"


def test_a_file_that_a_call_emptied_and_had_not_filled_again_is_told() -> None:
    begin = create("mark"), write("mark", 0, b"7", 0), OPENED
    cut = act(EventKind.TRUNCATE, "mark", file=0, call=1)
    told = fate((trace(*begin, cut), killed()), first=REFUSAL)
    assert said(told) == "event 3 of boot 1 had emptied mark, and nothing was written to it since"
    advice = "Write a new file, sync it and rename it over mark, which stays whole until then."
    assert fate_advice(told) == advice
    assert fate_mark(told) == "emptied: mark"
    # A name that was made before that says less, and one that was made since says more.
    linked = act(EventKind.LINK, "mark", "kept", file=0, call=1)
    assert fate_mark(fate((trace(*begin, linked, cut), killed()), first=REFUSAL)) == "emptied: mark"
    assert fate_mark(fate((trace(*begin, cut, linked), killed()), first=REFUSAL)) == "new: kept"
    # What has been answered was meant to be so.
    assert fate((trace(*begin, cut, reply(1)), killed()), first=REFUSAL) is None
    again = write("mark", 0, b"8", 1)
    assert fate((trace(*begin, cut, again), killed()), first=REFUSAL) is None
    # A power loss that keeps the one and takes the other is one bug with it.
    loss = Loss(ref=event_ref(1, 4, again), path="mark", aspect=Aspect.DATA, lost=((0, 1),))
    boot = trace(*begin, cut, again, losses=(loss,), image=Image({"mark": FileEntry(b"")}))
    taken = fate((boot, power_lost()), first=REFUSAL)
    assert fate_sentences(taken) == [
        "mark lacked what event 4 of boot 1 wrote to it, which was not durable",
        "event 3 of boot 1 had emptied mark, before that",
    ]
    assert fate_advice(taken) == advice
    sites = [fate_site(each, Invariant.UNRECOVERABLE) for each in (told, taken)]
    assert all(site is not None for site in sites)
    assert sites[0] is not None
    assert sites[1] is not None
    assert sites[0].facts == sites[1].facts


def test_what_a_failed_recovery_found_is_not_why_it_failed_on_damaged_files() -> None:
    failure = RecoveryFailure(FailureKind.MEMORY_FAULT, "died of signal 7")
    boot = one_file(create("state"))
    told = fate(boot, first=failure)
    assert told is not None
    assert told.found is not None
    damage = DamageAtRest(kind=DamageKind.CUT, path="wal", offset=3)
    assert fate(boot, first=failure, rotted=Rotted(damage=damage)) is None


def test_recovery_may_open_without_what_was_lost_only_where_nothing_promised_was_in_it() -> None:
    write = EventRef(boot=1, event=3, kind=EventKind.WRITE, path="seg-1")
    lost = (write, replace(write, event=4))
    assert fate_advice(Fate(found=FoundFate(lost=lost))) == (
        "Sync seg-1 before anything relies on it. Recovery may open without that only where no "
        "promised record was in it."
    )


def test_a_record_that_a_torn_write_went_over_and_recovery_cut_off_was_lost_to_that_write() -> None:
    """It is in that write as well: what is missing is another copy, and not a truncation."""
    before = put("op-0", NOON, b"what lies before it")
    first = line(before) + line(ONE) + bytes(2000)
    over = write("wal", 0, (line(before) + line(ONE) + line(TWO)).ljust(len(first), b"\0"), 3)
    loss = Loss(
        ref=event_ref(1, 7, over), path="wal", aspect=Aspect.DATA,
        lost=((512, len(first)),), kept=((0, 512),),
    )  # fmt: skip
    sync = act(EventKind.FDATASYNC, "wal", file=0, call=2)
    one = write("wal", 0, first, 2), sync, reply(2)
    begin = create("wal"), OPENED, write("wal", 0, line(before), 1), reply(1), *one
    image = Image({"wal": FileEntry(over.data[:512] + first[512:])})
    boot = trace(*begin, over, losses=(loss,), image=image)
    cut = trace(act(EventKind.TRUNCATE, "wal", file=0), OPENED)
    history = power_lost(acked(before), acked(ONE), acked(TWO))
    told = fate((boot, history), first=shows(), lost=ONE, recovery_trace=cut)
    assert of_record(told).kind is FateKind.REMOVED
    assert "event 7 of boot 1 went over it at its place, and was torn" in said(told)
    assert fate_advice(told).startswith("Keep another copy of what a write goes over")
    site = fate_site(told, Invariant.LOST_PUT)
    assert site is not None
    assert (site.kind, site.path, site.detail) == (FateKind.THERE, "wal", "")


def test_a_record_that_is_there_and_comes_back_altered_is_not_said_to_be_unshown() -> None:
    altered = shows(replace(ONE, ts_ms=20))
    told = fate(one_file(), first=altered, lost=ONE, broken=Invariant.ALTERED_RECORD)
    assert said(told) == (
        "`PutOperation op-1` is still there in wal, bytes 0-37, as event 2 of boot 1 wrote it, and "
        "recovery showed it altered"
    )
