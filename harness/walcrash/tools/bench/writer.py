"""A worker of the bench: many writes of 100 bytes, timed by itself.

It is a program as well, so that strace can run the same loop. It imports next to nothing, and
what it measures is its loop alone: the start of neither side is in it.
"""

import os
import sys
from time import perf_counter

RECORD_BYTES = 100
MESSAGE_FD = 0x7FFF_0000
WARM_UP = 50


def write_many(path: str, count: int) -> float:
    """Return the seconds that `count` writes took."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    record, write = b"x" * RECORD_BYTES, os.write
    for _ in range(WARM_UP):
        write(fd, record)
    began = perf_counter()
    for _ in range(count):
        write(fd, record)
    seconds = perf_counter() - began
    os.close(fd)
    return seconds


def write_watched(payload: bytes) -> None:
    """Entry for a worker under interception: the payload is `COUNT PATH`, the answer seconds."""
    count, path = payload.decode().split(" ", 1)
    os.write(MESSAGE_FD, repr(write_many(path, int(count))).encode())


if __name__ == "__main__":
    sys.stdout.write(repr(write_many(sys.argv[1], int(sys.argv[2]))))
