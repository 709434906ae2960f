"""Runs that are small: fewer cases than a run should have, faults of a scenario that came in none.

A power loss came where an image of one was judged, and an injected fault where something became of
it. A boot that only went on from an image of a power loss is told apart: that one image is judged
by what the next boots show, and no other of it.

Not here: promises that nothing put to the test (`untested`), faults that no call fits
(`unreached`).
"""

from collections.abc import Mapping
from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import counted, escape
from walcrash.report.unreached import named_sentences
from walcrash.values.contract import Contract, Damage, Promise
from walcrash.values.fault_matrix import (
    FULL_DISK,
    REPEATED_RANDOM,
    SHORT,
    SLOW,
    FaultMatrix,
    FaultOutcome,
    Outcomes,
)
from walcrash.values.faults import FaultKind
from walcrash.values.history import BootEnd
from walcrash.values.log import FewCases, ScenarioEnded, ScenarioStarted
from walcrash.values.verdict import Invariant


def few_cases_sentences(report: RunReport) -> list[str]:
    """Return a sentence for scenarios that had few cases, with what it takes to have enough."""
    names: dict[tuple[str, str], list[str]] = {}
    is_one = len(report.scenarios) == 1
    for ended in report.scenarios:
        if ended.few is not None:
            told = _few(ended.few, is_one=is_one)
            names.setdefault(told, []).append(escape(ended.scenario))
    return named_sentences(names)


def _few(few: FewCases, *, is_one: bool) -> tuple[str, str]:
    """Return how many cases are missing, and what there is to do."""
    what = f"{few.of - few.done} of the {few.of} cases that a run should have"
    why = f"{counted(few.done, 'case was', 'cases were')} run; "
    if few.seconds:
        time = f"`--time {few.seconds}`" if is_one else f"{few.seconds} s of `--time`"
        why += f"about {time} would do, or `--cases {few.of}` without `--time`"
    else:
        why += f"`--cases {few.of}` without `--time` runs all"
    if few.is_restarted:
        why += "; `walcrash check` says what a recovery takes, and what `reopen` would save"
    return what, why


def absent_kinds_sentences(report: RunReport) -> list[str]:
    """Return a sentence for each kind of fault that a scenario has and that came in no case."""
    names: dict[tuple[str, str], list[str]] = {}
    for ended in report.scenarios:
        started = report.started.get(ended.scenario)
        if started is None or not ended.cases:
            continue
        for told in _absent_kinds(report, started, ended):
            names.setdefault(told, []).append(escape(ended.scenario))
    return named_sentences(names)


def _absent_kinds(
    report: RunReport, started: ScenarioStarted, ended: ScenarioEnded
) -> list[tuple[str, str]]:
    ends = report.boot_ends(ended.scenario)
    killed, lost = (ends.get(end.value, 0) for end in (BootEnd.KILLED, BootEnd.POWER_LOST))
    cases = counted(ended.cases, "case")
    absent = []
    for kind in (FaultKind(name) for name in started.faults if name in _KINDS):
        shown = f'`kind = "{kind.value}"` in [[faults]]'
        if kind is FaultKind.POWER:
            if report.judged_losses(ended.scenario):
                continue
            if lost:
                what, went = "images of a power loss", f"{counted(lost, 'boot')} lost power and"
                why = f"{went} another one went on from one image; no other was judged"
                absent.append((what, f"{why} in {cases}; more may"))
            elif started.contract.power is Promise.NONE:
                absent.append(("a power loss", f"{shown} came in none of {cases}; more may"))
        elif kind in (FaultKind.KILL, FaultKind.KILL_TIMER):
            # Where the promise is told as untested, that says it.
            if not killed and is_kill_covered(started.contract, lost):
                absent.append(("a kill", f"{shown} came in none of {cases}; more may"))
        elif not _is_told(kind, started, ended) and not _has_come(
            kind, ended, is_failing=any(each.scenario == ended.scenario for each in report.findings)
        ):
            why = f"it came in none of {cases}, or nothing was judged of it; more may"
            if kind is FaultKind.ROT and Damage.ROT not in started.contract.detects:
                why = 'nothing is judged of it where `detects` in [contract] has no "rot"'
            absent.append((f'an injected fault of `kind = "{kind.value}"`', why))
    return absent


def is_kill_covered(contract: Contract, lost: int) -> bool:
    """Whether no kill is needed to test what is promised after one, with so many power losses."""
    order = list(Promise)
    if contract.kill is Promise.NONE:
        return True
    return lost > 0 and order.index(contract.power) <= order.index(contract.kill)


def _is_told(kind: FaultKind, started: ScenarioStarted, ended: ScenarioEnded) -> bool:
    """Whether another sentence says that a kind of fault did not come."""
    if kind is FaultKind.ROT and Damage.ROT in started.contract.detects:
        return True
    absent = ended.matrix.absent if ended.matrix is not None else ()
    return any(each.kind == kind.value for each in absent)


def _has_come(kind: FaultKind, ended: ScenarioEnded, *, is_failing: bool) -> bool:
    """Whether a fault of a kind fell on something of which something was judged.

    Of a case that failed nothing else is judged, and it may have failed for this one.
    """
    if kind is FaultKind.ROT and Invariant.SILENT_ROT in ended.judged:
        return True
    matrix = ended.matrix
    return matrix is not None and any(
        outcome is not FaultOutcome.UNJUDGED or is_failing
        for struck in _struck(kind, matrix)
        for outcome in struck
    )


def _struck(kind: FaultKind, matrix: FaultMatrix) -> list[Outcomes]:
    """Return what became of the faults of a kind."""
    calls = [row.struck for row in matrix.calls]
    boots = [row.struck for row in matrix.boots]
    match kind:
        case FaultKind.ROT:
            return [each for row in matrix.damaged for each in row.struck.values()]
        case FaultKind.REPEATED_RANDOM:
            return _columns(boots, {REPEATED_RANDOM})
        case FaultKind.CLOCK:
            return _others(boots, {REPEATED_RANDOM})
        case FaultKind.ERROR:
            return _others(calls, set(_COLUMN.values()))
    return _columns(calls, {_COLUMN[kind]})


def _columns(rows: list[Mapping[str, Outcomes]], names: set[str]) -> list[Outcomes]:
    return [found for row in rows for name, found in row.items() if name in names]


def _others(rows: list[Mapping[str, Outcomes]], names: set[str]) -> list[Outcomes]:
    return [found for row in rows for name, found in row.items() if name not in names]


_COLUMN: Final = {
    FaultKind.SHORT: SHORT,
    FaultKind.QUOTA: FULL_DISK,
    FaultKind.SLOW: SLOW,
}

_KINDS: Final = frozenset(kind.value for kind in FaultKind)
"""The kinds that this version knows."""
