"""What became of a record that a recovery took or left torn, or of a name that came back."""

import errno
from dataclasses import replace

from oracle_builder import REFUSAL, acked, killed, power_lost, shows, unanswered
from test_oracle_fate import (
    MARK,
    ONE,
    OPENED,
    TWO,
    WRITTEN,
    act,
    create,
    fate,
    line,
    lost_power,
    of_record,
    one_file,
    reply,
    said,
    trace,
    write,
)

from walcrash.oracle.boot_trace import BootTrace, Loss
from walcrash.oracle.fate import fate_of
from walcrash.report.fate_words import fate_advice
from walcrash.values.cause import Cause, FateSite, fate_site
from walcrash.values.event import INJECTED, Event, EventKind
from walcrash.values.fate import Fate, FateKind, Reading, Taken, event_ref
from walcrash.values.fate_mark import fate_mark
from walcrash.values.history import Call, History, Outcome, Recoveries, RecoveryName
from walcrash.values.image import FileEntry, Image
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.recovery import FailureKind, RecoveryFailure, Resume
from walcrash.values.story import Aspect
from walcrash.values.verdict import Invariant, Violation

SIZE = len(line(ONE))
UNSYNCED = act(EventKind.FSYNC, "wal", file=0, call=1, result=-5)
RENAMED = act(EventKind.RENAME, "wal.tmp", "wal", file=1, call=0)
ANEW = (create("wal.tmp", 1), write("wal.tmp", 0, line(ONE), 0, file=1))


def test_a_sync_that_failed_decides_where_a_rename_over_its_file_was_lost() -> None:
    first = one_file()
    first = replace(first[0], events=(*first[0].events[:3], UNSYNCED, reply(1))), first[1]
    half = line(ONE)[:8] + bytes(SIZE - 8)
    renamed = event_ref(2, 3, RENAMED)
    second = trace(
        *ANEW,
        act(EventKind.FSYNC, "wal.tmp", file=1, call=0),
        RENAMED,
        image=Image({"wal": FileEntry(half), "wal.tmp": FileEntry(line(ONE))}),
        losses=(
            Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((8, SIZE),), kept=((0, 8),)),
            Loss(ref=renamed, path="wal.tmp", aspect=Aspect.NAME),
            Loss(ref=renamed, path="wal", aspect=Aspect.NAME),
        ),
    )
    told = fate(first, (second, power_lost()), first=shows(), lost=ONE)
    assert "was not durable: event 3 of boot 1, its sync, failed; another copy is" in said(told)
    assert fate_advice(told).startswith("Acknowledge nothing behind a sync that failed")
    # Where no sync of it failed, the directory whose sync is missing decides.
    told = fate(one_file(), (second, power_lost()), first=shows(), lost=ONE)
    assert fate_mark(told) == "there: wal.tmp, name lost: ./"


def test_of_several_syncs_that_failed_the_first_that_was_not_interrupted_is_told() -> None:
    def unsynced(error: int) -> Event:
        return act(EventKind.FSYNC, "wal", file=0, call=1, result=-error)

    first = one_file()[0]
    wrote, replied = first.events[:3], reply(1)
    syncs = (unsynced(errno.EINTR), unsynced(errno.EIO))
    boot = replace(first, events=(*wrote, *syncs, replied)), killed(acked(ONE))
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, SIZE),))
    later = trace(
        OPENED, unsynced(errno.EIO), image=Image({"wal": FileEntry(bytes(SIZE))}), losses=(loss,)
    )
    told = fate(boot, (later, power_lost()), first=shows(), lost=ONE)
    assert "was not durable: event 4 of boot 1, its sync, failed" in said(told)


