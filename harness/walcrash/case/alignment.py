"""Alignment: payloads grow, so that records lie over the ends of pages and sectors.

Linux tears a write at the ends of pages in its file, a disk at the ends of sectors. A record of a
hundred bytes lies over such an end once in forty times, and then not where a reader is most easily
misled. So what a case has drawn is measured in a first run of its boot, and payloads are made
longer: of records before the one that is to be torn, which moves it, or else its own. No payload
gets longer than the longest that the workload draws. Where that is shorter than a page, and the
records before the one that is to be torn do not reach, puts are added before it
(`walcrash.workload.fillers`).

- For a kill within a write, a page end is moved to the very byte of the write that was drawn.
- For a power loss, sector ends are moved to telling bytes of many records (`power_alignment`).

A store that writes a longer payload elsewhere, or in another size, is measured again a few times.
One whose records cannot be moved is torn where it can be torn; what else a torn write could show is
tried as a byte tear (`runner`).

Not here: where a write may be torn at all (`walcrash.values.tears`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Final, Self

from walcrash.case.boots import CaseBoots
from walcrash.case.watched_boot import WatchedBoot
from walcrash.recorder.recording import EventRow
from walcrash.values.case import BootPlan, Case
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint, bytes_of_share
from walcrash.values.image import Image
from walcrash.values.limits import BYTES_PER_BOOT
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation
from walcrash.values.record import RecordType
from walcrash.values.scenario import WorkloadPlan
from walcrash.values.tears import PAGE_BYTES
from walcrash.workload.fillers import FILLERS, Filling

# limits
ROUNDS: Final = 4
"""Most further runs of one boot in which a kill is moved into its write."""

FILLED_ROUNDS: Final = 2
"""Most runs of one boot in which it is found out how many fillers it needs."""

NOT_TORN: Final = BYTES_PER_BOOT
"""By how many bytes a kill has missed a write that it did not tear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How payloads may grow, and what may be put before a write that is to be torn.

    Attributes:
        most_payload_bytes: for each boot, the longest that a payload may get; the last is that
            of all later boots too.
        fillings: likewise, what fillers may be; None where there are none. Empty for no boot.
    """

    most_payload_bytes: tuple[int, ...]
    fillings: tuple[Filling | None, ...] = ()

    @classmethod
    def of(cls, workload: WorkloadPlan) -> Self:
        """Return how far payloads may grow in a workload: to the longest that it draws."""
        plans = [workload.in_boot(boot) for boot in range(max(1, len(workload.phases)))]
        return cls(
            most_payload_bytes=tuple(max(plan.payload_bytes) for plan in plans),
            fillings=tuple(map(Filling.of, plans)),
        )

    @classmethod
    def within(cls, case: Case) -> Self:
        """Return how far payloads may grow in a case that was run: to its longest.

        Its fillers are among its operations, and it gets no others.
        """
        records = [each.record for boot in case.boots for each in boot.operations]
        lengths = [len(record.payload) for record in records if record is not None]
        return cls(most_payload_bytes=(max(lengths, default=0),))

    def in_boot(self, number: int) -> int:
        """Return the longest payload of a boot, counted from 1."""
        return self.most_payload_bytes[min(number, len(self.most_payload_bytes)) - 1]

    def filling_in(self, number: int) -> Filling | None:
        """Return what fillers may be in a boot, counted from 1; None where it gets none."""
        if not self.fillings:
            return None
        return self.fillings[min(number, len(self.fillings)) - 1]


def missed_bytes(boot: WatchedBoot) -> int | None:
    """Return by how many bytes a kill has missed the place within a write that was drawn.

    Returns:
        None where no kill within a write was drawn, or what it fell on is no write. `NOT_TORN`
        where it could not be torn, which is more than any miss.
    """
    crash, landed = boot.plan.crash, boot.recording.crash
    is_within = isinstance(crash, CrashPoint) and crash.placement is Placement.WITHIN
    if not is_within or landed is None or landed.row.kind is not EventKind.WRITE:
        return None
    assert isinstance(crash, CrashPoint)
    length = landed.row.length
    if length < 2:
        return None
    if not landed.kept_bytes:
        return NOT_TORN
    return abs(landed.kept_bytes - bytes_of_share(crash.kept, length))


def run_aligned(
    boots: CaseBoots,
    plan: BootPlan,
    before: Image,
    most_bytes: int,
    *,
    filling: Filling | None = None,
) -> WatchedBoot:
    """Run the next boot so that what tears its writes falls where it was drawn, or near.

    Args:
        boots: those before it.
        plan: what was drawn.
        before: what the directory holds.
        most_bytes: the longest that a payload may get.
        filling: what fillers may be; None for no fillers.

    Returns:
        The boot, which is the last of `boots`, with the plan that it ran by.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    best = boot = boots.run(plan)
    missed = missed_bytes(boot)
    if not missed:
        return boot
    if filling is not None:
        boot = _run_filled(boots, boot, before, filling)
        now = missed_bytes(boot)
        if boot.plan == best.plan or (now is not None and now < missed):
            best, missed = boot, missed if now is None else now
    aligner = _KillAligner(boot, most_bytes)
    for _ in range(ROUNDS):
        other = aligner.next_plan(boot) if missed else None
        if other is None:
            break
        boot = boots.run_again(other, before)
        now = missed_bytes(boot)
        if now is None:
            break
        if now < missed:
            best, missed = boot, now
    return boot if boot is best else boots.run_again(best.plan, before)


