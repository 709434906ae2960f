"""One finding explained in the terminal: calls next to file events, the crash, the loss, the rule.

It reads well without colour at 80 columns and more. Bytes are shown as a difference is: where
written and found are not alike, a line of each.

Not here: the words for events and states (`story_words`), what became of a record (`fate_words`).
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.report.finding_text import NARROWEST, WIDTH, finding_text
from walcrash.report.output import publish, talk, wants_color
from walcrash.report.story_words import (
    BytesRow,
    bytes_rows,
    call_text,
    crash_text,
    event_text,
    fate_lines,
    jumps,
    kept_text,
    outcome_text,
    path_text,
    recovery_lines,
    state_text,
)
from walcrash.report.taken import taken
from walcrash.report.text import INDENT, block, counted, paragraph, shorten
from walcrash.values.errors import ExitCode
from walcrash.values.event import EventKind
from walcrash.values.finding import Finding
from walcrash.values.persistence import FACTS
from walcrash.values.rules import RULES as INVARIANT_RULES
from walcrash.values.story import Step, Story, StoryBoot

_NUMBER_WIDTH: Final = 5
_EVENT_SHARE: Final = 0.5
_FATE_WIDTH: Final = 22
_WHERE_WIDTH: Final = 20
_HEX_PER_BYTE: Final = 3
_OFFSET_WIDTH: Final = 8
_REPEATED: Final = f"{INDENT}{'*':>9}"


def publish_explanation(
    finding: Finding,
    story: Story,
    *,
    is_alike: bool,
    is_kept: bool,
    runs: str,
    color: bool,
    replay: str = "",
) -> ExitCode:
    """Print the explanation, and return what the process ends with."""
    width = shutil.get_terminal_size((WIDTH, 0)).columns
    if is_kept:
        talk("it did not happen again just now: this is the run that the campaign kept")
    elif not is_alike:
        talk("it did not happen again just now: this is what happened instead")
    publish(
        explanation_text(finding, story, width=width, runs=runs, replay=replay),
        color=color and wants_color(sys.stdout, os.environ),
    )
    return ExitCode.PASSED if is_alike else ExitCode.INCONCLUSIVE


def explanation_text(
    finding: Finding, story: Story, *, width: int, runs: str, replay: str = ""
) -> str:
    """Return the explanation of a finding, without a newline at the end.

    `replay` is the command that replays one of a bundle; empty for a kept one.
    """
    width = max(width, NARROWEST)
    parts = []
    if finding.violations:
        parts.append(finding_text(finding, width=width, runs=runs, is_read=True, replay=replay))
    parts += [
        "\n".join(boot_lines(story, number, boot, width))
        for number, boot in enumerate(story.boots, start=1)
    ]
    parts += [
        "\n".join(lines)
        for lines in (_view(story), _recoveries(story, width), _rule(finding, story, width))
        if lines
    ]
    return "\n\n".join(parts)


# A boot: calls, with their events and what these changed.


def boot_lines(story: Story, number: int, boot: StoryBoot, width: int) -> list[str]:
    """Return one boot of a story: its calls, their events, and how it ended."""
    shown = f"{counted(boot.call_count, 'call')}, {counted(boot.event_count, 'event')}"
    title = f"BOOT {number}  {shown}"
    lines = [title]
    if story.unknown:
        reason = f"what was durable is not known: {shorten(story.unknown)}"
        lines += paragraph(reason, width=width)
    elif number == 1:
        lines += paragraph(FACTS[story.rules].durable, width=width)
    lines += _steps(story, boot, width)
    return [*lines, *_crash(story, number, boot, width)]


def _steps(story: Story, boot: StoryBoot, width: int) -> Iterator[str]:
    calls = {call.number: call for call in boot.calls}
    left_out = jumps([step.event for step in boot.steps])
    under_way: int | None = None
    for step in boot.steps:
        if step.event in left_out:
            yield f"{INDENT}{'':{_NUMBER_WIDTH}}... {counted(left_out[step.event], 'event')} ..."
        if step.call != under_way and step.call in calls:
            yield from block("", call_text(calls[step.call]), width=width, label_width=0)
        under_way = step.call
        text = event_text(story, step)
        if step.kind is EventKind.REPLY and step.call in calls:
            text = outcome_text(calls[step.call])
        yield from _step(story, step, text, width)
    silent = [call for call in boot.calls if under_way is None or call.number > under_way]
    for call in silent:
        yield from block("", f"{call_text(call)}: {outcome_text(call)}", width=width, label_width=0)


def _step(story: Story, step: Step, text: str, width: int) -> Iterator[str]:
    """Yield an event with its number, and next to it what it changed."""
    left = int(width * _EVENT_SHARE)
    head = f"{INDENT}{step.event:>{_NUMBER_WIDTH - 1}}  "
    events = paragraph(text, width=left - len(head), indent="")
    states = [
        line
        for state in step.states
        for line in _hanging(state_text(story, state), width - left - len(INDENT))
    ]
    for at in range(max(len(events), len(states))):
        event = events[at] if at < len(events) else ""
        state = states[at] if at < len(states) else ""
        start = head if at == 0 else " " * len(head)
        yield f"{start}{event:<{left - len(head)}}{INDENT}{state}".rstrip()


def _hanging(text: str, width: int) -> list[str]:
    first, *rest = paragraph(text, width=width, indent="")
    return [first, *paragraph(" ".join(rest), width=width)] if rest else [first]


def _crash(story: Story, number: int, boot: StoryBoot, width: int) -> Iterator[str]:
    _, _, text = crash_text(number, boot).partition(": ")
    yield from block(">>", text, width=width, label_width=3)
    if boot.crash is None or story.unknown:
        return
    yield from block("", kept_text(boot.crash), width=width, label_width=3)
    fates = [
        (f"   {each.word} {each.event}", each.what)
        for each in fate_lines(story, number, boot.crash)
    ]
    label_width = max([_FATE_WIDTH, *(len(label) + 2 for label, _ in fates)])
    for label, what in fates:
        yield from block(label, what, width=width, label_width=label_width)


# The bytes around the loss.


def _view(story: Story) -> list[str]:
    view = story.view
    if view is None:
        return []
    found = "no such file" if view.size_found < 0 else f"{counted(view.size_found, 'byte')} found"
    head = f"BYTES  {path_text(story, view.path)}: {counted(view.size_written, 'byte')} written"
    rows = list(bytes_rows(story))
    lines = [f"{head}, {found}"]
    if any(row.found != row.written for row in rows):
        lines.append(f"{INDENT}- as they were written, + as the last recovery found them")
    before: BytesRow | None = None
    for row in rows:
        if before is not None and not row.marks and _is_repeated(row, before):
            if lines[-1] != _REPEATED:
                lines.append(_REPEATED)
            continue
        lines += [f"{INDENT}{'':{_OFFSET_WIDTH}}    {mark}" for mark in row.marks]
        lines += _rows(row)
        before = row
    return lines


def _is_repeated(row: BytesRow, before: BytesRow) -> bool:
    is_whole = len(row.found) == len(before.found)
    return is_whole and (row.found, row.written) == (before.found, before.written)


def _rows(row: BytesRow) -> Iterator[str]:
    if row.found == row.written:
        yield _hex_line(" ", row.offset, row.found)
        return
    for sign, data in (("-", row.written), ("+", row.found)):
        if any(byte is not None for byte in data):
            yield _hex_line(sign, row.offset, data)


def _hex_line(sign: str, offset: int, row: Sequence[int | None]) -> str:
    digits = " ".join("  " if byte is None else f"{byte:02x}" for byte in row)
    text = "".join(_character(byte) for byte in row)
    start = f"{INDENT}{sign}{offset:>{_OFFSET_WIDTH}}"
    return f"{start}  {digits:<{16 * _HEX_PER_BYTE}} {text}".rstrip()


def _character(byte: int | None) -> str:
    if byte is None:
        return " "
    return chr(byte) if 32 <= byte < 127 else "."


# Recovery, and the rule.


def _recoveries(story: Story, width: int) -> list[str]:
    lines = ["RECOVERY"]
    label_width = max([_WHERE_WIDTH, *(len(each.where) + 2 for each in story.recoveries)])
    for recovery in story.recoveries:
        first, *rest = recovery_lines(recovery)
        lines += block(recovery.where, first, width=width, label_width=label_width)
        for line in rest:
            lines += block("", line, width=width, label_width=label_width)
    return lines


def _rule(finding: Finding, story: Story, width: int) -> list[str]:
    if not finding.violations:
        return []
    first = finding.worst
    lines = ["RULE"]
    lines += block("broken", f"{first.invariant.value}: {INVARIANT_RULES[first.invariant].text}",
                   width=width)  # fmt: skip
    took = None if finding.is_plain else taken(story)
    return lines if took is None else [*lines, *block("taken", took.value, width=width)]