def test_a_name_that_was_lost_is_told_also_where_a_recovery_has_removed_the_earlier_one() -> None:
    renamed = act(EventKind.RENAME, "wal", "log", file=0)
    loss = Loss(ref=event_ref(1, 4, renamed), path="log", aspect=Aspect.NAME)
    image = Image({"wal": FileEntry(line(ONE))})
    boot = lost_power(renamed, loss=loss, image=image)
    swept = trace(act(EventKind.UNLINK, "wal", call=0), OPENED)
    told = fate(boot, first=shows(), lost=ONE, recovery_trace=swept)
    assert said(told) == (
        "`PutOperation op-1` was removed by event 0 of that recovery (wal, bytes 0-37, written by "
        "event 2 of boot 1), under an earlier name: log was lost, no sync of the directory ./ "
        "kept it"
    )
    wanted = "Sync the directory ./ before the reply that acknowledges the record."
    assert fate_advice(told) == wanted
    assert fate_mark(told) == "removed by unlink in recovery: wal, name lost: ./"
    # It is the finding that it is where no recovery has removed anything.
    left = fate_site(fate(boot, first=shows(), lost=ONE), Invariant.LOST_PUT)
    assert fate_site(told, Invariant.LOST_PUT) == left
    assert left is not None


def test_a_recovery_that_cuts_off_whole_records_is_told_to_keep_them() -> None:
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    told = fate(one_file(), first=shows(), lost=ONE, recovery_trace=cut)
    assert of_record(told).taken is Taken.WHOLE
    assert "Recovery has to keep what is whole" in fate_advice(told)
    # Behind bytes that were lost nobody knows what recovery had to keep.
    more = write("wal", SIZE, line(TWO), 2), act(EventKind.FSYNC, "wal", file=0), reply(2)
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, SIZE),))
    image = Image({"wal": FileEntry(bytes(SIZE) + line(TWO))})
    boot = lost_power(*more, loss=loss, image=image)
    boot = boot[0], power_lost(acked(ONE), acked(TWO))
    told = fate(boot, first=shows(), lost=TWO, recovery_trace=cut)
    assert of_record(told).taken is None
    assert not fate_advice(told)


def test_an_open_that_cuts_off_its_log_and_ends_half_way_is_told() -> None:
    cut = act(EventKind.TRUNCATE, "wal", call=0, offset=0)
    torn = replace(write("wal", 0, line(ONE), 0), result=9)
    second = trace(cut, torn, torn=1)
    told = fate(one_file(), (second, killed()), first=shows(), lost=ONE)
    assert "that `open` began to write wal anew, and did not return" in said(told)
    assert fate_advice(told).startswith("Write the log anew in a file of its own")
    # One that returned had cut it off for good.
    done = trace(cut, write("wal", 0, line(TWO), 0), OPENED)
    told = fate(one_file(), (done, killed(recovery=shows())), first=shows(), lost=ONE)
    assert of_record(told).taken is Taken.WHOLE


def test_a_slow_sync_that_had_not_returned_is_named() -> None:
    slow = act(
        EventKind.SLOW, "wal", file=0, call=1, thread=1, data=EventKind.FDATASYNC.value.encode()
    )
    loss = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, SIZE),))
    image = Image({"wal": FileEntry(bytes(SIZE))})
    told = fate(lost_power(slow, loss=loss, image=image), first=shows(), lost=ONE)
    assert said(told).endswith("was not durable: event 3 of boot 1, its sync, had not returned")
    assert fate_advice(told) == (
        "Acknowledge the record when event 3 of boot 1, its sync, has returned."
    )
    # A slow call of another kind is no sync.
    write_call = replace(slow, data=EventKind.WRITE.value.encode())
    told = fate(lost_power(write_call, loss=loss, image=image), first=shows(), lost=ONE)
    assert said(told).endswith("no sync of wal came after it")


def test_a_record_that_is_written_again_at_its_place_is_one_copy() -> None:
    again = write("wal", 0, line(ONE) + line(TWO), 2)
    told = fate(one_file(again), first=shows(), lost=ONE)
    assert len(of_record(told).copies) == 1
    assert "as event 4 of boot 1 wrote it" in said(told)


def test_bytes_among_others_are_told_without_those_of_neighbours() -> None:
    both = write("copy", 0, b"a header" + line(ONE) + line(TWO), 2, file=1)
    gone = act(EventKind.UNLINK, "wal", call=2)
    calls = acked(ONE), acked(TWO)
    told = fate(one_file(create("copy", 1, 2), both, gone, calls=calls), first=shows(), lost=ONE)
    assert f"is still there in copy, bytes 8-{SIZE + 7}, as event 5" in said(told)


