"""Boots of a driver one after the other, each in a process of the driver's own.

The adapter of a driver is our code and keeps nothing of a boot, so it needs no process for each:
what is apart is the driver, which is started for each boot, or a copy of one that was started
(`driver_copies`). At the end of a boot the driver is killed, as a kill right after the last reply
would end it.

Not here: what becomes of what the driver started (`recorder.work_server`), boots of an adapter
that is itself the subject (`worker`).
"""

import socket
from functools import partial
from typing import Final

from walcrash.subjects.driver import end_all
from walcrash.subjects.driver_copies import DriverCopies
from walcrash.subjects.driver_process import DriverProcess
from walcrash.subjects.worker import Boot, BootRequest, receive_request, send

IS_COPIED: Final = b"copied"
NOT_COPIED: Final = b"started each time"
"""What is said of a driver that was to be prepared for copies."""


def run_next(channel: socket.socket) -> frozenset[int] | None:
    """Run the next boot that a socket asks for; return which children go on; None at its end."""
    request = receive_request(channel)
    if request is None:
        return None
    _run(request, channel)
    return frozenset()


def run_next_copied(channel: socket.socket) -> frozenset[int] | None:
    """Do as `run_next`, with copies of the driver where it can be copied.

    A boot without operations is none: it has the driver started that copies are made of.
    """
    request = receive_request(channel)
    if request is None:
        return None
    if DriverProcess.copies is None:
        DriverProcess.copies = DriverCopies()
    if request.operations:
        _run(request, channel)
    else:
        words = tuple(map(str, request.options["command"]))  # type: ignore[arg-type]
        is_copied = DriverProcess.copies.prepare(words, request.directory)
        send(channel, IS_COPIED if is_copied else NOT_COPIED)
    return DriverProcess.copies.pids


def _run(request: BootRequest, channel: socket.socket) -> None:
    # Who serves this is below a zygote, which kills all that is left there.
    DriverProcess.is_attended = True
    Boot(request, partial(send, channel)).run()
    end_all()
