"""Copies: the places at which one record was written, and which of them decides its fate.

Not here: what became of the bytes of a copy (`ledger`), what is told of it (`fate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from walcrash.oracle.piece import Piece


@dataclass(slots=True)
class Copy:
    """One place at which a record was written: pieces that belong together, one or more."""

    pieces: list[Piece]

    @property
    def is_there(self) -> bool:
        """Whether all its bytes are in memory."""
        return all(piece.is_there for piece in self.pieces)

    @property
    def gone_at(self) -> int:
        """When the first of its bytes were gone; -1 while all are there."""
        return min((piece.gone_at for piece in self.pieces if not piece.is_there), default=-1)

    @property
    def decisive(self) -> Piece:
        """The piece that was gone first, or the first one of all."""
        gone = [piece for piece in self.pieces if not piece.is_there]
        return min(gone, key=lambda piece: piece.gone_at) if gone else self.pieces[0]

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return b"".join(piece.carrier.data for piece in self.pieces)

    @property
    def is_back_and_unsynced(self) -> bool:
        """Whether a sync of it failed, and a power loss took it and gave its file the name back."""
        piece = self.decisive
        return piece.is_back and any(not sync.is_made for sync in piece.syncs)

    def is_rewritten_as(self, other: "Copy") -> bool:
        """Whether the other is this one, written once more at its place."""
        mine, its = self.pieces[0], other.pieces[0]
        one, two = mine.carrier, its.carrier
        if mine.written_at >= its.written_at or one.start >= two.end or two.start >= one.end:
            return False
        if not self.is_there:
            return self.decisive.by == its.written
        return other.is_there and mine.file == its.file

    def is_repeated_as(self, other: "Copy") -> bool:
        """Whether the other has its bytes again, at their place, and one power loss took both."""
        mine, its = self.decisive, other.decisive
        one, two = mine.carrier, its.carrier
        return (
            mine.is_lost_by_power
            and its.is_lost_by_power
            and mine.gone_at == its.gone_at
            and mine.file == its.file
            and mine.written_at < its.written_at
            and one.start < two.end
            and two.start < one.end
        )


def copies_of(pieces: Sequence[Piece]) -> list[Copy]:
    """Return pieces of one record as copies: those of one call that join in one file."""
    copies: list[Copy] = []
    for piece in sorted(pieces, key=lambda each: (each.call, each.file, each.carrier.start)):
        last = copies[-1].pieces[-1] if copies else None
        is_joined = (
            last is not None
            and (last.call, last.file) == (piece.call, piece.file)
            and (last.carrier.end == piece.carrier.start or last.written == piece.written)
        )
        if is_joined:
            copies[-1].pieces.append(piece)
        else:
            copies.append(Copy([piece]))
    return copies


def deciding_first(copies: Sequence[Copy]) -> list[Copy]:
    """Return copies in the order in which they are told, without those that were written again.

    One whose sync failed decides where a power loss took it with the name of the file that was to
    take its place. Else one that is there does, first one whose name was exchanged for another and
    is back, and else the one that was gone last.
    """
    kept = [copy for copy in copies if not any(copy.is_rewritten_as(each) for each in copies)]
    kept = [copy for copy in kept if not any(each.is_repeated_as(copy) for each in kept)]
    unsynced = [copy for copy in kept if copy.is_back_and_unsynced]
    others = [copy for copy in kept if not copy.is_back_and_unsynced]
    there = [copy for copy in others if copy.is_there]
    there.sort(key=lambda copy: (copy.pieces[0].exchange is None, copy.pieces[0].written_at))
    gone = sorted((c for c in others if not c.is_there), key=lambda copy: -copy.gone_at)
    return [*unsynced, *there, *gone]