def _run_filled(
    boots: CaseBoots, first: WatchedBoot, before: Image, filling: Filling
) -> WatchedBoot:
    """Run a boot with so many fillers that its payloads have room to grow to a page end.

    Returns:
        The boot as it ran last; the first one where there is room without fillers, or where
        fillers do not move the write.
    """
    landed = first.recording.crash
    assert landed is not None, "a kill has missed its place"
    if landed.row.length >= PAGE_BYTES or not 0 <= landed.row.call < len(first.plan.operations):
        return first
    calls, most_bytes = range(1, landed.row.call), filling.most_payload_bytes
    room_bytes = sum(_rooms(first.plan, calls, most_bytes).values())
    needed_bytes, near_bytes = _needed_bytes(first), landed.row.length
    frame = _frame_bytes(first.plan, first.recording.rows, landed.row)
    boot = first
    for _ in range(FILLED_ROUNDS):
        if needed_bytes <= room_bytes:
            break
        count = filling.count(needed_bytes, frame, room_bytes, near_bytes=near_bytes)
        if not count:
            break
        boot = boots.run_again(boots.filled(first.plan, filling, count), before)
        now = boot.recording.crash
        if missed_bytes(boot) is None or now is None or now.row.offset <= landed.row.offset:
            # It lies where it lies, however many there are before it; a whole file gets longer.
            plan = _with_longer_write(boots, first, boot, filling, count)
            return boots.run_again(first.plan if plan is None else plan, before)
        room = sum(_rooms(boot.plan, range(1, now.row.call), most_bytes).values())
        if _needed_bytes(boot) <= room:
            break
        frame = max(1, (now.row.offset - landed.row.offset) // count - filling.least_payload_bytes)
    return boot


def _with_longer_write(
    boots: CaseBoots, first: WatchedBoot, probe: WatchedBoot, filling: Filling, count: int
) -> BootPlan | None:
    """Return a plan by which a write that begins where it began reaches over a page end.

    Args:
        boots: those before it, and it.
        first: the boot as it was drawn.
        probe: the boot with some fillers.
        filling: what fillers may be.
        count: how many there were.

    Returns:
        None where the write has not become longer with them, `FILLERS` do not reach, or there is
        no time for them.
    """
    landed, now, crash = first.recording.crash, probe.recording.crash, first.plan.crash
    assert landed is not None
    assert isinstance(crash, CrashPoint)
    if now is None or (now.row.kind, now.row.path) != (landed.row.kind, landed.row.path):
        return None
    more_bytes = now.row.length - landed.row.length
    if now.row.offset != landed.row.offset or more_bytes < count:
        return None
    kept = PAGE_BYTES - landed.row.offset % PAGE_BYTES
    wanted = min(bytes_for_share(kept, crash.kept), kept + PAGE_BYTES)
    growth = filling.most_payload_bytes - filling.least_payload_bytes
    needed = -(-(wanted - landed.row.length) // (more_bytes // count + growth))
    if not 0 < needed <= FILLERS:
        return None
    longer = boots.filled(first.plan, filling, needed)
    if longer == first.plan:
        return None
    fillers = range(crash.call, crash.call + needed)
    return grow(longer, fillers, needed * growth, filling.most_payload_bytes)


def _frame_bytes(plan: BootPlan, rows: Sequence[EventRow], landed: EventRow) -> int:
    """Return about how many bytes of a file a put takes beside its payload.

    Args:
        plan: what ran.
        rows: what it did, up to the kill.
        landed: the write that was killed; its file is meant.
    """
    written: dict[int, int] = {landed.call: landed.length}
    for row in rows:
        if row.kind is EventKind.WRITE and row.path == landed.path and row is not landed:
            written[row.call] = written.get(row.call, 0) + row.length
    for call in sorted(written, key=lambda each: (each == landed.call, -each)):
        record = plan.operations[call].record if 0 <= call < len(plan.operations) else None
        if record is not None and record.type is RecordType.PUT:
            return max(1, written[call] - len(record.payload))
    return max(1, landed.length)


def _needed_bytes(boot: WatchedBoot) -> int:
    """Return by how much a write has to move for a page end to lie at the byte that was drawn."""
    landed, crash = boot.recording.crash, boot.plan.crash
    assert landed is not None
    assert isinstance(crash, CrashPoint)
    wanted = bytes_of_share(crash.kept, landed.row.length)
    return -(landed.row.offset + wanted) % PAGE_BYTES


class _KillAligner:
    """Proposes one plan after the other for a boot that is killed within a write."""

    def __init__(self, boot: WatchedBoot, most_payload_bytes: int) -> None:
        """Begin with the boot as it was drawn, which missed the place."""
        self._most = most_payload_bytes
        self._first = boot
        self._asked = 0
        self._is_full = False
        self._is_rescaled = False

    def next_plan(self, boot: WatchedBoot) -> BootPlan | None:
        """Return the plan to try next, from what the last one showed; None if there is none."""
        landed, crash = boot.recording.crash, boot.plan.crash
        if landed is None or landed.row.kind is not EventKind.WRITE:
            return None
        assert isinstance(crash, CrashPoint)
        call = min(landed.row.call, len(boot.plan.operations) - 1)
        offset, length = landed.row.offset, landed.row.length
        moved = self._moved(boot)
        shift = _needed_bytes(boot)
        if self._asked and moved and moved != self._asked:
            # It writes a payload as text, or in blocks: so many bytes for each of ours.
            shift = max(1, shift * self._asked // moved)
        grown = grow(boot.plan, range(1, call), shift, self._most)
        if grown is None and moved > self._asked and not self._is_rescaled:
            # It went over the page end, and is too far from the next one: once more from the start.
            self._is_rescaled = True
            shift = max(1, _needed_bytes(self._first) * self._asked // moved)
            grown, self._asked = grow(self._first.plan, range(1, call), shift, self._most), 0
        if grown is not None and (moved or not self._asked):
            self._asked += shift
            return grown
        return self._with_own(boot.plan, call, offset, length, crash.kept)

    def _moved(self, boot: WatchedBoot) -> int:
        first, now = self._first.recording.crash, boot.recording.crash
        assert first is not None
        assert now is not None
        return now.row.offset - first.row.offset

    def _with_own(
        self, plan: BootPlan, call: int, offset: int, length: int, share: int
    ) -> BootPlan | None:
        """Let the write reach over the next page end by itself, with all others at their longest.

        Its record is made so long that the page end is at the share that was drawn, or nearly.
        """
        if self._is_full:
            return None
        self._is_full = True
        room = sum(_rooms(plan, range(1, call), self._most).values())
        before = PAGE_BYTES - offset % PAGE_BYTES
        shift = min(room, before - 1)
        whole = grow(plan, range(1, call), shift, self._most) if shift else plan
        assert whole is not None, "so much room there is"
        kept = before - shift
        least = bytes_for_share(kept, share)
        own = _rooms(whole, range(call, call + 1), self._most).get(call, 0)
        longer = min(own, max(least, kept + 1) - length)
        if longer <= 0:
            return whole if shift and kept < length else None
        return grow(whole, range(call, call + 1), longer, self._most)


def bytes_for_share(kept_bytes: int, share: int) -> int:
    """Return the length of which so many bytes are a share, as `bytes_of_share` counts."""
    length = kept_bytes + 1
    if share:
        length = max(length, ((kept_bytes - 1) << 16) // share + 1)
    return length


def grow(plan: BootPlan, calls: range, more_bytes: int, most_bytes: int) -> BootPlan | None:
    """Return a plan with so many more bytes of payload in some calls, the last of them first.

    Returns:
        None where there is no room for so many.
    """
    rooms = _rooms(plan, calls, most_bytes)
    if sum(rooms.values()) < more_bytes:
        return None
    operations, left = list(plan.operations), more_bytes
    for call, room in sorted(rooms.items(), reverse=True):
        taken = min(room, left)
        if taken:
            operations[call] = _longer(operations[call], taken)
        left -= taken
    return replace(plan, operations=tuple(operations))


def _rooms(plan: BootPlan, calls: range, most_bytes: int) -> dict[int, int]:
    """Return by how many bytes each put among some calls can grow."""
    rooms = {}
    for call in calls:
        record = plan.operations[call].record if call < len(plan.operations) else None
        if record is not None and record.type is RecordType.PUT:
            rooms[call] = max(0, most_bytes - len(record.payload))
    return rooms


def _longer(operation: Operation, more_bytes: int) -> Operation:
    """Return a put with a longer payload: its own bytes once more, and again."""
    record = operation.record
    assert record is not None
    more = bytes(islice(cycle(record.payload or b"x"), more_bytes))
    return replace(operation, record=replace(record, payload=record.payload + more))
