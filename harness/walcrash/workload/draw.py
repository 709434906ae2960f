"""Workloads: the cases of a scenario, each drawn from its seed before anything runs.

A case is drawn boot by boot: the operations, what ends them, and the place where that falls; the
boot's plan ends there. What is injected into the boot is drawn last. The same scenario,
capabilities, profile, master seed and index give the same case, on any machine and under any hash
seed. Where the scenario states no workload, each case is drawn from a plan of its own (`swarm`).

Not here: how events are counted (`profile`), what records hold (`content`), and running a case.

Source: `harness/walcrash/docs/explanation/decisions/0006-cases-are-drawn-before-they-run.md`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from walcrash.values.case import BootPlan, Case
from walcrash.values.faults import (
    BootSelector,
    Ending,
    Fault,
    FaultKind,
    FaultPlan,
    Injectable,
    PowerLoss,
    Rot,
    class_of,
)
from walcrash.values.operation import OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import OperationMix, Scenario, WorkloadPlan
from walcrash.values.seed import Prng, derive_seed
from walcrash.workload.control import closed
from walcrash.workload.faults import (
    BootDraft,
    draw_end,
    draw_injected,
    possible_ends,
    possible_injections,
)
from walcrash.workload.file_end import FileEnd
from walcrash.workload.fitted_faults import fitted_faults, stated_faults
from walcrash.workload.operations import (
    CLOSE,
    Progress,
    draw_operation,
    draw_operations,
    has_markable,
    mix_of,
    weighted_kinds,
)
from walcrash.workload.profile import Made, Profile, operation_key
from walcrash.workload.ramp import with_images
from walcrash.workload.room_left import RoomLeft
from walcrash.workload.round_lengths import RoundLengths
from walcrash.workload.swarm import LONGEST_PAYLOAD_BYTES, USUAL_ID, Swarm, draw_swarm
from walcrash.workload.turns import (
    TRIES,
    Turn,
    control_of_turn,
    fault_of,
    possible_places,
    turn_at,
    turns_of,
)

__all__ = ["Profile", "draw_case", "draw_control", "operation_key", "swarm_of"]

# limits
FOLLOWING: Final = (1, 8)
"""Fewest and most operations behind that of a turn, in a case that is like a control."""

KILLED_ONE_IN: Final = 4
"""One of so many last boots in which a sync fails, and that a kill was to end, is killed."""

FORGETS_ONE_IN: Final = 4
"""One of so many earlier boots that were to end by a power loss behind a sync that fails does."""

LATEST_OF: Final = 2
"""Of so many ends of a last boot that may be damaged the latest counts: there is more to damage."""

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
    plans = [with_images(plan, index) for plan in stated_faults(scenario, index)]
    plans += fitted_faults(scenario, profile, index)
    scenario = replace(scenario, workload=swarm.workload, faults=tuple(plans))
    turns = turns_of(scenario.faults, profile)
    turn = turn_at(turns, scenario.faults, index)
    made = None if turn is None else control_of_turn(turn, turns, index)
    if turn is None:
        boots, faults = _draw_boots(Prng(seed), scenario, supports, profile, swarm)
    elif made is not None and turn.plan.boots.selects(boot=made.boot, is_last=False):
        control = draw_control(scenario, supports, master_seed, made.control)
        prng = Prng(derive_seed(seed, "turn"))
        boots = _ended_behind(prng, made, control, scenario, supports, profile)
        faults = [fault_of(turn, (made.boot, made.call), prng)]
    else:
        boots, faults = _draw_turn(seed, turn, scenario, supports, profile, swarm)
    prng = Prng(derive_seed(seed, "power behind a sync"))
    boots = _keeping_power(boots, faults, scenario, supports, prng)
    boots = _losing_power(boots, faults, scenario, supports, prng)
    # By a generator of its own, so that all else is drawn as where the clock is steady.
    is_back = Prng(derive_seed(seed, "clock")).below(100) < scenario.workload.clock_back
    return Case(scenario.name, index, seed, tuple(boots), tuple(faults), is_clock_back=is_back)


def _draw_turn(
    seed: int,
    turn: Turn,
    scenario: Scenario,
    supports: frozenset[str],
    profile: Profile,
    swarm: Swarm,
) -> tuple[list[BootPlan], list[Fault]]:
    """Return the boots of a case that has the operation of its turn, and the fault of that.

    After `TRIES` the case is what was drawn last, and nothing is injected into it.
    """
    # What is injected is the turn's.
    bare = replace(scenario, faults=tuple(f for f in scenario.faults if not _is_injected(f)))
    for number in range(TRIES):
        prng = Prng(derive_seed(seed, "turn", number))
        boots, faults = _draw_boots(prng, bare, supports, profile, swarm)
        places = possible_places(turn, boots)
        if places:
            return boots, [fault_of(turn, prng.choice(places), prng)]
    return boots, faults


def _ended_behind(
    prng: Prng,
    made: Made,
    control: Case,
    scenario: Scenario,
    supports: frozenset[str],
    profile: Profile,
) -> list[BootPlan]:
    """Return the boots of a control up to the operation of a turn, and a few steps more.

    From that operation on its boot ends as is drawn; a boot that is drawn follows, or none.
    """
    count = made.boot + prng.between(1, 2)
    boots = list(control.boots[: made.boot])
    progress = Progress()
    for operation in (each for boot in boots for each in boot.operations):
        progress.note(operation)
    for number in range(made.boot, count):
        first = made.call + 1 if number == made.boot else 1
        draft = _draw_operations(prng, scenario, supports, progress, profile, number)
        if number == made.boot:
            steps = control.boots[number].operations[: first + prng.between(*FOLLOWING)]
            kept = [each for each in steps if each.kind is not OperationKind.CLOSE]
            draft = replace(draft, operations=kept)
        is_last = number == count - 1
        ends = (
            _ended(draft, _draw_boot_end(prng, scenario, supports, number, is_last=is_last))
            for _ in range(TRIES)
        )
        closed = BootPlan(tuple(draft.closed()))
        boots.append(next((end for end in ends if len(end.operations) > first), closed))
        for operation in boots[-1].operations:
            progress.note(operation)
    return boots


def _keeping_power(
    boots: Sequence[BootPlan],
    faults: Sequence[Fault],
    scenario: Scenario,
    supports: frozenset[str],
    prng: Prng,
) -> list[BootPlan]:
    """Return boots of which those before the last mostly keep the power behind a sync that fails.

    The next boot may believe what only memory has, until the power is gone. Where the last boot may
    not lose it, that of an earlier one is all that there is, and stays.
    """
    kept, last = [*boots], len(boots) - 1
    ends = possible_ends(scenario.faults, supports=supports, boot=last, is_last=True)
    if not any(class_of(plan).is_power_loss for plan in ends):
        return kept
    hidden = [each.boot for each in faults if each.is_hidden_by_page_cache]
    for at in range(min(hidden, default=last), last):
        kept[at] = _remembering(prng, kept[at], scenario.workload.in_boot(at).clean_close)
    return kept


def _remembering(prng: Prng, boot: BootPlan, clean_close: int) -> BootPlan:
    """Return a boot that mostly is closed where a power loss was to end it and a close may."""
    loses_power = boot.crash is not None and boot.crash.is_power_loss
    return closed(boot) if loses_power and clean_close and prng.below(FORGETS_ONE_IN) else boot


def _losing_power(
    boots: Sequence[BootPlan],
    faults: Sequence[Fault],
    scenario: Scenario,
    supports: frozenset[str],
    prng: Prng,
) -> list[BootPlan]:
    """Return boots of which the last ends by a power loss where a sync fails or is slow in one.

    One in four still is killed, where the scenario kills. All else is as it was drawn.
    """
    *earlier, last = boots
    number = len(earlier)
    is_unsynced = any(each.is_shown_by_power_loss for each in faults)
    is_killed = last.crash is not None and not last.crash.is_power_loss
    if not (is_unsynced and is_killed and prng.below(KILLED_ONE_IN)):
        return [*boots]
    plans = [plan for plan in scenario.faults if class_of(plan).is_power_loss]
    power = draw_end(prng, plans, supports=supports, boot=number, is_last=True)
    if power is None:
        return [*boots]
    end = PowerLoss(prng.below(1 << 63), power.most_images)
    return [*earlier, replace(closed(last), crash=end)]


def _is_injected(plan: FaultPlan) -> bool:
    return isinstance(class_of(plan), Injectable)


def _draw_boots(
    prng: Prng, scenario: Scenario, supports: frozenset[str], profile: Profile, swarm: Swarm
) -> tuple[list[BootPlan], list[Fault]]:
    """Return the boots of a case, and what is injected into them."""
    progress = _progress_of(swarm, profile)
    boots: list[BootPlan] = []
    faults: list[Fault] = []
    count = prng.between(*scenario.workload.boots)
    for number in range(count):
        is_last = number == count - 1
        end = _draw_boot_end(prng, scenario, supports, number, is_last=is_last)
        draft = _draw_operations(prng, scenario, supports, progress, profile, number)
        draws = LATEST_OF if is_last and _is_damaged(scenario.faults, supports, number) else 1
        boots.append(max((_ended(draft, end) for _ in range(draws)), key=_length))
        drawn = replace(draft, operations=boots[-1].operations)
        faults += draw_injected(scenario.faults, drawn, is_last=is_last)
        for operation in boots[-1].operations:
            progress.note(operation)
    return boots, _one_damaged(prng, faults)


def _is_damaged(faults: Sequence[FaultPlan], supports: frozenset[str], last: int) -> bool:
    """Whether what the last boot leaves may be damaged."""
    possible = possible_injections(faults, supports=supports, boot=last, is_last=True)
    return any(kind.is_at_rest for _, kind in possible)


def _length(boot: BootPlan) -> int:
    return len(boot.operations)


def _one_damaged(prng: Prng, faults: list[Fault]) -> list[Fault]:
    """Return the faults of a case with one damage at most, or none would be judged alone."""
    damages = [fault for fault in faults if isinstance(fault, Rot)]
    if len(damages) < 2:
        return faults
    kept = prng.choice(damages)
    return [fault for fault in faults if fault is kept or not isinstance(fault, Rot)]


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
    if any(plan.in_turn for plan in scenario.faults):
        # Each turn needs an operation of its own, which a swarm may lack; and few boots do.
        return Swarm(workload=_whole(workload))
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
        is_busy=any(
            plan.kind is FaultKind.SLOW for plan in fitted_faults(scenario, profile, index)
        ),
    )


def _whole(workload: WorkloadPlan) -> WorkloadPlan:
    """Return a workload of which every case may have all."""
    boots = (workload.boots[0], workload.usual_boots)
    return replace(workload, boots=boots, is_fitted=False) if workload.is_fitted else workload


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
    progress = Progress(repeats_upkeep=swarm.repeats_upkeep)
    if swarm.has_second_marks:
        progress.done = {}
    most = profile.fit.most_payload_bytes or LONGEST_PAYLOAD_BYTES
    if swarm.fills_files:
        progress.file_end = FileEnd(profile.fit, most)
    if swarm.has_round_lengths:
        progress.round_lengths = RoundLengths(profile.fit, most)
    if swarm.held_bytes:
        longest = Record(RecordType.PUT, USUAL_ID, 0, bytes(max(swarm.workload.payload_bytes)))
        progress.room = RoomLeft(
            profile.fit,
            room_bytes=swarm.held_bytes,
            longest_bytes=profile.fit.record_bytes(longest),
            is_limit=profile.fit.room_bytes > 0,
        )
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
