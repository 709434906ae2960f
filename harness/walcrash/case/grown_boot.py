"""One boot of a case whose payloads may grow, so that what tears its writes lies in its records.

Not here: by how much they grow (`alignment`).
"""

from typing import Final

from walcrash.case.alignment import Alignment, run_aligned
from walcrash.case.boots import CaseBoots
from walcrash.case.power_alignment import aligned_for_power
from walcrash.case.recorded_boot import EMPTY
from walcrash.case.watched_boot import WatchedBoot
from walcrash.recorder.tree import capture
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.faults import CrashPoint, PowerLoss
from walcrash.values.moments import Placement
from walcrash.values.seed import Prng
from walcrash.values.tears import ANY_BYTE, sector_bytes

# limits
ALIGNING: Final = 2
"""What is added to a power loss's seed where payloads are grown."""


def run_grown(
    boots: CaseBoots,
    plan: BootPlan,
    number: int,
    *,
    stored: StoredCase,
    alignment: Alignment | None,
    is_sought: bool,
    directory: str,
) -> WatchedBoot:
    """Run the next boot; in a case that was drawn its payloads may grow.

    Args:
        boots: the case's, so far.
        plan: what the boot is to do.
        number: the boot, from 1.
        stored: the case.
        alignment: how they may grow; None where they may not.
        is_sought: whether an image is sought that another run of the case had left.
        directory: the subject's.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    crash = plan.crash
    is_torn = isinstance(crash, CrashPoint) and crash.placement is Placement.WITHIN
    is_drawn = isinstance(crash, PowerLoss) and crash.choice is None and not is_sought
    atomic_bytes = stored.contract.atomic_bytes
    if alignment is None or not (is_torn or is_drawn) or (is_torn and atomic_bytes == ANY_BYTE):
        return boots.run(plan)
    before = EMPTY if number == 1 else capture(directory)
    most_bytes = alignment.in_boot(number)
    if not isinstance(crash, PowerLoss):
        # What is injected into a boot counts its calls, so it keeps those that it has.
        is_fixed = bool(stored.case.faults_in(number - 1))
        filling = None if is_fixed else alignment.filling_in(number)
        return run_aligned(boots, plan, before, most_bytes, filling=filling)
    boot = boots.run(plan)
    other = aligned_for_power(
        plan,
        boot.events(),
        Prng(crash.seed + ALIGNING),
        unit_bytes=sector_bytes(atomic_bytes),
        most_payload_bytes=most_bytes,
    )
    return boot if other is None else boots.run_again(other, before)
