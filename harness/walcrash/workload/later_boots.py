"""Later boots: what a case in eight goes on with, a dozen boots on what its last one left.

Some logs are wrong from the tenth boot, or where one boot has outgrown a file, whatever a
scenario's boots are. What is drawn here is run without a recorder (`walcrash.case.later_boots`), so
that it costs what recoveries cost.

Two of three such cases never close a boot: what only unclosed boots leave piles up. One boot of
each has puts of the largest payload, so that a file comes to where the next one begins. Else
operations, sizes and ids are those of the scenario.

Not here: the boots of the case itself (`draw`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from walcrash.values.case import BootPlan, Case
from walcrash.values.contract import Contract, Promise
from walcrash.values.faults import CrashPoint
from walcrash.values.limits import BOOTS_PER_CASE
from walcrash.values.operation import Operation
from walcrash.values.scenario import OperationMix, Scenario, WorkloadPlan
from walcrash.values.seed import Prng, derive_seed
from walcrash.workload.operations import (
    CLOSE,
    Progress,
    draw_operation,
    draw_operations,
    weighted_kinds,
)

# limits
LATER_BOOTS: Final = 12
"""Boots that such a case goes on with."""

ONE_CASE_IN: Final = 8
"""Of so many cases one goes on, by its index: the fourth of each eight, so that few cases have it
as well."""

FOURTH: Final = 3
"""Which of these, from 0."""

OPERATIONS: Final = (1, 4)
"""Fewest and most operations of a later boot."""

GROWN_BYTES: Final = 128 * 1024
"""Payload that the boot with the largest ones has in all."""

GROWN_PUTS: Final = 32
"""Most puts of that boot."""

GROWN_BOOT: Final = 8
"""Which later boot that is, from 0: others come before and after it."""

NEVER_CLOSED_IN_THREE: Final = 2
"""Of three such cases so many never close a later boot."""


def draw_later_boots(
    scenario: Scenario, *, supports: frozenset[str], contract: Contract, case: Case
) -> tuple[BootPlan, ...]:
    """Return what a case goes on with; nothing for most cases.

    A boot that is killed is killed after the reply of its last call.

    Args:
        scenario: what to draw from.
        supports: the subject's capabilities; operations beyond them are never drawn.
        contract: what the subject promises: where a kill leaves no promise, every boot closes.
        case: the case, as it ran: no record after it has a time or an id of one of its own.
    """
    count = min(LATER_BOOTS, BOOTS_PER_CASE - len(case.boots))
    if case.index % ONE_CASE_IN != FOURTH or case.is_control:
        return ()
    prng = Prng(derive_seed(case.seed, "later boots"))
    progress = Progress()
    for boot in case.boots:
        for operation in boot.operations:
            progress.note(operation)
    is_ever_closed = prng.below(3) >= NEVER_CLOSED_IN_THREE
    boots = []
    for number in range(count):
        plan = scenario.workload.in_boot(len(case.boots) + number)
        kinds = weighted_kinds(plan, supports)
        if number == GROWN_BOOT and plan.mix.get(OperationMix.PUT, 0):
            operations = _grown(prng, progress, plan)
        else:
            operations = draw_operations(
                prng, progress, replace(plan, operations=OPERATIONS), kinds
            )
        is_closed = contract.kill is Promise.NONE or (is_ever_closed and prng.below(2) == 0)
        boots.append(_ended(operations, is_closed=is_closed))
    return tuple(boots)


def _grown(prng: Prng, progress: Progress, plan: WorkloadPlan) -> list[Operation]:
    """Return a boot with puts of the largest payload."""
    largest = max(plan.payload_bytes)
    largest_only = replace(plan, payload_bytes=(largest,))
    operations = draw_operations(prng, progress, plan, ())
    for _ in range(min(GROWN_PUTS, GROWN_BYTES // max(1, largest))):
        put = draw_operation(prng, progress, largest_only, OperationMix.PUT, operations)
        operations.append(put)
        progress.note(put)
    return operations


def _ended(operations: Sequence[Operation], *, is_closed: bool) -> BootPlan:
    if is_closed:
        return BootPlan((*operations, CLOSE))
    return BootPlan(tuple(operations), CrashPoint.after_call(len(operations) - 1))
