"""Boots of a driver one after the other, each in a process of the driver's own.

The adapter of a driver is our code and keeps nothing of a boot, so it needs no process for each:
what is apart is the driver. At the end of a boot the driver is killed, as a kill right after the
last reply would end it.

Not here: what becomes of what the driver started (`recorder.work_server`), boots of an adapter
that is itself the subject (`worker`).
"""

import socket
from functools import partial

from walcrash.subjects.driver import end_all
from walcrash.subjects.driver_process import DriverProcess
from walcrash.subjects.worker import Boot, receive_request, send


def run_next(channel: socket.socket) -> bool:
    """Run the next boot that a socket asks for; return whether there was one."""
    request = receive_request(channel)
    if request is None:
        return False
    # Who serves this is below a zygote, which kills all that is left there.
    DriverProcess.is_attended = True
    Boot(request, partial(send, channel)).run()
    end_all()
    return True
