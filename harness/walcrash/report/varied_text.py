"""What was varied around recoveries in other surroundings: the words for it.

Nothing is said where `determinism` was not judged, or by a log of a version that did not tell it.
"""

from collections.abc import Sequence
from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import escape
from walcrash.values.varied import Surrounding, Varied, in_order
from walcrash.values.verdict import Invariant

_ALWAYS: Final = "hash seed, time zone, locale"
"""What the environment of every program that is started has others of."""

# limits
_PROGRAMS: Final = 6
"""Most programs that are named together."""


def varied_words(report: RunReport) -> tuple[str, tuple[str, ...]]:
    """Return what was varied for which programs, and a text for each thing that was not.

    Both are empty where there is nothing to tell.
    """
    if Invariant.DETERMINISM not in report.judged:
        return "", ()
    every = in_order(varied for scenario in report.scenarios for varied in scenario.varied)
    if not every:
        return "", ()
    parts = [_ALWAYS]
    for what in Surrounding:
        programs = [v.program for v in every if v.what is what and not v.problem]
        parts += [f"{what.value} of {_named(programs)}"] if programs else []
    return "; ".join(parts), tuple(_missing(every))


def _missing(every: Sequence[Varied]) -> list[str]:
    by_reason: dict[tuple[Surrounding, str], list[str]] = {}
    for varied in every:
        if varied.problem:
            by_reason.setdefault((varied.what, varied.problem), []).append(varied.program)
    return [
        f"{what.value} of {_named(programs)}: {escape(problem)}"
        for (what, problem), programs in by_reason.items()
    ]


def _named(programs: Sequence[str]) -> str:
    more = len(programs) - _PROGRAMS
    names = ", ".join(escape(program) for program in programs[:_PROGRAMS])
    return f"{names} and {more} more" if more > 0 else names
