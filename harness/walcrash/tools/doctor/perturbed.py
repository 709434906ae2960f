"""What the second environment varies here, which `determinism` is judged by.

Not here: how it is found out (`recorder.perturbed_probe`).
"""

from typing import Final

from walcrash.recorder.perturbed_probe import Perturbation, probe_perturbed
from walcrash.values.machine import CheckState, MachineCheck

_HINT: Final = "Linux 5.19 or later, where a process may trace its children (ptrace)"


def perturbed_checks(directory: str) -> list[MachineCheck]:
    """Check clock and directory order, as recoveries in other surroundings have them.

    Args:
        directory: an empty one, on the file system of cases.
    """
    seen = probe_perturbed(directory)
    return [_clock(seen), _listing(seen)]


def _clock(seen: Perturbation) -> MachineCheck:
    name = "clock"
    whose = [
        ("the adapter's own process", seen.adapter_clock),
        ("a program that is started", seen.program_clock),
        ("a program that asks the kernel itself", seen.called_clock),
    ]
    missing = [f"{who}: {problem}" for who, problem in whose if problem]
    if not missing:
        return MachineCheck(
            name=name,
            state=CheckState.OK,
            found="shifted for an adapter and for programs that are started",
        )
    return MachineCheck(
        name=name,
        state=CheckState.LIMITED,
        found="not shifted for " + "; ".join(missing),
        follows="`determinism` does not find such a recovery that reads the clock",
        hint=_HINT,
    )


def _listing(seen: Perturbation) -> MachineCheck:
    name = "directory order"
    if not seen.listing:
        return MachineCheck(
            name=name, state=CheckState.OK, found="reversed for programs that are started"
        )
    return MachineCheck(
        name=name,
        state=CheckState.LIMITED,
        found=f"not reversed for programs that are started: {seen.listing}",
        follows="os.listdir and os.scandir of an adapter are reversed; other code sees one order",
        hint=_HINT,
    )
