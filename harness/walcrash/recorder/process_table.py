"""The process table: a worker's threads, processes and files, as one trace knows them.

Processes and threads get numbers in the order of first sight, files when they are first seen or
made. What is cached here is dropped whenever a call could make it stale.

Not here: answering calls (`supervisor`), one process (`processes`).
"""

import errno
import os
from typing import Final

from walcrash.recorder import processes
from walcrash.recorder.mappings import Mappings
from walcrash.recorder.paths import Directory
from walcrash.recorder.processes import OpenFile, Process
from walcrash.recorder.status import FileStatus, status_of
from walcrash.values.errors import HarnessFault

_NO_DESCRIPTOR: Final = (errno.EBADF, errno.ESRCH)

_MOST_HELD: Final = 512
"""Descriptor number from which on the duplicates of workers' descriptors are closed."""


class Gone(Exception):
    """The thread that made a call has died meanwhile; there is nobody to answer."""


class ProcessTable:
    """What is known of the processes of one worker.

    Attributes:
        directory: the subject's directory.
        outside: paths outside it that were open for writing.
        mappings: shared mappings of its files.
        truncated_files: the device and inode of each file, by number, that was truncated to
            nothing and not closed since; see `releases`.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.outside: set[str] = set()
        self.mappings = Mappings()
        self._mapped = self.mappings.files
        self.truncated_files: dict[int, tuple[int, int]] = {}
        self._processes: dict[int, Process] = {}
        self._threads: dict[int, tuple[Process, int]] = {}
        self._thread_numbers: dict[int, int] = {}
        self._file_numbers: dict[tuple[int, int], int] = {}
        self._file_keys: dict[int, tuple[int, int]] = {}
        self._files_made = 0
        self._names_given: dict[int, str] = {}

    def _thread(self, tid: int) -> tuple[Process, int]:
        leader = processes.status_value(tid, "Tgid")
        if leader is None:
            raise Gone
        group = int(leader)
        process = self._processes.get(group)
        if process is None:
            try:
                process = self._processes[group] = Process.attach(group)
            except (FileNotFoundError, ProcessLookupError):
                raise Gone from None
            except OSError as problem:
                raise HarnessFault(
                    f"process {group} of the worker cannot be inspected: {problem}",
                    hint="walcrash doctor",
                ) from None
        number = self._thread_numbers.setdefault(tid, len(self._thread_numbers))
        thread = self._threads[tid] = (process, number)
        return thread

    def forget_other_processes(self, process: Process) -> None:
        """Drop what is cached of all processes but one: their ids may be given out anew."""
        self._threads = {tid: row for tid, row in self._threads.items() if row[0] is process}
        for pid in [pid for pid, other in self._processes.items() if other is not process]:
            self._processes.pop(pid).detach()

    def forget_process(self, process: Process) -> None:
        """Drop what is cached of a process whose memory is about to be replaced."""
        self._threads = {tid: row for tid, row in self._threads.items() if row[0] is not process}
        self._processes.pop(process.pid, None)
        process.detach()

    def open_file(self, process: Process, fd: int) -> OpenFile | None:
        """Return the directory's file behind a worker's descriptor, or None if it is not ours."""
        if fd in process.files:
            return process.files[fd]
        try:
            duplicate = process.duplicate(fd)
        except OSError as problem:
            if problem.errno in _NO_DESCRIPTOR:
                return None
            raise HarnessFault(f"a worker's descriptor cannot be duplicated: {problem}") from None
        entry = self.adopt(duplicate)
        process.files[fd] = entry
        return entry

    def adopt(self, duplicate: int, *, is_new: bool = False) -> OpenFile | None:
        """Take over one of our own descriptors if it is for something below the directory."""
        relative = None
        if processes.is_file_or_directory(duplicate):
            path = processes.path_of(duplicate)
            relative = self.directory.relative(path)
            if (
                relative is None
                and processes.is_of_a_disk(path)
                and processes.is_writable(duplicate)
            ):
                self.outside.add(os.fsdecode(path))
        if relative is None:
            os.close(duplicate)
            return None
        if duplicate > _MOST_HELD:
            # They are found again when they are needed.
            for process in self._processes.values():
                process.forget_files()
        number = self.file_number(status_of(duplicate), is_new=is_new)
        return OpenFile(
            fd=duplicate,
            number=number,
            path=self._names_given.get(number, relative),
            is_synchronous=processes.is_synchronous(duplicate),
        )

    @property
    def next_file_number(self) -> int:
        """The number that the next new file will get."""
        return self._files_made

    def thread_number(self, tid: int) -> int:
        """Return the trace's number for a thread that has been seen."""
        return self._threads[tid][1]

    def file_number(self, status: FileStatus, *, is_new: bool = False) -> int:
        """Return the trace's number for a file; a new file gets a new one."""
        key = (status.st_dev, status.st_ino)
        if is_new or key not in self._file_numbers:
            self._file_numbers[key] = self._files_made
            self._file_keys[self._files_made] = key
            self._files_made += 1
        return self._file_numbers[key]

    def forget_number(self, status: FileStatus) -> None:
        """Forget what had this inode before: what has it now is something else."""
        self._file_numbers.pop((status.st_dev, status.st_ino), None)

    def note_truncation(self, number: int) -> None:
        """Note that a file has been truncated to nothing."""
        if number in self._file_keys:
            self.truncated_files[number] = self._file_keys[number]

    def refresh_paths(self) -> None:
        """Look up the names of all open files again, after a rename."""
        open_files = [
            file for process in self._processes.values() for file in process.files.values()
        ]
        for file in (*open_files, *self._mapped.values()):
            if file is not None and file.number not in self._names_given:
                file.path = self.directory.relative(processes.path_of(file.fd)) or file.path

    def name_file(self, file: OpenFile, path: str) -> None:
        """Note the name that an open file without one has been given, or "" while it has none.

        The kernel goes on to call it by a number.
        """
        self._names_given[file.number] = file.path = path
        if file.number in self._mapped:
            self._mapped[file.number].path = path
