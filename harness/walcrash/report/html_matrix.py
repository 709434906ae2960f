"""The fault matrix as tables of a page: kinds of calls against faults, empty cells included.

Not here: its words and numbers (`matrix_text`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.report.matrix_text import BROKEN, NEVER, matrices, row_kind, row_words
from walcrash.report.run_report import RunReport
from walcrash.report.text import escape, shorten
from walcrash.values.fault_matrix import (
    AnyRow,
    BootRow,
    CallRow,
    FaultMatrix,
    FaultOutcome,
    Outcomes,
    in_order,
)

# limits
MATRIX_ROWS: Final = 150
"""Rows of one scenario's matrix that a page shows."""

_UNKNOWN: Final = frozenset({FaultOutcome.CUT_OFF, FaultOutcome.NO_EFFECT, FaultOutcome.UNJUDGED})


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One cell: a line for each outcome.

    `style` is `hit`, `bad` (something broke), `soft` (nothing was judged), `never`, or `none` (the
    scenario does not ask for it, or it cannot be).
    """

    lines: tuple[str, ...]
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One kind of call, of boot, or of file that was damaged."""

    name: str
    made: str
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixTable:
    """Calls against faults, whole boots against these, or files against damage.

    `unasked` are the faults that the kernel can give and that the scenario asks for nowhere; they
    have no columns.
    """

    what: str
    columns: tuple[str, ...]
    unasked: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioMatrix:
    """What a page shows of one scenario's faults."""

    name: str
    subject: str
    reached: int
    never: int
    tables: tuple[MatrixTable, ...]


def scenario_matrices(report: RunReport) -> tuple[ScenarioMatrix, ...]:
    """Return the matrix of each scenario that injected something."""
    found = []
    for name, matrix in matrices(report):
        started = report.started.get(name)
        found.append(
            ScenarioMatrix(
                name=escape(name),
                subject="" if started is None else shorten(started.subject),
                reached=matrix.reached,
                never=matrix.never,
                tables=tuple(_tables(matrix)),
            )
        )
    return tuple(found)


def _tables(matrix: FaultMatrix) -> Iterable[MatrixTable]:
    for rows in (matrix.calls, matrix.boots, matrix.damaged):
        if rows:
            columns = in_order(each for row in rows for each in (*row.struck, *row.never))
            possible = in_order(each for row in rows for each in _columns(row))
            yield MatrixTable(
                what=row_kind(rows[0]),
                columns=tuple(columns),
                unasked=tuple(each for each in possible if each not in columns),
                rows=tuple(_row(row, columns) for row in rows[:MATRIX_ROWS]),
                left_out=max(0, len(rows) - MATRIX_ROWS),
            )


def _columns(row: AnyRow) -> set[str]:
    possible = set(row.possible) if isinstance(row, CallRow) else set()
    return possible | row.struck.keys() | set(row.never)


def _row(row: AnyRow, columns: Sequence[str]) -> MatrixRow:
    is_call = isinstance(row, CallRow)
    return MatrixRow(
        name=shorten(row_words(row)),
        made=f"{row.made:,}" if isinstance(row, CallRow | BootRow) else "",
        cells=tuple(
            _cell(row.struck.get(column), column in row.never, column in _columns(row) and is_call)
            for column in columns
        ),
    )


def _cell(found: Outcomes | None, is_never: bool, is_possible: bool) -> MatrixCell:
    if found:
        lines = tuple(f"{count:,} {outcome.value}" for outcome, count in found.items())
        return MatrixCell(lines=lines, style=_style(found))
    if is_never:
        return MatrixCell(lines=(NEVER,), style="never")
    return MatrixCell(lines=("·",) if is_possible else ("-",), style="none")


def _style(found: Outcomes) -> str:
    if found.keys() & BROKEN:
        return "bad"
    return "soft" if found.keys() <= _UNKNOWN else "hit"
