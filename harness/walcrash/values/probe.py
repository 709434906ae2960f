"""Probes: which promises a subject keeps, whatever it or its scenario states.

A probe puts one promise after the other to the test, from strong to weak. A promise that holds
was not broken in so many cases; that is no proof. One that does not hold has a finding.

A contract that held is held once more while storage fails. That decides of the contract only where
the scenario asks for such faults, or the contract says that it detects them. It is held once more
while calls are slow and clocks jump: no call fails then, so that decides always. That random bytes
do not repeat a log may rely on, unless the scenario says otherwise.

Not here: running the cases (`tools.probe`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Annotated, Final

from walcrash.values.contract import Acknowledges, Contract, PersistenceModel, Promise
from walcrash.values.faults.plan import FaultKind
from walcrash.values.finding import Finding
from walcrash.values.forms import SPARSE
from walcrash.values.persistence import covers, power_models
from walcrash.values.verdict import Invariant, Verdict

RULE_OF: Final[Mapping[FaultKind, Invariant]] = {
    FaultKind.ERROR: Invariant.UNREPORTED_ERROR,
    FaultKind.SHORT: Invariant.UNREPORTED_ERROR,
    FaultKind.QUOTA: Invariant.UNREPORTED_ERROR,
    FaultKind.ROT: Invariant.SILENT_ROT,
}
"""The kinds of failing storage that a probe tries, and what judges each."""

FAULT_NAMES: Final = {
    FaultKind.ERROR: "calls that fail",
    FaultKind.SHORT: "short transfers",
    FaultKind.QUOTA: "a full disk",
    FaultKind.ROT: "damage at rest",
    FaultKind.SLOW: "slow calls",
    FaultKind.CLOCK: "clocks that jump",
    FaultKind.REPEATED_RANDOM: "repeated random bytes",
}
"""Each kind of fault that a probe tries, in that order, in words."""

ALWAYS_COUNTED: Final = frozenset({FaultKind.SLOW, FaultKind.CLOCK})
"""The kinds that decide also where nobody asked for them: every contract is to hold under them."""


class ProbedCrash(Enum):
    """What the promise is to survive."""

    KILL = "kill"
    POWER = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedPromise:
    """One promise, and whether the subject kept it.

    Attributes:
        acknowledges: when a record counts as promised.
        crash: what it is to survive.
        model: the persistence model of a power loss; `KILL` for a kill.
        promise: all promised records, or a prefix of the appended ones.
        verdict: pass if it was not broken.
        cases: how many cases were judged.
        images: how many images of power losses were judged in them.
        finding: the first that breaks it; None if none does.
        reason: why it is inconclusive.
    """

    acknowledges: Acknowledges
    crash: ProbedCrash
    model: PersistenceModel
    promise: Promise
    verdict: Verdict
    cases: int = 0
    images: int = 0
    finding: Finding | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedFault:
    """One kind of fault, and whether the contract held under it.

    Attributes:
        kind: what was done, one of `FAULT_NAMES`.
        verdict: pass if it fell somewhere and nothing was broken.
        is_stated: whether the scenario or its contract speaks of it, so that it decides.
        cases: how many cases were judged.
        finding: the first that breaks it; None if none does.
        reason: why it is inconclusive.
        note: why it could show nothing here; empty where it could.
    """

    kind: FaultKind
    verdict: Verdict
    is_stated: bool
    cases: int = 0
    finding: Finding | None = None
    reason: str = ""
    note: Annotated[str, SPARSE] = ""

    @property
    def is_fault_needed(self) -> bool:
        """Whether what was found needs the fault, and not only a crash."""
        finding = self.finding
        if finding is None:
            return True
        if self.kind in RULE_OF:
            return finding.worst.invariant is RULE_OF[self.kind]
        return bool(finding.around) or finding.slow is not None

    @property
    def is_counted(self) -> bool:
        """Whether what breaks under it counts against the stated contract."""
        return self.is_stated or self.kind in ALWAYS_COUNTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came of one subject.

    Attributes:
        subject: as reports name it.
        seed: the master seed.
        stated: the contract that the scenario or the adapter states.
        promises: in the order in which they were tried.
        is_cut_short: whether time ran out first.
        plain: what is wrong without any crash, if anything is; then no more promises were tried.
        faults: how a contract that held fares where storage fails, in the order of the kinds.
        held: that contract; None where there was none, or storage was not made to fail.
    """

    subject: str
    seed: str
    stated: Contract
    promises: tuple[ProbedPromise, ...]
    is_cut_short: bool = False
    plain: Finding | None = None
    faults: tuple[ProbedFault, ...] = ()
    held: Contract | None = None

    def kept(
        self, acknowledges: Acknowledges, crash: ProbedCrash, model: PersistenceModel
    ) -> Promise | None:
        """Return the strongest promise that held; None where it was not tried or is open."""
        tried = [
            each
            for each in self.promises
            if (each.acknowledges, each.crash) == (acknowledges, crash)
        ]
        for each in tried:
            # What holds under a model holds under the stricter ones; what breaks, under weaker.
            if each.verdict is Verdict.PASS and covers(each.model, model):
                return each.promise
        is_refuted = any(
            each.verdict is Verdict.FAIL
            and each.promise is Promise.PREFIX
            and covers(model, each.model)
            for each in tried
        )
        return Promise.NONE if is_refuted else None

    def strongest(self, acknowledges: Acknowledges) -> Contract | None:
        """Return the strongest contract that held with records acknowledged so.

        A stronger promise goes before a weaker model. None where the probe did not get so far.
        """
        kill = self.kept(acknowledges, ProbedCrash.KILL, PersistenceModel.KILL)
        powers = {
            model: promise
            for model in power_models()
            if (promise := self.kept(acknowledges, ProbedCrash.POWER, model)) is not None
        }
        power = powers.get(power_models()[0])
        if kill is None or power is None:
            return None
        covered = [model for model in power_models() if powers.get(model) is power]
        return replace(
            self.stated, acknowledges=acknowledges, kill=kill, power=power, model=covered[-1]
        )

    def contract_for_faults(self) -> Contract | None:
        """Return what is held while storage fails: the stated contract, or what is left of it.

        None where nothing is promised, so that no fault can break it.
        """
        found: Contract | None = self.stated
        if self.crash_verdict is not Verdict.PASS:
            kept = (self.strongest(each) for each in Acknowledges)
            found = next((each for each in kept if each is not None), None)
        if found is None or found.kill is found.power is Promise.NONE:
            return None
        return found

    @property
    def verdict(self) -> Verdict:
        """Whether the stated contract holds; inconclusive where that was not found out."""
        crashes = self.crash_verdict
        decide = [each for each in self.faults if each.is_counted or not each.is_fault_needed]
        if crashes is Verdict.FAIL or any(each.verdict is Verdict.FAIL for each in decide):
            return Verdict.FAIL
        is_open = any(each.verdict is Verdict.INCONCLUSIVE for each in decide)
        return Verdict.INCONCLUSIVE if is_open else crashes

    @property
    def crash_verdict(self) -> Verdict:
        """Whether the stated contract holds after crashes alone."""
        if self.plain is not None:
            return Verdict.FAIL
        stated = self.stated
        pairs = [
            (stated.kill, self.kept(stated.acknowledges, ProbedCrash.KILL, PersistenceModel.KILL)),
            (stated.power, self.kept(stated.acknowledges, ProbedCrash.POWER, stated.model)),
        ]
        order = list(Promise)
        due = [(promise, kept) for promise, kept in pairs if promise is not Promise.NONE]
        if any(kept is not None and order.index(kept) > order.index(due_) for due_, kept in due):
            return Verdict.FAIL
        if any(self._is_refuted_by(each) for each in self.promises):
            return Verdict.FAIL
        is_open = any(kept is None for _, kept in due) or not self.promises
        return Verdict.INCONCLUSIVE if is_open else Verdict.PASS

    def _is_refuted_by(self, tried: ProbedPromise) -> bool:
        """Whether a promise that broke is less than the stated one, or that itself."""
        stated, order = self.stated, list(Promise)
        if tried.verdict is not Verdict.FAIL or tried.acknowledges is not stated.acknowledges:
            return False
        is_kill = tried.crash is ProbedCrash.KILL
        promise = stated.kill if is_kill else stated.power
        is_due = is_kill or covers(stated.model, tried.model)
        return is_due and order.index(promise) <= order.index(tried.promise)
