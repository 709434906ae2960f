"""The channel between harness and zygote: requests, answers, and the descriptors with them.

A request is a pickled tuple; it comes from the harness, which the zygote trusts. An answer is a
number (a process id, a wait status; negative: an error) with bytes behind it, never a pickle.
Descriptors go with the first bytes of their message.

Not here: what a request asks for (`zygote_main`), how long an answer is waited for (`zygote`).

Source: `unix(7)`, SCM_RIGHTS.
"""

import os
import pickle
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

from walcrash.values.framing import LENGTH, frame, read_message

Request = tuple[Any, ...]
Answer = tuple[int, bytes, list[int]]
"""A number, the bytes behind it, the descriptors with them."""

_NUMBER: Final = struct.Struct("<q")

# limits
_DESCRIPTORS: Final = 4
"""Most descriptors with one message."""


def send_request(channel: socket.socket, request: Request, fds: Sequence[int] = ()) -> None:
    """Send a request.

    Raises:
        OSError: the other end is closed.
    """
    _send(channel, pickle.dumps(request), fds)


def receive_request(channel: socket.socket) -> tuple[Request | None, list[int]]:
    """Wait for a request; return it with its descriptors, or None at the end of the channel."""
    message, fds = _receive(channel)
    if message is None:
        return None, []
    request: Request = pickle.loads(message)  # noqa: S301 - from our own harness
    return request, fds


def send_answer(
    channel: socket.socket, number: int, text: bytes = b"", fds: Sequence[int] = ()
) -> None:
    """Send an answer.

    Raises:
        OSError: the other end is closed.
    """
    _send(channel, _NUMBER.pack(number) + text, fds)


def receive_answer(channel: socket.socket) -> Answer | None:
    """Wait for an answer; None at the end of the channel.

    Raises:
        TimeoutError: the channel has a time limit, and none came.
    """
    message, fds = _receive(channel)
    if message is None:
        return None
    return _NUMBER.unpack_from(message)[0], message[_NUMBER.size :], fds


def _send(channel: socket.socket, message: bytes, fds: Sequence[int]) -> None:
    data = frame(message)
    if fds:
        data = data[socket.send_fds(channel, [data], fds) :]
    if data:
        channel.sendall(data)


def _receive(channel: socket.socket) -> tuple[bytes | None, list[int]]:
    """Return a message and its descriptors; None, and none, where the channel ends before."""
    try:
        begun, fds, _, _ = socket.recv_fds(channel, LENGTH.size, _DESCRIPTORS)
        message = read_message(channel.recv, begun=begun)
    except ConnectionResetError:
        return None, []
    if message is None:
        for fd in fds:
            os.close(fd)
        return None, []
    return message, list(fds)
