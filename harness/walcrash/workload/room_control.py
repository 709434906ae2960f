"""The room control: a case without a crash that fills a log, as far as few records can.

It follows a long control in which the log refused a record for certain. Its first boot marks two
operations, appends one put of each length, the longest first, then as many as fill the log, each
step of shorter ones; its second boot opens what that left and appends one more. A log that refuses
a put of a length that it took before has no room left.

Not here: what the records show together (`fit`), and running it (`walcrash.campaign.fitting`).
"""

from typing import Final

from walcrash.values.case import BootPlan, Case
from walcrash.values.record import RecordType
from walcrash.values.scenario import Scenario
from walcrash.values.seed import Prng, derive_seed
from walcrash.workload.long_control import Maker
from walcrash.workload.operations import CLOSE, OPEN

# limits
SHORT_BYTES: Final = 100
"""Payloads of the first records, and of the last ones."""

LENGTHS: Final = (16_000, 4_000, 1_000)
"""Payloads of one put each, before the log is filled."""

STEPS: Final = ((80, 4_000), (16, 1_000), (48, SHORT_BYTES))
"""How many puts with payloads of how many bytes fill the log: up to about 340,000 bytes of them."""

MARKED: Final = 2
"""So many operations get a MarkFailed and a MarkDone, the first of them a second one."""


def draw_room_control(
    scenario: Scenario,
    supports: frozenset[str],
    master_seed: str | int,
    *,
    has_second_mark: bool = True,
) -> Case:
    """Return the room control of a scenario's campaign.

    Args:
        scenario: it; its name gives the seed.
        supports: the subject's capabilities.
        master_seed: of the campaign.
        has_second_mark: whether an operation that is done is marked so again.
    """
    seed = derive_seed(master_seed, scenario.name, "room control")
    maker = Maker(Prng(seed), is_synced="sync" in supports)
    maker.put(MARKED, SHORT_BYTES)
    for number in range(1, MARKED + 1):
        maker.mark(RecordType.FAILED, number)
        maker.mark(RecordType.DONE, number)
    if has_second_mark:
        maker.mark(RecordType.DONE, 1)
    for size in LENGTHS:
        maker.put(1, size)
    for count, size in STEPS:
        maker.put(count, size)
    first = BootPlan((OPEN, *maker.operations, CLOSE))
    maker.operations = []
    maker.put(1, SHORT_BYTES)
    return Case(scenario.name, 0, seed, (first, BootPlan((OPEN, *maker.operations, CLOSE))))
