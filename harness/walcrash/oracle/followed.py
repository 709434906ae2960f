"""Following: the pieces of all records of a case, as one recovery left them.

Not here: what of them is told (`fate`), how an event changes them (`ledger`).
"""

from collections.abc import Iterable, Iterator, Sequence

from walcrash.oracle.boot_trace import BootTrace
from walcrash.oracle.carriers import Carriers, has_bytes
from walcrash.oracle.ledger import Ledger
from walcrash.oracle.piece import Piece
from walcrash.values.event import EventKind
from walcrash.values.history import History
from walcrash.values.image import Image
from walcrash.values.recovery import Recovery, RecoveryFailure


class Followed:
    """The pieces of all records, as a recovery left them.

    Attributes:
        ledger: where they are.
        known: the names that the last successful `open` had found or made.
        denied: records whose bytes the image does not have where the events say so.
    """

    def __init__(self, history: History, boots: Sequence[BootTrace]) -> None:
        appended = {
            (at, index): call.operation.record
            for at, boot in enumerate(history.boots, start=1)
            for index, call in enumerate(boot.calls)
            if call.operation.record is not None
        }
        carriers = Carriers(appended.values())
        self._boots = boots
        self.ledger = Ledger(
            carriers=carriers,
            appended={key: record.ts_ms for key, record in appended.items()},
            is_legible=carriers.is_legible(event for boot in boots for event in boot.events),
        )
        self.known: frozenset[str] = frozenset()
        self.denied: frozenset[int] = frozenset()

    def follow(
        self,
        number: int,
        recovery: Recovery | RecoveryFailure,
        image: Image | None,
        recovery_trace: BootTrace | None,
        *,
        call: int = 0,
    ) -> None:
        """Follow all boots before a recovery, and what it did itself where that is known.

        `call` is the one up to whose reply the recovery's own boot is followed; 0 is `open`.

        Raises:
            LostTrack: an event is not followed.
        """
        ledger = self.ledger
        for boot in self._boots[: number - 1]:
            ledger.begin(boot)
            opened = opened_at(boot)
            ledger.advance(len(boot.events) if opened is None else opened)
            if opened is not None:
                self.known = frozenset(ledger.names)
                ledger.advance(len(boot.events))
            ledger.end(boot)
        own = self._boots[number - 1] if number <= len(self._boots) else recovery_trace
        if number > len(self._boots) and image is not None:
            self.denied = frozenset(_denied(ledger.pieces, image))
        if own is not None and isinstance(recovery, Recovery):
            ledger.begin(own, is_recovery=own is recovery_trace)
            opened = opened_at(own, call)
            ledger.advance(len(own.events) if opened is None else opened)


def _denied(pieces: Iterable[Piece], image: Image) -> Iterator[int]:
    for piece in pieces:
        content = image.content(piece.path) if piece.is_there else None
        if piece.is_there and (content is None or not has_bytes(content, piece.carrier)):
            yield piece.carrier.ts_ms


def opened_at(boot: BootTrace, call: int = 0) -> int | None:
    """Return how many events a boot had when its `open`, or that call, replied; None if not."""
    replies = (
        at + 1
        for at, event in enumerate(boot.events)
        if event.kind is EventKind.REPLY and event.call == call
    )
    return next(replies, None)
