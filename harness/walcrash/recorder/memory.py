"""The memory of a thread that waits in a call: read and written through `/proc`.

Not here: a process under watch, whose memory stays open (`processes`).

Source: `proc_pid_mem(5)`.
"""

import errno
import os


def read_exactly(tid: int, address: int, length: int) -> bytes:
    """Return so many bytes of a thread's memory.

    Raises:
        OSError: EFAULT where they are not all there; the thread is gone.
    """
    data = read_some(tid, address, length)
    if len(data) < length:
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
    return data


def read_some(tid: int, address: int, most: int) -> bytes:
    """Return what is there of so many bytes.

    Raises:
        OSError: nothing is; the thread is gone.
    """
    memory = os.open(f"/proc/{tid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(memory, most, address)
    finally:
        os.close(memory)


def write_exactly(tid: int, address: int, data: bytes) -> None:
    """Write to a thread's memory.

    Raises:
        OSError: EFAULT where not all of it can be written; the thread is gone.
    """
    memory = os.open(f"/proc/{tid}/mem", os.O_WRONLY | os.O_CLOEXEC)
    try:
        written = os.pwrite(memory, data, address)
    finally:
        os.close(memory)
    if written < len(data):
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
