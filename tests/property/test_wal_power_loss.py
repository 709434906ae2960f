"""The reference WAL under a small persistence model of its own, at every crash point.

A recorder takes the place of the system calls that the WAL makes, writes through to a real
directory, and remembers what is not yet synced. A power cut keeps any subset of that: each block
of 64 bytes of each write, each change of a file's size, each name in the directory, and it may
leave zeros or older bytes where data is missing. A kill keeps everything.

Not here: the harness's own models (`disk`), which are tested against other things. This is a
second, independent opinion, small enough to be read.
"""

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.wal import Outbox, RetryPolicy, Store, SyncPolicy, open_store

BLOCK_BYTES = 64
CASES = 150
RETRY = RetryPolicy(max_attempts=2)
REAL = {
    name: getattr(os, name)
    for name in ("open", "pwrite", "ftruncate", "fsync", "fdatasync", "rename", "unlink")
}


class Crashed(BaseException):
    """The power is gone; nothing after this happens."""


class Disk:
    """What is durable, and what is not yet, of one directory."""

    def __init__(self, directory: Path, prng: random.Random) -> None:
        self.directory = directory
        self.prng = prng
        self.events_left = 0
        self.durable: dict[int, bytes] = {}
        self.changes: dict[int, list[tuple[str, int, bytes]]] = {}
        self.names: dict[str, int] = {}
        self.older_names: dict[str, list[int | None]] = {}
        for path in sorted(directory.iterdir()):
            file = path.stat().st_ino
            self.names[path.name] = file
            self.durable[file], self.changes[file] = path.read_bytes(), []

    def event(self) -> None:
        if self.events_left <= 0:
            raise Crashed
        self.events_left -= 1

    def named(self, name: str, file: int | None) -> None:
        self.older_names.setdefault(name, [self.names.get(name)]).append(file)
        if file is None:
            self.names.pop(name, None)
        else:
            self.names[name] = file

    def synced(self, fd: int) -> None:
        file = os.fstat(fd).st_ino
        if file == self.directory.stat().st_ino:
            self.older_names.clear()
        else:
            self.durable[file] = os.pread(fd, os.fstat(fd).st_size, 0)
            self.changes[file] = []

    def image(self, prng: random.Random) -> dict[str, bytes]:
        """Return one of the directories that a power cut could leave."""
        files = {}
        for name in sorted({*self.names, *self.older_names}):
            file = prng.choice(self.older_names.get(name, [self.names.get(name)]))
            if file is not None:
                files[name] = self.content(file, prng)
        return files

    def content(self, file: int, prng: random.Random) -> bytes:
        data = bytearray(self.durable.get(file, b""))
        share = prng.choice((0.0, 0.2, 0.8, 1.0))
        for kind, position, new in self.changes.get(file, []):
            if kind == "truncate":
                if prng.random() < share:
                    del data[position:]
                continue
            for start in range(0, len(new), BLOCK_BYTES):
                if prng.random() < share:
                    part = new[start : start + BLOCK_BYTES]
                    at = position + start
                    data.extend(bytes(max(0, at + len(part) - len(data))))
                    data[at : at + len(part)] = part
        if prng.random() < 0.2:
            data.extend(bytes(max(0, self.longest(file) - len(data))))
        return bytes(data)

    def longest(self, file: int) -> int:
        """Return how far the file could have grown before its data arrived."""
        return max(
            (at + len(new) for kind, at, new in self.changes.get(file, []) if kind == "write"),
            default=0,
        )


