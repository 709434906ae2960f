"""Workloads: the cases of a scenario, each drawn from its seed before anything runs.

A case is drawn boot by boot: the operations, the fault that ends them, and the place where it
falls; the boot's plan ends there. The same scenario, capabilities, profile, master seed and
index give the same case, on any machine and under any hash seed.

Not here: how events are counted (`profile`), what records hold (`content`),
and running a case.

Source: `harness/walcrash/docs/explanation/decisions/0006-cases-are-drawn-before-they-run.md`.
"""

from typing import Final

from walcrash.values.case import BootPlan, Case, Crash
from walcrash.values.operation import Operation
from walcrash.values.scenario import FaultPlan, OperationMix, Scenario
from walcrash.values.seed import Prng, derive_seed
from walcrash.workload.crash import draw_end, draw_fault
from walcrash.workload.operations import (
    CLOSE,
    Progress,
    draw_operation,
    draw_operations,
    has_markable,
    mix_of,
    weighted_kinds,
)
from walcrash.workload.profile import Profile, operation_key

__all__ = ["Profile", "draw_case", "draw_control", "operation_key"]

# limits
CONTROL_BOOTS: Final = 2
"""Fewest boots of a control case, where the scenario allows so many: one of them reopens."""


def draw_case(
    scenario: Scenario,
    *,
    supports: frozenset[str],
    profile: Profile,
    master_seed: str | int,
    index: int,
) -> Case:
    """Return case `index` of a campaign.

    Args:
        scenario: what to draw from.
        supports: the subject's capabilities; operations beyond them are never drawn.
        profile: how many events each operation has, from control cases.
        master_seed: an integer or any text; they differ even where both are written alike.
        index: the case's position in the campaign, from 0.
    """
    seed = derive_seed(master_seed, scenario.name, index)
    prng = Prng(seed)
    progress = Progress()
    boots = []
    count = prng.between(*scenario.workload.boots)
    for number in range(count):
        fault = _draw_boot_fault(prng, scenario, supports, number, is_last=number == count - 1)
        boot = _draw_boot(prng, scenario, supports, progress, fault, profile, number)
        boots.append(boot)
        for operation in boot.operations:
            progress.note(operation)
    return Case(scenario.name, index, seed, tuple(boots))


def draw_control(
    scenario: Scenario, supports: frozenset[str], master_seed: str | int, index: int
) -> Case:
    """Return a case of the same shape without any crash, for the control run and the profile.

    Every boot ends with `close`, and has each operation of the mix that the subject supports.
    """
    seed = derive_seed(master_seed, scenario.name, "control", index)
    prng = Prng(seed)
    progress = Progress()
    fewest, most = scenario.workload.boots
    count = prng.between(max(fewest, min(CONTROL_BOOTS, most)), most)
    boots = [_draw_control_boot(prng, scenario, supports, progress, n) for n in range(count)]
    return Case(scenario.name, index, seed, tuple(boots))


def _draw_boot_fault(
    prng: Prng, scenario: Scenario, supports: frozenset[str], boot: int, *, is_last: bool
) -> FaultPlan | None:
    is_closed = prng.below(100) < scenario.workload.in_boot(boot).clean_close
    if is_closed and not is_last:
        return None
    return draw_fault(prng, scenario.faults, supports=supports, boot=boot, is_last=is_last)


def _draw_boot(
    prng: Prng,
    scenario: Scenario,
    supports: frozenset[str],
    progress: Progress,
    fault: FaultPlan | None,
    profile: Profile,
    boot: int,
) -> BootPlan:
    plan = scenario.workload.in_boot(boot)
    kinds = weighted_kinds(plan, supports)
    # What lies behind the crash is never carried out, so that the case does not go on with it.
    operations: list[Operation] = draw_operations(prng, progress.copy(), plan, kinds)
    crash: Crash
    if fault is None:
        return BootPlan((*operations, CLOSE))
    operations, crash = draw_end(
        prng,
        operations,
        progress,
        plan,
        fault,
        supports=supports,
        profile=profile,
        is_first_boot=boot == 0,
    )
    return BootPlan(tuple(operations), crash)


def _draw_control_boot(
    prng: Prng, scenario: Scenario, supports: frozenset[str], progress: Progress, boot: int
) -> BootPlan:
    plan = scenario.workload.in_boot(boot)
    kinds = weighted_kinds(plan, supports)
    operations = draw_operations(prng, progress, plan, kinds)
    drawn = {mix_of(operation) for operation in operations}
    for kind in [kind for kind, _ in kinds if kind not in drawn]:
        is_mark = kind in (OperationMix.DONE, OperationMix.FAILED)
        needed = [OperationMix.PUT, kind] if is_mark and not has_markable(progress) else [kind]
        for each in needed:
            operations.append(draw_operation(prng, progress, plan, each, operations))
            progress.note(operations[-1])
    return BootPlan((*operations, CLOSE))
