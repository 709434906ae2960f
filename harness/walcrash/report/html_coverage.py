"""Coverage as a matrix: kinds of events against faults and placements, empty cells included.

A kill's cell counts the crashes that landed there, a power loss's the crash points that were
expanded into images. Only a write can be interrupted within.

A kind of event that no case made has no row; a log of an older version does not say which those
are.

Not here: which images of a crash point were judged (`summary.image_rows`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from walcrash.values.event import ONLY_INJECTED, EventKind
from walcrash.values.log import CaseJudged, ScenarioEnded
from walcrash.values.moments import Placement


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `style` is `hit`, `never` or `none` (it cannot be)."""

    text: str
    style: str


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One kind of event: three cells for kills, three for power losses."""

    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The matrix.

    `unrecorded` are kills of which no event is known, `left_out` the kinds of events that no case
    made.
    """

    rows: tuple[CoverageRow, ...]
    reached: int
    possible: int
    unrecorded: int
    left_out: tuple[str, ...]


class CoverageCount:
    """Counts while the lines come in."""

    def __init__(self) -> None:
        self._kills: Counter[tuple[EventKind, Placement]] = Counter()

    def add(self, case: CaseJudged) -> None:
        """Count one case's kills."""
        for boot in case.boots:
            if boot.landing is not None and not boot.landing.is_power_loss:
                self._kills[boot.landing.kind, boot.landing.placement] += 1

    def coverage(self, scenarios: Iterable[ScenarioEnded]) -> Coverage:
        """Return the matrix; what was no kill was a power loss."""
        every: Counter[str] = Counter()
        ended = tuple(scenarios)
        for scenario in ended:
            every.update(scenario.crash_points)
        kinds = [kind for kind in EventKind if kind not in ONLY_INJECTED]
        left_out = _never_made(kinds, ended, every)
        rows = tuple(self._row(kind, every) for kind in kinds if kind not in left_out)
        styles = Counter(cell.style for row in rows for cell in row.cells)
        known = {f"{where.value} {kind.value}" for kind in EventKind for where in Placement}
        return Coverage(
            rows=rows,
            reached=styles["hit"],
            possible=styles["hit"] + styles["never"],
            unrecorded=sum(count for name, count in every.items() if name not in known),
            left_out=tuple(kind.value for kind in kinds if kind in left_out),
        )

    def _row(self, kind: EventKind, every: Counter[str]) -> CoverageRow:
        kills = [self._kills[kind, placement] for placement in Placement]
        counts = [every[f"{placement.value} {kind.value}"] for placement in Placement]
        losses = [max(0, count - kill) for count, kill in zip(counts, kills, strict=True)]
        cells = [
            _cell(kind, placement, count)
            for numbers in (kills, losses)
            for placement, count in zip(Placement, numbers, strict=True)
        ]
        return CoverageRow(kind.value, tuple(cells))


def _never_made(
    kinds: Sequence[EventKind], scenarios: Sequence[ScenarioEnded], every: Mapping[str, int]
) -> set[EventKind]:
    """Return the kinds of events that no case made; none where a scenario does not say."""
    reaches = [scenario.reach for scenario in scenarios if scenario.cases]
    made: set[EventKind] = set()
    for reach in reaches:
        if reach is None or not reach.cases.made:
            return set()
        made.update(reach.cases.made)
    # Pinned cases are in no reach.
    made |= {kind for kind in kinds for at in Placement if every.get(f"{at.value} {kind.value}")}
    return set(kinds) - made if made else set()


def _cell(kind: EventKind, placement: Placement, count: int) -> Cell:
    if count:
        return Cell(f"{count:,}", "hit")
    if placement is Placement.WITHIN and kind is not EventKind.WRITE:
        return Cell("-", "none")
    return Cell("never", "never")
