"""Tracing: the requests to a traced thread, and its registers.

Not here: when a thread is traced (`executed`, `thread_call`).

Source: `ptrace(2)`; Linux, `arch/x86/include/uapi/asm/ptrace.h` and
`arch/arm64/include/uapi/asm/ptrace.h` (the order of registers).
"""

import contextlib
import ctypes
import os
import struct
from dataclasses import dataclass
from typing import Final

from walcrash.recorder import abi

SEIZE: Final = 0x4206
INTERRUPT: Final = 0x4207
DETACH: Final = 17
SYSCALL: Final = 24
GET_REGISTERS: Final = 0x4204
SET_REGISTERS: Final = 0x4205
_GENERAL: Final = 1
"""`NT_PRSTATUS`: the general registers."""

OPTION_TRACE_EXEC: Final = 1 << 4
OPTION_TRACE_FORK: Final = 1 << 1
OPTION_EXIT_KILL: Final = 1 << 20
"""What is traced is killed when its tracer is gone."""

OPTION_MARKED_CALLS: Final = 1
"""`PTRACE_O_TRACESYSGOOD`: a stop at a call is told from one for SIGTRAP."""

EVENT_EXEC: Final = 4
EVENT_STOP: Final = 128
ALL: Final = 0x4000_0000
"""`__WALL`: also threads, which a wait would leave out."""


class NotTraced(Exception):
    """A thread cannot be stopped; the message says why."""


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """The general registers of one architecture, as positions among 8-byte words.

    Attributes:
        words: how many there are.
        number: where the number of a call goes.
        arguments: where its six arguments go.
        result: where its result is.
        at: the instruction pointer.
        made: a register that says which call is under way; -1 where there is none.
        instruction: what makes a call.
    """

    words: int
    number: int
    arguments: tuple[int, ...]
    result: int
    at: int
    made: int
    instruction: bytes


_REGISTERS: Final = {
    "x86_64": RegisterFile(27, 10, (14, 13, 12, 7, 9, 8), 10, 16, 15, b"\x0f\x05"),
    "aarch64": RegisterFile(34, 8, (0, 1, 2, 3, 4, 5), 0, 32, -1, b"\x01\x00\x00\xd4"),
}


def register_file() -> RegisterFile:
    """Return the registers of this machine.

    Raises:
        NotTraced: they are not known.
    """
    table = abi.architecture()
    if table is None:
        raise NotTraced(f"no table of registers for {os.uname().machine}")
    return _REGISTERS[table.name]


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def registers_of(tid: int) -> list[int]:
    """Return the general registers of a thread that has stopped.

    Raises:
        OSError: it is gone.
    """
    known = register_file()
    data = ctypes.create_string_buffer(8 * known.words)
    vector = _Vector(ctypes.addressof(data), len(data))
    request(GET_REGISTERS, tid, _GENERAL, ctypes.addressof(vector))
    return list(struct.unpack(f"={known.words}Q", data.raw))


def set_registers(tid: int, words: list[int]) -> None:
    """Give a thread that has stopped its general registers.

    Raises:
        OSError: it is gone.
    """
    data = ctypes.create_string_buffer(struct.pack(f"={len(words)}Q", *words), 8 * len(words))
    vector = _Vector(ctypes.addressof(data), len(data))
    request(SET_REGISTERS, tid, _GENERAL, ctypes.addressof(vector))


def request(name: int, tid: int, at: int, data: int) -> None:
    """Make a request.

    Raises:
        OSError: the kernel refuses, or the thread is gone.
    """
    call = abi.libc.ptrace
    call.restype = ctypes.c_long
    if call(ctypes.c_long(name), tid, ctypes.c_void_p(at), ctypes.c_void_p(data)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def detach(tid: int, signal_number: int) -> None:
    """Let a thread go on untraced; it gets a signal, or none where that is 0."""
    try:
        request(DETACH, tid, 0, signal_number)
    except OSError:
        # It was killed in its stop; its parent learns of that when its tracer has.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(tid, ALL)
