"""Explanations: a kept finding's case, run once more and told as a story."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness.campaign import jobs
from harness.campaign.crew import MakeExecutor
from harness.campaign.replay import replay_finding
from harness.campaign.story import tell_story
from harness.values.finding import Finding
from harness.values.story import Story


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A finding with its story; `is_alike` if the same invariant broke this time as well."""

    finding: Finding
    story: Story
    is_alike: bool


def explain_finding(
    reference: str, *, runs: Path, make_executor: MakeExecutor = jobs.make_executor
) -> Explained:
    """Run a kept finding's case once more and tell its story.

    Raises:
        UsageError: there is no such finding.
        WalcrashError: as `replay_finding`.
    """
    results = replay_finding(reference, runs=runs, times=1, make_executor=make_executor)
    with closing(results):
        result = next(results)
    story = tell_story(result.run, promised=result.promised)
    return Explained(finding=result.finding, story=story, is_alike=result.alike)
