"""Descriptors of ours in a worker's table.

The call that asked for one is answered in a step of its own. The kernel can do both at once
(`SECCOMP_ADDFD_FLAG_SEND`), but a signal or a debugger that stops this process meanwhile has the
request taken back with the answer given: the worker's `open` then returns 0 and there is no file.

Not here: who asks (`directory_calls`, `struck`, `odd_boot`).

Source: `seccomp_unotify(2)`, SECCOMP_IOCTL_NOTIF_ADDFD.
"""

import fcntl

from walcrash.recorder import abi


def put_descriptor(listener: int, fd: int, flags: int, id_: int, *, at: int | None) -> int:
    """Put one of our descriptors into the table of a worker that waits; return its number there.

    Args:
        listener: the notification descriptor.
        fd: ours.
        flags: `O_CLOEXEC` or 0.
        id_: the notification for which the worker waits.
        at: the number whose place it takes, which is closed; None for a free one.

    Raises:
        OSError: the worker is gone, or has too many descriptors.
    """
    setting = 0 if at is None else abi.ADDFD_FLAG_SETFD
    request = abi.ADDFD.pack(id_, setting, fd, at or 0, flags)
    number: int = fcntl.ioctl(listener, abi.NOTIF_ADDFD, bytearray(request))
    return number
