"""Cases: all that is needed to run one test again.

A crash point is stated relative to a call, since the events of a boot are not known before it
runs: the n-th event of a call, counted from 0, optionally only events of one kind. A call with
fewer events is hit at its reply, which is its last event. Where the crash landed is a `Landing`.
"""

from dataclasses import dataclass

from walcrash.values.event import EventKind
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation

KEPT_SCALE = 1 << 16
"""`CrashPoint.kept` is a share of this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """An exact kill.

    Attributes:
        call: the position of the operation among the boot's operations.
        ordinal: which of the call's (matching) events, from 0.
        placement: before it, within it, or after it. `WITHIN` something that is not a write of
            two bytes or more is `BEFORE`.
        event: count only events of this kind; None counts all.
        kept: for `WITHIN`: how much of the write happens, in 1/65536 of its length; at least
            one byte is kept and at least one is lost.
    """

    call: int
    ordinal: int
    placement: Placement
    event: EventKind | None = None
    kept: int = 0


@dataclass(frozen=True, slots=True)
class KillTimer:
    """A kill at no stated event: so many microseconds after the boot's first event."""

    delay_us: int


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """A power cut somewhere in the boot or after it.

    The boot runs to its end; the cut is made in its trace. Where other boots follow, one image
    is drawn and they go on from it; in the last boot many are looked at.

    Attributes:
        seed: what positions and images are drawn from.
        images: most images of the last boot.
        choice: the one image that is meant, as `walcrash.disk` writes it (JSON); empty to draw.
    """

    seed: int
    images: int
    choice: str = ""


Crash = CrashPoint | KillTimer | PowerLoss


@dataclass(frozen=True, slots=True)
class BootPlan:
    """What one boot does, and what ends it; without a crash it is closed.

    `operations` starts with `open`. A boot without a crash, or with a power loss, ends with
    `close`.
    """

    operations: tuple[Operation, ...]
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One test: the boots in order, the first on an empty directory."""

    scenario: str
    index: int
    seed: int
    boots: tuple[BootPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Where a crash landed.

    Attributes:
        boot: the boot, from 1.
        event_index: the position in the boot's trace of the event that it was before, within
            or after.
        kind: that event's kind.
        placement: as it happened, which may be `BEFORE` where `WITHIN` was asked for.
        operation: the kind of call that was under way, such as `append MarkDone`.
        description: the event as reports show it.
        kept_bytes: for `WITHIN`, how many bytes of the write happened.
        loss: for a power loss, what of the pending changes was kept; empty for a kill.
    """

    boot: int
    event_index: int
    kind: EventKind
    placement: Placement
    operation: str
    description: str
    kept_bytes: int = 0
    loss: str = ""

    @property
    def place(self) -> str:
        """The landing without what changes with the log: `within write in append MarkDone`."""
        return f"{self.placement.value} {self.kind.value} in {self.operation or 'no call'}"

    def __str__(self) -> str:
        """Return the form that reports use: `boot 1, after event 14: write wal.log, ...`."""
        text = (
            f"boot {self.boot}, {self.placement.value} event {self.event_index}: {self.description}"
        )
        if self.placement is Placement.WITHIN:
            text += f", bytes 0-{self.kept_bytes - 1} kept"
        return text