def test_a_torn_write_over_a_record_asks_for_another_copy() -> None:
    page = line(ONE) + line(TWO) + bytes(200)
    torn = replace(write("wal", 0, page, 2), result=2 * SIZE + 10)
    boot = one_file(torn, calls=(acked(ONE), acked(TWO)))
    told = fate((replace(boot[0], torn=4), boot[1]), first=shows(), lost=ONE)
    assert "event 4 of boot 1 went over it at its place, and was torn" in said(told)
    assert "before it in the file" not in said(told)
    assert fate_advice(told).startswith("Keep another copy of what a write goes over")
    refused = fate((replace(boot[0], torn=4), boot[1]), first=REFUSAL)
    assert fate_advice(refused) == fate_advice(told)


def test_a_torn_write_over_zeros_made_in_advance_asks_for_no_other_copy() -> None:
    made = write("wal", SIZE, bytes(400), 1)
    torn = replace(write("wal", SIZE, line(TWO), 2), result=9)
    boot = one_file(made, torn, calls=(acked(ONE),))
    refused = fate((replace(boot[0], torn=5), boot[1]), first=REFUSAL)
    assert fate_mark(refused) == "torn: wal"
    assert fate_advice(refused).startswith("Recovery has to open on what is left of a write")
    # What was there and is more than zeros is lost with the write that went over it.
    made = write("wal", SIZE, bytes(100) + line(ONE) + bytes(100), 1)
    boot = one_file(made, torn, calls=(acked(ONE),))
    refused = fate((replace(boot[0], torn=5), boot[1]), first=REFUSAL)
    assert fate_advice(refused).startswith("Keep another copy of what a write goes over")


def test_a_torn_write_that_a_later_power_loss_leaves_is_not_forgotten() -> None:
    torn = replace(write("wal", SIZE, line(TWO), 2), result=9)
    first = one_file(torn, calls=(acked(ONE), acked(TWO)))
    first = replace(first[0], torn=4), first[1]
    size = SIZE + 9
    second = trace(
        OPENED,
        write("wal", size, line(MARK), 1),
        reply(1),
        image=Image({"wal": FileEntry(line(ONE) + line(TWO)[:9] + line(MARK))}),
    )
    told = fate(
        first, (second, power_lost(acked(MARK), recovery=shows(ONE))), first=shows(ONE), lost=MARK
    )
    assert "before it in the file lies what event 4 of boot 1 left of a torn write" in said(told)


def test_a_failed_recovery_is_told_what_the_power_loss_took_and_not_what_it_left_torn() -> None:
    torn = replace(write("log", 0, line(TWO), 2, file=1), result=9)
    events = (*one_file()[0].events, create("log", 1, 2), torn)
    image = Image({"wal": FileEntry(bytes(SIZE)), "log": FileEntry(line(TWO)[:9])})
    lost = Loss(ref=WRITTEN, path="wal", aspect=Aspect.DATA, lost=((0, SIZE),))
    boot = trace(*events, torn=5, image=image, losses=(lost,)), power_lost(acked(ONE), acked(TWO))
    assert fate_mark(fate(boot, first=REFUSAL)) == "lost: wal"
    kept = Image({"wal": FileEntry(line(ONE)), "log": FileEntry(line(TWO)[:9])})
    boot = replace(boot[0], image=kept, losses=()), boot[1]
    assert fate_mark(fate(boot, first=REFUSAL)) == "torn: log"


def test_a_torn_write_that_a_kept_removal_has_outlived_asks_for_a_sync_before_it() -> None:
    events = (create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1), create("table", 1, 2))
    torn = write("table", 0, bytes(4096) + line(ONE), 2, file=1)
    gone = act(EventKind.UNLINK, "wal", call=2)
    table = Image({"table": FileEntry(bytes(4096) + line(ONE))})
    loss = Loss(
        ref=event_ref(1, 5, torn), path="table", aspect=Aspect.DATA,
        lost=((0, 4096),), kept=((4096, 4096 + SIZE),),
    )  # fmt: skip
    boot = trace(*events, torn, gone, image=table, losses=(loss,)), power_lost(acked(ONE))
    told = fate(boot, first=REFUSAL)
    assert said(told) == (
        "it found what event 5 of boot 1 left of a torn write; "
        "after that event 6 of boot 1 removed wal, which was kept"
    )
    assert fate_advice(told).startswith("Sync table before event 6 of boot 1")
    # Where the power loss took the removal as well, the write is all that is wrong.
    undone = Loss(ref=event_ref(1, 6, gone), path="wal", aspect=Aspect.NAME)
    both = Image({**table.entries, "wal": FileEntry(line(ONE))})
    boot = replace(boot[0], image=both, losses=(loss, undone)), boot[1]
    assert fate_advice(fate(boot, first=REFUSAL)).startswith("Recovery has to open on what is left")


