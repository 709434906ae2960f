"""Replays of one finding as text: whether it happened again, and the history that shows it.

Not here: running them (`campaign`).
"""

import os
import shutil
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Protocol

from walcrash.report.finding_text import WIDTH, finding_text
from walcrash.report.output import publish, talk, wants_color
from walcrash.report.text import block, counted, shorten
from walcrash.values.errors import ExitCode, HarnessFault
from walcrash.values.finding import Finding
from walcrash.values.history import BootHistory, Call, History
from walcrash.values.verdict import Judgement, Verdict

# limits
CALLS_SHOWN = 200
"""Calls of one boot that a replay lists, from its end, where the crash is."""


class Replay(Protocol):
    """One replay, as the campaign gives it."""

    @property
    def finding(self) -> Finding:
        """What is replayed, as it was stored."""

    @property
    def alike(self) -> bool:
        """Whether this replay broke the same invariant."""

    @property
    def judgement(self) -> Judgement:
        """What the oracle says of this replay."""

    @property
    def history(self) -> History:
        """What happened in this replay."""

    @property
    def note(self) -> str:
        """What was out of the ordinary; empty if nothing was."""


def publish_replays(
    results: Iterator[Replay], *, times: int, runs: str, color: bool, bundle: str = ""
) -> ExitCode:
    """Tell of every replay on stderr, print the finding and its history, return the exit code."""
    done: list[Replay] = []
    try:
        for number, result in enumerate(results, start=1):
            note = f" ({result.note})" if result.note else ""
            talk(f"replay {number} of {times}: {_outcome(result)}{note}")
            done.append(result)
    finally:
        # Also after Ctrl-C: closing the generator is what ends the processes.
        if isinstance(results, Generator):
            results.close()
    if not done:
        raise HarnessFault("the finding was not replayed even once")
    publish(
        replays_text(
            done, runs=runs, width=shutil.get_terminal_size((WIDTH, 0)).columns, replay=bundle
        ),
        color=color and wants_color(sys.stdout, os.environ),
    )
    return replays_exit_code(done)


def replays_exit_code(results: list[Replay]) -> ExitCode:
    """Return findings if any replay broke anything, passed if all of them passed."""
    verdicts = {result.judgement.verdict for result in results}
    if Verdict.FAIL in verdicts:
        return ExitCode.FINDINGS
    return ExitCode.PASSED if verdicts == {Verdict.PASS} else ExitCode.INCONCLUSIVE


def replays_text(results: list[Replay], *, runs: str, width: int, replay: str = "") -> str:
    """Return the finding with its new numbers, and the history of a replay that shows it."""
    alike = [result for result in results if result.alike]
    shown = (alike or results)[0]
    finding = replace(shown.finding, replays=len(results), replays_alike=len(alike))
    parts = [finding_text(finding, width=width, runs=runs, replay=replay)]
    if shown.note:
        parts.append(f"NOTE  {shown.note}")
    if not alike:
        parts.append(
            f"{shown.judgement.verdict.value.upper()}  it did not happen again in "
            f"{counted(len(results), 'replay')}: {_outcome(shown)}"
        )
    parts += [
        "\n".join(_boot(number, boot, width))
        for number, boot in enumerate(shown.history.boots, start=1)
    ]
    return "\n\n".join(parts)


def _outcome(result: Replay) -> str:
    if not result.judgement.violations:
        return f"{result.judgement.verdict.value}, nothing broken"
    broken = ", ".join(
        dict.fromkeys(violation.invariant.value for violation in result.judgement.violations)
    )
    return f"{broken}, {'the same again' if result.alike else 'not the same'}"


def _boot(number: int, boot: BootHistory, width: int) -> list[str]:
    calls = boot.calls[-CALLS_SHOWN:]
    lines = [f"  boot {number}, {boot.end.value} after {counted(len(boot.calls), 'call')}"]
    if len(calls) < len(boot.calls):
        lines.append(f"  ({len(boot.calls) - len(calls):,} calls before these)")
    first = len(boot.calls) - len(calls)
    for position, call in enumerate(calls, start=first):
        lines += block(str(position), _call(call), width=width)
    return lines


def _call(call: Call) -> str:
    text = f"{shorten(str(call.operation))}: {call.outcome.value}"
    if call.offset is not None:
        text += f" at {call.offset}"
    if call.checkpoint is not None:
        text += f", checkpoint {call.checkpoint}"
    if call.effects:
        text += f", effects {', '.join(shorten(effect) for effect in call.effects)}"
    return f"{text}, {shorten(call.error)}" if call.error else text
