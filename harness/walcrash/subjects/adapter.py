"""The Python adapter: a small class that puts any WAL behind the same operations.

An adapter object lives for one boot: it is made, `open`ed on a directory, worked, and closed or
killed. A subclass implements `open`, `append`, `replay`, `end` and `close`, lists in `supports`
what it has beyond that, and states its `contract`. Raising any exception from an operation is
a failed reply; raising from `open` means that recovery refused the directory.

Source: the requests of `harness/walcrash/docs/reference/driver-protocol.md`, as methods.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from walcrash.values.contract import Contract
from walcrash.values.record import Record, Undecodable
from walcrash.values.recovery import FailureKind, SubjectState

EffectSink = Callable[[str], None]
"""Called with an operation's id at the very moment of its external effect."""


class NotSupported(Exception):
    """The adapter was asked for an operation that it does not list in `supports`."""


class DefiniteFailure(Exception):
    """An append failed and the record is certainly not in the log."""


class SubjectGone(Exception):
    """The subject has a process of its own, and that can no longer be talked with.

    It ends the boot, as the end of the worker would.

    Attributes:
        kind: whether it died, fell silent, or said something that it must not.
    """

    def __init__(self, kind: FailureKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Refused(Exception):
    """A driver answered `ok: false`; the message is its `error`."""


class NotOpened(Exception):
    """The subject cannot be started, or opened in an empty directory.

    Attributes:
        kind: how it failed.
    """

    def __init__(self, kind: FailureKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Adapter(ABC):
    """Drives one WAL implementation through one boot.

    Attributes:
        contract: what the subject promises, unless the scenario states it; set on the class,
            or in `__init__` where it depends on an option.
        supports: capabilities beyond append and replay: `sync`, `checkpoint` (`state`),
            `apply`, `effects` (`tick`), `compact`, `reopen` (objects of this class can be
            made one after the other in one process with nothing carried over).
    """

    contract: Contract = Contract()
    supports: frozenset[str] = frozenset()

    def introduce(self, scratch: Path, memory_mb: int) -> None:  # noqa: B027 - most need not
        """Find out `contract` and `supports`, where only starting the subject shows them.

        Called once, on an object that is not opened. `scratch` is an empty directory that is
        removed afterwards; a process that is started gets the memory limit.
        """

    @abstractmethod
    def open(self, directory: Path, effect: EffectSink) -> None:
        """Recover from `directory` (empty on the first boot) and be ready.

        Keep `effect` and call it with an operation's id when its external effect happens.
        """

    @abstractmethod
    def append(self, record: Record) -> int:
        """Append one record and return its offset: an integer that grows with every append."""

    @abstractmethod
    def replay(self, from_offset: int) -> Iterable[tuple[int, Record | Undecodable]]:
        """Yield (offset, record) in append order, from a record's offset; 0 is the start.

        For a stored record that cannot be decoded yield (offset, Undecodable(what was read)).
        """

    @abstractmethod
    def end(self) -> int:
        """Return the offset behind the last record."""

    @abstractmethod
    def close(self) -> None:
        """Shut down cleanly."""

    def sync(self) -> None:
        """Make everything appended so far durable."""
        raise NotSupported("sync")

    def apply(self) -> int:
        """Apply what has not been applied yet, save the checkpoint, and return it."""
        raise NotSupported("apply")

    def state(self) -> SubjectState:
        """Return the durable state as this boot's recovery saw it, kept up to date since."""
        raise NotSupported("checkpoint")

    def tick(self, now_ms: int) -> Sequence[str]:
        """Requeue what timed out, send what is due, and return the ids sent, in order."""
        raise NotSupported("effects")

    def compact(self) -> None:
        """Drop records of operations that are done, and nothing else."""
        raise NotSupported("compact")
