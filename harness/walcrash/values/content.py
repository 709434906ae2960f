"""Contents: the bytes of one file; those of a large one in pieces that images share.

A file that was made in advance has many megabytes and little in them, and the images of one
trace differ in a few pages of it. So a large content is a list of pieces of one length. A piece
that nothing was written to is shared with the content that it came from; one of zeros is shared
by all. What a copy, a hash or a comparison costs is what was written.

A content of at most `SMALL_BYTES` is plain bytes: nothing is gained there, and one content has
one form, so that equal ones compare equal.

Not here: names and modes (`image`), what changed when (`walcrash.disk.file_history`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, Self

PIECE_BYTES: Final = 1 << 16
"""The length of a piece: to copy and hash one costs a tenth of a millisecond."""

SMALL_BYTES: Final = 2 * PIECE_BYTES
"""Up to this length a content is plain bytes."""

_ZEROS: Final = bytes(PIECE_BYTES)


class Piece:
    """A whole piece of a large content; what lies behind the file's end in it is zeros."""

    __slots__ = ("_digest", "data")

    def __init__(self, data: bytes) -> None:
        assert len(data) == PIECE_BYTES, "all pieces have one length"
        self.data = data
        self._digest: bytes | None = None

    @property
    def digest(self) -> bytes:
        """A hash of the piece, worked out once."""
        if self._digest is None:
            self._digest = hashlib.blake2b(self.data, digest_size=16).digest()
        return self._digest

    def __reduce__(self) -> "tuple[type[Piece] | object, tuple[bytes, ...]]":
        """Keep the piece of zeros the same one in another process."""
        return (_zero_piece, ()) if self is ZERO else (Piece, (self.data,))


ZERO: Final = Piece(_ZEROS)
"""The piece of nothing but zeros: there is no other one with this content."""


def _zero_piece() -> Piece:
    return ZERO


def piece_of(data: bytes, like: Piece | None = None) -> Piece:
    """Return a piece with some bytes: the one of zeros, the one it is like, or a new one."""
    if data == _ZEROS:
        return ZERO
    if like is not None and like.data == data:
        return like
    return Piece(data)


class LargeContent:
    """The bytes of a file of more than `SMALL_BYTES`; it reads as `bytes` do, and never changes.

    Attributes:
        pieces: all of it, in order.
    """

    __slots__ = ("_digest", "_size", "pieces")

    def __init__(self, pieces: Sequence[Piece], size: int) -> None:
        assert size > SMALL_BYTES, "a small content is plain bytes"
        assert len(pieces) == piece_count(size), "the pieces are those of the size"
        self.pieces = tuple(pieces)
        self._size = size
        self._digest: bytes | None = None

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice) -> bytes:
        """Return a run of bytes, as a slice of `bytes` would be."""
        start, stop, step = wanted.indices(self._size)
        assert step == 1, "runs of bytes are read, in order"
        return _read(self.pieces, start, stop)

    def __bytes__(self) -> bytes:
        return self[:]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LargeContent):
            return NotImplemented
        pairs = zip(self.pieces, other.pieces, strict=False)
        return self._size == other._size and all(a is b or a.data == b.data for a, b in pairs)

    def __hash__(self) -> int:
        return hash((self._size, self.digest))

    def __repr__(self) -> str:
        return f"<{self._size} bytes, {self.digest.hex()}>"

    @property
    def digest(self) -> bytes:
        """A hash of the content, made of those of the pieces; worked out once."""
        if self._digest is None:
            digest = hashlib.blake2b(digest_size=16)
            for index, piece in enumerate(self.pieces):
                if piece is not ZERO:
                    digest.update(index.to_bytes(8, "little") + piece.digest)
            self._digest = digest.digest()
        return self._digest

    def written(self) -> Iterator[tuple[int, bytes]]:
        """Yield offset and bytes of each piece that is not all zeros, in order."""
        for index, piece in enumerate(self.pieces):
            if piece is not ZERO:
                start = index * PIECE_BYTES
                yield start, piece.data[: self._size - start]


Content = bytes | LargeContent
"""What a file holds: plain bytes where it is small."""


def content_digest(content: Content) -> bytes:
    """Return a hash of a content: 16 bytes."""
    if isinstance(content, LargeContent):
        return content.digest
    return hashlib.blake2b(content, digest_size=16).digest()


def content_of(data: Content) -> Content:
    """Return some bytes in the form that their length has."""
    if len(data) <= SMALL_BYTES or isinstance(data, LargeContent):
        return data
    return Buffer(data).content()


