"""Probes: the strongest contract that a subject keeps, found by trying promises on it.

Each promise is a campaign of its own with that contract. For a kill: all, then a prefix. For a
power loss: all, from the strictest model to the weakest, and a prefix where all breaks. What
breaks under a strict model breaks under the weaker ones, so these are not tried any more.
Acknowledgement at `append` comes first, since it is the stronger promise.

A few cases come first, since most broken promises show in them. A time limit is shared: those few
may take half of what is left, the others what each promise that is still to come gets as well.

Crashes fall into later boots, on a store that was made and closed: what a crash leaves of a
half-made store breaks no promise, since nothing was promised yet, and `walcrash run` shows it.

The contract that held is then held once more while storage fails, calls are slow, clocks jump and
random bytes repeat: the stated one, or what is left of it.

Not here: what a contract means (`walcrash.oracle`), which faults are tried (`probed_faults`).
"""

import shlex
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.campaign import Campaign
from walcrash.campaign.plan import CampaignPlan
from walcrash.campaign.pool import MakeExecutor
from walcrash.campaign.time_budget import cuts_text
from walcrash.case.sandbox import Sandbox
from walcrash.minimise.trial import TRIES
from walcrash.tools.probed_faults import (
    is_fault_stated,
    scenario_with_fault,
    why_harmless,
    why_unjudged,
)
from walcrash.values.contract import Acknowledges, Contract, PersistenceModel, Promise
from walcrash.values.errors import Inconclusive, Interrupted
from walcrash.values.fault_matrix import NO_FAULTS, FaultMatrix
from walcrash.values.faults import BootSelector, FaultKind, FaultPlan
from walcrash.values.finding import Finding
from walcrash.values.log import (
    CampaignEnded,
    CutWork,
    FindingReported,
    ScenarioEnded,
    ScenarioStarted,
    StopReason,
    TimeCut,
)
from walcrash.values.persistence import is_power_loss, power_models
from walcrash.values.probe import (
    FAULT_NAMES,
    Probe,
    ProbedCrash,
    ProbedFault,
    ProbedPromise,
)
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Invariant, Verdict

# limits
FIRST_CASES: Final = 6
"""Cases of the first try of a promise."""

CASES: Final = 40
"""Cases by default for a promise that the first try did not break."""

BOOTS: Final = 2
"""Fewest boots of a case: the first makes the store and closes it."""

