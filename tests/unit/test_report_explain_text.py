"""`walcrash explain`: what stands beside what, that it fits, and that nothing hostile gets out."""

from dataclasses import replace

import pytest
from report_lines import finding, story

from walcrash.report.explain_text import explanation_text
from walcrash.report.story_words import bytes_rows, fate_lines, ranges_text
from walcrash.report.taken import taken
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.history import Outcome
from walcrash.values.moments import Placement
from walcrash.values.rule import Taken
from walcrash.values.story import (
    Aspect,
    Fate,
    ShownRecovery,
    Step,
    Story,
    StoryCall,
    StoryCrash,
)

HOSTILE = "\x1b[2J<script>alert(1)</script>\u202e\x07"


def text(told: Story | None = None, *, width: int = 100) -> str:
    return explanation_text(finding(), told or story(), width=width, runs="reports/runs")


def crashed(crash: StoryCrash, told: Story | None = None) -> Story:
    told = told or story()
    return replace(told, boots=(replace(told.boots[0], crash=crash),))


def power(*fates: Fate, count: int | None = None) -> Story:
    return crashed(
        StoryCrash(
            event=14,
            placement=Placement.AFTER,
            kept_bytes=0,
            model=PersistenceModel.EXT4,
            fates=fates,
            fate_count=len(fates) if count is None else count,
        )
    )


GONE = ((240, "f0"), (256, "00"), (272, "10"), (288, "20"), (304, "30"))
LOST_DATA = Fate(1, 11, 0, Aspect.DATA, False, (), ((104, 208),))
TORN_DATA = Fate(1, 11, 0, Aspect.DATA, False, ((104, 150),), ((150, 208),))
LOST_NAME = Fate(1, 11, 0, Aspect.NAME, False)
STALE = Fate(1, 11, 0, Aspect.DATA, False, (), ((104, 208),), True)
KEPT = Fate(1, 11, 0, Aspect.SIZE, True)


def test_events_stand_under_their_call_with_what_they_changed_beside_them() -> None:
    lines = text().split("\n")
    start = lines.index("  append PutOperation op-1")
    shown = [" ".join(line.split()) for line in lines[start + 1 : start + 5]]
    assert shown == [
        "11 write wal.log, bytes 104-207 wal.log: size 208, durable 104; bytes 104-207",
        "pending",
        "12 fsync wal.log wal.log: 208 bytes durable",
        "13 acknowledged, offset 104",
    ]
    assert "    13  acknowledged, offset 104" in lines


def test_what_is_left_out_is_said() -> None:
    assert "... 10 events ..." in text()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_but_a_command_is_wider_than_the_terminal(width: int) -> None:
    told = power(LOST_DATA, TORN_DATA, LOST_NAME, STALE, KEPT, count=40)
    for line in text(told, width=width).split("\n"):
        assert len(line) <= width or line.startswith(("  replay", "  origin")), line


@pytest.mark.parametrize(
    ("kind", "shown"),
    [(EventKind.TRUNCATE, "wal.log, zeros in bytes 104-207"), (EventKind.WRITE, "bytes 104-207")],
)
def test_of_a_cut_that_reached_the_disk_without_its_size_the_zeros_are_told(
    kind: EventKind, shown: str
) -> None:
    told = power(replace(LOST_DATA, is_kept=True, kept=LOST_DATA.lost, lost=()))
    steps = [replace(each, kind=kind) if each.event == 11 else each for each in told.boots[0].steps]
    told = replace(told, boots=(replace(told.boots[0], steps=tuple(steps)),))
    (line,) = (line for line in text(told).split("\n") if "kept event 11" in line)
    assert line.endswith(shown)
    assert ("zeros" in line) is (kind is EventKind.TRUNCATE)


def test_it_is_plain_ascii_but_for_the_dots_of_the_head() -> None:
    assert text().replace("·", "").isascii()


def test_bytes_are_shown_as_a_difference_with_records_marked() -> None:
    lines = text().split("\n")
    marked = lines.index("              208: append PutOperation op-2")
    assert lines[marked + 1].split()[:3] == ["208", "d0", "d1"]
    gone = [line.split()[:3] for line in lines if line.startswith("  -  ")]
    assert gone == [["-", "224", "e0"], *([["-", str(at), hex_] for at, hex_ in GONE])]
    assert not any(line.startswith("  +     240") for line in lines)


def test_rows_that_repeat_are_told_once() -> None:
    view = story().view
    assert view is not None
    zeros = replace(view, start=0, written=bytes(256), found=bytes(256), marks=())
    lines = text(story(view=zeros)).split("\n")
    assert sum("00 00 00 00" in line for line in lines) == 1
    assert "          *" in lines


def test_what_a_power_loss_took_and_kept_is_told_by_event() -> None:
    told = power(LOST_DATA, KEPT, count=5)
    assert told.boots[0].crash is not None
    lines = list(fate_lines(told, 1, told.boots[0].crash))
    assert [(line.word, line.event, line.what) for line in lines] == [
        ("lost", "event 11", "wal.log, bytes 104-207"),
        ("kept", "event 11", "wal.log, its size"),
        ("and", "3 more pending changes", "left out here"),
    ]


def test_a_change_of_an_earlier_boot_is_told_with_its_boot() -> None:
    told = power(replace(LOST_NAME, boot=1))
    assert told.boots[0].crash is not None
    (line,) = fate_lines(told, 2, told.boots[0].crash)
    assert line.event == "event 11 of boot 1"


def test_hostile_texts_are_escaped() -> None:
    call = StoryCall(2, f"append PutOperation {HOSTILE}", Outcome.REFUSED, error=HOSTILE)
    boot = replace(
        story().boots[0],
        calls=(call,),
        steps=(Step(0, 2, EventKind.EFFECT, text=HOSTILE), Step(1, 2, EventKind.WRITE, 0)),
    )
    look = ShownRecovery(
        where=HOSTILE[:0] + "first recovery", records=(), record_count=0, failure=HOSTILE
    )
    told = story(paths=(HOSTILE,), boots=(boot,), recoveries=(look,), unknown=HOSTILE)
    shown = text(told)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "\\x1b[2J" in shown


def test_a_story_without_a_view_or_a_disk_is_told_without_them() -> None:
    shown = text(story(view=None, unknown="fallocate mode 0x77 is not modelled"))
    assert "BYTES" not in shown
    assert "what was durable is not known: fallocate mode 0x77" in shown


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (story(), Taken.KILL_TORN),
        (power(LOST_DATA, KEPT), Taken.DATA),
        (power(TORN_DATA), Taken.TORN),
        (power(LOST_NAME), Taken.NAME),
        (power(LOST_NAME, LOST_DATA), Taken.DATA),
        (power(STALE, LOST_DATA), Taken.STALE),
        (power(KEPT), Taken.POWER_NOTHING),
        (story(boots=()), None),
    ],
)
def test_what_a_crash_took_is_named(told: Story, what: Taken | None) -> None:
    assert taken(told) is what


def test_ranges_are_told_with_their_ends() -> None:
    assert ranges_text(((16, 137), (200, 201))) == "bytes 16-136, 200"
    assert ranges_text(((7, 8),)) == "byte 7"


def test_rows_of_bytes_say_what_is_missing() -> None:
    rows = list(bytes_rows(story()))
    assert rows[0].offset == 96
    assert rows[-1].found == (None,) * 8
    assert rows[-1].written[0] == 48
