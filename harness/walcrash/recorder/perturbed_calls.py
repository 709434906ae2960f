"""Answers to processes in the perturbed environment: another time, another directory order.

The process that answers is the parent of those it answers, since a system may let nobody else look
into them. It is forked from the zygote in the place of the process that is to work, and has that
one below it.

- A program that is executed gets another wall clock in its vDSO before it runs (`executed`).
- One that makes the system call itself gets the shifted time as the answer.
- A wait for a time on the wall clock ends when that comes on the shifted one. A wait on a futex
  ends early instead, again and again, as the kernel may end it: whoever waits looks again.
- A listing comes in the reverse of the file system's order, the dot entries first. One that takes
  several calls is reversed within each.

What was done to which program is written down, a line each, for whoever reports it.

Not varied: timers set to a time on the wall clock (timer_settime, timerfd_settime), waits for a
mutex with priority inheritance, file times, 32-bit programs. Random bytes are the kernel's own,
so they differ between any two recoveries.

Source: `seccomp_unotify(2)`, `futex(2)`, `getdents(2)`, `clock_nanosleep(2)`.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import socket
import struct
import traceback
from collections.abc import Callable
from functools import cache
from typing import Final, NoReturn

from walcrash.recorder import abi, perturbed_filter
from walcrash.recorder import filter as call_filter
from walcrash.recorder.clock import (
    NotShifted,
    auxiliary,
    is_clock_shifted,
    shift_clock_of,
    shift_wall_clock,
)
from walcrash.recorder.descendants import FAILED_STATUS, end_with_parent, ending_here
from walcrash.recorder.executed import leader_of, stop_after_execution
from walcrash.recorder.late_answers import LateAnswers
from walcrash.recorder.memory import read_exactly, read_some, write_exactly
from walcrash.recorder.shifted_time import Later, ShiftedTime
from walcrash.recorder.tracing import NotTraced
from walcrash.values.errors import LIMITS_HINT, HarnessFault
from walcrash.values.varied import Surrounding, Varied

# limits
_LISTING_BYTES: Final = 1 << 20
"""Most of a listing that one call gets."""

EVERY_PROGRAM: Final = "every program that is started"
"""In the place of a program's name, where something is varied for none."""

ADAPTER: Final = "the adapter's process"
"""In the place of a program's name: what was forked from the zygote, and executed nothing."""

_WORDS_BYTES: Final = 4096
"""How much of a command line says which program it is."""

_AT_EXECFN: Final = 31

_ENTRY: Final = struct.Struct("<QqH")
"""`struct linux_dirent64`: inode, offset of the next entry, length; then type and name."""

_NAME_AT: Final = 19
Arguments = list[int]


def work_below(
    work: Callable[[], object], *, channel: int, notes: int, shift_seconds: int, is_reversed: bool
) -> NoReturn:
    """Fork a process that works under the filter, answer it and all below it, end with it.

    Args:
        work: what the forked process does.
        channel: what it talks on, which is closed here, so that its end is its own.
        notes: a file that what was done to programs is appended to.
        shift_seconds: added to the wall clock.
        is_reversed: whether listings are reversed.
    """
    try:
        pid, listener = _fork_below(work, channel, notes, shift_seconds)
        problem = "" if is_clock_shifted(pid) else "the vDSO cannot be written"
        _note(notes, Varied(program=ADAPTER, what=Surrounding.CLOCK, problem=problem))
        # What answers is asked for the shifted time, and must know the real one.
        shift_wall_clock(0)
        if listener is not None:
            _Answers(listener, shift_seconds, notes, is_reversed=is_reversed).until_end_of(pid)
        _, status = os.waitpid(pid, 0)
    except BaseException:
        # Who works is killed when this process ends, which would look like its own end.
        os.write(notes, json.dumps(traceback.format_exc(limit=-3)).encode() + b"\n")
        raise
    os._exit(FAILED_STATUS if status else 0)


