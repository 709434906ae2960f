"""The supervisor: answers a worker's intercepted calls, one at a time, and keeps the trace.

The harness makes each call that changes a file below the directory itself, on the same open file
description, and hands the result back. So what is recorded is what was returned, the order is
exact also between threads and processes, and a kill falls precisely: before a call nothing of
it has happened, within a write just its first bytes have, after it all of it.

Writes take a path of their own, since there are far more of them than of everything else.

What was stored through shared mappings is recorded as writes before the next event.

Not here: what each other call does (`calls`), who makes the worker (`zygote`), how stores are
seen (`mappings`).

Source: `seccomp_unotify(2)`.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable
from typing import Final

from walcrash.recorder import abi
from walcrash.recorder.descriptors import put_descriptor
from walcrash.recorder.holding import Aside, Held, Holding, Parked, Request
from walcrash.recorder.injector import Injector, NeverGivesUp
from walcrash.recorder.next_call import NextCall
from walcrash.recorder.paths import Directory
from walcrash.recorder.process_table import Gone, ProcessTable
from walcrash.recorder.processes import OpenFile, Process
from walcrash.recorder.recording import (
    CrashLanding,
    EventRow,
    Mark,
    RawRow,
    Recording,
    WatchEnd,
    named_rows,
)
from walcrash.recorder.releases import family
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.words import fd_of, signed
from walcrash.recorder.writing import start_of_write, write_instead, write_out, write_part
from walcrash.values import limits
from walcrash.values.errors import HarnessFault
from walcrash.values.event import FILE_SYNCS, INJECTED, MAPPED, EventKind
from walcrash.values.faults import CrashPoint, bytes_of_share
from walcrash.values.moments import Placement
from walcrash.values.tears import nearest_cut

MAX_TRANSFER_BYTES: Final = 0x7FFF_F000
"""Most bytes that one write moves, as in the kernel."""

EFFECT_MARK: Final = b"E"
"""First byte of a message that reports an effect; every other message is a reply."""

Handler = Callable[[Process, int, tuple[int, ...], int], int | None]
"""(process, thread id, arguments, notification id) -> result, negative errno, None to go on."""


class Killed(Exception):
    """The crash point was reached; whatever is under way is never answered."""


class TooMuch(Exception):
    """The worker has written more than a boot may; whatever is under way is never answered."""


class Supervisor(ProcessTable):
    """Watches one boot; make it, `run` it once, kill the worker, then ask for the recording."""

    def __init__(self, listener: int, pid: int, directory: Directory, plan: WatchPlan) -> None:
        super().__init__(directory)
        self.rows: list[RawRow] = []
        self.call = 0
        self.unmodelled: set[str] = set()
        self.children = 0
        self._listener = listener
        self._pid = pid
        self._plan = plan
        self._point = plan.crash if isinstance(plan.crash, CrashPoint) else None
        self.holding: Holding | None = None
        self.injector: Injector | None = None
        if plan.injections:
            self.holding = Holding(listener, pid, self.family)
            self.injector = Injector(plan.injections, directory.path, self.holding)
        self.call_started = 0.0
        self.sync_all = plan.sync_all
        self.around = plan.around
        self.has_asked_random = False
        self.reverts_files = plan.reverts_files
        self._count = plan.count
        self._marks: dict[int, Mark] = {}
        self._matching_seen = 0
        self._crash: CrashLanding | None = None
        self._own_fd = -1
        self._bytes_left = limits.BYTES_PER_BOOT
        self._deadline: float | None = None
        self._exit_number = self._number("exit_group")

    def family(self) -> list[int]:
        """Return the processes that may share the worker's files."""
        return family(self._pid) if self.children else [self._pid]

    def run(self, handlers: dict[int, Handler]) -> WatchEnd:
        """Answer calls until the worker exits, is to be killed, or stops making progress.

        The worker is left stopped in an unanswered call where it is to be killed; the caller
        kills it and closes the listener after that, in this order.

        Raises:
            HarnessFault: the kernel refuses what it took before.
        """
        try:
            return self._answer_calls(handlers)
        except Killed:
            return WatchEnd.KILLED
        except TooMuch:
            return WatchEnd.TOO_MUCH
        except NeverGivesUp:
            return WatchEnd.RETRYING
        finally:
            for process in self._processes.values():
                process.detach()
            if self._own_fd >= 0:
                os.close(self._own_fd)

    def recording(self, end: WatchEnd) -> Recording:
        """Return what was recorded; call it when nothing of the worker is alive.

        What other threads and processes stored until they died comes behind the crash.
        """
        if self._mapped:
            self._record_stores(0)
        return Recording(
            rows=named_rows(self.rows),
            end=end,
            crash=self._crash,
            unmodelled=tuple(sorted(self.unmodelled | self.mappings.given_up)),
            outside=tuple(sorted(self.outside)),
            children=self.children,
            marks=self._marks,
            has_asked_random=self.has_asked_random,
        )

    def _answer_calls(self, handlers: dict[int, Handler]) -> WatchEnd:
        listener = self._listener
        send, ioctl = abi.NOTIF_SEND, fcntl.ioctl
        pack = abi.RESPONSE.pack_into
        request, blank, response = bytearray(80), bytes(80), bytearray(24)
        number_of_write = self._number("write")
        number_of_pwrite = self._number("pwrite64")
        wait = self._waiter().wait
        holding = self.holding
        while (end := wait()) is None:
            fields = None if holding is None else holding.next_request()
            if fields is None:
                request[:] = blank
                fields = self._receive(request)
                if fields is None:
                    continue
            id_, tid, _, number, _, _, *arguments = fields
            result: int | None
            try:
                if number == number_of_write:
                    result = self._write(tid, arguments[0], arguments[1], arguments[2], None)
                elif number == number_of_pwrite:
                    offset = signed(arguments[3])
                    result = self._write(tid, arguments[0], arguments[1], arguments[2], offset)
                else:
                    result = self._other(handlers, number, tid, tuple(arguments), id_)
            except Gone:
                continue
            except Aside as aside:
                self._put_aside(fields, aside)
                continue
            if result is None:
                pack(response, 0, id_, 0, 0, abi.USER_NOTIF_FLAG_CONTINUE)
            elif result >= 0:
                pack(response, 0, id_, result, 0, 0)
            else:
                pack(response, 0, id_, 0, result, 0)
            try:
                ioctl(listener, send, response)
            except OSError as problem:
                # The thread died while it was waiting; whoever killed it knows.
                if problem.errno != errno.ENOENT:
                    raise HarnessFault(f"the kernel refused an answer: {problem}") from None
        return end

    def _receive(self, request: bytearray) -> Request | None:
        """Take the next call; return None where there is none, or where it is not its turn."""
        try:
            fcntl.ioctl(self._listener, abi.NOTIF_RECV, request)
        except OSError as problem:
            if problem.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise HarnessFault(f"the kernel stopped handing over calls: {problem}") from None
        fields: Request = abi.NOTIFICATION.unpack_from(request)
        if self._plan.takes_turns and self.children and self.holding is not None:
            return None if self.holding.has_to_wait(fields) else fields
        return fields

    def _put_aside(self, request: Request, aside: Aside) -> None:
        """Put a call aside; record that it has begun, where it is slow."""
        assert self.holding is not None, "there is a fault"
        if isinstance(aside, Held):
            self._record_slow(request, aside)
        aside.put(self.holding, request, len(self.rows))

    def _record_slow(self, request: Request, slow: Held) -> None:
        tid, fd = request[1], request[7]
        process, thread = self._threads[tid]
        file = self.open_file(process, fd_of(fd)) if slow.kind in FILE_SYNCS else None
        number = -1 if file is None else file.number
        row = (
            EventKind.SLOW, self.call, slow.path, "", number, 0, slow.delay_ms,
            slow.kind.value.encode(), 0, False, 0, thread, -1,
        )  # fmt: skip
        self.record(row)

    @staticmethod
    def _number(name: str) -> int:
        table = abi.architecture()
        assert table is not None
        return table.numbers[name]

    def _waiter(self) -> NextCall:
        """Return what waits for the next call, and knows why there is none."""
        worker = self._processes[self._pid] = Process.attach(self._pid)
        # Of its own, since the process is forgotten and found again when it executes a program.
        self._own_fd = os.dup(worker.pidfd)
        self.call_started = time.monotonic()
        return NextCall(self, self._listener, self._own_fd, self._plan)

    def land_behind_all(self) -> None:
        """Let the crash fall behind the last event.

        Raises:
            Killed: always.
        """
        self._land(Placement.AFTER, self.rows[-1], index=len(self.rows) - 1)

    # Writes, the hot path.

    def _write(
        self, tid: int, fd: int, address: int, length: int, offset: int | None
    ) -> int | None:
        thread = self._threads.get(tid) or self._thread(tid)
        process, thread_number = thread
        if fd == abi.MESSAGE_FD:
            return self._message(process, thread_number, address, length)
        try:
            file = process.files[fd]
        except KeyError:
            file = self.open_file(process, fd & 0xFFFF_FFFF)
        if file is None:
            return None
        try:
            data = process.read(address, min(length, MAX_TRANSFER_BYTES)) if length else b""
        except ProcessLookupError:
            raise Gone from None
        except OSError:
            return -errno.EFAULT
        return self.write_event(file, data, offset, thread_number)

    def write_event(
        self, file: OpenFile, data: bytes, offset: int | None, thread: int, flags: int = 0
    ) -> int:
        """Write to one of the directory's files and record it; `offset` None is the file's own.

        Returns:
            How many bytes were written, or a negative errno.

        Raises:
            Killed: the crash point is before, within or after this write.
            TooMuch: it is one byte or more too many; nothing of it is written.
        """
        if self._mapped:
            self._diff_mappings(thread)
        # Asked before the crash point counts the event: a slow call comes here once more.
        instead = self.injector and self.injector.write(
            self.call, file.path, file.fd, len(data), offset, flags
        )
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            raise TooMuch
        point = self._point
        is_sync = file.is_synchronous or bool(flags & (os.RWF_SYNC | os.RWF_DSYNC))
        hit = None
        if point is not None and point.call == self.call:
            hit = self._hit(EventKind.WRITE)
        if hit is None or hit is Placement.AFTER:
            noted, began = flags, self._count() if self._count else 0
            if instead:
                noted |= INJECTED
                result, start = write_instead(instead, file.fd, data, offset, flags)
            else:
                result, start = write_out(file.fd, data, offset, flags)
            row = (
                EventKind.WRITE, self.call, file.path, "", file.number, start, len(data), data,
                noted, is_sync, result, thread, -1,
            )  # fmt: skip
            self.record(row, began)
            if hit is not None:
                self._land(Placement.AFTER, row, index=len(self.rows) - 1)
            return result
        assert point is not None
        return self._partial_write(file, data, offset, thread, flags, hit, point.kept)

    def _partial_write(
        self,
        file: OpenFile,
        data: bytes,
        offset: int | None,
        thread: int,
        flags: int,
        hit: Placement,
        share: int,
    ) -> int:
        kept = 0
        start = start_of_write(file.fd, offset, flags)
        if hit is Placement.WITHIN:
            wanted = bytes_of_share(share, len(data))
            kept = nearest_cut(start, len(data), self._plan.tear_bytes, wanted)
        if kept:
            kept = write_part(file.fd, data[:kept], offset, flags)
        row = (
            EventKind.WRITE, self.call, file.path, "", file.number, start, len(data), data,
            flags, False, kept, thread, -1,
        )  # fmt: skip
        if kept:
            # It never returns, so it is not recorded as synchronous: it has promised nothing.
            self.record(row)
            self._land(Placement.WITHIN, row, index=len(self.rows) - 1, kept=kept)
        self._land(Placement.BEFORE, row, index=len(self.rows))
        raise AssertionError("a landing does not return")

    def _message(self, process: Process, thread: int, address: int, length: int) -> int:
        if length > limits.MESSAGE_BYTES:
            return -errno.EMSGSIZE
        try:
            data = process.read(address, length)
        except OSError:
            return -errno.EFAULT
        kind = EventKind.EFFECT if data.startswith(EFFECT_MARK) else EventKind.REPLY
        row = (kind, self.call, "", "", -1, 0, length, data, 0, False, length, thread, -1)
        if self._mapped:
            self._diff_mappings(thread)
        hit = None
        if self._point is not None and self._point.call == self.call:
            hit = self._hit(kind)
        if hit is Placement.BEFORE or hit is Placement.WITHIN:
            self._land(Placement.BEFORE, row, index=len(self.rows))
        self.rows.append(row)
        if hit is Placement.AFTER:
            self._land(Placement.AFTER, row, index=len(self.rows) - 1)
        if kind is EventKind.REPLY:
            self.call += 1
            self.call_started = time.monotonic()
            if self._plan.takes_turns and self.children:
                raise Parked(length)
        return length

    # Everything else.

    def _other(
        self,
        handlers: dict[int, Handler],
        number: int,
        tid: int,
        arguments: tuple[int, ...],
        id_: int,
    ) -> int | None:
        if number == self._exit_number and not self.truncated_files:
            # Nobody asks who it is, so that the end of a short-lived child costs little.
            return None
        process, _ = self._threads.get(tid) or self._thread(tid)
        try:
            return handlers[number](process, tid, arguments, id_)
        except ProcessLookupError:
            raise Gone from None
        except OSError as problem:
            return -(problem.errno or errno.EIO)

    def event(
        self,
        kind: EventKind,
        tid: int,
        perform: Callable[[], object],
        *,
        path: str = "",
        path_to: str = "",
        file: int = -1,
        offset: int = 0,
        length: int = 0,
        flags: int = 0,
        mode: int = -1,
    ) -> int:
        """Perform one action and record it.

        Returns:
            0, or a negative errno.

        Raises:
            Killed: the crash point is before or after this event.
        """
        thread = self._threads[tid][1]
        if self._mapped:
            self._diff_mappings(thread)
        instead = self.injector and self.injector.event(
            kind, self.call, path, path_to, offset, length, file=file
        )
        head = (kind, self.call, path, path_to, file, offset, length, b"", flags, False)
        hit = None
        if self._point is not None and self._point.call == self.call:
            hit = self._hit(kind)
        if hit is Placement.BEFORE or hit is Placement.WITHIN:
            self._land(Placement.BEFORE, (*head, 0, thread, mode), index=len(self.rows))
        result, began = 0, self._count() if self._count else 0
        if instead and instead.is_nothing_done:
            result, head = -instead.errno, (*head[:8], flags | INJECTED, False)
        else:
            try:
                perform()
            except OSError as problem:
                result = -(problem.errno or errno.EIO)
        row = (*head, result, thread, mode)
        self.record(row, began)
        if kind is EventKind.TRUNCATE and not result and not offset:
            self.note_truncation(file)
        if hit is Placement.AFTER:
            self._land(Placement.AFTER, row, index=len(self.rows) - 1)
        return result

    def record(self, row: RawRow, began: int = 0) -> None:
        """Add an event to the trace; `began` is what had reached the device before it."""
        if self._count:
            self._marks[len(self.rows)] = began, self._count()
        self.rows.append(row)
        if self._mapped:
            self.mappings.follow(row)

    def _diff_mappings(self, thread: int) -> None:
        """Record what was stored through mappings until now, before the event at hand.

        Raises:
            Killed: the crash point is at one of these stores. All of them have happened, so
                it lands behind them all.
        """
        first = len(self.rows)
        self._record_stores(thread)
        self.land_behind(first)

    def land_behind(self, first: int) -> None:
        """Let a crash fall behind all events from one on, if it falls on any of them.

        Raises:
            Killed: it does.
        """
        if self._point is None or self._point.call != self.call:
            return
        hits = [self._hit(row[0]) for row in self.rows[first:]]
        if any(hit is not None for hit in hits):
            self._land(Placement.AFTER, self.rows[-1], index=len(self.rows) - 1)

    def _record_stores(self, thread: int) -> None:
        for file, offset, data in self.mappings.diff():
            row = (
                EventKind.WRITE, self.call, file.path, "", file.number, offset, len(data), data,
                MAPPED, False, len(data), thread, -1,
            )  # fmt: skip
            self.rows.append(row)

    def _hit(self, kind: EventKind) -> Placement | None:
        """Whether the crash falls on this event of its call; the reply is the last chance."""
        point = self._point
        assert point is not None
        if point.event is None or point.event is kind:
            seen, self._matching_seen = self._matching_seen, self._matching_seen + 1
            if seen == point.ordinal:
                return point.placement
        return point.placement if kind is EventKind.REPLY else None

    def _land(self, placement: Placement, row: RawRow, *, index: int, kept: int = 0) -> None:
        self._crash = CrashLanding(
            event_index=index, placement=placement, row=EventRow._make(row), kept_bytes=kept
        )
        raise Killed

    def inject(self, fd: int, flags: int, id_: int, *, at: int | None = None) -> int:
        """Put one of our descriptors into a worker's table, as `put_descriptor` does."""
        return put_descriptor(self._listener, fd, flags, id_, at=at)
