"""What is told of a record by what lies beside it: neighbours, ranges, other names, other files."""

from dataclasses import replace

import pytest
from oracle_builder import REFUSAL, acked, killed, power_lost, shows
from test_oracle_fate import (
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
from walcrash.report.fate_words import fate_advice
from walcrash.values.cause import fate_site
from walcrash.values.damage import DamageAtRest, DamageKind, Rotted
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.fate import Fate, FateKind, event_ref
from walcrash.values.fate_mark import fate_mark
from walcrash.values.history import BootHistory
from walcrash.values.image import FileEntry, Image
from walcrash.values.story import Aspect
from walcrash.values.tears import PAGE_BYTES
from walcrash.values.verdict import Invariant

SIZE = len(line(ONE))
PAGE = 64
"""A page of these files, which both records fit in together but not each for itself."""


def stored(at: int, data: bytes, call: int) -> Event:
    return replace(write("wal", at, data, call), flags=MAPPED)


def missing_sync(told: Fate | None) -> str:
    site = fate_site(told, Invariant.LOST_PUT)
    assert site is not None
    assert site.kind is FateKind.NOT_DURABLE
    return site.detail


# Bytes that are stored again, and syncs of ranges.


def pages(*, msync: tuple[int, int], again: bool) -> tuple[BootTrace, BootHistory]:
    """Return a boot that stored the second record across two pages, and lost its second page.

    Args:
        msync: the range that was synced before the reply.
        again: whether the next record was stored behind it in the second page.
    """
    both = line(ONE) + line(TWO)
    rest = (both + b"the next record").ljust(2 * PAGE, b"\0")[PAGE:]
    second = stored(0, both.ljust(2 * PAGE, b"\0"), 2)
    events = [
        create("wal"),
        OPENED,
        write("wal", 0, line(ONE), 1),
        reply(1),
        second,
        act(EventKind.MSYNC, "wal", file=0, offset=msync[0], length=msync[1] - msync[0], call=2),
        reply(2),
        *([stored(PAGE, rest, 3)] if again else []),
    ]
    loss = Loss(
        ref=event_ref(1, 4, second), path="wal", aspect=Aspect.DATA,
        lost=((PAGE, 2 * PAGE),), kept=((0, PAGE),),
    )  # fmt: skip
    image = Image({"wal": FileEntry(both[:PAGE].ljust(2 * PAGE, b"\0"))})
    return trace(*events, losses=(loss,), image=image), power_lost(acked(ONE), acked(TWO))


@pytest.mark.parametrize("again", [False, True])
def test_a_sync_that_leaves_out_a_part_of_a_record_is_named_with_its_range(again: bool) -> None:
    told = fate(pages(msync=(0, PAGE), again=again), first=shows(ONE), lost=TWO)
    # What the same bytes are stored over is not overwritten, nor is it another copy.
    assert "overwritten" not in said(told)
    assert len(of_record(told).copies) == 1
    assert "msync of 0-63 by event 5 of boot 1 left out bytes 64-" in said(told)
    assert fate_advice(told) == (
        "Sync all bytes of the record in wal before the reply that acknowledges the record."
    )
    # It is one cause with and without a record behind it.
    assert missing_sync(told) == "wal"
    assert fate_mark(told) == "not-durable: wal"


def test_a_sync_of_a_range_that_holds_the_record_is_none_that_is_missing() -> None:
    told = fate(pages(msync=(0, 2 * PAGE), again=False), first=shows(ONE), lost=TWO)
    assert "left out" not in said(told)
    assert not fate_advice(told)


def test_several_syncs_of_ranges_are_one_of_all_of_them() -> None:
    boot, history = pages(msync=(PAGE, 2 * PAGE), again=False)
    front = act(EventKind.MSYNC, "wal", file=0, offset=0, length=PAGE, call=2)
    events = (*boot.events[:6], front, *boot.events[6:])
    told = fate((replace(boot, events=events), history), first=shows(ONE), lost=TWO)
    assert "left out" not in said(told)


def test_bytes_that_are_stored_otherwise_are_overwritten() -> None:
    boot, history = pages(msync=(0, 2 * PAGE), again=False)
    other = stored(0, line(ONE) + line(replace(TWO, payload=b"THE PAYLOAD OF TWO")), 3)
    events = (*boot.events, other)
    told = fate((trace(*events), killed(*history.calls)), first=shows(ONE), lost=TWO)
    assert "was overwritten by event 7" in said(told)


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_page_that_is_stored_again_as_it_was_is_not_gone_over(is_changed: bool) -> None:
    """A store comes with the whole pages that it touched, and so with the records before it."""
    whole = 2 * PAGE_BYTES
    before = line(ONE)
    there = line(replace(ONE, payload=b"ANOTHER")) if is_changed else before
    behind = (there + line(replace(TWO, payload=bytes(range(1, 255)) * 20))).ljust(whole, b"\0")
    second = stored(0, behind, 2)
    events = (
        create("wal"),
        OPENED,
        stored(0, before.ljust(PAGE_BYTES, b"\0"), 1),
        act(EventKind.MSYNC, "wal", file=0, offset=0, length=PAGE_BYTES, call=1),
        reply(1),
        second,
    )
    loss = Loss(
        ref=event_ref(1, 5, second), path="wal", aspect=Aspect.DATA,
        lost=((PAGE_BYTES, whole),), kept=((0, PAGE_BYTES),),
    )  # fmt: skip
    image = Image({"wal": FileEntry(behind[:PAGE_BYTES].ljust(whole, b"\0"))})
    boot = trace(*events, losses=(loss,), image=image)
    told = fate((boot, power_lost(acked(ONE))), first=REFUSAL)
    advice = "Keep another copy" if is_changed else "Recovery has to open on what is left"
    assert fate_advice(told).startswith(advice)


# Names.


def test_a_file_is_told_by_the_name_that_it_had_and_by_the_last_one() -> None:
    copied = write("new", 0, line(ONE), 2, file=1)
    more = create("new", 1, 2), copied, act(EventKind.RENAME, "new", "wal", file=1, call=2)
    loss = Loss(ref=event_ref(1, 5, copied), path="wal", aspect=Aspect.DATA, lost=((0, SIZE),))
    image = Image({"wal": FileEntry(bytes(SIZE))})
    told = fate(lost_power(loss=loss, image=image, more=more), first=shows(), lost=ONE)
    assert f"written by event 5 of boot 1 (new, later wal, bytes 0-{SIZE - 1})" in said(told)
    assert fate_advice(told) == (
        "Sync new, later wal, before event 6 of boot 1 takes the copy that was there before."
    )


# What was taken before the reply.


def journaled(
    taker: Event, *, journal_call: int = 1, loss: Loss | None = None, image: Image | None = None
) -> tuple[BootTrace, BootHistory]:
    """Return a boot that wrote a journal, the record, and the head of its file, and lost power."""
    events = (
        create("wal"),
        OPENED,
        create("journal", 1, 1),
        write("journal", 0, b"what was there", journal_call, file=1),
        write("wal", 8, line(ONE), 1),
        write("wal", 0, b"the head", 1),
        taker,
        reply(1),
    )
    ref = event_ref(1, 4, events[4])
    lost = loss or Loss(ref=ref, path="wal", aspect=Aspect.DATA, lost=((8, 8 + SIZE),))
    files = image or Image({"wal": FileEntry(b"the head".ljust(8 + SIZE, b"\0"))})
    return trace(*events, losses=(lost,), image=files), power_lost(acked(ONE))


@pytest.mark.parametrize(
    ("taker", "does"),
    [
        (act(EventKind.UNLINK, "journal", file=1, call=1), "removes"),
        (act(EventKind.TRUNCATE, "journal", file=1, call=1), "cuts"),
        (act(EventKind.RENAME, "journal", "spare", file=1, call=1), "renames"),
    ],
)
def test_a_journal_that_is_taken_before_the_reply_is_the_latest_moment(
    taker: Event, does: str
) -> None:
    told = fate(journaled(taker), first=shows(), lost=ONE)
    assert fate_advice(told) == (
        f"Sync wal before event 6 of boot 1 {does} journal, and so before the reply that "
        "acknowledges the record."
    )


def test_a_file_that_the_call_had_not_written_before_the_record_is_no_such_moment() -> None:
    told = fate(journaled(act(EventKind.UNLINK, "old", file=3, call=1)), first=shows(), lost=ONE)
    assert fate_advice(told) == "Sync wal before the reply that acknowledges the record."
    by_open = journaled(act(EventKind.UNLINK, "journal", file=1, call=1), journal_call=0)
    told = fate(by_open, first=shows(), lost=ONE)
    assert fate_advice(told) == "Sync wal before the reply that acknowledges the record."


# What the power loss took in place of the record.


def head_lost(*, names: tuple[str, ...] = ()) -> tuple[BootTrace, BootHistory]:
    unlink = act(EventKind.UNLINK, "journal", file=1, call=1)
    boot, history = journaled(unlink, image=Image({"wal": FileEntry(bytes(8) + line(ONE))}))
    head = Loss(ref=event_ref(1, 5, boot.events[5]), path="wal", aspect=Aspect.DATA, lost=((0, 8),))
    more = tuple(
        Loss(ref=event_ref(1, 2, boot.events[2]), path=name, aspect=Aspect.DATA, lost=((0, 1),))
        for name in names
    )
    return replace(boot, losses=(head, *more)), history


def test_a_record_whose_own_call_wrote_more_that_was_lost_is_told_by_that() -> None:
    told = fate(head_lost(), first=shows(), lost=ONE)
    assert "is still there in wal, bytes 8-" in said(told)
    assert "the power loss took what event 5 of boot 1 wrote to wal" in said(told)
    assert said(told).count("removed journal") == 1
    assert fate_advice(told) == (
        "Sync wal before event 6 of boot 1 removes journal, and so before the reply that "
        "acknowledges the record."
    )
    assert missing_sync(told) == "wal"
    assert fate_mark(told) == "lost beside: wal"


def test_a_loss_is_not_told_where_there_were_others() -> None:
    told = fate(head_lost(names=("other",)), first=shows(), lost=ONE)
    assert "the power loss took" not in said(told)
    assert not fate_advice(told)


def committed(*, behind: Aspect | None = None, before: Aspect | None = None) -> Fate | None:
    """Return the fate of a record that recovery cut off, since a length beside it was lost.

    Args:
        behind: what the power loss took too, of what came behind the reply.
        before: the same of what came before it.
    """
    renamed = act(EventKind.RENAME, "length.new", "length", file=1, call=1)
    more = write("wal", SIZE, line(TWO), 2)
    events = (
        create("wal"),
        OPENED,
        write("wal", 0, line(ONE), 1),
        create("length.new", 1, 1),
        renamed,
        reply(1),
        more,
    )
    losses = [Loss(ref=event_ref(1, 4, renamed), path="length", aspect=Aspect.NAME)]
    if behind is not None:
        losses.append(
            Loss(ref=event_ref(1, 6, more), path="wal", aspect=behind, lost=((SIZE, 99),))
        )
    if before is not None:
        losses.append(Loss(ref=event_ref(1, 2, events[2]), path="x", aspect=before, lost=((0, 1),)))
    image = Image({"wal": FileEntry(line(ONE))})
    boot = trace(*events, image=image, losses=tuple(losses)), power_lost(acked(ONE))
    cut = trace(act(EventKind.TRUNCATE, "wal", call=0, offset=0), OPENED)
    return fate(boot, first=shows(), lost=ONE, recovery_trace=cut)


@pytest.mark.parametrize("behind", [None, Aspect.DATA])
def test_a_rename_of_another_file_that_a_power_loss_took_is_told_whatever_came_later(behind):
    told = committed(behind=behind)
    assert said(told).endswith(
        "the power loss took what event 4 of boot 1 did, which renamed length.new to length: no "
        "sync of the directory ./ kept it"
    )
    assert fate_advice(told) == (
        "Sync the directory ./ before the reply that acknowledges the record."
    )
    assert missing_sync(told) == "./"
    assert fate_mark(told) == "lost beside: ./"
    # Where bytes from before the reply were lost as well, it is not known which of them matters.
    assert "the power loss took" not in said(committed(behind=behind, before=Aspect.DATA))


def manifest(
    *, early: bool = True, synced: tuple[Event, ...] = (), aspect: Aspect = Aspect.DATA
) -> tuple[BootTrace, BootHistory]:
    """Return a boot that copied its log to a table, told so in a manifest, and removed the log.

    Args:
        early: whether the manifest was written before the log was removed.
        synced: syncs of the manifest.
        aspect: what the power loss took of the manifest.
    """
    told = write("manifest", 0, b"table 1", 2, file=2)
    removed = act(EventKind.UNLINK, "wal", file=0, call=2)
    events = (
        create("wal"),
        create("manifest", 2),
        OPENED,
        write("wal", 0, line(ONE), 1),
        reply(1),
        create("table", 1, 2),
        write("table", 0, line(ONE), 2, file=1),
        *((told, *synced, removed) if early else (removed, told, *synced)),
    )
    loss = Loss(
        ref=event_ref(1, events.index(told), told), path="manifest", aspect=aspect,
        lost=((0, 7),) if aspect is Aspect.DATA else (),
    )  # fmt: skip
    image = Image({"table": FileEntry(line(ONE)), "manifest": FileEntry(b"")})
    return trace(*events, losses=(loss,), image=image), power_lost(acked(ONE))


SWEEP = trace(act(EventKind.UNLINK, "table", file=1, call=0), OPENED)
"""A recovery that removes a table of which no manifest tells."""


@pytest.mark.parametrize("recovery", [SWEEP, trace(OPENED)])
def test_what_was_to_tell_of_a_copy_and_was_lost_alone_is_told(recovery: BootTrace) -> None:
    told = fate(manifest(), first=shows(), lost=ONE, recovery_trace=recovery)
    assert (
        "the power loss took what event 7 of boot 1 wrote to manifest, and nothing of any other "
        "file: no sync of manifest came after it"
    ) in said(told)
    assert fate_advice(told) == (
        "Sync manifest before event 8 of boot 1 takes the copy that was there before."
    )
    assert missing_sync(told) == "manifest"


@pytest.mark.parametrize(
    "boot",
    [
        manifest(early=False),
        manifest(aspect=Aspect.NAME),
        manifest(synced=(act(EventKind.FSYNC, "manifest", file=2, call=2, result=-5),)),
    ],
    ids=["written later", "a name", "a sync failed"],
)
def test_it_is_not_told_where_it_is_not_what_the_copy_waited_for(
    boot: tuple[BootTrace, BootHistory],
) -> None:
    told = fate(boot, first=shows(), lost=ONE, recovery_trace=SWEEP)
    assert of_record(told).beside is None
    assert not fate_advice(told)


def test_damage_at_rest_decides_before_what_was_lost_beside() -> None:
    damage = DamageAtRest(kind=DamageKind.CUT, path="table", offset=3)
    told = fate(
        manifest(), first=shows(), lost=ONE, recovery_trace=SWEEP, rotted=Rotted(damage=damage)
    )
    assert of_record(told).is_damaged
    assert of_record(told).beside is None


def test_of_a_record_with_one_copy_nothing_beside_it_is_told() -> None:
    told = write("manifest", 0, b"nothing", 2, file=2)
    loss = Loss(ref=event_ref(1, 5, told), path="manifest", aspect=Aspect.DATA, lost=((0, 7),))
    image = Image({"wal": FileEntry(line(ONE)), "manifest": FileEntry(b"")})
    boot = lost_power(loss=loss, image=image, more=(create("manifest", 2, 2), told))
    found = fate(boot, first=shows(), lost=ONE)
    assert of_record(found).beside is None
    assert of_record(found).copies[0].written == WRITTEN
    assert of_record(fate(one_file(), first=shows(), lost=ONE)).beside is None