def _fork_below(
    work: Callable[[], object], channel: int, notes: int, shift_seconds: int
) -> tuple[int, int | None]:
    """Fork the process that works; return its id and the listener, if there can be one."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    with ours:
        with theirs:
            pid = os.fork()
            if pid == 0:
                with ending_here():
                    end_with_parent(parent)
                    os.setsid()
                    ours.close()
                    # Whether that was done is found out by who answers.
                    shift_wall_clock(shift_seconds)
                    _put_filter_on(theirs, notes)
                    os.close(notes)
                    work()
        os.close(channel)
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    return pid, fds[0] if fds else None


def _put_filter_on(channel: socket.socket, notes: int) -> None:
    """Install the filter and hand its listener over; without one, say so and go on."""
    try:
        listener = call_filter.install_waiting(perturbed_filter.program())
    except OSError as problem:
        reason = "Linux 5.19 is needed" if problem.errno == errno.EINVAL else str(problem)
        for what in (Surrounding.CLOCK, Surrounding.LISTING):
            _note(notes, Varied(program=EVERY_PROGRAM, what=what, problem=reason))
        channel.send(b".")
    else:
        socket.send_fds(channel, [b"."], [listener])
        os.close(listener)
    channel.close()


def _note(notes: int, varied: Varied) -> None:
    line = [varied.program, varied.what.value, varied.problem]
    os.write(notes, json.dumps(line).encode() + b"\n")


def read_notes(notes: int) -> frozenset[Varied]:
    """Return what was written down so far; `notes` is the file.

    Raises:
        HarnessFault: what answers has failed, so that what it answered may have failed for that.
    """
    lines = os.pread(notes, os.fstat(notes).st_size, 0).splitlines()
    found = [json.loads(line) for line in lines]
    for fault in found:
        if isinstance(fault, str):
            raise HarnessFault(
                f"what answers recoveries in other surroundings has failed: {fault.strip()}",
                hint=LIMITS_HINT,
            )
    return frozenset(
        Varied(program=program, what=Surrounding(what), problem=problem)
        for program, what, problem in found
    )


class _Answers:
    """Answers one listener's calls."""

    def __init__(self, listener: int, shift_seconds: int, notes: int, *, is_reversed: bool) -> None:
        self._listener = listener
        self._shift_seconds = shift_seconds
        self._notes = notes
        self._is_reversed = is_reversed
        self._has_unshifted = False
        self._noted: set[Varied] = set()
        self._answers = LateAnswers(listener)
        self._listing = ctypes.create_string_buffer(_LISTING_BYTES)
        handlers = {
            **ShiftedTime(shift_seconds).by_name(),
            "getdents64": self._getdents64,
        }
        named = perturbed_filter.numbers()
        self._listing_number = next(n for n, name in named.items() if name == "getdents64")
        self._handlers = {
            number: handlers[name] for number, name in named.items() if name in handlers
        }

    def until_end_of(self, pid: int) -> None:
        """Answer until this child of ours is gone."""
        pidfd = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        while True:
            ready = dict(poll.poll(self._answers.patience_ms()))
            self._answers.send_due()
            if ready.get(self._listener, 0) & select.POLLIN:
                self._take()
            elif pidfd in ready:
                return

    def _take(self) -> None:
        request = bytearray(abi.NOTIFICATION.size)
        try:
            fcntl.ioctl(self._listener, abi.NOTIF_RECV, request)
        except OSError as problem:
            if problem.errno in (errno.ENOENT, errno.EINTR):
                return  # who asked is gone
            raise
        id_, tid, _, number, _, _, *arguments = abi.NOTIFICATION.unpack(request)
        handler = self._handlers.get(number)
        if handler is None:
            self._execute(tid, id_)
            return
        result: int | Later | None = None
        try:
            if number == self._listing_number or not self._keeps_its_clock(tid):
                result = handler(tid, arguments)
        except OSError:
            # Nothing of the call has happened: the kernel finds out what is wrong with it.
            result = None
        if isinstance(result, Later):
            self._answers.send_later(id_, result)
        else:
            self._answers.send(id_, result)

    # Programs.

    def _execute(self, tid: int, id_: int) -> None:
        try:
            stop_after_execution(tid, lambda: self._answers.send(id_, None), self._shift)
        except NotTraced as problem:
            self._has_unshifted = True
            self._remember(EVERY_PROGRAM, Surrounding.CLOCK, str(problem))

    def _shift(self, pid: int) -> None:
        problem = ""
        try:
            shift_clock_of(pid, self._shift_seconds)
        except NotShifted as refused:
            self._has_unshifted = True
            problem = str(refused)
        self._remember(_program_of(pid), Surrounding.CLOCK, problem)

    def _remember(self, program: str, what: Surrounding, problem: str = "") -> None:
        varied = Varied(program=program, what=what, problem=problem)
        if varied not in self._noted:
            self._noted.add(varied)
            _note(self._notes, varied)

    def _keeps_its_clock(self, tid: int) -> bool:
        """Whether a process has the real time in its vDSO, and so must have it everywhere."""
        return self._has_unshifted and not is_clock_shifted(tid)

    # Directories.

    def _getdents64(self, tid: int, a: Arguments) -> int | None:
        if not self._is_reversed:
            return None
        size = min(a[2] & 0xFFFF_FFFF, _LISTING_BYTES)
        try:
            fd = _duplicate(tid, a[0] & 0xFFFF_FFFF)
        except OSError as problem:
            if problem.errno not in (errno.EBADF, errno.ESRCH):
                self._remember(_program_of(tid), Surrounding.LISTING, f"pidfd_getfd: {problem}")
            return None
        try:
            # Writable first: what has been listed is not listed again.
            write_exactly(tid, a[1], read_exactly(tid, a[1], 1))
            length = self._list(fd, size)
        finally:
            os.close(fd)
        listing = self._listing.raw[:length]
        other = reverse_entries(listing)
        if other != listing:
            self._remember(_program_of(tid), Surrounding.LISTING)
        with contextlib.suppress(OSError):  # the process is gone
            write_exactly(tid, a[1], other)
        return length

    def _list(self, fd: int, size: int) -> int:
        """Make the call for a process: the position in the listing is that of its own file."""
        call = abi.libc.syscall
        length = int(call(ctypes.c_long(self._listing_number), fd, self._listing, size))
        if length < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return length