def test_a_name_that_a_failed_recovery_lacks_is_told_and_no_other() -> None:
    more = (
        create("1.wal", 1, 2),
        create("2.sst", 2, 2),
        act(EventKind.UNLINK, "1.wal", call=2),
        act(EventKind.UNLINK, "wal", call=2),
    )
    lacks = RecoveryFailure(FailureKind.REFUSED, "no such file: '1.wal'")
    told = fate(one_file(*more), first=lacks)
    assert said(told) == "it names 1.wal, which event 6 of boot 1 had removed"
    assert fate_advice(told).startswith("Leave 1.wal until nothing that recovery reads needs it")
    assert fate_mark(told) == "gone: #.wal"
    other = replace(lacks, message="no such file: 11.wal")
    assert "names were gone that the last `open` had: event 7" in said(
        fate(one_file(*more), first=other)
    )


def test_a_record_that_is_written_again_behind_a_short_write_of_it_is_told_apart() -> None:
    short = replace(write("wal", SIZE, line(TWO), 2), result=30, flags=INJECTED)
    again = write("wal", SIZE + 30, line(TWO), 2)
    boot = one_file(short, again, reply(2), calls=(acked(ONE), acked(TWO)))
    told = fate(boot, first=shows(ONE), lost=TWO)
    assert f"is still there in wal, bytes {SIZE + 30}-{2 * SIZE + 29}, as event 5" in said(told)
    assert "lies what event 4 of boot 1 left, a write that was cut short" in said(told)


def test_an_exchange_of_names_that_was_lost_is_told_with_what_was_written_since() -> None:
    swap = act(EventKind.RENAME, "spare", "wal", file=1, call=2, flags=2)
    events = (
        *one_file()[0].events,
        create("spare", 1, 2),
        write("spare", 0, line(ONE), 2, file=1),
        act(EventKind.FSYNC, "spare", file=1, call=2),
        swap,
        write("spare", 0, b"x" * SIZE, 3, file=0),
    )
    lost = event_ref(1, 7, swap)
    image = Image({"wal": FileEntry(b"x" * SIZE), "spare": FileEntry(line(ONE))})
    losses = tuple(Loss(ref=lost, path=path, aspect=Aspect.NAME) for path in ("spare", "wal"))
    boot = trace(*events, image=image, losses=losses), power_lost(acked(ONE))
    told = fate(boot, first=shows(), lost=ONE)
    assert (
        "as event 5 of boot 1 wrote it, under an earlier name: wal was lost, no sync of the "
        "directory ./ kept it, and event 8 of boot 1 had written over the file that has it again"
    ) in said(told)
    assert fate_advice(told) == (
        "Sync the directory ./ before event 8 of boot 1 writes over the file that was wal before."
    )
    assert fate_mark(told) == "there: spare, name lost: ./"
    # Half of an exchange is not followed.
    half = replace(boot[0], losses=losses[:1]), boot[1]
    assert fate(half, first=shows(), lost=ONE) is None


CAME_BACK = FateSite(kind=FateKind.REMOVED, path="wal", by=(EventKind.UNLINK, "journal"))
"""One cause, whether a recovery wrote over a record for a journal that came back or cut it off."""


