"""Probes of failing storage: the scenarios that hold a contract while calls fail and files rot.

A contract is held as it was found, so that what breaks needs the fault: each case ends its boots
with a close, a kill or a power loss, as far as the contract promises anything after one. Where the
scenario asks for a kind of fault itself, its own plans of that kind are taken.

Not here: running them (`probe`), what a fault does (`walcrash.values.faults`).
"""

from dataclasses import replace
from typing import Final

from walcrash.values.contract import Contract, Damage, Promise
from walcrash.values.faults import FaultCall, FaultKind, FaultPlan
from walcrash.values.probe import RULE_OF
from walcrash.values.scenario import Scenario

# limits
ROTTEN_IMAGES: Final = 40
"""Most damaged images of one case."""

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
}


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
    return replace(
        base,
        name=f"{base.name}-{contract.acknowledges.value}-{kind.value}",
        contract=contract,
        faults=(*(own or _PLANS[kind]), *ends),
        invariants=base.invariants | {RULE_OF[kind]},
    )


def is_fault_stated(base: Scenario, stated: Contract, kind: FaultKind) -> bool:
    """Whether a scenario asks for a kind of fault, or its contract says that it is noticed."""
    is_detected = kind is FaultKind.ROT and Damage.ROT in stated.detects
    return is_detected or any(plan.kind is kind for plan in base.faults)
