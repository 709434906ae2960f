"""The recording device: a loop device on a recorded file, with a file system on it.

Use it in an isolated process (`isolation`): nothing of it then outlives that process.

Not here: the file behind FUSE (`recorded_file`), what is made of the log (`cuts`).
"""

import contextlib
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from walcrash.blocks.data_writes import DataWrites
from walcrash.blocks.file_systems import FileSystemVariant
from walcrash.blocks.isolation import environment
from walcrash.blocks.kernel import bind_loop, mount, unmount
from walcrash.blocks.log import COUNT_BYTES, FILE_NAME, SPARED, SPARED_AT, BlockLog, read_log
from walcrash.values.errors import HarnessFault

_SERVE: Final = "from walcrash.blocks.recorded_file import main; main()"
_END_SECONDS: Final = 20.0


class RecordingDevice:
    """A device whose writes and flushes are logged from `begin` on; made by `recording_device`."""

    def __init__(self, directory: str, path: str, size_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self._directory = directory
        counter = os.open(f"{directory}/count", os.O_RDWR | os.O_CLOEXEC)
        self._counter = mmap.mmap(counter, mmap.PAGESIZE)
        os.close(counter)
        self._begun = 0
        self._begun_bytes = 0

    def count(self) -> int:
        """Return how many writes and flushes have arrived since `begin`."""
        return int.from_bytes(self._counter[:COUNT_BYTES], sys.byteorder) - self._begun

    def treat_data(self, becomes: DataWrites) -> None:
        """Say what becomes of writes of data from now on; they are made where nobody says so."""
        self._counter[COUNT_BYTES] = becomes.value

    def spare(self, start: int, end: int) -> None:
        """Have writes of data made in any case where they begin in a range, in bytes."""
        SPARED.pack_into(self._counter, SPARED_AT, start, end)

    def begin(self) -> bytes:
        """Count from now on; return what the device holds, which nobody may be changing."""
        self._begun += self.count()
        self._begun_bytes = os.stat(f"{self._directory}/log").st_size
        with open(f"{self._directory}/content", "rb") as content:
            return content.read()

    def log(self) -> BlockLog:
        """Return what has arrived since `begin`, in order."""
        with open(f"{self._directory}/log", "rb") as log:
            log.seek(self._begun_bytes)
            return read_log(log.read())


@contextlib.contextmanager
def recording_device(
    directory: str, size_bytes: int, *, hold_seconds: float = 0.0, data_seconds: float = 0.0
) -> Iterator[RecordingDevice]:
    """Have a recording device for a while.

    Args:
        directory: an empty one, for its files.
        size_bytes: of the device.
        hold_seconds: how long each write takes: a slow disk.
        data_seconds: how long a write of data takes while it is held; everything else overtakes
            it. Needed where `treat_data` is to hold some.

    Raises:
        HarnessFault: it cannot be made; the message has the system's reason.
    """
    for name, size in (("content", size_bytes), ("log", 0), ("count", mmap.PAGESIZE)):
        with open(f"{directory}/{name}", "wb") as file:
            file.truncate(size)
    mount_point = f"{directory}/fuse"
    os.mkdir(mount_point)
    server = _serve(directory, mount_point, hold_seconds, data_seconds)
    try:
        try:
            loop, path = bind_loop(f"{mount_point}/{FILE_NAME}", is_parallel=data_seconds > 0)
        except OSError as problem:
            raise HarnessFault(f"no loop device can be bound: {problem.strerror}") from None
        try:
            yield RecordingDevice(directory, path, size_bytes)
        finally:
            os.close(loop)
    finally:
        with contextlib.suppress(OSError):
            unmount(mount_point, is_lazy=True)
        try:
            server.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _serve(
    directory: str, mount_point: str, hold_seconds: float, data_seconds: float
) -> subprocess.Popen[bytes]:
    """Start the process behind FUSE, and wait until the file can be opened."""
    ready, theirs = os.pipe()
    arguments = [directory, mount_point, repr(hold_seconds), repr(data_seconds), str(theirs)]
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVE, *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[theirs],
    )
    os.close(theirs)
    with open(ready, "rb") as answer:
        if answer.read() == b"R":
            return server
    assert server.stderr is not None
    said = server.stderr.read().decode("utf-8", "replace").strip()
    server.wait()
    raise HarnessFault(f"the file behind FUSE cannot be served: {said}", hint="walcrash doctor")


def make_file_system(variant: FileSystemVariant, device: str) -> None:
    """Make a file system on a device that is ours.

    Raises:
        HarnessFault: its program fails; the message has what it said.
    """
    made = subprocess.run(
        [*variant.make, device],
        env={**os.environ, **variant.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if made.returncode:
        said = (made.stderr or made.stdout).decode("utf-8", "replace").strip()
        raise HarnessFault(f"{variant.program} failed on {device}: {said}")


@contextlib.contextmanager
def mounted(
    variant: FileSystemVariant, device: str, target: str, *, extra: str = ""
) -> Iterator[None]:
    """Have a file system mounted for a while, with options of its own besides the variant's.

    Raises:
        OSError: the kernel refuses.
    """
    mount(device, target, variant.kind, ",".join(filter(None, (variant.options, extra))))
    try:
        yield
    finally:
        unmount(target)