def test_a_file_that_came_back_and_was_written_over_a_record_is_told() -> None:
    gone = act(EventKind.UNLINK, "journal", call=2)
    old = b"what was there before" * 2
    events = (
        create("wal"),
        OPENED,
        create("journal", 1, 1),
        write("journal", 0, b"head" + old, 1, file=1),
        write("wal", 0, line(ONE), 1),
        act(EventKind.FSYNC, "wal", file=0, call=1),
        gone,
        reply(1),
    )
    image = Image({"wal": FileEntry(line(ONE)), "journal": FileEntry(b"head" + old)})
    loss = Loss(ref=event_ref(1, 6, gone), path="journal", aspect=Aspect.NAME)
    boot = trace(*events, image=image, losses=(loss,)), power_lost(acked(ONE))
    rolled_back = trace(write("wal", 0, old, 0), OPENED)
    told = fate(boot, first=shows(), lost=ONE, recovery_trace=rolled_back)
    assert said(told).endswith(
        "with what journal has: event 6 of boot 1 had removed that, and no sync of the directory "
        "./ kept it so"
    )
    assert fate_advice(told).startswith("Sync the directory ./ when journal is removed, and before")
    assert fate_site(told, Invariant.LOST_PUT) == CAME_BACK
    # What the file does not have came from elsewhere.
    other = trace(write("wal", 0, b"y" * SIZE, 0), OPENED)
    told = fate(boot, first=shows(), lost=ONE, recovery_trace=other)
    assert not fate_advice(told)


def test_a_journal_that_came_back_and_by_which_a_record_was_cut_off_is_told() -> None:
    gone = act(EventKind.UNLINK, "journal", call=1)
    begin = (create("wal"), OPENED, create("journal", 1, 1), write("wal", 0, line(ONE), 1), gone)
    image = Image({"wal": FileEntry(line(ONE)), "journal": FileEntry(b"")})
    loss = Loss(ref=event_ref(1, 4, gone), path="journal", aspect=Aspect.NAME)
    boot = trace(*begin, reply(1), image=image, losses=(loss,)), power_lost(acked(ONE))
    cut = act(EventKind.TRUNCATE, "wal", call=0, offset=0)
    rolled_back = trace(cut, act(EventKind.UNLINK, "journal", call=0), OPENED)
    told = fate(boot, first=shows(), lost=ONE, recovery_trace=rolled_back)
    assert said(told).endswith(
        "when journal was there again: event 4 of boot 1 had removed that, and no sync of the "
        "directory ./ kept it so"
    )
    assert fate_advice(told).startswith("Sync the directory ./ when journal is removed, and before")
    assert fate_site(told, Invariant.LOST_PUT) == CAME_BACK
    # A recovery that leaves it alone has cut off by itself.
    told = fate(boot, first=shows(), lost=ONE, recovery_trace=trace(cut, OPENED))
    assert "was there again" not in said(told)


def behind_new_records(recovery: BootTrace | None) -> Fate | None:
    """Return the fate of a record that was appended after a recovery, and is not shown next."""
    torn = replace(write("wal", 0, line(ONE), 1), result=9)
    boot = trace(create("wal"), OPENED, torn, torn=2)
    recoveries = Recoveries(first=shows(), continued=(acked(TWO),), after=shows())
    return fate_of(
        History((killed(),), recoveries),
        [boot],
        Violation(Invariant.NOT_APPENDABLE, RecoveryName.AFTER.value, ""),
        image=Image({"wal": FileEntry(line(ONE)[:9])}),
        recovery_trace=recovery,
    )


def test_a_torn_write_that_a_recovery_has_left_in_front_of_new_records_is_named() -> None:
    told = behind_new_records(trace(OPENED))
    assert said(told) == "recovery opened, and kept what event 2 of boot 1 left of a torn write"
    assert fate_advice(told).startswith("Recovery has to truncate the log after its last whole")
    assert fate_mark(told) == "torn and kept: wal"
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    assert behind_new_records(cut) is None
    # Where it was not watched, nobody knows.
    assert behind_new_records(None) is None


def test_what_a_power_loss_kept_of_a_write_is_torn_too_where_that_is_the_size_alone() -> None:
    ref = event_ref(1, 3, write("wal", SIZE, line(TWO), 2))
    loss = Loss(ref=ref, path="wal", aspect=Aspect.DATA, lost=((SIZE, SIZE + 9),))
    hole = Image({"wal": FileEntry(line(ONE) + bytes(9))})
    torn = replace(write("wal", SIZE, line(TWO), 2), result=9)
    first = (create("wal"), OPENED, write("wal", 0, line(ONE), 1), torn)
    boot = trace(*first, torn=3, image=hole, losses=(loss,)), power_lost(acked(ONE))
    behind = trace(OPENED, write("wal", SIZE + 9, line(MARK), 1), reply(1))
    second = behind, killed(acked(MARK), recovery=shows(ONE))
    told = fate(boot, second, first=shows(ONE), lost=MARK)
    assert said(told).endswith(
        "before it in the file lies what event 3 of boot 1 left, a write of which a power loss "
        "kept the size alone"
    )
    assert fate_advice(told).startswith("Recovery has to truncate the log after its last whole")
    site = fate_site(told, Invariant.LOST_PUT)
    assert site == FateSite(kind=FateKind.THERE, path="wal", detail=Reading.TORN.value)
    # A recovery that fails on it lacked that write, and one that cuts it off has left none.
    assert fate_mark(fate(boot, first=REFUSAL)) == "lost: wal"
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=SIZE), *behind.events)
    told = fate(boot, (cut, second[1]), first=shows(ONE), lost=MARK)
    assert "kept the size alone" not in said(told)


