"""Events of files, for traces that are written by hand."""

import os

from walcrash.values.event import Event, EventKind

K = EventKind


def create(path: str, file: int) -> Event:
    return Event(kind=K.CREATE, path=path, file=file, flags=os.O_CREAT | os.O_RDWR)


def write(path: str, file: int, offset: int, data: bytes, *, sync: bool = False) -> Event:
    return Event(
        kind=K.WRITE, path=path, file=file, offset=offset, length=len(data), data=data,
        result=len(data), is_synchronous=sync,
    )  # fmt: skip


def truncate(path: str, file: int, size: int) -> Event:
    return Event(kind=K.TRUNCATE, path=path, file=file, offset=size)


def rename(path: str, path_to: str, file: int, flags: int = 0) -> Event:
    return Event(kind=K.RENAME, path=path, path_to=path_to, file=file, flags=flags)


def fsync(path: str, file: int, result: int = 0) -> Event:
    return Event(kind=K.FSYNC, path=path, file=file, result=result)


def fdatasync(path: str, file: int) -> Event:
    return Event(kind=K.FDATASYNC, path=path, file=file)


DIRECTORY_SYNC = fsync(".", 99)
