"""Promises that no case of a run put to the test, from what the cases' boots ended with.

A contract promises something after a kill and after a power loss. A scenario with faults of one
kind says nothing of the other, and its verdict is no word on that.

A kill leaves what a power loss may leave too: everything. So a promise after a kill is tested by
power losses, unless more is promised after a kill than after a power loss.

No exact kill falls among stores to a mapped file, since they make no system call. That is said
where the cases had such stores and kills.

One call is made after the other, so what only shows while two of them wait is never reached. That
is said of subjects with several threads or processes.

A fault of the scenario that came in no case is said as well, and that there were few cases.

Not here: what the operations did not reach (`unreached`), invariants that were not judged
(`run_report.RunReport.unjudged`).
"""

from collections.abc import Mapping, Sequence

from walcrash.report.few_cases import (
    absent_kinds_sentences,
    few_cases_sentences,
    is_kill_covered,
)
from walcrash.report.run_report import RunReport
from walcrash.report.text import counted, escape, listed
from walcrash.report.unreached import NAMES_SHOWN, unreached_sentences
from walcrash.values.contract import Damage, Promise
from walcrash.values.faults import FaultKind
from walcrash.values.history import BootEnd
from walcrash.values.log import ScenarioStarted
from walcrash.values.verdict import Invariant


def untested_promises(report: RunReport) -> list[str]:
    """Return a sentence for each promise that was not tested, with the scenarios that make it.

    What the workloads did not reach follows.
    """
    names: dict[tuple[str, str], list[str]] = {}
    rotten = {each.scenario for each in report.scenarios if Invariant.SILENT_ROT in each.judged}
    for name, started in report.started.items():
        ends = report.boot_ends(name)
        # Where no case ran at all, the scenario itself says so.
        if ends:
            for promise in _untested(started, ends, is_rot_judged=name in rotten):
                names.setdefault(promise, []).append(escape(name))
    promises = [
        f"{promise}, as the contract of {listed(named, NAMES_SHOWN)} promises: {why}"
        for (promise, why), named in names.items()
    ]
    return [
        *few_cases_sentences(report),
        *promises,
        *absent_kinds_sentences(report),
        *_stores(report),
        *_slow(report),
        *_calls_at_once(report),
        *unreached_sentences(report),
    ]


def _stores(report: RunReport) -> list[str]:
    """Return that no kill fell among stores, where a subject that was killed made any."""
    stored = {
        escape(name): report.stored(name)
        for name in report.started
        if report.boot_ends(name).get(BootEnd.KILLED.value) and report.stored(name)
    }
    if not stored:
        return []
    count, names = counted(sum(stored.values()), "store"), listed(list(stored), NAMES_SHOWN)
    return [
        f"an exact kill among the {count} to mapped files of {names}: it falls on "
        f'a system call, and a store makes none; `kind = "{FaultKind.KILL_TIMER.value}"` may fall '
        "there, and a power loss takes stores sector by sector"
    ]


def _slow(report: RunReport) -> list[str]:
    """Return that nothing went on during slow calls, where there were any."""
    slow = {escape(name): report.slow(name) for name in report.started}
    alone = {name: count for name, (count, outlasted) in slow.items() if count and not outlasted}
    if not alone:
        return []
    count, names = counted(sum(alone.values()), "slow call"), listed(list(alone), NAMES_SHOWN)
    return [
        f"what goes on during a slow call, of {names}: no other thread did anything in its "
        f"{count}, so they changed nothing"
    ]


def _calls_at_once(report: RunReport) -> list[str]:
    """Return that no two calls were under way together, where a subject has several threads."""
    reaches = [(ended.scenario, ended.reach) for ended in report.scenarios if ended.reach]
    names = [
        escape(name)
        for name, reach in reaches
        if max(reach.cases.threads, reach.controls.threads) > 1
    ]
    if not names:
        return []
    return [
        f"calls of several clients at once, of {listed(names, NAMES_SHOWN)}: several threads or "
        "processes changed files, and each call was made when the one before had been answered"
    ]


def _untested(
    started: ScenarioStarted, ends: Mapping[str, int], *, is_rot_judged: bool
) -> list[tuple[str, str]]:
    """Return the promises that nothing put to the test, each with what is missing."""
    contract = started.contract
    killed, lost = (ends.get(end.value, 0) for end in (BootEnd.KILLED, BootEnd.POWER_LOST))
    untested = []
    if not killed and not is_kill_covered(contract, lost):
        promise = f"{contract.kill.value} after a kill"
        kinds = (FaultKind.KILL, FaultKind.KILL_TIMER)
        untested.append((promise, f"no process was killed; {_tested_by(kinds, started)}"))
    if contract.power is not Promise.NONE and not lost:
        promise = f"{contract.power.value} after a power loss ({contract.model.value})"
        why = f"no case lost power; {_tested_by((FaultKind.POWER,), started)}"
        untested.append((promise, why))
    if Damage.ROT in contract.detects and not is_rot_judged:
        why = f"nothing was damaged at rest and judged; {_tested_by((FaultKind.ROT,), started)}"
        untested.append(("that rot is noticed", why))
    return untested


def _tested_by(kinds: Sequence[FaultKind], started: ScenarioStarted) -> str:
    """Return what tests a promise; a fault that the scenario has only needs more cases."""
    for kind in kinds:
        if kind.value in started.faults:
            return f'`kind = "{kind.value}"` in [[faults]] came in no case, and may in more'
    return f'`kind = "{kinds[0].value}"` in [[faults]] tests it'