def test_it_is_one_cause_with_a_record_that_was_lost_behind_a_torn_write() -> None:
    first = replace(one_file()[0], torn=2), killed(acked(ONE))
    second = trace(OPENED, write("wal", SIZE, line(TWO), 1), reply(1))
    lost = fate(first, (second, killed(acked(TWO))), first=shows(), lost=TWO)
    kept = behind_new_records(trace(OPENED))
    causes = [
        Cause(invariant=rule, crashes=1, fate=fate_site(told, rule))
        for rule, told in ((Invariant.LOST_PUT, lost), (Invariant.NOT_APPENDABLE, kept))
    ]
    assert causes[0].explains(causes[1])
    assert not causes[1].explains(causes[0])
    # It has one id, whichever of the two there was time for.
    assert causes[0].facts == causes[1].facts


def test_a_record_that_comes_back_since_its_torn_write_was_kept_is_one_cause_with_them() -> None:
    """Its last byte was missing, and what was appended behind it stands for that."""
    kept = len(line(TWO)) - 1
    torn = replace(write("wal", SIZE, line(TWO), 2), result=kept)
    first = trace(create("wal"), OPENED, write("wal", 0, line(ONE), 1), reply(1), torn, torn=4)
    boot = first, killed(acked(ONE), unanswered(TWO))
    behind = write("wal", SIZE + kept, b"\n" + line(MARK), 1)
    second = trace(OPENED, behind, reply(1)), killed(acked(MARK), recovery=shows(ONE))
    phantom = Invariant.PHANTOM_RECORD
    told = fate(boot, second, first=shows(ONE, TWO), lost=TWO, broken=phantom)
    assert said(told) == "recovery opened, and kept what event 4 of boot 1 left of a torn write"
    assert fate_advice(told).startswith("Recovery has to truncate the log after its last whole")
    lost = Cause(
        invariant=Invariant.LOST_PUT,
        crashes=1,
        fate=FateSite(kind=FateKind.THERE, path="wal", detail=Reading.TORN.value),
    )
    assert Cause(invariant=phantom, crashes=2, fate=fate_site(told, phantom)).facts == lost.facts
    # One that was written as a whole comes back for something else.
    whole = replace(torn, result=kept + 1)
    boot = replace(first, events=(*first.events[:-1], whole), torn=None), boot[1]
    told = fate(boot, second, first=shows(ONE, TWO), lost=TWO, broken=phantom)
    assert told is None or told.found is None


def test_of_a_replay_between_two_calls_it_is_told_what_took_a_record_and_nothing_else() -> None:
    shown = Resume(0, ())
    replay = Call(Operation(OperationKind.REPLAY), Outcome.ACKNOWLEDGED, replayed=shown)
    later = act(EventKind.UNLINK, "wal", file=0, call=3)

    def live(*events: Event, where: str = "boot 1, call 2") -> Fate | None:
        boot, told = one_file(*events, reply(2), later, reply(3), calls=(acked(ONE), replay))
        violation = Violation(Invariant.LOST_PUT, where, "", record_ts_ms=ONE.ts_ms)
        history = History((told,), Recoveries(first=shows()))
        return fate_of(history, [boot], violation, image=None)

    removed = act(EventKind.UNLINK, "wal", file=0, call=2)
    assert "was removed by event 4 of boot 1" in said(live(removed))
    assert fate_mark(live(removed)) == "removed by unlink: wal"
    # What is there may be shown out of memory, and what comes later took nothing from this replay.
    assert live() is None
    assert live(removed, where="boot 1, call 1") is None