def starts_with(content: Content, other: Content) -> bool:
    """Whether a content begins with another one; pieces that both share are not compared."""
    if len(other) > len(content):
        return False
    if not isinstance(content, LargeContent) or not isinstance(other, LargeContent):
        return content[: len(other)] == other[:]
    whole = len(other) // PIECE_BYTES
    pairs = zip(content.pieces[:whole], other.pieces, strict=False)
    rest = slice(whole * PIECE_BYTES, len(other))
    return all(a is b or a.data == b.data for a, b in pairs) and content[rest] == other[rest]


def piece_count(size: int) -> int:
    """Return how many pieces a content of so many bytes has."""
    return -(-size // PIECE_BYTES)


def _read(pieces: "Sequence[Piece | bytearray]", start: int, stop: int) -> bytes:
    parts = []
    while start < stop:
        index, low = divmod(start, PIECE_BYTES)
        high = min(PIECE_BYTES, low + stop - start)
        piece = pieces[index]
        data = piece.data if isinstance(piece, Piece) else piece
        parts.append(data[low:high])
        start += high - low
    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


class Buffer:
    """A content of any size that is being changed; a piece is copied when it is written to."""

    __slots__ = ("_pieces", "_size")

    def __init__(self, content: "Content | bytearray" = b"") -> None:
        self._size = len(content)
        self._pieces: list[Piece | bytearray]
        if isinstance(content, LargeContent):
            self._pieces = list(content.pieces)
            return
        starts = range(0, len(content), PIECE_BYTES)
        self._pieces = [
            piece_of(bytes(content[at : at + PIECE_BYTES]).ljust(PIECE_BYTES, b"\0"))
            for at in starts
        ]

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, wanted: slice) -> bytes:
        """Return a run of bytes, as a slice of `bytes` would be."""
        start, stop, step = wanted.indices(self._size)
        assert step == 1, "runs of bytes are read, in order"
        return _read(self._pieces, start, stop)

    def copy(self) -> Self:
        """Return a buffer of its own with the same content; they share their pieces."""
        self._freeze()
        other = type(self)()
        other._pieces, other._size = list(self._pieces), self._size
        return other

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes at an offset; what lies between the end and the offset is zeros."""
        end = offset + len(data)
        if end > self._size:
            self.resize(end)
        view = memoryview(data)
        while view:
            index, low = divmod(offset, PIECE_BYTES)
            count = min(PIECE_BYTES - low, len(view))
            if count == PIECE_BYTES:
                self._pieces[index] = piece_of(bytes(view[:count]))
            else:
                self._own(index)[low : low + count] = view[:count]
            view, offset = view[count:], offset + count

    def zero(self, start: int, end: int) -> None:
        """Make a range read as zeros; what of it lies behind the end is left out."""
        end = min(end, self._size)
        while start < end:
            index, low = divmod(start, PIECE_BYTES)
            count = min(PIECE_BYTES - low, end - start)
            if count == PIECE_BYTES:
                self._pieces[index] = ZERO
            elif self._pieces[index] is not ZERO:
                self._own(index)[low : low + count] = bytes(count)
            start += count

    def take(self, other: "Buffer", start: int, end: int) -> None:
        """Make a range read as it does in another buffer, whose whole pieces are shared."""
        other._freeze()
        while start < end:
            index, low = divmod(start, PIECE_BYTES)
            count = min(PIECE_BYTES - low, end - start)
            if count == PIECE_BYTES and index < len(other._pieces):
                self.resize(max(self._size, start + count))
                self._pieces[index] = other._pieces[index]
            else:
                self.write(start, other[start : start + count].ljust(count, b"\0"))
            start += count

    def resize(self, size: int) -> None:
        """Cut the content, or lengthen it with zeros."""
        if size < self._size:
            count = piece_count(size)
            self.zero(size, min(self._size, count * PIECE_BYTES))
            del self._pieces[count:]
        else:
            self._pieces.extend([ZERO] * (piece_count(size) - len(self._pieces)))
        self._size = size

    def content(self) -> Content:
        """Return the content as it is now."""
        if self._size <= SMALL_BYTES:
            return self[:]
        return LargeContent(self._freeze(), self._size)

    def _own(self, index: int) -> bytearray:
        """Return a piece that nobody shares."""
        piece = self._pieces[index]
        if isinstance(piece, Piece):
            piece = self._pieces[index] = bytearray(piece.data)
        return piece

    def is_empty(self, index: int) -> bool:
        """Whether a piece, by its number, has nothing but zeros, or lies behind the end."""
        if index >= len(self._pieces):
            return True
        piece = self._pieces[index]
        return piece is ZERO or (isinstance(piece, bytearray) and piece == ZERO.data)

    def _freeze(self) -> list[Piece]:
        """Make all pieces such as can be shared."""
        frozen = [
            piece if isinstance(piece, Piece) else piece_of(bytes(piece)) for piece in self._pieces
        ]
        self._pieces = list(frozen)
        return frozen