@contextmanager
def recorded(disk: Disk) -> Iterator[None]:
    """Put the recorder in the place of the system calls."""

    def opened(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            disk.event()
            fd = REAL["open"](path, flags, mode)
            file = os.fstat(fd).st_ino
            disk.durable[file], disk.changes[file] = b"", []
            disk.named(os.path.basename(path), file)
            return int(fd)
        return int(REAL["open"](path, flags, mode))

    def pwrite(fd: int, data: bytes, position: int) -> int:
        if disk.events_left == 0:
            data = data[: disk.prng.randrange(len(data))]
        disk.changes[os.fstat(fd).st_ino].append(("write", position, bytes(data)))
        REAL["pwrite"](fd, data, position)
        disk.event()
        return len(data)

    def ftruncate(fd: int, length: int) -> None:
        disk.event()
        disk.changes[os.fstat(fd).st_ino].append(("truncate", length, b""))
        REAL["ftruncate"](fd, length)

    def sync(fd: int) -> None:
        disk.event()
        disk.synced(fd)

    def rename(old: str, new: str) -> None:
        disk.event()
        file = disk.names[os.path.basename(old)]
        REAL["rename"](old, new)
        disk.named(os.path.basename(old), None)
        disk.named(os.path.basename(new), file)

    def unlink(path: str) -> None:
        disk.event()
        REAL["unlink"](path)
        disk.named(os.path.basename(path), None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", opened)
        patch.setattr(os, "pwrite", pwrite)
        patch.setattr(os, "ftruncate", ftruncate)
        patch.setattr(os, "fsync", sync)
        patch.setattr(os, "fdatasync", sync)
        patch.setattr(os, "rename", rename)
        patch.setattr(os, "unlink", unlink)
        yield


class Life:
    """Many boots over one directory, and what was promised in them."""

    def __init__(self, directory: Path, seed: int, policy: SyncPolicy) -> None:
        self.directory = directory
        self.prng = random.Random(seed)
        self.disk = Disk(directory, self.prng)
        self.policy = policy
        self.appended: list[Record] = []
        self.promised = 0
        self.calls = 0
        self.done_before: set[str] = set()

    def boot(self) -> None:
        """Work until the power fails, then check what the next boot would see."""
        disk = self.disk
        disk.events_left = self.prng.choice((5, 20, 90))
        disk.events_left = self.prng.randrange(disk.events_left)
        store: list[Store] = []
        with recorded(disk):
            try:
                store.append(open_store(self.directory, sync=self.policy, retry=RETRY))
                self.check(store[0])
                while True:
                    self.work(store[0])
            except Crashed:
                pass
        is_kill = self.prng.random() < 0.3
        image = None if is_kill else disk.image(self.prng)
        for opened in store:
            opened.log._directory._fd = _closed(opened.log._directory._fd)
            opened.log._fd = _closed(opened.log._fd)
        if image is not None:
            for path in self.directory.iterdir():
                path.unlink()
            for name, data in image.items():
                (self.directory / name).write_bytes(data)
            self.disk = Disk(self.directory, self.prng)
            if self.policy is SyncPolicy.NONE:
                self.promised = 0

    def work(self, store: Store) -> None:
        """One call; what it promised is noted only once it has returned."""
        kind = self.prng.choice(("append",) * 8 + ("sync", "apply", "compact"))
        if kind == "append":
            self.appended.append(self.record(store))
            store.append(self.appended[-1])
            if self.policy is not SyncPolicy.GROUP:
                self.promised = len(self.appended)
        elif kind == "compact":
            self.done_before = {
                entry.id for entry in store.outbox.entries() if entry.last is RecordType.DONE
            } | self.done_before
            store.compact()
        else:
            store.sync() if kind == "sync" else store.apply()
            self.promised = len(self.appended)

    def record(self, store: Store) -> Record:
        self.calls += 1
        open_ids = [
            entry.id
            for entry in store.outbox.entries()
            if store.outbox.status(entry) in {OperationStatus.PENDING, OperationStatus.FAILED}
        ]
        if open_ids and self.prng.random() < 0.5:
            kind = self.prng.choice((RecordType.DONE, RecordType.FAILED))
            return Record(kind, self.prng.choice(open_ids), self.calls)
        payload = self.prng.randbytes(self.prng.choice((0, 1, 100, 300)))
        return Record(RecordType.PUT, f"op-{self.calls}", self.calls, payload)

    def check(self, store: Store) -> None:
        """Every promised record is there, in order, without holes; state and log agree."""
        shown = [record for _, record in store.replay()]
        expected = [record for record in self.appended if record.id not in self.done_before]
        promised = [
            record for record in self.appended[: self.promised] if record.id not in self.done_before
        ]
        kept = [record for record in shown if record.id not in self.done_before]
        assert kept == expected[: len(kept)]
        assert len(kept) >= len(promised)
        times = [record.ts_ms for record in shown]
        assert times == sorted(set(times))
        assert set(times) <= {record.ts_ms for record in self.appended}
        self.appended = [r for r in self.appended if r.id in self.done_before or r in kept]
        self.promised = len(self.appended)
        assert store.checkpoint <= store.applied_offset <= store.end_offset
        folded = Outbox(RETRY)
        for offset, record in store.replay():
            folded.fold(offset, record)
        assert store.outbox.states() == folded.states()
        assert list(store.outbox.states()) == list(folded.states())
        resumed = [record for _, record in store.replay(store.checkpoint)]
        assert resumed == shown[len(shown) - len(resumed) :]


def _closed(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), policy=st.sampled_from(SyncPolicy))
def test_promised_records_survive_any_subset_of_what_was_not_synced_over_many_boots(
    tmp_path_factory: pytest.TempPathFactory, seed: int, policy: SyncPolicy
) -> None:
    directory = tmp_path_factory.mktemp("life")
    life = Life(directory, seed, policy)
    for _ in range(5):
        life.boot()
    with open_store(directory, sync=policy, retry=RETRY) as store:
        life.check(store)
    shutil.rmtree(directory)
