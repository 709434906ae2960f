"""What was varied around recoveries in other surroundings: the words for it.

Of what `determinism` is judged by nothing is said where it was not, and by a log of a version that
did not tell it.
"""

from collections.abc import Sequence
from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import escape, listed
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
    every = in_order(varied for scenario in report.scenarios for varied in scenario.varied)
    if Invariant.DETERMINISM not in report.judged:
        every = tuple(varied for varied in every if varied.what is Surrounding.CLOCK_BACK)
    if not every:
        return "", ()
    parts = [_ALWAYS] if Invariant.DETERMINISM in report.judged else []
    for what in Surrounding:
        programs = [v.program for v in every if v.what is what and not v.problem]
        parts += [f"{what.value} for {_named(programs)}"] if programs else []
    return "; ".join(parts), tuple(_missing(every))


def _missing(every: Sequence[Varied]) -> list[str]:
    by_reason: dict[tuple[Surrounding, str], list[str]] = {}
    for varied in every:
        if varied.problem:
            by_reason.setdefault((varied.what, varied.problem), []).append(varied.program)
    return [
        f"{what.value} for {_named(programs)}: {escape(problem)}"
        for (what, problem), programs in by_reason.items()
    ]


def _named(programs: Sequence[str]) -> str:
    return listed([escape(program) for program in programs], _PROGRAMS)
