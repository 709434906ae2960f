"""A record that is shown from a stale place decides, also where another one is missing for it."""

from dataclasses import replace

from oracle_builder import COMPACT, acked, killed, shows
from test_oracle_fate import (
    IDLE,
    MARK,
    ONE,
    TWO,
    act,
    create,
    line,
    of_record,
    reply,
    said,
    trace,
    write,
)

from walcrash.oracle.boot_trace import BootTrace
from walcrash.oracle.fate import fate_of
from walcrash.report.fate_words import fate_advice
from walcrash.values.cause import FateSite, fate_site
from walcrash.values.event import Event, EventKind
from walcrash.values.fate import Fate, FateKind
from walcrash.values.fate_mark import fate_mark
from walcrash.values.history import AFTER_RECOVERY, BootHistory, History, Recoveries, RecoveryName
from walcrash.values.record import Record
from walcrash.values.recovery import Recovery
from walcrash.values.verdict import Invariant, Violation

FIRST = RecoveryName.FIRST.value
SIZE = len(line(ONE))
CREATED = (create("wal.0"), create("wal.1", 1), Event(kind=EventKind.REPLY, call=0))
STALE = FateSite(kind=FateKind.THERE, path="wal.#", is_shown=True, is_stale=True)

COMPACTED = (
    *CREATED,
    write("wal.0", 9, line(ONE), 1), reply(1),
    write("wal.1", 9, line(ONE), 2, file=1), write("wal.1", 0, b"2", 2, file=1), reply(2),
    write("wal.1", 9 + SIZE, line(MARK), 3, file=1), reply(3),
)  # fmt: skip
"""Two files that are used in turn, without an end: the second one has all."""
ANEW = (write("wal.0", 0, b"3", 4), reply(4))
"""A compaction that drops the operation and its mark, and leaves what the first file had."""
CALLS = (acked(ONE), COMPACT, acked(MARK), COMPACT)


def broken(rule: Invariant, record: Record, where: str = FIRST, **more: object) -> Violation:
    return Violation(rule, where, "", record_ts_ms=record.ts_ms, **more)  # type: ignore[arg-type]


def told(
    events: tuple[Event, ...],
    violation: Violation,
    *beside: Violation,
    first: Recovery,
    calls: tuple = CALLS,
    earlier: tuple[tuple[BootTrace, BootHistory], ...] = (),
    recoveries: Recoveries | None = None,
) -> Fate | None:
    boots = (*earlier, (trace(*events), killed(*calls)))
    history = History(
        tuple(each for _, each in boots),
        Recoveries(first=first) if recoveries is None else recoveries,
    )
    return fate_of(
        history,
        [each for each, _ in boots],
        violation,
        image=None,
        recovery_trace=IDLE,
        beside=beside,
    )


LOST_MARK = broken(Invariant.LOST_MARK, MARK)


def test_a_put_that_a_compaction_dropped_with_its_mark_and_that_is_shown_again_is_told() -> None:
    found = told((*COMPACTED, *ANEW), LOST_MARK, first=shows(ONE))
    assert "it shows nothing that is in this file only" in said(found)
    assert (
        "what is shown and is not to be: `PutOperation op-1` is still there in wal.0, bytes 9-46, "
        "as event 3 of boot 1 wrote it; since then event 10 of boot 1, of a compaction, began to "
        "change wal.0"
    ) in said(found)
    assert fate_site(found, Invariant.LOST_MARK) == STALE
    assert fate_mark(found) == "there: wal.#, nothing; shown: wal.#, there"


def test_a_put_is_not_stale_where_no_compaction_went_over_its_file_or_one_wrote_it_again() -> None:
    idle = told((*COMPACTED, reply(4)), LOST_MARK, first=shows(ONE))
    elsewhere = told((*COMPACTED, write("state", 0, b"3", 4, file=2)), LOST_MARK, first=shows(ONE))
    append = told((*COMPACTED, *ANEW), LOST_MARK, first=shows(ONE), calls=(*CALLS[:3], acked(TWO)))
    again = write("wal.0", 9, line(ONE), 4)
    kept = told((*COMPACTED, *ANEW[:1], again, reply(4)), LOST_MARK, first=shows(ONE))
    gone = told((*COMPACTED, *ANEW), LOST_MARK, first=shows())
    for each in (idle, elsewhere, append, kept, gone):
        assert each is not None
        assert each.shown is None
        site = fate_site(each, Invariant.LOST_MARK)
        assert site is not None
        assert not site.is_shown


def test_a_mark_whose_file_was_read_is_not_missing_for_a_stale_put() -> None:
    more = write("wal.1", 9 + SIZE + len(line(MARK)), line(TWO), 4, file=1)
    events = (*COMPACTED, more, reply(4), write("wal.0", 0, b"3", 5), reply(5))
    calls = (*CALLS[:3], acked(TWO), COMPACT)
    found = told(events, LOST_MARK, first=shows(ONE, TWO), calls=calls)
    assert found is not None
    assert found.shown is None


