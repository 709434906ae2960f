"""Whether real file systems can be recorded here: tried, on a device of its own.

Not here: what is looked at (`blocks.abilities`), what is recorded (`tools.models.record`).
"""

from walcrash.blocks.abilities import lacking, lacking_for, trial
from walcrash.blocks.file_systems import VARIANTS
from walcrash.values.machine import CheckState, MachineCheck

NAME = "real file systems"


def real_file_systems() -> MachineCheck:
    """Say which file systems `walcrash models record` can record."""
    problem = trial()
    if problem:
        return MachineCheck(
            name=NAME,
            state=CheckState.LIMITED,
            found=problem,
            follows="`walcrash models record` is inconclusive; `walcrash models check` works",
            hint=lacking()[1],
        )
    there = [name for name, variant in VARIANTS.items() if not lacking_for(variant)[0]]
    missing = [lacking_for(variant) for variant in VARIANTS.values() if lacking_for(variant)[0]]
    if missing:
        return MachineCheck(
            name=NAME,
            state=CheckState.LIMITED,
            found=f"{', '.join(there)} on a recorded device; {missing[0][0]}",
            follows="`walcrash models record` is inconclusive for the others",
            hint=missing[0][1],
        )
    return MachineCheck(
        name=NAME, state=CheckState.OK, found=f"{', '.join(there)} on a recorded device"
    )
