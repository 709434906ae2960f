"""The fault matrix in words and rows: what was struck by which fault, and what came of it.

Not here: the table of a page (`html_matrix`), which cells there are (`values.fault_matrix`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import block, escape, listed, table
from walcrash.values.fault_matrix import (
    AnyRow,
    BootRow,
    CallRow,
    FaultMatrix,
    FaultOutcome,
    Outcomes,
)

# limits
CELLS_NAMED: Final = 2
"""Cells that nothing reached, by name at the end of a run; the matrix has all."""

NEVER: Final = "never"
"""In place of counts, in a cell that was asked for and not reached."""

OUTCOME_WORDS: Final[Mapping[FaultOutcome, str]] = {
    FaultOutcome.REFUSED: "it said so; a later operation was acknowledged, or none was asked",
    FaultOutcome.REOPENED: "it said so, as did all later ones of its boot, until the next opening",
    FaultOutcome.ENDED: "the process ended",
    FaultOutcome.RETRIED: "the call was made again; acknowledged, and no rule was broken",
    FaultOutcome.KEPT: "acknowledged without another call, and no rule was broken",
    FaultOutcome.CUT_OFF: "a crash ended the boot before the reply",
    FaultOutcome.WAITED: (
        "nothing went on during a slow call: all other threads waited for it, or there are none"
    ),
    FaultOutcome.NO_EFFECT: (
        "random bytes that repeat: nobody asked for any, or no other boot had the same"
    ),
    FaultOutcome.REPORTED: "what was damaged was refused, or ended the process",
    FaultOutcome.UNHARMED: "what was damaged shows the same records as before",
    FaultOutcome.SHORTER: (
        "what was damaged shows other records, and nothing that is left proves that more was there"
    ),
    FaultOutcome.WRONG: "a rule was broken that holds without the fault",
    FaultOutcome.HUNG: "it came to no end",
    FaultOutcome.UNJUDGED: (
        "nothing was judged of it, or what broke a rule may be another thing in its case"
    ),
}
"""What each outcome means."""

BROKEN: Final = frozenset({FaultOutcome.WRONG, FaultOutcome.HUNG})
"""The outcomes in which something broke."""

WHOLE_BOOT: Final = "a whole boot"
"""What stands for a call where a boot had another clock, or random bytes that repeat."""

DAMAGE: Final = "damage at rest"
"""What stands for a call where bytes went bad at rest."""


def matrices(report: RunReport) -> list[tuple[str, FaultMatrix]]:
    """Return the scenarios that injected something, by name."""
    return [
        (scenario.scenario, scenario.matrix)
        for scenario in report.scenarios
        if scenario.matrix is not None
    ]


def shown_outcomes(every: Iterable[Outcomes]) -> list[FaultOutcome]:
    """Return the outcomes that were seen, in their order."""
    seen = {outcome for outcomes in every for outcome in outcomes}
    return [outcome for outcome in FaultOutcome if outcome in seen]


def row_words(row: AnyRow) -> str:
    """Return what a row is of: a kind of call, of boot, or of file that was damaged."""
    match row:
        case CallRow():
            return call_words(row)
        case BootRow():
            return "later boot" if row.is_later else "first boot"
        case _:
            return escape(row.role)


def row_kind(row: AnyRow) -> str:
    """Return what a row is of in one word, as it heads a column: `call`, `boot` or `file`."""
    return {CallRow: "call", BootRow: "boot"}.get(type(row), "file")


def outcomes_seen(report: RunReport) -> list[FaultOutcome]:
    """Return the outcomes that any scenario's faults came to, in their order."""
    return shown_outcomes(
        found
        for _, matrix in matrices(report)
        for struck, _ in matrix.cells
        for found in struck.values()
    )


def call_words(row: CallRow) -> str:
    """Return a kind of call as `write wal.log of append PutOperation`."""
    called = "" if row.operation is None else f" of {row.operation.value}"
    record = "" if row.record is None else f" {row.record.value}"
    role = f" {escape(row.role)}" if row.role else ""
    return f"{row.call.value}{role}{called}{record}"


# The end of a run.


