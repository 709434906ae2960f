"""The work server: one piece of work after the other in one process, which leaves nothing running.

For work whose own process keeps nothing of it: what may keep something are the programs that it
starts. When a piece of work has ended, the server kills and reaps all that is left below it,
daemons too, and only then tells the harness.

Messages are framed (`framing`); the server sends an empty one as the end of the work.

Not here: work that needs a process for each piece (`fork_server`).
"""

import socket
from importlib import import_module

from walcrash.recorder.descendants import adopt_orphans, kill_children
from walcrash.values.framing import frame


def serve(payload: bytes, channel: socket.socket) -> None:
    """Entry for the zygote: do one piece of work after the other until there is none.

    Args:
        payload: `module:function`; it is called with the socket, takes one message from it, and
            returns which of its children go on; None if there was no message.
        channel: to the harness.
    """
    module, _, function = payload.decode().partition(":")
    work = getattr(import_module(module), function)
    adopt_orphans()
    while (keep := work(channel)) is not None:
        kill_children(keep=keep)
        channel.sendall(frame(b""))
