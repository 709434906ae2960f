"""Probes of faults: the scenarios that hold a contract while calls fail or are slow, and files rot.

A contract is held as it was found, so that what breaks needs the fault: each case ends its boots
with a close, a kill or a power loss, as far as the contract promises anything after one. Where the
scenario asks for a kind of fault itself, its own plans of that kind are taken. Clocks and random
bytes tell from boot to boot, so cases with these have two boots at least.

Not here: running them (`probe`), what a fault does (`walcrash.values.faults`).
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from walcrash.values.contract import Contract, Damage, Promise
from walcrash.values.fault_matrix import FaultMatrix, FaultOutcome
from walcrash.values.faults import FaultCall, FaultKind, FaultPlan
from walcrash.values.probe import RULE_OF
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Invariant

# limits
ROTTEN_IMAGES: Final = 40
"""Most damaged images of one case."""

BOOTS: Final = 2
"""Fewest boots of a case whose boots have other clocks, or random bytes that repeat."""

_PLANS: Final = {
    FaultKind.ERROR: (
        FaultPlan(kind=FaultKind.ERROR, weight=2),
        FaultPlan(kind=FaultKind.ERROR, times=None),
        # Each of these fails only where it is named.
        FaultPlan(kind=FaultKind.ERROR, calls=(FaultCall.OPEN, FaultCall.READ, FaultCall.CLOSE)),
    ),
    FaultKind.SHORT: (
        FaultPlan(kind=FaultKind.SHORT, weight=3),
        FaultPlan(kind=FaultKind.SHORT, calls=(FaultCall.READ,)),
    ),
    FaultKind.QUOTA: (FaultPlan(kind=FaultKind.QUOTA),),
    FaultKind.ROT: (FaultPlan(kind=FaultKind.ROT, images=ROTTEN_IMAGES),),
    FaultKind.SLOW: (
        FaultPlan(kind=FaultKind.SLOW, weight=3),
        FaultPlan(kind=FaultKind.SLOW, calls=(FaultCall.WRITE, FaultCall.RENAME)),
    ),
    FaultKind.CLOCK: (FaultPlan(kind=FaultKind.CLOCK),),
    FaultKind.REPEATED_RANDOM: (FaultPlan(kind=FaultKind.REPEATED_RANDOM),),
}

_OF_BOOTS: Final = (FaultKind.CLOCK, FaultKind.REPEATED_RANDOM)


def scenario_with_fault(
    base: Scenario, contract: Contract, kind: FaultKind, *, images: int
) -> Scenario:
    """Return the scenario that holds a contract under one kind of failing storage.

    Args:
        base: the subject and its workload.
        contract: what held after crashes.
        kind: what fails.
        images: most images of one case with a power loss.
    """
    own = tuple(plan for plan in base.faults if plan.kind is kind)
    ends = [
        FaultPlan(kind=end, images=images)
        for end, promise in ((FaultKind.KILL, contract.kill), (FaultKind.POWER, contract.power))
        if promise is not Promise.NONE
    ]
    if kind is FaultKind.ROT:
        contract = replace(contract, detects=contract.detects | {Damage.ROT})
    workload = base.workload
    if kind in _OF_BOOTS:
        fewest, most = workload.boots
        workload = replace(workload, boots=(max(BOOTS, fewest), max(BOOTS, most)))
    return replace(
        base,
        name=f"{base.name}-{contract.acknowledges.value}-{kind.value}",
        contract=contract,
        workload=workload,
        faults=(*(own or _PLANS[kind]), *ends),
        fits_faults=False,
        invariants=base.invariants | ({RULE_OF[kind]} if kind in RULE_OF else set()),
    )


def why_unjudged(kind: FaultKind, matrix: FaultMatrix, judged: Collection[Invariant]) -> str:
    """Return why a campaign that passed says nothing of a kind of fault; empty where it does.

    Args:
        kind: what was injected.
        matrix: what it fell on.
        judged: the rules that were judged.
    """
    has_come = RULE_OF[kind] in judged if kind in RULE_OF else bool(matrix.outcomes)
    return "" if has_come else "no case came to such a fault"


def why_harmless(kind: FaultKind, matrix: FaultMatrix) -> str:
    """Return why a kind of fault could show nothing of a subject; empty where it could.

    Args:
        kind: what was injected.
        matrix: what it fell on.
    """
    outcomes = matrix.outcomes
    if kind is FaultKind.SLOW and outcomes.keys() == {FaultOutcome.WAITED}:
        return (
            f"nothing went on during its {outcomes[FaultOutcome.WAITED]:,} slow calls: all other "
            "threads waited for them, or there are none"
        )
    if kind is FaultKind.REPEATED_RANDOM and outcomes.keys() == {FaultOutcome.NO_EFFECT}:
        return "no two boots of a case asked for random bytes"
    return ""


def is_fault_stated(base: Scenario, stated: Contract, kind: FaultKind) -> bool:
    """Whether a scenario asks for a kind of fault, or its contract says that it is noticed."""
    is_detected = kind is FaultKind.ROT and Damage.ROT in stated.detects
    return is_detected or any(plan.kind is kind for plan in base.faults)