def test_a_record_out_of_order_from_before_a_compaction_is_a_stale_one() -> None:
    rule = Invariant.ORDER
    found = told((*COMPACTED, *ANEW), broken(rule, ONE), first=shows(ONE))
    assert of_record(found).outlasted is not None
    assert fate_site(found, rule) == STALE
    plain = told(COMPACTED, broken(rule, ONE), first=shows(ONE), calls=CALLS[:3])
    assert of_record(plain).outlasted is None
    assert fate_site(plain, rule) == replace(STALE, is_stale=False)


USED_AGAIN = (
    *CREATED,
    write("wal.0", 9, line(ONE), 1), reply(1),
    write("wal.1", 9, line(MARK), 2, file=1), reply(2),
    act(EventKind.RENAME, "wal.0", "spare", call=3), act(EventKind.UNLINK, "wal.1", call=3),
    reply(3),
    act(EventKind.RENAME, "spare", "wal.2", call=4),
)  # fmt: skip
"""A compaction puts one file aside and removes the other; the first one is used again."""
AGAIN = (acked(ONE), acked(MARK), COMPACT)


def test_what_is_shown_from_a_file_that_is_used_again_is_one_cause_with_its_repair() -> None:
    for violation in (LOST_MARK, broken(Invariant.ORDER, ONE)):
        found = told(USED_AGAIN, violation, first=shows(ONE), calls=AGAIN)
        assert (
            "`PutOperation op-1` is still there in wal.0, later wal.2, bytes 9-46, as event 3 of "
            "boot 1 wrote it; since then event 7 of boot 1, of a compaction, renamed wal.0 to "
            "spare, which was named wal.2 later"
        ) in said(found)
        assert fate_site(found, violation.invariant) == STALE
        assert fate_advice(found).startswith("Let recovery tell the records of a file that is used")


def test_a_file_that_is_only_put_aside_or_by_no_compaction_is_not_used_again() -> None:
    kept = told(USED_AGAIN[:-1], LOST_MARK, first=shows(ONE), calls=AGAIN)
    calls = (*AGAIN[:2], acked(TWO))
    rotated = told(USED_AGAIN, LOST_MARK, first=shows(ONE), calls=calls)
    for each in (kept, rotated):
        assert each is not None
        assert each.shown is None
        assert not fate_advice(each)


TWO_SHARDS = (
    *CREATED,
    write("wal.0", 0, line(ONE), 1), reply(1),
    write("wal.1", 0, line(TWO), 2, file=1), reply(2),
)  # fmt: skip
TWO_PUTS = (acked(ONE), acked(TWO))
PHANTOM = broken(Invariant.PHANTOM_RECORD, ONE)
LOST = broken(Invariant.LOST_PUT, TWO)


def test_a_phantom_that_the_same_recovery_shows_is_told_of_a_record_that_it_passes_over() -> None:
    found = told(TWO_SHARDS, LOST, PHANTOM, first=shows(ONE), calls=TWO_PUTS)
    assert "what is shown and is not to be: `PutOperation op-1` is still there in wal.0" in said(
        found
    )
    assert fate_site(found, Invariant.LOST_PUT) == STALE


def test_a_phantom_says_nothing_of_a_record_that_is_gone_or_of_another_recovery() -> None:
    cut = Event(kind=EventKind.TRUNCATE, path="wal.1", file=1, offset=0, call=2)
    gone = told((*TWO_SHARDS, cut), LOST, PHANTOM, first=shows(ONE), calls=TWO_PUTS)
    elsewhere = replace(PHANTOM, where=RecoveryName.AGAIN.value)
    other = told(TWO_SHARDS, LOST, elsewhere, first=shows(ONE), calls=TWO_PUTS)
    altered = replace(PHANTOM, invariant=Invariant.ALTERED_RECORD)
    wrong = told(TWO_SHARDS, LOST, altered, first=shows(ONE), calls=TWO_PUTS)
    for each in (gone, other, wrong):
        assert each is not None
        assert each.shown is None


def test_what_comes_back_behind_new_records_is_told_as_the_recovery_left_it() -> None:
    rule = Invariant.NOT_APPENDABLE
    recoveries = Recoveries(first=shows(ONE), continued=TWO_PUTS, after=shows(ONE, TWO))

    def behind(record: Record, breaks_as: Invariant, where: str = RecoveryName.AFTER.value) -> Fate:
        violation = broken(rule, record, where, breaks_as=breaks_as)
        return told(  # type: ignore[return-value]
            TWO_SHARDS, violation, first=shows(ONE), calls=TWO_PUTS, recoveries=recoveries
        )

    back = behind(TWO, Invariant.PHANTOM_RECORD)
    assert said(back).startswith("`PutOperation op-2` is still there in wal.1, bytes 0-")
    assert "did not show it" not in said(back)
    assert fate_site(back, rule) == STALE
    # What it had shown has not come back, and what is lost or altered is another matter.
    assert behind(ONE, Invariant.PHANTOM_RECORD) is None
    assert behind(TWO, Invariant.LOST_PUT) is None
    assert behind(ONE, Invariant.ORDER) is None
    assert behind(TWO, Invariant.PHANTOM_RECORD, f"{AFTER_RECOVERY}, call 2") is None
