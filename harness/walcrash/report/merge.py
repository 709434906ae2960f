"""Several runs as one: the shards of a campaign, or the nights of a week.

The worst verdict wins, and a shard that was ended early or did not run all that it was asked for
keeps the whole from passing. Counts add up. Findings with one id are one, shown by the case that
says most; how often it was seen adds up.

Not here: whether the runs belong together. Those of different seeds, versions or subjects are
merged as well, and the report names all of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from walcrash.report.finding_text import DEFAULT_RUNS
from walcrash.report.run_report import RunReport
from walcrash.values.cell import Cell
from walcrash.values.coverage import SearchCoverage
from walcrash.values.fault_matrix import FaultMatrix
from walcrash.values.finding import Finding
from walcrash.values.further_recoveries import FurtherRecoveries
from walcrash.values.log import (
    LOG_FORMAT,
    CampaignEnded,
    CampaignStarted,
    CaseJudged,
    FewCases,
    FindingReported,
    ImageTotals,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
    StopReason,
)
from walcrash.values.reach import Reach, WorkloadReach
from walcrash.values.varied import in_order
from walcrash.values.verdict import Invariant, Verdict

_WORST_VERDICT: Final = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)
_WORST_STOP: Final = (
    StopReason.FAULT,
    StopReason.INTERRUPTED,
    StopReason.TIME_OVER,
    StopReason.QUIET,
    StopReason.NOTHING_NEW,
    StopReason.CASES_DONE,
)


def merged_report(
    logs: Sequence[Sequence[LogLine]], *, runs: Sequence[str] | None = None
) -> RunReport:
    """Return what several event logs report together; that of one log is its own report.

    Args:
        logs: their lines.
        runs: for each log the directory that keeps its findings; None is the default for all.
    """
    runs = [DEFAULT_RUNS] * len(logs) if runs is None else runs
    shards = [RunReport.of(log, runs=kept) for log, kept in zip(logs, runs, strict=True)]
    if len(shards) == 1:
        return shards[0]
    paths = _paths(shards)
    report = RunReport(_joined(shard.seed for shard in shards), scenario_paths=paths)
    # The case that is reported is the first one, so its seed has the last word here.
    last_first = shards[::-1]
    report.seeds = {case.finding: shard.seed for shard in last_first for case in shard.unreported}
    report.other_runs = {id_: shard.runs for shard in last_first for id_ in _ids(shard)}
    for line in _lines(logs, shards, tuple(paths)):
        report.add(line)
    stopped = min((shard.stopped for shard in shards), key=_WORST_STOP.index)
    if stopped in (StopReason.FAULT, StopReason.INTERRUPTED):
        report.break_off(stopped, because=_joined(shard.why_stopped for shard in shards))
    return report


def _paths(shards: Sequence[RunReport]) -> dict[str, str]:
    """Return every scenario with its path; only a finding has one that is not the name."""
    paths: dict[str, str] = {}
    for shard in shards:
        known = {scenario.scenario: scenario.scenario for scenario in shard.scenarios}
        for name, path in {**known, **shard.scenario_paths}.items():
            if paths.get(name, name) == name:
                paths[name] = path
    return paths


def _lines(
    logs: Sequence[Sequence[LogLine]], shards: Sequence[RunReport], names: tuple[str, ...]
) -> Iterable[LogLine]:
    """Yield the lines of one run that did what all shards did."""
    yield CampaignStarted(
        format=LOG_FORMAT,
        version=_joined(shard.version for shard in shards),
        seed=_joined(shard.seed for shard in shards),
        scenarios=names,
        plane=_joined(shard.plane for shard in shards),
    )
    did = {scenario.scenario for shard in shards for scenario in shard.scenarios}
    begun = [name for name in names if name in did]
    for name in begun:
        starts = [shard.started[name] for shard in shards if name in shard.started]
        if starts:
            yield _started(starts)
    yield from (line for log in logs for line in log if isinstance(line, CaseJudged))
    reported = list(_findings(shards))
    yield from reported
    for name in begun:
        ended = _ended(name, [part for shard in shards for part in _parts(shard, name)])
        found = [line.finding for line in reported if line.finding.scenario == name]
        portability = sum(finding.is_portability for finding in found)
        yield replace(ended, findings=len(found) - portability, portability=portability)
    yield CampaignEnded(
        verdict=_worst(shard.verdict for shard in shards),
        stopped=min((shard.stopped for shard in shards), key=_WORST_STOP.index),
        cases=sum(part.cases for shard in shards for part in shard.scenarios),
        findings=sum(not line.finding.is_portability for line in reported),
    )


def _ids(shard: RunReport) -> Iterable[str]:
    yield from (finding.id for finding in (*shard.findings, *shard.portability))
    yield from (case.finding for case in shard.unreported)


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(text for text in texts if text))


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    return min(verdicts, key=_WORST_VERDICT.index)


# Scenarios.


def _started(starts: Sequence[ScenarioStarted]) -> ScenarioStarted:
    reasons: dict[Invariant, dict[str, None]] = {}
    for started in starts:
        for invariant, reason in started.unjudged:
            reasons.setdefault(invariant, {})[reason] = None
    return replace(
        starts[0],
        subject=_joined(started.subject for started in starts),
        unjudged=tuple((invariant, "; ".join(texts)) for invariant, texts in reasons.items()),
        control_cases=sum(started.control_cases for started in starts),
        faults=tuple(dict.fromkeys(kind for started in starts for kind in started.faults)),
    )


def _parts(shard: RunReport, name: str) -> Iterable[ScenarioEnded]:
    """Yield what a shard did of a scenario, also if that is nothing where it was asked for it."""
    yield from (scenario for scenario in shard.scenarios if scenario.scenario == name)
    if name in shard.not_run:
        yield ScenarioEnded(
            scenario=name,
            verdict=Verdict.INCONCLUSIVE,
            reason="one of the runs ended before it began",
            cases=0,
            passed=0,
            failed=0,
            inconclusive=0,
            boots=0,
            recoveries=0,
            events=0,
            crash_points={},
            judged=(),
            findings=0,
        )


def _ended(name: str, parts: Sequence[ScenarioEnded]) -> ScenarioEnded:
    judged = {invariant for part in parts for invariant in part.judged}
    return ScenarioEnded(
        scenario=name,
        verdict=_worst(part.verdict for part in parts),
        reason="; ".join(dict.fromkeys(part.reason for part in parts if part.reason)),
        cases=sum(part.cases for part in parts),
        passed=sum(part.passed for part in parts),
        failed=sum(part.failed for part in parts),
        inconclusive=sum(part.inconclusive for part in parts),
        boots=sum(part.boots for part in parts),
        recoveries=sum(part.recoveries for part in parts),
        events=sum(part.events for part in parts),
        crash_points=_added(part.crash_points for part in parts),
        images=_images([part.images for part in parts if part.images is not None]),
        judged=tuple(invariant for invariant in Invariant if invariant in judged),
        findings=0,
        unjudged=tuple(
            dict.fromkeys(
                (invariant, reason)
                for part in parts
                for invariant, reason in part.unjudged
                if invariant not in judged
            )
        ),
        unopened=next((part.unopened for part in parts if part.unopened is not None), None),
        varied=in_order(varied for part in parts for varied in part.varied),
        further=FurtherRecoveries.sum(part.further for part in parts),
        search=_search([part.search for part in parts if part.search is not None]),
        reach=_reach([part.reach for part in parts if part.reach is not None]),
        matrix=_matrix([part.matrix for part in parts if part.matrix is not None]),
        few=_few([part.few for part in parts if part.cases]),
    )


def _few(parts: Sequence[FewCases | None]) -> FewCases | None:
    """Return that all of them together had few cases; how long more take is of one run alone."""
    few = [part for part in parts if part is not None]
    done = sum(part.done for part in few)
    if not few or len(few) < len(parts) or done >= few[0].of:
        return None
    return replace(few[0], done=done, seconds=0 if len(few) > 1 else few[0].seconds)


def _matrix(parts: Sequence[FaultMatrix]) -> FaultMatrix | None:
    return FaultMatrix.sum(parts) if parts else None


def _reach(parts: Sequence[WorkloadReach]) -> WorkloadReach | None:
    if not parts:
        return None
    return WorkloadReach(
        cases=Reach.of_all(part.cases for part in parts),
        controls=Reach.of_all(part.controls for part in parts),
        is_fitted=all(part.is_fitted for part in parts),
    )


def _images(parts: Sequence[ImageTotals]) -> ImageTotals | None:
    if not parts:
        return None
    return ImageTotals(
        positions=sum(part.positions for part in parts),
        all_positions=sum(part.all_positions for part in parts),
        legal=sum(part.legal for part in parts),
        is_legal_counted=all(part.is_legal_counted for part in parts),
        generated=sum(part.generated for part in parts),
        distinct=sum(part.distinct for part in parts),
        judged=sum(part.judged for part in parts),
        policies=_added(part.policies for part in parts),
    )


def _search(parts: Sequence[SearchCoverage]) -> SearchCoverage | None:
    """Return the searches of several runs as one.

    Which kinds two of them share is not known, so the sum of theirs is no count; their curves
    are over cases of their own, so there is none.
    """
    if len(parts) < 2:
        return parts[0] if parts else None
    cells: Counter[Cell] = Counter()
    for cell, count in (each for part in parts for each in part.cells):
        cells[cell] += count
    judged = sum(part.judged for part in parts)
    unreached = dict.fromkeys(cell for part in parts for cell in part.unreached)
    return SearchCoverage(
        judged=judged,
        kinds=sum(part.kinds for part in parts),
        is_counted=False,
        next_kinds=_mean(parts, [part.next_kinds for part in parts]),
        next_cells=_mean(parts, [part.next_cells for part in parts]),
        searched=sum(part.searched for part in parts),
        exhausted=sum(part.exhausted for part in parts),
        cells=tuple(cells.items()),
        unreached=tuple(cell for cell in unreached if cell not in cells),
    )


def _mean(parts: Sequence[SearchCoverage], estimates: Sequence[int]) -> int:
    """Return the mean of an estimate, each run by the states that it judged."""
    judged = [part.judged for part in parts]
    weighed = sum(count * each for count, each in zip(judged, estimates, strict=True))
    return round(weighed / max(1, sum(judged)))


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))


# Findings.


def _findings(shards: Sequence[RunReport]) -> Iterable[FindingReported]:
    alike: dict[str, list[FindingReported]] = {}
    for shard in shards:
        for finding in (*shard.findings, *shard.portability):
            line = FindingReported(finding=finding, story=shard.stories.get(finding.id))
            alike.setdefault(finding.id, []).append(line)
    for lines in alike.values():
        best = min(lines, key=_rank)
        kind = best.finding.is_portability
        counted = [line.finding for line in lines if line.finding.is_portability == kind]
        if best.finding.kept is None:
            counted = [finding for finding in counted if finding.kept is None]
        seen = sum(finding.seen for finding in counted)
        groups = tuple(sorted({group for finding in counted for group in finding.groups}))
        together = replace(best.finding, seen=seen, cases=_cases(shards, counted), groups=groups)
        yield replace(best, finding=together)


def _cases(shards: Sequence[RunReport], alike: Sequence[Finding]) -> int:
    """Return out of how many cases: also those of shards that did not show it."""
    parts = (part for shard in shards for part in shard.scenarios)
    ran = sum(part.cases for part in parts if part.scenario == alike[0].scenario)
    return max(ran, sum(finding.cases for finding in alike))


def _rank(line: FindingReported) -> tuple[int, ...]:
    """Return what orders findings of one id: the one that says most comes first."""
    finding = line.finding
    return (
        finding.is_portability,
        finding.kept is not None,
        not finding.is_stable,
        line.story is None,
        not finding.is_minimal,
        len(finding.landings),
        finding.operations,
    )
