"""Boots of a driver one after the other, each in a process of the driver's own.

The adapter of a driver is our code and keeps nothing of a boot, so it needs no process for each:
what is apart is the driver. At the end of a boot the driver is killed, as a kill right after the
last reply would end it.

Not here: what becomes of what the driver started (`recorder.work_server`), boots of copies of a
driver (`walcrash.case.copied_boots`), boots of an adapter that is itself the subject (`worker`).
"""

import socket
from functools import partial

from walcrash.subjects.driver import end_all
from walcrash.subjects.driver_process import DriverProcess
from walcrash.subjects.worker import Boot, BootRequest, receive_request, send


def run_next(channel: socket.socket) -> frozenset[int] | None:
    """Run the next boot that a socket asks for; return which children go on; None at its end."""
    request = receive_request(channel)
    if request is None:
        return None
    run(request, channel)
    return frozenset()


def run(request: BootRequest, channel: socket.socket) -> None:
    """Run a boot, and end its driver."""
    # Who serves this is below a zygote, which kills all that is left there.
    DriverProcess.is_attended = True
    Boot(request, partial(send, channel)).run()
    end_all()
