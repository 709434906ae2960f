"""Explanations: a kept finding's case, run once more and made into a story."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from walcrash.campaign import jobs
from walcrash.campaign.pool import MakeExecutor
from walcrash.disk import NotModelled
from walcrash.findings.bundle import SUFFIX, read_bundle, subject_to_name
from walcrash.findings.bundle_zip import AGAIN_HINT
from walcrash.findings.evidence import unpack
from walcrash.findings.fates import case_fate
from walcrash.findings.store import Store
from walcrash.findings.story import build_story
from walcrash.tools.replay import ReplayResult, replay_finding
from walcrash.values.errors import UsageError
from walcrash.values.fate import Fate
from walcrash.values.finding import Finding
from walcrash.values.log import (
    LOG_FORMAT,
    CampaignEnded,
    CampaignStarted,
    FindingReported,
    LogLine,
    ScenarioEnded,
    ScenarioStarted,
    StopReason,
)
from walcrash.values.story import Story
from walcrash.values.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A finding with its story.

    Attributes:
        finding: as it is shown: with what the run that is shown did.
        story: of that run.
        is_alike: whether the same invariant broke this time as well.
        is_kept: it did not, and what is shown is the run that the campaign kept.
        is_bundle: whether it is that of a bundle.
        subject: what has to be named to replay a bundle; empty where nothing has.
    """

    finding: Finding
    story: Story
    is_alike: bool
    is_kept: bool = False
    is_bundle: bool = False
    subject: str = ""


def explain_finding(
    reference: str,
    *,
    runs: Path,
    subject: str | None = None,
    make_executor: MakeExecutor = jobs.make_executor,
) -> Explained:
    """Run a kept finding's case once more and make its story; a bundle's own run is shown as it is.

    Raises:
        UsageError: there is no such finding, its subject is not where it was, or the bundle is
            broken.
        WalcrashError: as `replay_finding`.
    """
    if reference.endswith(SUFFIX):
        return _explain_bundle(Path(reference))
    results = replay_finding(
        reference, runs=runs, subject=subject, times=1, make_executor=make_executor
    )
    with closing(results):
        result = next(results)
    kept = Store(runs).find(reference)
    if not result.alike and kept.evidence:
        run = unpack(kept.evidence).run
        story = build_story(run, promised=result.promised)
        finding = replace(kept.finding, fate=case_fate(run))
        return Explained(finding=finding, story=story, is_alike=False, is_kept=True)
    story = build_story(result.run, promised=result.promised)
    # What is shown is this run; how often the finding repeats is what its campaign has counted.
    counted = kept.finding
    finding = replace(
        result.finding,
        replays=counted.replays,
        replays_alike=counted.replays_alike,
        fate=_fate(result, counted),
    )
    return Explained(finding=finding, story=story, is_alike=result.alike)


def _fate(result: ReplayResult, kept: Finding) -> Fate | None:
    """Return the fate in a run: the campaign's, which saw more, where the run did the same."""
    is_same = result.alike and result.finding.violations == kept.violations
    return kept.fate if is_same and kept.fate is not None else case_fate(result.run)


def _explain_bundle(path: Path) -> Explained:
    """Make the story of the run in a bundle, for which no subject is needed."""
    bundle = read_bundle(path)
    try:
        story = build_story(bundle.evidence.run, promised=bundle.stored.contract.model)
        fate = case_fate(bundle.evidence.run)
    except (NotModelled, AssertionError, LookupError, ValueError, MemoryError) as problem:
        # A bundle from a stranger may hold calls that no file system allows.
        raise UsageError(
            f"the bundle {path} is refused: its trace cannot be ({type(problem).__name__}: "
            f"{problem}); nothing was written",
            hint=AGAIN_HINT,
        ) from None
    return Explained(
        finding=replace(bundle.finding, fate=fate),
        story=story,
        is_alike=True,
        is_bundle=True,
        subject=subject_to_name(bundle),
    )


def bundle_log(path: Path) -> tuple[list[LogLine], str]:
    """Return a bundle as the event log of a run of its one case, and what to name as subject.

    Raises:
        UsageError: the bundle is broken.
    """
    bundle, explained = read_bundle(path), _explain_bundle(path)
    finding, run, terms = explained.finding, bundle.evidence.run, bundle.stored
    is_note = finding.is_portability
    verdict = Verdict.PASS if is_note else Verdict.FAIL
    return [
        CampaignStarted(
            format=LOG_FORMAT,
            version=bundle.version,
            seed=finding.master_seed,
            scenarios=(finding.scenario,),
        ),
        ScenarioStarted(
            scenario=finding.scenario,
            subject=terms.subject.name,
            contract=terms.contract,
            supports=tuple(sorted(terms.supports)),
            unjudged=(),
            control_cases=0,
            path=finding.scenario_path,
        ),
        FindingReported(finding=finding, story=explained.story),
        ScenarioEnded(
            scenario=finding.scenario,
            verdict=verdict,
            reason=f"the one case of the bundle {path.name}",
            cases=1,
            passed=int(is_note),
            failed=int(not is_note),
            inconclusive=0,
            boots=len(run.boots),
            recoveries=run.recoveries,
            events=sum(len(boot.recording.rows) for boot in run.boots),
            crash_points={},
            judged=tuple(dict.fromkeys(each.invariant for each in finding.violations)),
            findings=int(not is_note),
            portability=int(is_note),
        ),
        CampaignEnded(
            verdict=verdict, stopped=StopReason.CASES_DONE, cases=1, findings=int(not is_note)
        ),
    ], explained.subject
