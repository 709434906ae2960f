"""Boots of a driver one after the other, each of a copy of a driver that has started.

Not here: which programs are copied (`recorder.program_copies`), boots of drivers that are started
(`subjects.driver_boots`).
"""

import socket
from typing import Final

from walcrash.recorder.program_copies import ProgramCopies
from walcrash.subjects.driver_boots import run
from walcrash.subjects.driver_process import DriverProcess
from walcrash.subjects.worker import receive_request, send

IS_COPIED: Final = b"copied"
NOT_COPIED: Final = b"started each time"
"""What is said of a driver that was to be prepared for copies."""

_COPIES: Final = ProgramCopies()
"""Those of this process."""


def run_next(channel: socket.socket) -> frozenset[int] | None:
    """Run the next boot that a socket asks for; return which children go on; None at its end.

    A boot without operations is none: it has the driver started that copies are made of.
    """
    request = receive_request(channel)
    if request is None:
        return None
    DriverProcess.copies = _COPIES
    if request.operations:
        run(request, channel)
    else:
        words = tuple(map(str, request.options["command"]))  # type: ignore[arg-type]
        is_copied = _COPIES.prepare(words, request.directory)
        send(channel, IS_COPIED if is_copied else NOT_COPIED)
    return _COPIES.pids
