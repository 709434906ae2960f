"""Failed syncs, measured: what a real file system does after an fsync whose writes met EIO; root.

The recording device answers writes of data with EIO and makes all others, so it is the file that
fails and not the file system. What is asked is in `values.failed_sync`.

Not here: holding drawn workloads with such writes against the models (`blocks.background`).

Source: Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020, sections 3, 4.
"""

import contextlib
import errno
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from walcrash.blocks.abilities import lacking_for, need
from walcrash.blocks.cut_disk import CutDisk, NotMountable, cut_disk
from walcrash.blocks.cuts import Blocks, Cut, CutKind, Devices, blocks_of
from walcrash.blocks.data_writes import DataWrites
from walcrash.blocks.device import RecordingDevice, make_file_system, mounted, recording_device
from walcrash.blocks.file_systems import VARIANTS
from walcrash.blocks.isolation import WORKSPACE, start_isolated
from walcrash.blocks.journal import journal_range
from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.failed_sync import FailedSync

_ENTRY: Final = "walcrash.tools.models.failed_syncs:main"
_BLOCK_BYTES: Final = 4096
_FILES: Final = ("file", "again")
_OTHER: Final = "other"

_WORN_BYTES: Final = 50 * _BLOCK_BYTES
_WORN_TIMES: Final = 40
"""In all 8 MB: the largest journal of `VARIANTS`, which is that of XFS."""

_WORDS: Final = {ord("o"): "old", ord("n"): "new", ord("s"): "later", 0: "zeros"}


def measure_failed_syncs(names: Sequence[str] = ()) -> tuple[FailedSync, ...]:
    """Return what each file system did, each measured in an isolated process.

    Args:
        names: keys of `VARIANTS`; empty for all whose `mkfs` is there.

    Raises:
        UsageError: a name means nothing.
        Inconclusive: the machine cannot record real file systems, or not one that is named.
        HarnessFault: a measurement ended before it said anything.
    """
    for name in names:
        if name not in VARIANTS:
            raise UsageError(f"there is no `{name}`; allowed: {', '.join(VARIANTS)}")
    need()
    for name in names:
        need(VARIANTS[name])
    there = [name for name in VARIANTS if not lacking_for(VARIANTS[name])[0]]
    return tuple(map(_measured, names or there))


def _measured(name: str) -> FailedSync:
    process = start_isolated(_ENTRY, [name])
    said, _ = process.communicate()
    if process.returncode:
        raise HarnessFault(
            f"the measurement of {name} ended with {process.returncode}; what it said is above",
            hint="walcrash doctor",
        )
    form = json.loads(said)
    for key in ("memory", "dropped", "lost", "again_lost", "worn_lost"):
        form[key] = tuple(form[key])
    return FailedSync(**form)


def main() -> None:
    """Measure one file system in an isolated process; its name is the argument."""
    variant = VARIANTS[sys.argv[1]]
    for each in ("device", "mounted", "cuts"):
        os.mkdir(f"{WORKSPACE}/{each}")
    target = f"{WORKSPACE}/mounted"
    with recording_device(f"{WORKSPACE}/device", variant.size_bytes) as device:
        make_file_system(variant, device.path)
        if variant.journals_data:
            device.spare(*journal_range(variant, device.path))
        with mounted(variant, device.path, target):
            for name in (*_FILES, _OTHER):
                with open(f"{target}/{name}", "wb") as file:
                    file.write(b"o" * (3 * _BLOCK_BYTES))
        base = blocks_of(device.begin())
        with mounted(variant, device.path, target):
            answers = _failing(device, f"{target}/{_FILES[0]}")
            answers["again"] = _written_again(device, f"{target}/{_FILES[1]}")
            arrived = device.count()
            _wear(f"{target}/{_OTHER}")
            worn = device.count()
        log = device.log()
    with cut_disk(variant, f"{WORKSPACE}/cuts") as disk:
        devices = Devices(base, log)
        lost = _lost(disk, devices.after(Cut(CutKind.PREFIX, arrived)))
        late = _lost(disk, devices.after(Cut(CutKind.PREFIX, worn)))
    answers |= {"lost": lost[0], "again_lost": lost[1], "worn_lost": late[0]}
    facts = {"file_system": variant.name, "kernel": platform.release()}
    found = FailedSync(**facts, **answers)  # type: ignore[arg-type]
    print(json.dumps(asdict(found)))  # noqa: T201 - the other end reads it


_Answers = dict[str, str | tuple[str, ...]]


def _failing(device: RecordingDevice, path: str) -> _Answers:
    """Have writes fail under an fsync, and work again; return what was said, by attribute."""
    fd = os.open(path, os.O_RDWR)
    try:
        device.treat_data(DataWrites.FAILED)
        os.pwrite(fd, b"n" * _BLOCK_BYTES, 0)
        os.pwrite(fd, b"n" * _BLOCK_BYTES, 3 * _BLOCK_BYTES)
        found: _Answers = {"first": _synced(fd), "memory": _read(fd), "second": _synced(fd)}
        other = os.open(path, os.O_RDWR)
        found["other"] = _synced(other)
        os.close(other)
        device.treat_data(DataWrites.MADE)
        os.pwrite(fd, b"s" * _BLOCK_BYTES, 2 * _BLOCK_BYTES)
        found["later"] = _synced(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        found["dropped"] = _read(fd)
        return found
    finally:
        os.close(fd)


def _written_again(device: RecordingDevice, path: str) -> str:
    """Append a block in vain, write it once more; return what the second sync said."""
    fd = os.open(path, os.O_RDWR)
    try:
        device.treat_data(DataWrites.FAILED)
        os.pwrite(fd, b"n" * _BLOCK_BYTES, 3 * _BLOCK_BYTES)
        _synced(fd)
        device.treat_data(DataWrites.MADE)
        os.pwrite(fd, b"s" * _BLOCK_BYTES, 3 * _BLOCK_BYTES)
        return _synced(fd)
    finally:
        os.close(fd)


def _wear(path: str) -> None:
    """Sync more of another file than a journal has room for, so that it lets go of what it had."""
    fd = os.open(path, os.O_RDWR)
    try:
        for _ in range(_WORN_TIMES):
            os.pwrite(fd, b"s" * _WORN_BYTES, 0)
            os.fsync(fd)
    finally:
        os.close(fd)


def _synced(fd: int) -> str:
    """Sync a file; return `0` or the name of the error."""
    try:
        os.fsync(fd)
    except OSError as problem:
        return errno.errorcode.get(problem.errno or 0, str(problem.errno))
    return "0"


def _read(fd: int) -> tuple[str, ...]:
    """Return what a file reads as: a word for each block."""
    found = []
    for start in range(0, os.fstat(fd).st_size, _BLOCK_BYTES):
        bytes_there = set(os.pread(fd, _BLOCK_BYTES, start))
        words = [_WORDS.get(byte, "stale") for byte in sorted(bytes_there)]
        found.append(" and ".join(dict.fromkeys(words)))
    return tuple(found)


def _lost(disk: CutDisk, blocks: Blocks) -> list[tuple[str, ...]]:
    """Return what the files are on a device after a power loss."""
    with contextlib.suppress(NotMountable), disk.shown(blocks) as target:
        found = []
        for name in _FILES:
            fd = os.open(f"{target}/{name}", os.O_RDONLY)
            found.append(_read(fd))
            os.close(fd)
        return found
    return [("no mount",)] * len(_FILES)