def reverse_entries(listing: bytes) -> bytes:
    """Return a listing with its entries in reverse, the dot entries first.

    The offsets stay where they are, so that who asks for more goes on behind all of them.
    """
    entries, offsets, at = [], [], 0
    while at < len(listing):
        _, offset, length = _ENTRY.unpack_from(listing, at)
        entries.append(listing[at : at + length])
        offsets.append(offset)
        at += length
    dots = [each for each in entries if each[_NAME_AT:].split(b"\0", 1)[0] in (b".", b"..")]
    others = [each for each in reversed(entries) if each not in dots]
    return b"".join(
        each[:8] + struct.pack("<q", offset) + each[16:]
        for each, offset in zip([*dots, *others], offsets, strict=True)
    )


def _program_of(pid: int) -> str:
    """Return the file name that a process was executed under, also where it was only forked since.

    That may be a script's name or a link's, which says more than the file that runs.
    """
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            words = file.read(_WORDS_BYTES)
        if words == _own_words():
            return ADAPTER
        path = _text_at(pid, auxiliary(pid)[_AT_EXECFN])
    except (OSError, KeyError):
        return "?"
    return os.path.basename(path).decode("utf-8", "backslashreplace")


@cache
def _own_words() -> bytes:
    """Return the words of the zygote's command, which what was forked from it has as well."""
    with open("/proc/self/cmdline", "rb", buffering=0) as file:
        return file.read(_WORDS_BYTES)


def _duplicate(tid: int, fd: int) -> int:
    pidfd = os.pidfd_open(leader_of(tid))
    try:
        return abi.raw_call("pidfd_getfd", pidfd, fd, 0)
    finally:
        os.close(pidfd)


def _text_at(pid: int, address: int) -> bytes:
    return read_some(pid, address, _WORDS_BYTES).split(b"\0", 1)[0]
