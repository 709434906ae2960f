"""Classes of faults: what each of them brings, so that a new one is a file and an entry.

A class of fault has the name under which scenarios ask for it, the keys that its plan takes, and
the way it is drawn into a boot. What it draws is a value that brings its own JSON form, words and
simplifications: an `End`, or a `Fault` that is injected.

Not here: which classes there are (`registry`), which boots are drawn (`walcrash.workload.draw`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol

from walcrash.values.event import EventKind
from walcrash.values.faults.end import End
from walcrash.values.faults.injected import Fault
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.operation import Operation
from walcrash.values.seed import Prng


class Draft(Protocol):
    """A boot whose operations are drawn, and into which a fault is drawn now.

    For what ends the boot, `close` is not among its operations; for what is injected, they are
    those that will be carried out.
    """

    @property
    def prng(self) -> Prng:
        """The generator."""
        ...

    @property
    def boot(self) -> int:
        """The boot, from 0."""
        ...

    @property
    def operations(self) -> Sequence[Operation]:
        """The operations, in order."""
        ...

    def closed(self) -> list[Operation]:
        """Return the operations with a `close` behind them."""
        ...

    def names(self, plan: FaultPlan) -> Sequence[str]:
        """Return the supported operations that a plan may fall into; empty for any."""
        ...

    def count(self, operation: Operation, event: EventKind | None) -> int:
        """Return how many events of a kind, or of all, an operation had without any fault."""
        ...

    def least(self, operation: Operation) -> int:
        """Return the fewest events that a fault in an operation is drawn from."""
        ...

    def sending_ticks(self) -> set[int]:
        """Return the positions of the ticks that have something to send."""
        ...

    def room_bytes(self, call: int) -> int:
        """Return by how much the payloads up to an operation can grow, its own included."""
        ...

    def takes_fillers(self) -> bool:
        """Return whether puts may be added before a write that is to be torn."""
        ...

    def with_time_left(self, operations: Sequence[Operation]) -> list[Operation]:
        """Return operations of which the last, in which a write is torn, leaves time for puts."""
        ...

    def with_needed(self, name: str) -> list[Operation]:
        """Return some first part of the operations with a needed one behind it."""
        ...


class FaultClass(ABC):
    """One class of fault.

    Attributes:
        kind: the name under which scenarios ask for it.
        keys: the keys of `[[faults]]` that it takes, besides `kind`, `weight` and `boots`.
        falls: where it falls, for a key that it does not take: `at no stated event`.
        is_power_loss: whether the page cache is gone after it.
        is_at_rest: whether it is done to what the last boot of a case leaves.
    """

    kind: ClassVar[FaultKind]
    keys: ClassVar[frozenset[str]]
    falls: ClassVar[str]
    is_power_loss: ClassVar[bool] = False
    is_at_rest: ClassVar[bool] = False


def falls_into(names: Sequence[str], operation: Operation) -> bool:
    """Whether a fault may fall into an operation.

    Args:
        names: the operations and types of records that it may fall into; empty for any.
        operation: the operation.
    """
    is_named = operation.kind.value in names
    is_type_named = operation.record is not None and operation.record.type.value in names
    return not names or is_named or is_type_named


class Ending(FaultClass):
    """A class of fault that ends its boot; one of the scenario's is drawn for each boot."""

    @abstractmethod
    def draw(self, plan: FaultPlan, draft: Draft) -> tuple[list[Operation], End]:
        """Return the operations up to the one in which the boot ends, and its end."""


class Injectable(FaultClass):
    """A class of fault that is injected into a boot, whatever ends that."""

    @abstractmethod
    def draw(self, plan: FaultPlan, draft: Draft) -> Fault | None:
        """Return a fault in one of the operations; None where this boot gets none."""
