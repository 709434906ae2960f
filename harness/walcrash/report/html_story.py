"""A finding's story as the rows of a table and the lines of a byte view, for the HTML page.

The rows hold in `states` and `lost` what the page's script draws the timeline from; their text
says the same to whoever has no scripts.

    states: `0n228,208,208-228;1a`: file 0, a new name, size, durable size, pending ranges; file
            1, absent. The letters are d(urable), n(ew), r(emoved), o(ther file), a(bsent).
    lost:   `0:104-208+300-310`: of file 0 these ranges; of a name none.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from walcrash.report.story_words import (
    bytes_rows,
    call_text,
    crash_text,
    event_text,
    fate_lines,
    jumps,
    kept_text,
    outcome_text,
    path_text,
    state_text,
)
from walcrash.report.text import counted
from walcrash.values.event import EventKind
from walcrash.values.history import Outcome
from walcrash.values.story import Durability, PathState, Ranges, Step, Story, StoryBoot

_LETTERS = {
    Durability.DURABLE: "d",
    Durability.NEW: "n",
    Durability.REMOVED: "r",
    Durability.REPLACED: "o",
    Durability.ABSENT: "a",
}

_HEAD_SHARE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One row: style `b` begins a boot, `c` a call, `a` answers it, `x` is a crash, `g` a gap."""

    style: str = ""
    number: str = ""
    what: str = ""
    disk: str = ""
    states: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class ViewRow:
    """One line of a byte view: `del` was written, `ins` was found instead, `b` marks a record."""

    style: str
    text: str


def step_rows(story: Story, most: int) -> list[StepRow]:
    """Return a story as rows, of about so many events."""
    share = max(4, most // max(1, len(story.boots)))
    return [
        row
        for number, boot in enumerate(story.boots, start=1)
        for row in _boot_rows(story, number, replace(boot, steps=fewer(boot.steps, share)))
    ]


def fewer(steps: tuple[Step, ...], most: int) -> tuple[Step, ...]:
    """Leave out the middle of many steps; the step after it has the states of those left out."""
    if len(steps) <= most:
        return steps
    head = most // _HEAD_SHARE
    states: dict[int, PathState] = {}
    for step in steps[head : len(steps) - (most - head) + 1]:
        states.update({state.path: state for state in step.states})
    first, *rest = steps[len(steps) - (most - head) :]
    return (*steps[:head], replace(first, states=tuple(states.values())), *rest)


def _boot_rows(story: Story, number: int, boot: StoryBoot) -> Iterator[StepRow]:
    shown = f"{counted(boot.call_count, 'call')}, {counted(boot.event_count, 'event')}"
    yield StepRow(style="b", what=f"boot {number}: {shown}")
    calls = {call.number: call for call in boot.calls}
    left_out = jumps([step.event for step in boot.steps])
    under_way: int | None = None
    for step in boot.steps:
        if step.event in left_out:
            yield StepRow(style="g", what=f"({counted(left_out[step.event], 'event')} left out)")
        if step.call != under_way and step.call in calls:
            yield StepRow(style="c", what=call_text(calls[step.call]))
        under_way = step.call
        yield _step_row(story, boot, step)
    for call in boot.calls:
        if under_way is None or call.number > under_way:
            yield StepRow(style="c", what=f"{call_text(call)}: {outcome_text(call)}")
    yield _end_row(story, number, boot)


def _step_row(story: Story, boot: StoryBoot, step: Step) -> StepRow:
    calls = {call.number: call for call in boot.calls}
    style, what = "", event_text(story, step)
    if step.kind is EventKind.REPLY and step.call in calls:
        what = outcome_text(calls[step.call])
        style = "a" if calls[step.call].outcome is Outcome.ACKNOWLEDGED else ""
    return StepRow(
        style=style,
        number=str(step.event),
        what=what,
        disk="; ".join(state_text(story, state) for state in step.states),
        states=_states(step.states),
    )


def _states(states: tuple[PathState, ...]) -> str:
    parts = []
    for state in states:
        numbers = [str(state.size), str(state.durable_size), _ranges(state.pending)]
        text = ",".join(numbers).rstrip(",")
        sizes = "" if text == "0,0" else text
        parts.append(f"{state.path}{_LETTERS[state.durability]}{sizes}")
    return ";".join(parts)


def _ranges(ranges: Ranges) -> str:
    return "+".join(f"{start}-{end}" for start, end in ranges)


def _end_row(story: Story, number: int, boot: StoryBoot) -> StepRow:
    if boot.crash is None:
        return StepRow(style="c", what=crash_text(number, boot))
    disk = kept_text(boot.crash)
    fates = [f"{line.word} {line.event}: {line.what}" for line in
             fate_lines(story, number, boot.crash)]  # fmt: skip
    lost = [
        f"{fate.path}:{_ranges(fate.lost)}"
        for fate in boot.crash.fates
        if not fate.is_kept and fate.path >= 0
    ]
    return StepRow(
        style="x",
        number="×",  # noqa: RUF001 - a cross, where other rows have a number
        what=crash_text(number, boot),
        disk="" if story.unknown else "; ".join([disk, *fates]),
        states=_states(boot.crash.states),
        lost=";".join(dict.fromkeys(lost)),
    )


def view_title(story: Story) -> str:
    """Return what a byte view shows: `wal.log: 312 bytes written, 228 found`."""
    view = story.view
    assert view is not None
    found = "no such file" if view.size_found < 0 else f"{view.size_found:,} found"
    name = path_text(story, view.path)
    return f"{name}: {counted(view.size_written, 'byte')} written, {found} (- written, + found)"


def view_rows(story: Story) -> Iterator[ViewRow]:
    """Yield the lines of a byte view; rows that repeat are shown once."""
    before = None
    for row in bytes_rows(story):
        for mark in row.marks:
            yield ViewRow("b", f"{'':10}{mark}")
        if not row.marks and before is not None and (row.found, row.written) == before:
            continue
        before = row.found, row.written
        if row.found == row.written:
            yield ViewRow("", _line(" ", row.offset, row.found))
            continue
        for style, sign, data in (("del", "-", row.written), ("ins", "+", row.found)):
            if any(byte is not None for byte in data):
                yield ViewRow(style, _line(sign, row.offset, data))


def _line(sign: str, offset: int, row: tuple[int | None, ...]) -> str:
    digits = "".join("  " if byte is None else f"{byte:02x}" for byte in row)
    pairs = " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))
    text = "".join(" " if byte is None else chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{sign}{offset:>7} {pairs:<35} {text}".rstrip()
