"""The filter that a worker puts on itself: which system calls the harness gets to see.

Calls that change files are handed over (`SECCOMP_RET_USER_NOTIF`); those that the harness
cannot follow at all are answered with ENOSYS, as on a kernel without them, so that programs
fall back; all others pass at full speed. Children and threads inherit the filter.

A worker can notice one thing: a signal whose handler was set without SA_RESTART may interrupt a
call (EINTR) before the harness has taken it, also one that the kernel alone would not let be
interrupted, such as a write to a file. Nothing of the call has happened then.

Since the end of a process is handed over too, one that has put the filter on itself can only be
killed until somebody answers.

Not here: what is done with a call (`supervisor`).

Source: `seccomp(2)`, `seccomp_unotify(2)`, Documentation/userspace-api/seccomp_filter.rst.
"""

import contextlib
import ctypes
import os
from collections.abc import Sequence
from functools import cache
from typing import Final

from walcrash.recorder import abi

_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
_FLAG_NEW_LISTENER: Final = 8
_FLAG_WAIT_KILLABLE_RECV: Final = 32

ALLOW: Final = 0x7FFF_0000
NOTIFY: Final = 0x7FC0_0000
_ENOSYS: Final = 0x0005_0000 | 38
_EOPNOTSUPP: Final = 0x0005_0000 | 95

# Classic BPF: load a word, jump if equal, jump if any bit is set, return.
LOAD: Final = 0x20
JUMP_EQUAL: Final = 0x15
JUMP_SET: Final = 0x45
RETURN: Final = 0x06

NUMBER_AT: Final = 0
ARCHITECTURE_AT: Final = 4
ARGUMENT_AT: Final = 16

Instruction = tuple[int, int, int, int]

_REFUSED: Final = ("io_uring_setup", "io_setup")

_SEEN_IF: Final = {
    "open": (1, os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)),
    "openat": (2, os.O_CREAT | os.O_TRUNC | (os.O_TMPFILE & ~os.O_DIRECTORY)),
    "mmap": (3, abi.MAP_SHARED),
}
"""Calls that matter only if one of these bits is set in this argument."""

READS: Final = ("read", "pread64", "readv", "preadv", "preadv2")
"""Calls that only read; like the open of a file that is there, they are seen on request."""

RANDOM: Final = "getrandom"
_OPENS: Final = ("open", "openat")

_NOT_SEEN: Final = frozenset({"seccomp", "pidfd_getfd", "kcmp", "ioctl", "getitimer", *_REFUSED})


class _Line(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jump_true", ctypes.c_ubyte),
        ("jump_false", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.POINTER(_Line)))


def program(
    table: abi.Architecture,
    *,
    sees_reads: bool = False,
    sees_random: bool = False,
    more: Sequence[Instruction] = (),
) -> list[Instruction]:
    """Return the filter for one architecture, hot calls first.

    With `sees_reads` it hands over every open and every read as well, with `sees_random` every open
    and what asks for random bytes. `more` lines are for calls that none of these are for.
    """
    lines: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        # A call from another architecture's table would pass unseen, so it gets ENOSYS.
        (JUMP_EQUAL, 1, 0, table.audit),
        (RETURN, 0, 0, _ENOSYS),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if table.has_x32:
        lines += [(JUMP_SET, 0, 1, abi.X32_BIT), (RETURN, 0, 0, _ENOSYS)]
    seen = (*READS, *_OPENS) if sees_reads else ()
    if sees_random:
        seen = (*seen, *_OPENS, RANDOM)
    for name, number in table.numbers.items():
        if name in seen:
            lines += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, NOTIFY)]
        elif name not in (*READS, RANDOM):
            lines += _lines_for(name, number)
    return [*lines, *more, (RETURN, 0, 0, ALLOW)]


def _lines_for(name: str, number: int) -> list[Instruction]:
    if name in _REFUSED:
        return [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, _ENOSYS)]
    if name in _SEEN_IF:
        argument, mask = _SEEN_IF[name]
        return [
            (JUMP_EQUAL, 0, 4, number),
            (LOAD, 0, 0, ARGUMENT_AT + 8 * argument),
            (JUMP_SET, 0, 1, mask),
            (RETURN, 0, 0, NOTIFY),
            (RETURN, 0, 0, ALLOW),
        ]
    if name == "ioctl":
        # Sharing blocks between files is refused: programs fall back to copying, which is seen.
        return [
            (JUMP_EQUAL, 0, 5, number),
            (LOAD, 0, 0, ARGUMENT_AT + 8),
            (JUMP_EQUAL, 1, 0, abi.FICLONE),
            (JUMP_EQUAL, 0, 1, abi.FICLONERANGE),
            (RETURN, 0, 0, _EOPNOTSUPP),
            (RETURN, 0, 0, ALLOW),
        ]
    if name in _NOT_SEEN:
        return []
    return [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, NOTIFY)]


@cache
def _described(
    *, sees_reads: bool, sees_random: bool = False, more: tuple[Instruction, ...] = ()
) -> _Program:
    table = abi.architecture()
    if table is None:
        raise OSError(38, f"no system-call table for {os.uname().machine}")
    return _as_kernel_takes(
        program(table, sees_reads=sees_reads, sees_random=sees_random, more=more)
    )


def _as_kernel_takes(lines: list[Instruction]) -> _Program:
    array = (_Line * len(lines))(*(_Line(*line) for line in lines))
    return _Program(len(lines), array)


def prepare() -> None:
    """Make the filter ready, so that a fork of this process need not; it may be left out."""
    with contextlib.suppress(OSError):
        _described(sees_reads=False)


def install(
    *, sees_reads: bool = False, sees_random: bool = False, more: tuple[Instruction, ...] = ()
) -> int:
    """Put the filter on this process, for good, and return the listener's descriptor.

    With `sees_reads` nothing can be read any more until somebody answers; `sees_random` and `more`
    are as for `program`.

    Raises:
        OSError: the kernel refuses: too old, or a sandbox forbids it.
    """
    described = _described(sees_reads=sees_reads, sees_random=sees_random, more=more)
    _give_up_privileges()
    try:
        return _set_filter(_FLAG_NEW_LISTENER | _FLAG_WAIT_KILLABLE_RECV, described)
    except OSError as problem:
        if problem.errno != 22:
            raise
    # Linux 5.9 to 5.18 do not know WAIT_KILLABLE_RECV.
    return _set_filter(_FLAG_NEW_LISTENER, described)


def install_waiting(lines: list[Instruction]) -> int:
    """Put another filter on this process, whose calls wait until they are answered or it dies.

    Returns:
        The listener's descriptor.

    Raises:
        OSError: the kernel refuses; EINVAL before Linux 5.19.
    """
    _give_up_privileges()
    return _set_filter(_FLAG_NEW_LISTENER | _FLAG_WAIT_KILLABLE_RECV, _as_kernel_takes(lines))


def _give_up_privileges() -> None:
    if abi.libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"PR_SET_NO_NEW_PRIVS: {os.strerror(number)}")


def _set_filter(flags: int, described: _Program) -> int:
    return abi.raw_call("seccomp", _SET_MODE_FILTER, flags, ctypes.byref(described))
