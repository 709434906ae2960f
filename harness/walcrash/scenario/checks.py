"""Checks of a scenario file that concern two keys at once.

Each table has been read on its own by `schema`. Here are the mistakes that make a
scenario test less than its author thinks: a fault that can never fall, a promise that is never
made. The checks run on the tables that are right, so that all problems are reported at once.

Not here: whether the subject supports what the mix asks for, which is known when it is loaded.

Source: `values.case` and `values.scenario`, which say what faults and crash points mean.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from walcrash.scenario.fault_checks import error_problems
from walcrash.scenario.fault_table import FaultTable
from walcrash.scenario.problem import Problem
from walcrash.scenario.schema import ContractTable, WorkloadTable
from walcrash.scenario.toml_position import KeyPath
from walcrash.values.contract import Acknowledges, Promise
from walcrash.values.event import ONLY_INJECTED, EventKind
from walcrash.values.faults import CLASSES, BootSelector
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType

MIX_KEY_OF_OPERATION: Final = {
    RecordType.PUT.value: "put",
    RecordType.DONE.value: "done",
    RecordType.FAILED.value: "failed",
    OperationKind.SYNC.value: "sync",
    OperationKind.APPLY.value: "apply",
    OperationKind.TICK.value: "tick",
    OperationKind.COMPACT.value: "compact",
    OperationKind.REPLAY.value: "replay",
}
"""The key of `[workload.mix]` that makes an operation happen; `open` and `close` always do."""

_KEYS_OF_ALL_FAULTS: Final = frozenset({"kind", "weight", "boots"})


def cross_problems(
    workload: WorkloadTable | None,
    contract: ContractTable | None,
    faults: Sequence[tuple[int, FaultTable]],
) -> list[Problem]:
    """Return what is wrong between tables that are right each by itself.

    Args:
        workload: None where there is none, or where it could not be read.
        contract: None where there is none, or where it could not be read.
        faults: those that could be read, each with its position in the file.
    """
    problems: list[Problem] = []
    for position, fault in faults:
        place: KeyPath = ("faults", position)
        problems += _kind_problems(place, fault)
        problems += _event_problems(place, fault)
        problems += error_problems(place, fault)
        problems += _nothing_between(place, fault, workload)
        if workload is not None:
            problems += _unreachable_operations(place, fault, workload)
            problems += _unreachable_boots(place, fault, workload)
    if workload is not None:
        problems += _mix_problems(workload)
        problems += _phase_problems(workload)
        problems += _boots_without_fault(workload, [fault for _, fault in faults])
        if contract is not None:
            problems += _promise_problems(workload, contract)
    if contract is not None:
        problems += _power_problems(contract, faults)
    return problems


def _kind_problems(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    """Report keys that belong to another kind of fault."""
    kind = CLASSES[fault.kind]
    taken = kind.keys | _KEYS_OF_ALL_FAULTS
    for key in (key for key in FaultTable.model_fields if key in fault.model_fields_set - taken):
        others = [other.value for other, known in CLASSES.items() if key in known.keys]
        yield Problem(
            (*place, key),
            f'a fault of kind "{fault.kind.value}" falls {kind.falls} and has no `{key}`; '
            f"allowed: {', '.join(sorted(kind.keys))}",
            f"take `{key}` out" + (f', or write `kind = "{others[0]}"`' if others else ""),
        )


def _power_problems(
    contract: ContractTable, faults: Sequence[tuple[int, FaultTable]]
) -> Iterator[Problem]:
    for position, fault in faults:
        if CLASSES[fault.kind].is_power_loss and contract.power is Promise.NONE:
            yield Problem(
                ("faults", position, "kind"),
                "the contract promises nothing after a power loss; found "
                f'kind "{fault.kind.value}"',
                'write `power = "all"` or "prefix" in [contract], or take the fault out',
            )


def _event_problems(place: KeyPath, fault: FaultTable) -> Iterator[Problem]:
    if fault.event is None:
        return
    if fault.event in ONLY_INJECTED:
        kind = "slow" if fault.event is EventKind.SLOW else "error"
        yield Problem(
            (*place, "event"),
            f'an event "{fault.event.value}" changes nothing, so no kill falls there',
            f'write `kind = "{kind}"` with `calls`, or another event',
        )
    # Placements that are left out are all three, and then a `within` is merely a `before`.
    is_within = "placements" in fault.model_fields_set and Placement.WITHIN in fault.placements
    if is_within and fault.event is not EventKind.WRITE:
        yield Problem(
            (*place, "placements"),
            f'only a write has a "within"; found event "{fault.event.value}"',
            'write `placements = ["before", "after"]`, or `event = "write"`',
        )
    is_silent = fault.operations and OperationKind.TICK.value not in fault.operations
    if fault.event is EventKind.EFFECT and is_silent:
        yield Problem(
            (*place, "event"),
            f"only a tick has effects; found operations {', '.join(fault.operations)}",
            'write `operations = ["tick"]`',
        )


def _unreachable_operations(
    place: KeyPath, fault: FaultTable, workload: WorkloadTable
) -> Iterator[Problem]:
    names = list(fault.operations)
    if fault.event is EventKind.EFFECT and not names:
        names = [OperationKind.TICK.value]
    for position, name in enumerate(names):
        key = MIX_KEY_OF_OPERATION.get(name)
        if key is not None and not workload.has(key):
            path = (*place, "operations", position) if fault.operations else (*place, "event")
            yield Problem(
                path,
                f"the fault falls into `{name}`, which the workload never does; "
                f"found `{key} = 0` in [workload.mix]",
                f"write `{key} = 1` in [workload.mix], or take `{name}` out of the fault",
            )


def _unreachable_boots(
    place: KeyPath, fault: FaultTable, workload: WorkloadTable
) -> Iterator[Problem]:
    if fault.boots is BootSelector.LATER and workload.boots[1] == 1:
        yield Problem(
            (*place, "boots"),
            'the fault ends a "later" boot, and no case has one; found at most 1 boot',
            "write `boots = 2` in [workload]",
        )


def _nothing_between(
    place: KeyPath, fault: FaultTable, workload: WorkloadTable | None
) -> Iterator[Problem]:
    if not fault.between_boots:
        return
    if workload is not None and workload.boots[1] == 1:
        yield Problem(
            (*place, "between_boots"),
            "the files go bad between two boots, and no case has two; found at most 1 boot",
            "write `boots = [2, 3]` in [workload]",
        )
    if fault.boots is BootSelector.LAST:
        yield Problem(
            (*place, "boots"),
            'no boot follows the last one, so nothing is between; found `boots = "last"`',
            "take `boots` out, or take `between_boots` out",
        )


def _phase_problems(workload: WorkloadTable) -> Iterator[Problem]:
    most = workload.boots[1]
    if len(workload.phases) > most:
        yield Problem(
            ("workload", "phases", most),
            f"there are {len(workload.phases)} phases, one for each boot, and no case has more "
            f"than {most} boots",
            f"write `boots = {len(workload.phases)}` in [workload]",
        )


def _mix_problems(workload: WorkloadTable) -> Iterator[Problem]:
    if not workload.has("put"):
        yield Problem(
            ("workload", "mix"),
            "without `put` nothing is ever appended; found `put = 0`",
            "write `put = 5` in [workload.mix]",
        )


def _boots_without_fault(
    workload: WorkloadTable, faults: Sequence[FaultTable]
) -> Iterator[Problem]:
    are_all_later = faults and all(fault.boots is BootSelector.LATER for fault in faults)
    if are_all_later and workload.boots[0] == 1 < workload.boots[1]:
        yield Problem(
            ("workload", "boots"),
            'every fault ends a "later" boot, so that a case of 1 boot tests nothing; '
            f"found {list(workload.boots)}",
            f"write `boots = [2, {workload.boots[1]}]`",
        )


def _promise_problems(workload: WorkloadTable, contract: ContractTable) -> Iterator[Problem]:
    is_promised_by_sync = contract.acknowledges is Acknowledges.SYNC
    if is_promised_by_sync and contract.kill is Promise.ALL and not workload.has("sync"):
        yield Problem(
            ("contract", "acknowledges"),
            "records are promised by `sync`, which the workload never does, so that nothing is "
            "ever promised; found `sync = 0` in [workload.mix]",
            "write `sync = 1` in [workload.mix]",
        )
