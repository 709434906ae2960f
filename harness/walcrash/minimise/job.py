"""Minimising as a job process does it, and what goes back to the campaign."""

from dataclasses import dataclass, replace
from typing import Final

from walcrash.case.case_run import CaseRun, SearchTargets
from walcrash.case.job import job_sandbox
from walcrash.case.outcome import CaseOutcome, damaged_of, error_of, summarise
from walcrash.case.replayed import is_promised
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.disk import NotModelled
from walcrash.findings.evidence import unpack
from walcrash.findings.fates import watched_fate
from walcrash.findings.story import build_story
from walcrash.minimise.cause import cause_of
from walcrash.minimise.search import minimise
from walcrash.minimise.trial import TRIES, RunCase, starts_of
from walcrash.values.case_file import StoredCase
from walcrash.values.cause import Cause, fate_site
from walcrash.values.fate import Fate
from walcrash.values.persistence import is_portability as is_beyond
from walcrash.values.verdict import Invariant

WATCHED_STARTS: Final = 2
"""Starts whose time is left to watch a recovery: a watched one is slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimalCase:
    """The smallest case of a finding, and what it took to get there.

    Attributes:
        outcome: what it showed in fresh processes; None if the finding's own case did not fail
            again, so that there was nothing to begin with.
        tries: how many simpler cases were run.
        is_finished: whether all was tried; else the budget ran out first.
        is_late: whether that was a time budget.
        cause: the cause that it shows; None where `outcome` is.
        fate: what its events say about what it breaks first; None where they decide nothing.
        is_unwatched: whether there was no time to watch its recovery, which may decide it.
        is_promised: whether its images are of the contract's model, so that it counts against the
            subject also where it was made from a case that did not.
        own: the case that it was made from.
    """

    outcome: CaseOutcome | None
    tries: int
    is_finished: bool
    is_late: bool = False
    cause: Cause | None = None
    fate: Fate | None = None
    is_unwatched: bool = False
    is_promised: bool = False
    own: StoredCase | None = None


def minimise_case(
    stored: StoredCase,
    target_invariant: Invariant,
    *,
    most_tries: int = TRIES,
    is_portability: bool,
    is_torn: bool = False,
    evidence: str = "",
) -> MinimalCase:
    """Minimise a failing case in this job's sandbox.

    Args:
        stored: the case.
        target_invariant: the invariant that it breaks.
        most_tries: how many simpler cases may be run.
        is_portability: whether only images count that the contract's model does not allow.
        is_torn: whether it is a matter of portability for the way in which writes are torn, and
            images of every model count.
        evidence: how it ran when it failed, as `evidence.pack` made it; empty if that is unknown.

    Raises:
        WalcrashError: as `replay_case`.
    """
    with _EarlierEnd(job_sandbox()) as run:
        found = minimise(
            run,
            stored,
            target_invariant,
            most_tries=most_tries,
            beyond=stored.contract.model if is_portability and not is_torn else None,
            kept=unpack(evidence).run if evidence else None,
        )
    as_it_was = MinimalCase(
        outcome=None,
        tries=found.tries,
        is_finished=found.is_finished,
        is_late=found.is_late,
        own=stored,
    )
    if found.run is None:
        return as_it_was
    is_within = _is_promised(found.run, stored)
    if not is_within and not is_portability:
        # It shrank to an image that the contract does not cover: the case as it was is shown.
        return replace(as_it_was, is_finished=False)
    story = build_story(found.run, promised=stored.contract.model)
    fate, is_unwatched = watched_fate(job_sandbox(), stored, found.run)
    return MinimalCase(
        outcome=summarise(found.run, stored),
        tries=found.tries,
        is_finished=found.is_finished,
        is_late=found.is_late,
        cause=cause_of(
            target_invariant,
            found.run.settled,
            story,
            fate_site(fate, target_invariant),
            is_plain=found.run.case.is_control,
            error=error_of(found.run),
            damaged=damaged_of(found.run),
        ),
        fate=fate,
        is_unwatched=is_unwatched,
        is_promised=is_within and not is_torn,
        own=stored,
    )


class _EarlierEnd:
    """Runs cases that end before their job's deadline, so that a recovery can be watched behind it.

    How much time is left for that is what the starts of the subject took in the last run.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._whole = sandbox.deadline

    def __enter__(self) -> RunCase:
        return self._run

    def __exit__(self, *_: object) -> None:
        self._sandbox.deadline = self._whole

    def _run(self, stored: StoredCase, *, targets: SearchTargets | None = None) -> CaseRun:
        before = self._whole.seconds_left
        run = run_case(self._sandbox, stored, targets=targets)
        after = self._whole.seconds_left
        if before is not None and after is not None:
            start_seconds = (before - after) / max(1, starts_of(run))
            self._sandbox.deadline = self._whole.earlier(WATCHED_STARTS * start_seconds)
        return run


def _is_promised(run: CaseRun, stored: StoredCase) -> bool:
    try:
        return is_promised(run.boots, stored.contract.model)
    except NotModelled:
        return not is_beyond(run.model, promised=stored.contract.model)
