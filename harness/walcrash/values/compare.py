"""Comparisons of two subjects: where their verdicts part under the same cases, and at what cost.

Both get the same operations, and crashes at the same places relative to them. Each is held
against its own contract, so a subject that promises less can pass where the other fails.

Not here: running the cases (`tools.compare`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from walcrash.values.event import MESSAGES, Event, EventKind
from walcrash.values.verdict import Invariant, Verdict, Violation

SYNCS = frozenset(
    {
        EventKind.FSYNC,
        EventKind.FDATASYNC,
        EventKind.SYNC_RANGE,
        EventKind.SYNC_ALL,
        EventKind.MSYNC,
    }
)
"""The calls that ask for durability; a synchronous write counts as one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a subject asked of the operating system for some operations, without any crash.

    Attributes:
        operations: acknowledged calls, opens and closes not counted.
        calls: file-system actions that were recorded.
        written_bytes: bytes in writes, those stored through mappings among them.
        syncs: calls that ask for durability, and synchronous writes.
    """

    operations: int = 0
    calls: int = 0
    written_bytes: int = 0
    syncs: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return both together."""
        return Cost(
            operations=self.operations + other.operations,
            calls=self.calls + other.calls,
            written_bytes=self.written_bytes + other.written_bytes,
            syncs=self.syncs + other.syncs,
        )


def cost_of(events: Sequence[Event], *, operations: int) -> Cost:
    """Return what a trace cost; `operations` is how many were acknowledged in it."""
    actions = [event for event in events if event.kind not in MESSAGES]
    return Cost(
        operations=operations,
        calls=sum(not event.is_no_call for event in actions),
        written_bytes=sum(len(event.data) for event in actions if event.kind is EventKind.WRITE),
        syncs=sum(event.kind in SYNCS or event.is_synchronous for event in actions),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one subject made of one case.

    Attributes:
        verdict: against its own contract.
        broken: the invariants that it broke, most severe first.
        message: what the first of them says; why it is inconclusive, where it is.
        images: how many images of power losses were judged.
    """

    verdict: Verdict
    broken: tuple[Invariant, ...] = ()
    message: str = ""
    images: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCase:
    """One case under both subjects."""

    index: int
    first: Side
    second: Side

    @property
    def is_parted(self) -> bool:
        """Whether the subjects differ in the verdict, or in what is broken first."""
        return (self.first.verdict, self.first.broken[:1]) != (
            self.second.verdict,
            self.second.broken[:1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectComparison:
    """Two subjects under the same cases.

    Attributes:
        names: both subjects, as reports name them.
        words: both, as they were named on the command line.
        seed: the master seed.
        left_out: capabilities that only one of them has; no operation needs them.
        cases: in the order of their indices.
        costs: of the same operations without a crash, for each.
        is_cut_short: whether time ran out first.
        plain: for each, what it breaks without any crash, if it does; then no case was run.
    """

    names: tuple[str, str]
    words: tuple[str, str]
    seed: str
    left_out: tuple[str, ...]
    cases: tuple[ComparedCase, ...]
    costs: tuple[Cost, Cost]
    is_cut_short: bool = False
    plain: tuple[Violation | None, Violation | None] = (None, None)

    @property
    def is_plain(self) -> bool:
        """Whether one of them is wrong without any crash."""
        return self.plain != (None, None)

    @property
    def parted(self) -> tuple[ComparedCase, ...]:
        """The cases under which the two differ."""
        return tuple(case for case in self.cases if case.is_parted)

    @property
    def verdict(self) -> Verdict:
        """Fail if one of them failed; inconclusive if nothing or not all was judged."""
        if self.is_plain:
            return Verdict.FAIL
        verdicts = {side.verdict for case in self.cases for side in (case.first, case.second)}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.INCONCLUSIVE