def matrix_table(report: RunReport) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a head, and a row for each kind of call, with how often each outcome came of it."""
    struck: dict[str, Counter[FaultOutcome]] = {}
    never: Counter[str] = Counter()
    for _, matrix in matrices(report):
        for name, cells, missed in _rows(matrix):
            for found in cells.values():
                struck.setdefault(name, Counter()).update(found)
            never[name] += len(missed)
    shown = shown_outcomes(struck.values())
    rows = [
        (name, *(_number(struck.get(name, Counter())[each]) for each in shown), _number(count))
        for name, count in never.items()
        if count or name in struck
    ]
    return ("faults", *(each.value for each in shown), "cells never reached"), rows


def matrix_lines(report: RunReport, *, width: int) -> list[str]:
    """Return what the end of a run says of its faults; nothing where nothing was injected."""
    head, rows = matrix_table(report)
    if not rows:
        return []
    return [*table(head, rows), *block("cells", _cells(report), width=width)]


def _rows(matrix: FaultMatrix) -> Iterator[tuple[str, Mapping[str, Outcomes], tuple[str, ...]]]:
    for row in matrix.calls:
        yield row.call.value, row.struck, row.never
    for boot in matrix.boots:
        yield WHOLE_BOOT, boot.struck, boot.never
    for damaged in matrix.damaged:
        yield DAMAGE, damaged.struck, damaged.never


def _cells(report: RunReport) -> str:
    every = [matrix for _, matrix in matrices(report)]
    reached = sum(matrix.reached for matrix in every)
    never = [text for matrix in every for text in never_words(matrix)]
    text = f"{reached:,} of {reached + len(never):,} reached, by call, file, operation and fault"
    return f"{text}; never: {listed(never, CELLS_NAMED)}" if never else text


def never_words(matrix: FaultMatrix) -> list[str]:
    """Return each cell that was asked for and not reached, as `EIO for write wal.log of append`."""
    return [
        f"{fault} {_JOINED[row_kind(row)]} {row_words(row)}"
        for row in matrix.rows
        for fault in row.never
    ]


_JOINED: Final = {"call": "for", "boot": "in a", "file": "of"}


def _number(count: int) -> str:
    return f"{count:,}" if count else "-"


# The whole matrix.


def matrix_report(report: RunReport) -> str:
    """Return the whole matrix of each scenario as text, ending with a newline."""
    parts = []
    for scenario in report.scenarios:
        matrix = scenario.matrix
        lines = ["  nothing was injected"] if matrix is None else _matrix(matrix)
        name = escape(scenario.scenario)
        parts.append("\n".join([f"{name}  {_subject(report, scenario.scenario)}".rstrip(), *lines]))
    return "\n\n".join(parts or ["no scenario began"]) + "\n"


def _subject(report: RunReport, name: str) -> str:
    started = report.started.get(name)
    return "" if started is None else escape(started.subject)


def _matrix(matrix: FaultMatrix) -> list[str]:
    """Return a table with a line for each cell that was reached, and lists of the others."""
    shown = shown_outcomes(found for struck, _ in matrix.cells for found in struck.values())
    lines: list[tuple[str, ...]] = []
    never: list[str] = []
    for row in matrix.rows:
        name = row_words(row)
        for at, (fault, found) in enumerate(row.struck.items()):
            numbers = (_number(found.get(each, 0)) for each in shown)
            lines.append((name if at == 0 else "", fault, *numbers))
        if row.never:
            never.append(f"  never     {name}: {', '.join(row.never)}")
    kinds = dict.fromkeys(row_kind(row) for row in matrix.rows)
    head = (" or ".join(kinds) or "call", "fault", *(each.value for each in shown))
    told = f"  cells     {matrix.reached:,} reached, {matrix.never:,} never"
    return [*(table(head, lines, left=2) if lines else []), *never, told + _unasked(matrix)]


def _unasked(matrix: FaultMatrix) -> str:
    """Return how many cells the kernel could give and the scenario does not ask for."""
    count = sum(
        len(set(row.possible) - row.struck.keys() - set(row.never))
        for row in matrix.calls
        if row.operation is not None
    )
    return f"; {count:,} more that the scenario does not ask for" if count else ""


def matrix_properties(matrix: FaultMatrix) -> list[tuple[str, str]]:
    """Return names and numbers for a format that takes properties."""
    total = matrix.outcomes
    return [
        ("cells of the fault matrix reached", str(matrix.reached)),
        ("cells of the fault matrix never reached", str(matrix.never)),
        *((f"faults {each.value}", str(total[each])) for each in FaultOutcome if total[each]),
    ]
