"""Workloads: the cases of a scenario, each drawn from its seed before anything runs.

A case is drawn boot by boot: the operations, what ends them, and the place where that falls; the
boot's plan ends there. What is injected into the boot is drawn last. The same scenario,
capabilities, profile, master seed and index give the same case, on any machine and under any hash
seed. Where the scenario states no workload, each case is drawn from a plan of its own (`swarm`).

Not here: how events are counted (`profile`), what records hold (`content`), and running a case.

Source: `harness/walcrash/docs/explanation/decisions/0006-cases-are-drawn-before-they-run.md`.
"""

from dataclasses import replace
from typing import Final

from walcrash.values.case import BootPlan, Case
from walcrash.values.faults import BootSelector, Ending, Fault, FaultPlan, class_of
from walcrash.values.scenario import OperationMix, Scenario
from walcrash.values.seed import Prng, derive_seed
from walcrash.workload.faults import BootDraft, draw_end, draw_injected
from walcrash.workload.file_end import FileEnd
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
from walcrash.workload.swarm import LONGEST_PAYLOAD_BYTES, Swarm, draw_swarm

__all__ = ["Profile", "draw_case", "draw_control", "operation_key", "swarm_of"]

# limits
CONTROL_BOOTS: Final = 2
"""Fewest boots of a control case, where the scenario allows so many: one of them reopens."""


def case_seed(master_seed: str | int, scenario: str, index: int) -> int:
    """Return the seed of case `index` of a scenario's campaign, by the scenario's name."""
    return derive_seed(master_seed, scenario, index)


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
    seed = case_seed(master_seed, scenario.name, index)
    swarm = swarm_of(
        scenario, supports=supports, profile=profile, master_seed=master_seed, index=index
    )
    scenario = replace(scenario, workload=swarm.workload)
    prng = Prng(seed)
    progress = _progress_of(swarm, profile)
    boots: list[BootPlan] = []
    faults: list[Fault] = []
    count = prng.between(*scenario.workload.boots)
    for number in range(count):
        is_last = number == count - 1
        end = _draw_boot_end(prng, scenario, supports, number, is_last=is_last)
        draft = _draw_operations(prng, scenario, supports, progress, profile, number)
        boots.append(_ended(draft, end))
        drawn = replace(draft, operations=boots[-1].operations)
        faults += draw_injected(scenario.faults, drawn, is_last=is_last)
        for operation in boots[-1].operations:
            progress.note(operation)
    # By a generator of its own, so that all else is drawn as where the clock is steady.
    is_back = Prng(derive_seed(seed, "clock")).below(100) < scenario.workload.clock_back
    return Case(scenario.name, index, seed, tuple(boots), tuple(faults), is_clock_back=is_back)


def swarm_of(
    scenario: Scenario,
    *,
    supports: frozenset[str],
    profile: Profile,
    master_seed: str | int,
    index: int,
) -> Swarm:
    """Return what case `index` of a campaign is drawn from; the arguments are as `draw_case`."""
    workload = scenario.workload
    ends = [plan for plan in scenario.faults if isinstance(class_of(plan), Ending)]
    if workload.is_fitted and ends and all(plan.boots is BootSelector.LATER for plan in ends):
        fewest, most = workload.boots
        workload = replace(workload, boots=(min(max(2, fewest), most), most))
    return draw_swarm(
        workload,
        profile.fit,
        supports,
        scenario=scenario.name,
        master_seed=master_seed,
        index=index,
    )


def draw_control(
    scenario: Scenario,
    supports: frozenset[str],
    master_seed: str | int,
    index: int,
    *,
    is_clock_back: bool = False,
) -> Case:
    """Return a case of the same shape without any crash, for the control run and the profile.

    Every boot ends with `close`, and has each operation of the mix that the subject supports. The
    clock goes back where that is asked for, and the scenario has such cases.
    """
    seed = derive_seed(master_seed, scenario.name, "control", index)
    prng = Prng(seed)
    progress = Progress()
    fewest, most = scenario.workload.boots[0], scenario.workload.usual_boots
    count = prng.between(max(fewest, min(CONTROL_BOOTS, most)), most)
    boots = [_draw_control_boot(prng, scenario, supports, progress, n) for n in range(count)]
    is_back = is_clock_back and scenario.workload.clock_back > 0
    return Case(scenario.name, index, seed, tuple(boots), is_clock_back=is_back)


def _progress_of(swarm: Swarm, profile: Profile) -> Progress:
    progress = Progress()
    if swarm.has_second_marks:
        progress.done = {}
    if swarm.fills_files:
        most = profile.fit.most_payload_bytes or LONGEST_PAYLOAD_BYTES
        progress.file_end = FileEnd(profile.fit, most)
    return progress


def _draw_boot_end(
    prng: Prng, scenario: Scenario, supports: frozenset[str], boot: int, *, is_last: bool
) -> FaultPlan | None:
    is_closed = prng.below(100) < scenario.workload.in_boot(boot).clean_close
    if is_closed and not is_last:
        return None
    return draw_end(prng, scenario.faults, supports=supports, boot=boot, is_last=is_last)


def _draw_operations(
    prng: Prng,
    scenario: Scenario,
    supports: frozenset[str],
    progress: Progress,
    profile: Profile,
    boot: int,
) -> BootDraft:
    plan = scenario.workload.in_boot(boot)
    kinds = weighted_kinds(plan, supports)
    return BootDraft(
        prng=prng,
        boot=boot,
        # What lies behind the end is never carried out, so that the case does not go on with it.
        operations=draw_operations(prng, progress.copy(), plan, kinds),
        progress=progress,
        plan=plan,
        supports=supports,
        profile=profile,
    )


def _ended(draft: BootDraft, plan: FaultPlan | None) -> BootPlan:
    """Return the boot up to its end, which falls where its class of fault says."""
    if plan is None:
        return BootPlan(tuple(draft.closed()))
    ending = class_of(plan)
    assert isinstance(ending, Ending), "what is injected ends no boot"
    operations, end = ending.draw(plan, draft)
    return BootPlan(tuple(operations), end)


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
