"""Injected faults: what is done to a subject during a boot, whatever ends the boot.

A fault names the call that it falls into, and says of each event of that boot what happens in its
place. The recorder asks before it performs the event, and marks what was injected in the trace.

Not here: what ends a boot (`end`), who asks (`walcrash.recorder.supervisor`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Protocol, Self

from walcrash.values.event import Event, EventKind
from walcrash.values.forms import Variants, Whole


@dataclass(frozen=True, slots=True)
class Attempt:
    """An event that is about to be performed.

    Attributes:
        kind: the event's.
        call: the position, among the boot's calls, of the operation under way.
        path: the file or name that is acted on.
        length: how many bytes are to be moved; 0 where none are.
        growth_bytes: by how much the files grow by it; less than 0 where it gives space back.
        file: the number of the file in the trace; -1 where none is acted on, or none is known.
    """

    kind: EventKind
    call: int
    path: str
    length: int = 0
    growth_bytes: int = 0
    file: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """What happens in place of an event.

    Attributes:
        errno: the error that the call returns, of which nothing is performed; 0 for none.
        most_bytes: how much of a transfer is performed at most; None for all of it.
        delay_ms: for how long nothing of the call happens, and it does not return; 0 for none.
        page: of a mapping with an error, which of its pages cannot be read, from 0.
        fails_late: whether the call returns 0 without having been performed.
    """

    errno: int = 0
    most_bytes: int | None = None
    delay_ms: int = 0
    page: int = 0
    fails_late: bool = False

    @property
    def is_nothing_done(self) -> bool:
        """Whether nothing of the call is performed, whatever it returns."""
        return bool(self.errno) or self.fails_late


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a boot has around it that other boots have not.

    Attributes:
        clock_shift_seconds: how far its wall clock is ahead; less than 0 for behind.
        repeats_random: whether its random bytes are those of each other such boot.
    """

    clock_shift_seconds: int = 0
    repeats_random: bool = False


AS_EVER: Final = Around()
"""What a boot has around it where no fault says anything of that."""


class Injection(Protocol):
    """A fault at work in one boot: it may count what it has seen."""

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return what happens in place of the event at hand; None where that is performed."""
        ...


class NothingInjected:
    """A fault that leaves every call of its boot alone."""

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return that the event at hand is performed."""
        del attempt
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(ABC):
    """Something that is done to a subject in one call of one boot.

    Attributes:
        boot: the boot, from 0.
        call: the position of the operation among the boot's operations.
    """

    boot: Annotated[int, Whole(0)]
    call: Annotated[int, Whole(0)]

    @property
    def sees_reads(self) -> bool:
        """Whether it asks for opens and reads, which are handed over only where they are needed."""
        return False

    @property
    def is_shown_by_power_loss(self) -> bool:
        """Whether what it leaves undone is shown by a power loss, and hardly by a kill."""
        return False

    @property
    def is_hidden_by_page_cache(self) -> bool:
        """Whether memory has what it left undone, for the next boot, until the power is lost."""
        return False

    @property
    def reverts_files(self) -> bool:
        """Whether a file goes back to what it was at its last sync when a sync of it fails."""
        return False

    @property
    def around(self) -> Around:
        """What its boot has around it."""
        return AS_EVER

    @property
    def takes_turns(self) -> bool:
        """Whether each operation of its boot waits until all other threads sleep."""
        return False

    @abstractmethod
    def injection(self) -> Injection:
        """Return the fault at work in its boot."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the form that reports use: `EIO for fsync 2 from call 3 of boot 1 on`."""

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield simpler faults of this class, simplest first.

        Args:
            events: the trace of its boot, as far as it went.
        """
        del events
        return iter(())

    def moved(self, *, boot: int, call: int) -> Self:
        """Return the fault in another place, after operations or boots were taken away."""
        return replace(self, boot=boot, call=call)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideCalls(Fault):
    """A fault of a whole boot, or of what it leaves: it falls into none of its calls."""

    def injection(self) -> NothingInjected:
        """Return what happens in place of calls: nothing."""
        return NothingInjected()

    def moved(self, *, boot: int, call: int) -> Self:
        """Return the fault in another boot."""
        del call
        return replace(self, boot=boot)


FAULTS: Final = Variants()
"""What may be injected into a boot, by the names in JSON."""


def around_of(faults: Sequence[Fault]) -> Around:
    """Return what a boot has around it, by all its faults."""
    every = [fault.around for fault in faults]
    return Around(
        clock_shift_seconds=sum(each.clock_shift_seconds for each in every),
        repeats_random=any(each.repeats_random for each in every),
    )
