"""What the search reached, in words and rows: states, cells, and what more of it would bring.

Not here: the estimates (`walcrash.values.coverage`), where crashes fell by kind of event alone
(`html_coverage`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import block, counted, escape, listed, shorten
from walcrash.values.cell import BootKind, Cell
from walcrash.values.coverage import AMONG_NEXT, CurvePoint, SearchCoverage
from walcrash.values.moments import Placement

# limits
CELLS_NAMED: Final = 2
"""Cells that nothing reached, by name at the end of a run; the pages have all."""

CELL_ROWS: Final = 400
"""Rows of cells that a page shows for one scenario."""

STATES_HEAD: Final = (
    "states of the search",
    "judged",
    "kinds",
    "cells",
    "never",
    f"new kinds in the next {AMONG_NEXT:,}",
    "new cells",
    "all judged in",
)
CURVE_HEAD: Final = ("cases", "judged", "kinds", "cells")


def searches(report: RunReport) -> list[tuple[str, SearchCoverage]]:
    """Return the scenarios whose cases searched their crash states, by name."""
    return [
        (scenario.scenario, scenario.search)
        for scenario in report.scenarios
        if scenario.search is not None
    ]


def states_lines(report: RunReport, *, width: int) -> list[str]:
    """Return what the end of a run says of all its scenarios together: two lines or a few."""
    every = [coverage for _, coverage in searches(report)]
    if not every:
        return []
    return [
        *block("states", _states(every), width=width),
        *block("cells", _cells(every), width=width),
    ]


def _states(every: Sequence[SearchCoverage]) -> str:
    judged = sum(each.judged for each in every)
    about = "" if all(each.is_counted for each in every) else "about "
    kinds = sum(each.kinds for each in every)
    text = f"{judged:,} judged, of {about}{counted(kinds, 'kind')}"
    exhausted = sum(each.exhausted for each in every)
    searched = sum(each.searched for each in every)
    if exhausted:
        text += f"; {exhausted:,} of {counted(searched, 'case')} had no other"
    if judged:
        new = sum(each.next_kinds * each.judged for each in every) / judged
        cells = sum(each.next_cells * each.judged for each in every) / judged
        text += (
            f"; of the next {AMONG_NEXT:,} about {new:,.0f} would be of a new kind, "
            f"{cells:,.0f} in a new cell"
        )
    return text


def _cells(every: Sequence[SearchCoverage]) -> str:
    reached = sum(len(each.cells) for each in every)
    never = [cell for each in every for cell in each.unreached]
    text = f"{reached:,} of {reached + len(never):,} reached"
    return f"{text}; never: {listed(list(map(cell_words, never)), CELLS_NAMED)}" if never else text


def cell_words(cell: Cell) -> str:
    """Return a cell as `a kill within write wal.log of append PutOperation, first boot`."""
    crash = "a power loss" if cell.is_power_loss else "a kill"
    return f"{crash} {cell.placement.value} {_event(cell)}, {_boot(cell)}"


def _event(cell: Cell) -> str:
    called = "" if cell.operation is None else f" of {cell.operation.value}"
    record = "" if cell.record is None else f" {cell.record.value}"
    role = f" {escape(cell.role)}" if cell.role else ""
    return f"{cell.kind.value}{role}{called}{record}"


def _boot(cell: Cell) -> str:
    return "first boot" if cell.boot is BootKind.FIRST else f"boot {cell.boot.value}"


def states_rows(report: RunReport) -> list[tuple[str, ...]]:
    """Return a row for each scenario that searched, under `STATES_HEAD`."""
    return [
        (
            escape(name),
            f"{coverage.judged:,}",
            f"{'' if coverage.is_counted else 'about '}{coverage.kinds:,}",
            f"{len(coverage.cells):,}",
            f"{len(coverage.unreached):,}",
            f"{coverage.next_kinds:,}",
            f"{coverage.next_cells:,}",
            f"{coverage.exhausted:,} of {counted(coverage.searched, 'case')}",
        )
        for name, coverage in searches(report)
    ]


def search_properties(coverage: SearchCoverage) -> list[tuple[str, str]]:
    """Return names and numbers for a format that takes properties."""
    return [
        ("states judged", str(coverage.judged)),
        ("kinds of states", str(coverage.kinds)),
        ("cells reached", str(len(coverage.cells))),
        ("cells never reached", str(len(coverage.unreached))),
        (f"new kinds in the next {AMONG_NEXT} states", str(coverage.next_kinds)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRow:
    """One kind of event in one kind of boot: a text and a style for each crash and placement."""

    event: str
    boot: str
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedScenario:
    """What a page shows of one scenario's search."""

    name: str
    reached: int
    never: int
    rows: tuple[CellRow, ...]
    left_out: int
    curve: tuple[tuple[str, ...], ...]


def searched_scenarios(report: RunReport) -> tuple[SearchedScenario, ...]:
    """Return the cells and the curve of each scenario that searched, for a page."""
    return tuple(_scenario(name, coverage) for name, coverage in searches(report))


def _scenario(name: str, coverage: SearchCoverage) -> SearchedScenario:
    counts: dict[tuple[str, str], dict[tuple[bool, Placement], int]] = {}
    for cell, count in (*coverage.cells, *((cell, 0) for cell in coverage.unreached)):
        key = shorten(_event(cell)), _boot(cell)
        counts.setdefault(key, {})[cell.is_power_loss, cell.placement] = count
    rows = sorted(counts.items())
    return SearchedScenario(
        name=escape(name),
        reached=len(coverage.cells),
        never=len(coverage.unreached),
        rows=tuple(_row(event, boot, found) for (event, boot), found in rows[:CELL_ROWS]),
        left_out=max(0, len(rows) - CELL_ROWS),
        curve=tuple(map(_point, coverage.curve)),
    )


def _row(event: str, boot: str, counts: dict[tuple[bool, Placement], int]) -> CellRow:
    cells = []
    for is_power_loss in (False, True):
        for placement in Placement:
            count = counts.get((is_power_loss, placement))
            if count is None:
                cells.append(("-", "none"))
            else:
                cells.append((f"{count:,}", "hit") if count else ("never", "never"))
    return CellRow(event=event, boot=boot, cells=tuple(cells))


def _point(point: CurvePoint) -> tuple[str, ...]:
    numbers = (point.cases, point.judged, point.kinds, point.cells)
    return tuple(f"{number:,}" for number in numbers)
