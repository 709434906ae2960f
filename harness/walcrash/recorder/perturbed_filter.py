"""The filter of processes in the perturbed environment: which calls wait for an answer.

Nothing that changes a file is among them: recoveries are not recorded. What waits is what reads
the wall clock without the vDSO, what waits for a time on it, the listing of a directory, and the
execution of a program, whose vDSO is new.

Not here: the answers (`perturbed_calls`), the filter of recorded processes (`filter`).

Source: `seccomp(2)`, `clock_gettime(2)`, `futex(2)`, `clock_nanosleep(2)`, `getdents(2)`,
`arch/x86/entry/syscalls/syscall_64.tbl`, `include/uapi/asm-generic/unistd.h`.
"""

import errno
import os
from collections.abc import Container
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.clock import MARK, WALL_CLOCKS
from walcrash.recorder.filter import (
    ALLOW,
    ARCHITECTURE_AT,
    ARGUMENT_AT,
    JUMP_EQUAL,
    JUMP_SET,
    LOAD,
    NOTIFY,
    NUMBER_AT,
    RETURN,
    Instruction,
)

# name: (x86-64, aarch64)
_CALLS: Final[dict[str, tuple[int, int | None]]] = {
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getdents64": (217, 61),
    "futex": (202, 98),
    "clock_nanosleep": (230, 115),
    "execve": (59, 221),
    "execveat": (322, 281),
}

_OTHERS: Final = ("getdents64", "execve", "execveat")

FUTEX_COMMAND: Final = 0x7F
FUTEX_WAIT_BITSET: Final = 9
FUTEX_CLOCK_REALTIME: Final = 0x100
TIMER_ABSTIME: Final = 1

_AND: Final = 0x54


def numbers() -> dict[int, str]:
    """Return the calls that may wait, by their number on this machine.

    Raises:
        OSError: there is no table for it.
    """
    table = _table()
    column = 0 if table.name == "x86_64" else 1
    return {number: name for name, row in _CALLS.items() if (number := row[column]) is not None}


def program() -> list[Instruction]:
    """Return the filter for this machine.

    Raises:
        OSError: there is no table for it.
    """
    lines: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        # Programs for another architecture go on as they are; their clock is not shifted.
        (JUMP_EQUAL, 1, 0, _table().audit),
        (RETURN, 0, 0, ALLOW),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    return [*lines, *_lines(_CALLS), (RETURN, 0, 0, ALLOW)]


def clock_lines() -> tuple[Instruction, ...]:
    """Return the part of the filter that is for what asks for the time or waits for one.

    Raises:
        OSError: there is no table for this machine.
    """
    return tuple(_lines([name for name in _CALLS if name not in _OTHERS]))


def _lines(names: Container[str]) -> list[Instruction]:
    lines: list[Instruction] = []
    for number, name in numbers().items():
        if name in names:
            body = [*_conditions(name), (RETURN, 0, 0, NOTIFY)]
            lines += [(JUMP_EQUAL, 0, len(body), number), *body]
    return lines


def _table() -> abi.Architecture:
    table = abi.architecture()
    if table is None:
        raise OSError(errno.ENOSYS, f"no system-call table for {os.uname().machine}")
    return table


def _conditions(name: str) -> list[Instruction]:
    """Return what lets a call pass that need not wait; every path ends or falls through."""
    if name == "clock_gettime":
        return [*_unless_marked(), *_only_if_wall_clock()]
    if name in ("gettimeofday", "time"):
        return _unless_marked()
    if name == "clock_nanosleep":
        return [*_only_if_wall_clock(), *_only_if_set(1, TIMER_ABSTIME)]
    if name == "futex":
        return [
            *_only_if_set(1, FUTEX_CLOCK_REALTIME),
            (_AND, 0, 0, FUTEX_COMMAND),
            *_only_if(FUTEX_WAIT_BITSET),
            *_only_if_pointer(3),
        ]
    return []


def _unless_marked() -> list[Instruction]:
    return [
        (LOAD, 0, 0, ARGUMENT_AT + 8 * 5),
        (JUMP_EQUAL, 0, 3, MARK),
        (LOAD, 0, 0, ARGUMENT_AT + 8 * 5 + 4),
        (JUMP_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, ALLOW),
    ]


def _only_if_wall_clock() -> list[Instruction]:
    tests = [
        (JUMP_EQUAL, len(WALL_CLOCKS) - place, 0, clock) for place, clock in enumerate(WALL_CLOCKS)
    ]
    return [(LOAD, 0, 0, ARGUMENT_AT), *tests, (RETURN, 0, 0, ALLOW)]


def _only_if_set(argument: int, mask: int) -> list[Instruction]:
    return [
        (LOAD, 0, 0, ARGUMENT_AT + 8 * argument),
        (JUMP_SET, 1, 0, mask),
        (RETURN, 0, 0, ALLOW),
    ]


def _only_if(value: int) -> list[Instruction]:
    return [(JUMP_EQUAL, 1, 0, value), (RETURN, 0, 0, ALLOW)]


def _only_if_pointer(argument: int) -> list[Instruction]:
    return [
        (LOAD, 0, 0, ARGUMENT_AT + 8 * argument),
        (JUMP_EQUAL, 0, 3, 0),
        (LOAD, 0, 0, ARGUMENT_AT + 8 * argument + 4),
        (JUMP_EQUAL, 0, 1, 0),
        (RETURN, 0, 0, ALLOW),
    ]
