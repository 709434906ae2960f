"""The parts of a case that count each by itself: its own failure, a plain one, a portability one.

A part is run and stored by itself, since each may become a finding: what needs no crash is another
case than what needs one, and is judged by more rules.

Not here: what needs a crash (`case.plain`), which parts are one group (`minimise.cause`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from walcrash.case.case_run import CaseRun, torn_as
from walcrash.case.deadline import TimeOver
from walcrash.case.drawn import Drawn
from walcrash.case.outcome import CaseOutcome, complexity, summarise
from walcrash.case.plain import blame, weaker_blame
from walcrash.case.plane import Plane
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.case.steady import with_steady_clock
from walcrash.findings.evidence import complete, pack
from walcrash.findings.fates import failure_fate
from walcrash.minimise.cause import FailureGroup, group_of
from walcrash.values.case_file import StoredCase
from walcrash.values.cause import fate_site
from walcrash.values.fate import Fate
from walcrash.values.fault_matrix import NO_FAULTS
from walcrash.values.rules import RULES
from walcrash.values.verdict import Verdict


class Part(Enum):
    """Which part of a case."""

    OWN = "own"
    PLAIN = "plain"
    PORTABILITY = "portability"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseParts:
    """What a case showed.

    Attributes:
        run: of the case.
        stored: the case, as it was asked for.
        own_stored: the same, with the rules by which `run` was judged.
        needs_crash: whether what it showed counts for its crashes.
        plain: how it failed without its crashes, if it did.
        portability: how it failed under a model weaker than the contract's, if it did.
        fates: what became of what the parts lost that failed and count, where their events decide
            that.
    """

    run: CaseRun
    stored: StoredCase
    own_stored: StoredCase
    needs_crash: bool = True
    plain: CaseRun | None = None
    portability: CaseRun | None = None
    fates: Mapping[Part, Fate] = field(default_factory=dict)

    def outcome(self) -> CaseOutcome:
        """Return what a campaign keeps of it."""
        whole = replace(self.run, portability_failure=self.portability)
        own = summarise(whole, self.own_stored)
        if not self.needs_crash:
            # What shows without any crash or fault says nothing of what faults fell on.
            own = replace(own, matrix=NO_FAULTS)
        plain = None if self.plain is None else summarise(self.plain, self.stored)
        if plain is not None:
            plain = replace(plain, fate=self.fates.get(Part.PLAIN))
        weaker = own.portability_failure
        if weaker is not None:
            weaker = replace(weaker, fate=self.fates.get(Part.PORTABILITY))
        return replace(
            own,
            plain_failure=plain,
            portability_failure=weaker,
            needs_crash=self.needs_crash,
            fate=self.fates.get(Part.OWN),
        )

    def failures(self) -> list[tuple[Part, CaseRun]]:
        """Return the parts that failed and count."""
        parts = {
            Part.OWN: self.run if self.needs_crash else None,
            Part.PLAIN: self.plain,
            Part.PORTABILITY: self.portability,
        }
        return [
            (part, run)
            for part, run in parts.items()
            if run is not None and run.verdict is Verdict.FAIL
        ]


def run_parts(
    sandbox: Sandbox,
    stored: StoredCase,
    drawn: Drawn | None = None,
    *,
    plane: Plane | None = None,
) -> CaseParts:
    """Run a case; where it fails, tell what needs its crashes, and what became of what it lost.

    `drawn` is what it has beside what is stored of it; `plane` is the real file system whose power
    is lost, in place of a model's images.

    Raises:
        WalcrashError: as `run_case`.
    """
    parts = _parts(sandbox, stored, drawn, plane)
    fates = {
        part: failure_fate(sandbox, parts.own_stored if part is Part.OWN else parts.stored, run)
        for part, run in parts.failures()
    }
    return replace(parts, fates={part: fate for part, fate in fates.items() if fate is not None})


def _parts(
    sandbox: Sandbox, stored: StoredCase, drawn: Drawn | None, plane: Plane | None
) -> CaseParts:
    run = run_case(sandbox, stored, drawn=drawn, plane=plane)
    stored, run = with_steady_clock(sandbox, stored, run)
    if run.verdict is Verdict.FAIL:
        found = blame(sandbox, stored, run)
        return CaseParts(
            run=run if found.crash is None else found.crash,
            stored=stored,
            own_stored=found.stored,
            needs_crash=found.crash is not None,
            plain=found.plain,
        )
    weaker = run.portability_failure
    if weaker is not None:
        try:
            weaker = weaker_blame(sandbox, stored, weaker)
        except TimeOver:
            # Of a case that passed, a note that there is no time to confirm is not told.
            weaker = None
    return CaseParts(run=run, stored=stored, own_stored=stored, portability=weaker)


@dataclass(frozen=True, slots=True)
class _Failure:
    """A part that failed: the case's position in its batch, and how it ran."""

    at: int
    part: Part
    outcome: CaseOutcome
    run: CaseRun
    stored: StoredCase


def with_evidence(
    sandbox: Sandbox, outcomes: Sequence[CaseOutcome], cases: Sequence[CaseParts]
) -> list[CaseOutcome]:
    """Return the outcomes; the simplest of each group has with it what it left.

    Args:
        sandbox: where the cases ran.
        outcomes: of a batch.
        cases: the same cases.
    """
    found = list(outcomes)
    simplest: dict[tuple[Part, FailureGroup], _Failure] = {}
    for at, (outcome, case) in enumerate(zip(outcomes, cases, strict=True)):
        for part, run in case.failures():
            failed = _of_part(outcome, part)
            assert failed is not None, "a part that failed has an outcome"
            stored = case.own_stored if part is Part.OWN else case.stored
            each = _Failure(at, part, failed, run, stored)
            group = outcome_group(failed)
            known = simplest.setdefault((part, group), each)
            if preference(failed) < preference(known.outcome):
                simplest[part, group] = each
    for each in simplest.values():
        stored = replace(torn_as(each.stored, each.run), case=each.run.case)
        evidence = pack(complete(sandbox, stored, each.run))
        found[each.at] = _with_part(
            found[each.at], each.part, replace(each.outcome, evidence=evidence)
        )
    return found


def preference(outcome: CaseOutcome) -> tuple[int, ...]:
    """Return what orders the failing cases of a group: the severest rule, then the simplest."""
    return RULES[outcome.worst.invariant].rank, *complexity(outcome)


def outcome_group(outcome: CaseOutcome) -> FailureGroup:
    """Return the group that a failing case belongs to."""
    return group_of(
        outcome.worst.invariant,
        outcome.landings_of_cause,
        fate_site(outcome.fate, outcome.worst.invariant),
        is_plain=outcome.is_plain,
        error=outcome.error,
        damaged=outcome.damaged,
    )


def _of_part(outcome: CaseOutcome, part: Part) -> CaseOutcome | None:
    if part is Part.OWN:
        return outcome
    return outcome.plain_failure if part is Part.PLAIN else outcome.portability_failure


def _with_part(outcome: CaseOutcome, part: Part, changed: CaseOutcome) -> CaseOutcome:
    if part is Part.OWN:
        return replace(outcome, evidence=changed.evidence)
    if part is Part.PLAIN:
        return replace(outcome, plain_failure=changed)
    return replace(outcome, portability_failure=changed)
