"""Replays: a kept finding's case, run again in fresh processes."""

import shlex
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.finding_reports import REPLAYS
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.case.case_run import CaseRun
from walcrash.case.job import replay_case
from walcrash.findings.bundle import read_bundle, with_subject
from walcrash.findings.evidence import has_same_trace, has_threads
from walcrash.findings.evidence_job import recheck
from walcrash.findings.place import missing_file
from walcrash.findings.store import KeptFinding, Store
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import UsageError
from walcrash.values.finding import Finding
from walcrash.values.history import History
from walcrash.values.scenario import SubjectSpec
from walcrash.values.verdict import Invariant, Judgement

ANOTHER_TRACE: Final = "the subject's trace is not the bundle's: it does other things now"

OWN_TRACE: Final = (
    "the subject's threads made another trace this time; the image is that of the bundle's trace"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """One replay of a finding: whether it broke the same invariant, and all it showed.

    `promised` is the contract's persistence model; `note` says what is out of the ordinary, such
    as an image that comes from a bundle's own trace.
    """

    finding: Finding
    alike: bool
    run: CaseRun
    promised: PersistenceModel
    note: str = ""

    @property
    def judgement(self) -> Judgement:
        """What the oracle says of this replay."""
        return self.run.judgement

    @property
    def history(self) -> History:
        """What happened in this replay."""
        return self.run.history


def replay_finding(
    reference: str,
    *,
    runs: Path,
    subject: str | None = None,
    times: int = REPLAYS,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Generator[ReplayResult, None, None]:
    """Run a kept finding's case again, each time in fresh processes.

    Args:
        reference: its id, or the beginning of one.
        runs: the directory that keeps it.
        subject: what to run in place of its subject: a scenario file or an adapter.
        times: how often.
        make_executor: where it runs.

    Raises:
        UsageError: there is no such finding, or its subject is not where it was.
        WalcrashError: as `Campaign.lines`.
    """
    kept = find_kept(reference, runs=runs, subject=subject)
    with JobPool(make_executor, 1) as pool:
        for _ in range(times):
            run = pool.result(pool.submit(replay_case, kept.stored))
            assert run is not None, "nobody interrupts a replay but by an exception"
            yield ReplayResult(
                finding=_as_run(kept.finding, run),
                alike=_breaks(run.judgement, kept.invariant),
                run=run,
                promised=kept.stored.contract.model,
            )


def replay_bundle(
    path: Path,
    *,
    subject: str | None,
    times: int = REPLAYS,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Generator[ReplayResult, None, None]:
    """Run a bundle's case again, each time in fresh processes.

    A subject with several threads may make another trace each time. Where it breaks nothing in
    the one that it makes now, the image that the bundle's own trace left is recovered and judged
    instead. With a single thread another trace is another program, perhaps a repaired one, so
    what it shows now counts.

    Args:
        path: the bundle.
        subject: what to run in place of the bundle's subject: a scenario file or an adapter.
        times: how often.
        make_executor: where it runs.

    Raises:
        UsageError: the bundle is broken, or its subject has to be named.
        WalcrashError: as `Campaign.lines`.
    """
    bundle = read_bundle(path)
    named = None if subject is None else find_subject(subject, bundle.stored.subject)
    stored = with_subject(bundle, path, named)
    target_invariant = bundle.finding.worst.invariant
    with JobPool(make_executor, 1) as pool:
        for _ in range(times):
            run = pool.result(pool.submit(replay_case, stored))
            assert run is not None, "nobody interrupts a replay but by an exception"
            result = ReplayResult(
                finding=_as_run(bundle.finding, run),
                alike=_breaks(run.judgement, target_invariant),
                run=run,
                promised=stored.contract.model,
            )
            is_same = has_same_trace(bundle.evidence.run, run)
            if not is_same:
                result = replace(result, note=ANOTHER_TRACE)
            can_differ = bundle.evidence.before is not None and has_threads(bundle.evidence.run)
            if not result.alike and not is_same and can_differ:
                again = pool.result(pool.submit(recheck, stored, bundle.evidence))
                assert again is not None, "nobody interrupts a replay but by an exception"
                result = ReplayResult(
                    finding=_as_run(bundle.finding, again),
                    alike=_breaks(again.judgement, target_invariant),
                    run=again,
                    promised=stored.contract.model,
                    note=OWN_TRACE,
                )
            yield result


def find_kept(reference: str, *, runs: Path, subject: str | None) -> KeptFinding:
    """Return a kept finding, with another subject if one is named.

    Raises:
        UsageError: there is no such finding, or its subject is not where it was.
        ScenarioError: the scenario that is named is broken.
    """
    kept = Store(runs).find(reference)
    if subject is not None:
        named = find_subject(subject, kept.stored.subject)
        return replace(kept, stored=replace(kept.stored, subject=named))
    lacking = missing_file(kept.stored.subject)
    if lacking is not None:
        again = f"walcrash replay {kept.id} --runs {shlex.quote(str(runs))}"
        raise UsageError(
            f"{kept.id} was found with `{kept.stored.subject.name}` in {Path(lacking).parent}, "
            "which is not there, nor where the store is now or the scenario is named; "
            "nothing was run",
            hint=f"{again} --subject SCENARIO.toml, a scenario with that subject",
        )
    return kept


def find_subject(name: str, named: SubjectSpec) -> SubjectSpec:
    """Return the subject of a scenario, or an adapter with the options of the one named before.

    Raises:
        UsageError: there is no such scenario.
        ScenarioError: the scenario is broken.
    """
    if name.endswith(".toml"):
        from walcrash.scenario.file import load_scenario

        return load_scenario(Path(name)).subject
    file, colon, kind = name.rpartition(":")
    if colon and file.endswith(".py"):
        name = f"{Path(file).resolve()}:{kind}"
    return SubjectSpec(name, named.options)


def _breaks(judgement: Judgement, target_invariant: Invariant) -> bool:
    return any(violation.invariant is target_invariant for violation in judgement.violations)


def _as_run(finding: Finding, run: CaseRun) -> Finding:
    """Return a finding as a replay shows it; one that did not fail is shown as it was."""
    if not run.judgement.violations:
        return replace(finding, replays=1, replays_alike=1)
    return replace(
        finding,
        violations=run.judgement.violations,
        landings=run.landings,
        model=run.model,
        replays=1,
        replays_alike=1,
    )
