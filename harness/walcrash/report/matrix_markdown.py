"""The fault matrix as it is published: Markdown tables, subject by subject.

Calls of all operations are one row here, so that a table fits a page; `matrix_text` has each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from walcrash.report.markdown import plain
from walcrash.report.matrix_text import BROKEN, NEVER, matrices, row_kind, row_words
from walcrash.report.run_report import RunReport
from walcrash.values.fault_matrix import (
    NO_FAULTS,
    AnyRow,
    CallRow,
    FaultMatrix,
    FaultOutcome,
    Outcomes,
    in_order,
)


def matrix_markdown(report: RunReport) -> str:
    """Return a table of all subjects, and one for each, ending with a newline."""
    parts = [_overview(report)]
    for name, matrix in matrices(report):
        started = report.started.get(name)
        subject = "" if started is None else f", {plain(started.subject)}"
        every = (_merged(matrix), matrix.boots, matrix.damaged)
        tables = (_table(rows) for rows in every if rows)
        parts.append("\n\n".join([f"### {plain(name)}{subject}", *tables]))
    return "\n\n".join(parts) + "\n"


def _overview(report: RunReport) -> str:
    every = matrices(report)
    shown = [
        outcome
        for outcome in FaultOutcome
        if any(outcome in matrix.outcomes for _, matrix in every)
    ]
    head = ["scenario", "cases", "cells", NEVER, *(each.value for each in shown), "findings"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)])]
    for scenario in report.scenarios:
        matrix = scenario.matrix or NO_FAULTS
        total = (matrix.outcomes[outcome] for outcome in shown)
        numbers = [scenario.cases, matrix.reached, matrix.never, *total]
        numbers.append(report.found(scenario))
        cells = [f"{number:,}" if number else "-" for number in numbers]
        lines.append(_line([plain(scenario.scenario), *cells]))
    return "\n".join(lines)


def _merged(matrix: FaultMatrix) -> tuple[CallRow, ...]:
    """Return the rows of calls with all operations as one; none where nothing is asked for."""
    asked = (row for row in matrix.calls if row.struck or row.never)
    bare = (replace(row, operation=None, record=None) for row in asked)
    return FaultMatrix.sum(FaultMatrix(calls=(row,)) for row in bare).calls


def _table(rows: Sequence[AnyRow]) -> str:
    columns = in_order(column for row in rows for column in (*row.struck, *row.never))
    lines = [_line([row_kind(rows[0]), *columns]), _line(["---"] * (len(columns) + 1))]
    for row in rows:
        name = f"{row.call.value} {row.role}" if isinstance(row, CallRow) else row_words(row)
        cells = (_cell(row, column) for column in columns)
        lines.append(_line([plain(name.strip()), *cells]))
    return "\n".join(lines)


def _cell(row: AnyRow, column: str) -> str:
    found = row.struck.get(column)
    if found:
        return ", ".join(_words(found))
    return NEVER if column in row.never else "-"


def _words(found: Outcomes) -> Iterable[str]:
    for outcome, count in found.items():
        words = f"{count:,} {outcome.value}"
        yield f"**{words}**" if outcome in BROKEN else words


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
