"""The long control: a case without a crash that shows what a log does as it gets longer.

Its first boot appends short records, then many of a few kilobytes, then some that are longer yet,
so that a file that is followed by a next one is followed here, where that happens within
`FILE_BYTES`; and it marks one operation twice. Its second boot opens what that left, and appends
one more. Only a scenario that states no workload has one: another may have its reasons to append
nothing long.

What a subject refuses there counts for nothing, but that it is not drawn.

Not here: what the case shows (`fit`), what follows where the log is full (`room_control`), and
running it (`walcrash.campaign.fitting`).
"""

from typing import Final

from walcrash.values.case import BootPlan, Case
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import Scenario
from walcrash.values.seed import Prng, derive_seed
from walcrash.workload.operations import CLOSE, EPOCH_MS, OPEN

# limits
STEPS: Final = ((24, 100), (60, 4_000), (16, 16_000), (1, 100_000))
"""How many puts with payloads of how many bytes, one after the other."""

FILE_BYTES: Final = sum(count * size for count, size in STEPS)
"""Bytes of all payloads: no file gets longer for them."""

SYNC_EVERY: Final = 16
"""A sync follows so many puts, where the subject supports it."""

MARKED: Final = 3
"""So many operations get a MarkFailed and a MarkDone, the first of them a second one."""


def draw_long_control(
    scenario: Scenario,
    supports: frozenset[str],
    master_seed: str | int,
    *,
    most_payload_bytes: int = STEPS[-1][1],
    has_second_mark: bool = True,
) -> Case:
    """Return the long control of a scenario's campaign.

    Args:
        scenario: it; its name gives the seed.
        supports: the subject's capabilities.
        master_seed: of the campaign.
        most_payload_bytes: steps of longer payloads are left out, the first one aside, whose
            payloads are as short as that.
        has_second_mark: whether an operation that is done is marked so again.
    """
    seed = derive_seed(master_seed, scenario.name, "long control")
    prng = Prng(seed)
    maker = Maker(prng, is_synced="sync" in supports)
    (short, short_bytes), *longer = STEPS
    maker.put(short, min(short_bytes, most_payload_bytes))
    for number in range(1, MARKED + 1):
        maker.mark(RecordType.FAILED, number)
        maker.mark(RecordType.DONE, number)
    if has_second_mark:
        maker.mark(RecordType.DONE, 1)
    for count, size in longer:
        if size <= most_payload_bytes:
            maker.put(count, size)
    first = BootPlan((OPEN, *maker.operations, CLOSE))
    maker.operations = []
    maker.put(1, min(short_bytes, most_payload_bytes))
    return Case(scenario.name, 0, seed, (first, BootPlan((OPEN, *maker.operations, CLOSE))))


class Maker:
    """The operations so far; each record has a time of its own."""

    def __init__(self, prng: Prng, *, is_synced: bool) -> None:
        self.operations: list[Operation] = []
        self._prng = prng
        self._is_synced = is_synced
        self._puts = 0
        self._records = 0

    def put(self, count: int, payload_bytes: int) -> None:
        """Append puts with payloads of random bytes, which no subject makes shorter."""
        for _ in range(count):
            self._puts += 1
            payload = self._prng.data(payload_bytes)
            self._append(Record(RecordType.PUT, f"op-{self._puts}", self._next_ms(), payload))
            if self._is_synced and self._puts % SYNC_EVERY == 0:
                self.operations.append(Operation(OperationKind.SYNC))

    def mark(self, kind: RecordType, number: int) -> None:
        """Append a mark of a put, counted from 1."""
        ts_ms, is_failed = self._next_ms(), kind is RecordType.FAILED
        self._append(
            Record(
                kind,
                f"op-{number}",
                ts_ms,
                error="timeout" if is_failed else "",
                next_retry_at_ms=ts_ms + 1 if is_failed else 0,
            )
        )

    def _append(self, record: Record) -> None:
        self.operations.append(Operation(OperationKind.APPEND, record=record))

    def _next_ms(self) -> int:
        self._records += 1
        return EPOCH_MS + self._records
