"""Framing: messages on a stream of bytes, each with its length in front.

The harness talks in this way with its own processes: requests to a zygote and to a worker, the
answers of a zygote, and what a worker says that is not under watch. A message may be empty.

Not here: the stream itself (a caller passes in what reads from it), how long a reader waits, what
a message means, and the JSON lines of a driver (`subjects.driver_process`).
"""

import struct
from collections.abc import Callable
from typing import Final

from walcrash.values.limits import MESSAGE_BYTES, REQUEST_BYTES

LENGTH: Final = struct.Struct("<Q")
"""What stands in front of each message: its length in bytes."""

# limits
PIECE_BYTES: Final = 1 << 20
"""Most bytes of one message that are read at once."""

Receive = Callable[[int], bytes]
"""Reads at most so many bytes; nothing at the end of the stream, as `socket.recv` does."""


class MessageTooLong(Exception):
    """A message is longer than its reader takes, so what follows on the stream is lost."""


def frame(message: bytes) -> bytes:
    """Return a message as it goes out on a stream."""
    return LENGTH.pack(len(message)) + message


def read_message(receive: Receive, *, begun: bytes = b"") -> bytes | None:
    """Read one message of the harness, and no byte of the next one.

    Args:
        receive: reads from the stream.
        begun: the first bytes of the message, where they have been read already.

    Returns:
        None where the stream ends before the message does.

    Raises:
        MessageTooLong: it is longer than `REQUEST_BYTES`.
    """
    head = _read_exactly(receive, LENGTH.size, begun)
    if head is None:
        return None
    return _read_exactly(receive, _length(head, REQUEST_BYTES))


def _read_exactly(receive: Receive, length: int, begun: bytes = b"") -> bytes | None:
    taken = bytearray(begun)
    while len(taken) < length:
        piece = receive(min(length - len(taken), PIECE_BYTES))
        if not piece:
            return None
        taken += piece
    return bytes(taken)


def _length(head: bytes | bytearray, most_bytes: int) -> int:
    length = int(LENGTH.unpack(head)[0])
    if length > most_bytes:
        raise MessageTooLong(f"a message of {length} bytes; at most {most_bytes} are taken")
    return length


class Messages:
    """The messages of a worker, whose stream is read in pieces of any length."""

    __slots__ = ("_next", "_taken")

    def __init__(self) -> None:
        self._taken = bytearray()
        self._next = 0

    def feed(self, piece: bytes) -> None:
        """Add what was read from the stream."""
        del self._taken[: self._next]
        self._next = 0
        self._taken += piece

    def take(self) -> bytes | None:
        """Return the next message; None while a part of it is missing.

        Raises:
            MessageTooLong: it is longer than `MESSAGE_BYTES`.
        """
        begin = self._next + LENGTH.size
        if len(self._taken) < begin:
            return None
        end = begin + _length(self._taken[self._next : begin], MESSAGE_BYTES)
        if len(self._taken) < end:
            return None
        self._next = end
        return bytes(self._taken[begin:end])