IMAGES: Final = 80
"""Most images of one case with a power loss by default."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePlan:
    """What is to be probed.

    Attributes:
        scenario: the subject and its workload; faults and budget are the probe's own.
        master_seed: an integer in decimal digits, or any text.
        runs: the directory that keeps findings.
        cases: most cases for one promise.
        images: most images of one case with a power loss.
        seconds: time for the whole probe; None for no limit.
        jobs: how many processes run cases.
        acknowledges: when records are to count as promised, in the order in which that is tried;
            `sync` is left out where all is kept from the append on.
        minimising_tries: how many simpler cases are run for one group of failing cases.
        has_faults: whether what held is held under the other kinds of faults as well.
    """

    scenario: Scenario
    master_seed: str
    runs: Path
    cases: int = CASES
    images: int = IMAGES
    seconds: float | None = None
    jobs: int = 1
    acknowledges: tuple[Acknowledges, ...] = tuple(Acknowledges)
    minimising_tries: int = TRIES
    has_faults: bool = True


def run_probe(
    plan: ProbePlan, *, say: Say, make_executor: MakeExecutor = jobs.make_executor
) -> Probe:
    """Probe one subject.

    Args:
        plan: what to do.
        say: called with what is being done, line by line.
        make_executor: makes the job processes.

    Raises:
        ScenarioError: the subject cannot be loaded.
        Inconclusive: the subject cannot be tested, or interception is missing.
        Interrupted: somebody asked to stop.
        HarnessFault: the harness could not do its work.
    """
    return _Prober(plan, say, make_executor).probe()


@dataclass(slots=True)
class _Answer:
    """What one campaign showed of one promise."""

    cases: int = 0
    images: int = 0
    verdict: Verdict = Verdict.INCONCLUSIVE
    reason: str = ""
    finding: Finding | None = None
    judged: frozenset[Invariant] = frozenset()
    matrix: FaultMatrix = NO_FAULTS
    is_late: bool = False


@dataclass(slots=True)
class _Prober:
    plan: ProbePlan
    say: Say
    make_executor: MakeExecutor
    stated: Contract = field(default_factory=Contract)
    supports: frozenset[str] = frozenset()
    subject: str = ""
    promises: list[ProbedPromise] = field(default_factory=list)
    deadline: float | None = None
    plain: Finding | None = None
    is_cut: bool = False
    is_exhausted: bool = False

    def probe(self) -> Probe:
        seconds = self.plan.seconds
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self._load()
        for acknowledges in self.plan.acknowledges:
            if acknowledges is Acknowledges.SYNC and not self._is_sync_worth_trying():
                break
            self._kills(acknowledges)
            self._power_losses(acknowledges)
        found = Probe(
            subject=self.subject,
            seed=self.plan.master_seed,
            stated=self.stated,
            promises=tuple(self.promises),
            plain=self.plain,
        )
        held = found.contract_for_faults() if self.plan.has_faults else None
        faults = () if held is None else self._faults(held)
        return replace(
            found,
            faults=faults,
            held=held if faults else None,
            is_cut_short=self.is_cut or self._is_late(),
            plain=self.plain,
        )

    def _load(self) -> None:
        scenario = self.plan.scenario
        with Sandbox() as sandbox:
            description = sandbox.load(scenario.subject, scenario.limits)
        self.stated = scenario.contract or description.contract
        self.supports = description.supports

    def _kills(self, acknowledges: Acknowledges) -> None:
        for promise in (Promise.ALL, Promise.PREFIX):
            if self._holds(acknowledges, ProbedCrash.KILL, PersistenceModel.KILL, promise):
                return

    def _power_losses(self, acknowledges: Acknowledges) -> None:
        """Go to weaker models with the strongest promise that still holds."""
        promises = iter((Promise.ALL, Promise.PREFIX))
        promise = next(promises)
        for model in power_models():
            while not self._holds(acknowledges, ProbedCrash.POWER, model, promise):
                weaker = next(promises, None)
                if weaker is None:
                    return
                promise = weaker

    def _is_sync_worth_trying(self) -> bool:
        """Whether the subject can sync, and not all is kept from the append on."""
        is_all_kept = self.promises and all(each.verdict is Verdict.PASS for each in self.promises)
        return "sync" in self.supports and not is_all_kept

    def _holds(
        self,
        acknowledges: Acknowledges,
        crash: ProbedCrash,
        model: PersistenceModel,
        promise: Promise,
    ) -> bool:
        """Try one promise; return whether it held."""
        # What needs no crash breaks every promise alike.
        if self._is_late() or self.plain is not None:
            return False
        where = "" if crash is ProbedCrash.KILL else f" under {model.value}"
        what = f"{promise.value} after a {_NAMES[crash]}{where}"
        self.say(f"acknowledged at {acknowledges.value}: {what}")
        scenario = self._scenario(acknowledges, crash, model, promise)
        answer = self._ask_twice(scenario, ahead=self._promises_ahead(crash, model))
        if self.plain is not None:
            return False
        self.promises.append(
            ProbedPromise(
                acknowledges=acknowledges,
                crash=crash,
                model=model,
                promise=promise,
                verdict=answer.verdict,
                cases=answer.cases,
                images=answer.images,
                finding=answer.finding,
                reason=answer.reason,
            )
        )
        return answer.verdict is Verdict.PASS

    def _faults(self, held: Contract) -> tuple[ProbedFault, ...]:
        """Hold a contract under each kind of fault, as long as there is time."""
        faults: list[ProbedFault] = []
        for number, kind in enumerate(FAULT_NAMES):
            if self._is_late() or self.plain is not None:
                break
            self.say(f"what held, with {FAULT_NAMES[kind]}")
            base = replace(self.plan.scenario, origin=self._origin())
            scenario = scenario_with_fault(base, held, kind, images=self.plan.images)
            answer = self._ask_twice(scenario, ahead=len(FAULT_NAMES) - number - 1)
            if self.plain is None:
                faults.append(self._fault(kind, answer))
        return tuple(faults)

    def _fault(self, kind: FaultKind, answer: _Answer) -> ProbedFault:
        verdict, reason = answer.verdict, answer.reason
        unjudged = why_unjudged(kind, answer.matrix, answer.judged)
        if verdict is Verdict.PASS and unjudged:
            verdict, reason = Verdict.INCONCLUSIVE, unjudged
        return ProbedFault(
            kind=kind,
            verdict=verdict,
            is_stated=is_fault_stated(self.plan.scenario, self.stated, kind),
            cases=answer.cases,
            finding=answer.finding,
            reason=reason,
            note=why_harmless(kind, answer.matrix) if verdict is Verdict.PASS else "",
        )

    def _scenario(
        self,
        acknowledges: Acknowledges,
        crash: ProbedCrash,
        model: PersistenceModel,
        promise: Promise,
    ) -> Scenario:
        base = self.plan.scenario
        contract = replace(
            self.stated,
            acknowledges=acknowledges,
            kill=promise if crash is ProbedCrash.KILL else Promise.ALL,
            power=promise if crash is ProbedCrash.POWER else Promise.NONE,
            model=model if is_power_loss(model) else power_models()[0],
        )
        fewest, most = base.workload.boots
        kind = FaultKind.KILL if crash is ProbedCrash.KILL else FaultKind.POWER
        parts = (acknowledges.value, crash.value, model.value, promise.value)
        return replace(
            base,
            name="-".join([base.name, *dict.fromkeys(parts)]),
            origin=self._origin(),
            contract=contract,
            workload=replace(base.workload, boots=(max(BOOTS, fewest), max(BOOTS, most))),
            faults=(FaultPlan(kind=kind, boots=BootSelector.LATER, images=self.plan.images),),
            fits_faults=False,
        )

    def _origin(self) -> str:
        plan = self.plan
        asked = ["probe", plan.scenario.path, "--cases", str(plan.cases)]
        return shlex.join([*asked, "--images", str(plan.images)])

    def _promises_ahead(self, crash: ProbedCrash, model: PersistenceModel) -> int:
        """Return how many promises come after one that holds; the kinds of faults count as one."""
        powers = power_models()
        later = len(powers) if crash is ProbedCrash.KILL else len(powers) - powers.index(model) - 1
        return later + self.plan.has_faults

    def _ask_twice(self, scenario: Scenario, *, ahead: int) -> _Answer:
        """Run a few cases, and all of them where these break nothing.

        Args:
            scenario: what is asked.
            ahead: how many others are to have as much time; without a limit it is of no account.

        Raises:
            Inconclusive: the subject cannot be opened.
        """
        few, most = min(FIRST_CASES, self.plan.cases), self.plan.cases
        began = time.monotonic()
        answer = self._ask(scenario, few, self._left(0.5 if ahead else 1.0))
        took = time.monotonic() - began
        self.is_cut |= answer.is_late
        # Whoever comes later would have less.
        self.is_exhausted |= answer.is_late and not answer.cases
        if answer.verdict is not Verdict.PASS or few == most:
            return answer
        if answer.is_late:
            return self._cut(answer, most)
        share = self._left(1 / (ahead + 1))
        # The few are run again first, so less time than they took shows nothing new.
        again = self._ask(scenario, most, share) if share is None or share > took else answer
        if again.verdict is Verdict.FAIL or again.cases == most or self.plain is not None:
            return again
        is_more = again.verdict is Verdict.PASS and again.cases > few
        return self._cut(again if is_more else answer, most)

    def _cut(self, answer: _Answer, most: int) -> _Answer:
        """Say that there was no time for all cases of what has held so far."""
        self.is_cut = True
        cut = TimeCut(what=CutWork.CASES, done=answer.cases, of=most)
        return replace(answer, reason=cuts_text([cut]))

    def _left(self, share: float) -> float | None:
        """Return a share of the seconds that are left; None without a limit."""
        if self.deadline is None:
            return None
        return max(0.1, self.deadline - time.monotonic()) * share

    def _ask(self, scenario: Scenario, cases: int, seconds: float | None) -> _Answer:
        """Run one campaign, for so long at most.

        Raises:
            Inconclusive: the subject cannot be opened.
        """
        campaign = Campaign(
            CampaignPlan(
                scenarios=(scenario,),
                master_seed=self.plan.master_seed,
                jobs=self.plan.jobs,
                cases=cases,
                seconds=seconds,
                only_case=None,
                runs=self.plan.runs,
                minimising_tries=self.plan.minimising_tries,
                # The weaker models have their own turn.
                is_portability_reported=False,
            ),
            make_executor=self.make_executor,
        )
        return self._listen(campaign)

    def _listen(self, campaign: Campaign) -> _Answer:
        answer = _Answer()
        lines = campaign.lines()
        try:
            for line in lines:
                match line:
                    case ScenarioStarted():
                        self.subject = line.subject
                    case FindingReported() if not line.finding.is_portability:
                        # A promise about crashes is kept or broken by what needs one.
                        known = answer.finding
                        if known is None or (line.finding.is_plain and not known.is_plain):
                            answer.finding = line.finding
                    case ScenarioEnded():
                        answer.cases, answer.reason = line.cases, line.reason
                        answer.verdict = line.verdict
                        answer.judged = frozenset(line.judged)
                        answer.matrix = line.matrix or NO_FAULTS
                        answer.images = 0 if line.images is None else line.images.judged
                    case CampaignEnded():
                        answer.is_late = line.stopped is StopReason.TIME_OVER
                    case _:
                        pass
        except KeyboardInterrupt:
            campaign.interrupt()
            raise Interrupted("the probe was interrupted") from None
        finally:
            # However this ended: closing the generator is what ends the processes.
            if isinstance(lines, Generator):
                lines.close()
        if answer.finding is not None and answer.finding.is_plain:
            self.plain = answer.finding
        elif not answer.cases and not answer.is_late and not self._is_late():
            raise Inconclusive(answer.reason or "no case was run")
        return answer

    def _is_late(self) -> bool:
        """Whether no more promises are tried: the time is over, or too little for one case."""
        is_over = self.deadline is not None and time.monotonic() >= self.deadline
        return is_over or self.is_exhausted


_NAMES: Final = {ProbedCrash.KILL: "kill", ProbedCrash.POWER: "power loss"}
