"""The pending model: a trace replayed on a file system in memory that knows what is durable.

It begins as a durable image and takes events one after the other. At any point it can say what
memory holds (what a kill leaves), what is durable, and everything in between, in order.

What makes what durable, by the weakest rules (POSIX), with two marks besides for the
stricter models:

- fsync or fdatasync of a file: its content and its size; not its name. Of a directory: its
  entries. fsync, of either: its mode.
- a write with O_SYNC, O_DSYNC or RWF_DSYNC: its sectors, and the size as far as they need it.
- msync with MS_SYNC: the sectors of its range, and the size as far as they need it. Linux syncs
  the range as fdatasync would.
- sync and syncfs: everything, since Linux waits for the writes.
- sync_file_range: nothing.
- a sync that is slow: as any other when it returns, but only what there was when it began; until
  then nothing.
- a sync that fails late: what any sync does, until the file's next sync, which fails for it; from
  then on it has failed itself (`values.faults.sync_failure`).
- a sync that failed: nothing, and what it did not write stays out of later ones too, until it is
  written again (`file_history`).
- `journal`: up to where ext4's journal is committed for certain: a sync of a file waits for the
  file's own last change, one of a directory for everything. `barrier`: the last sync of any kind.

What was stored through a mapping is in the trace as writes of whole pages: all that one
comparison of the mapping found, in the order of the pages, since the real order is not known.

A close is in the trace where ext4 allocates a file's blocks at it: the file was truncated to
nothing. The end of a boot closes everything.

Not here: the files and directories themselves (`file_system`); times, owners and extended
attributes; the set-user-id bit that a write takes away; a write that failed on its way through
O_SYNC, which may be in memory.

Source: `fsync(2)`, `open(2)`, `sync(2)`, `sync_file_range(2)`, `fallocate(2)`, `rename(2)`,
`msync(2)`; Linux, `mm/msync.c`; Rebello et al., "Can Applications Recover from fsync
Failures?", ATC 2020.
"""

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, NamedTuple

from walcrash.disk.allocating import allocate, allocate_delayed
from walcrash.disk.entries import EntryKey
from walcrash.disk.errors import not_modelled
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import NEW_DIRECTORY_MODE, FileSystem, Past
from walcrash.disk.models import past_needed
from walcrash.disk.modes import ModeHistory
from walcrash.disk.nodes import Directory, Node, Symlink
from walcrash.disk.numbering import Numbering
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import FILE_SYNCS, Event, EventKind
from walcrash.values.image import Image
from walcrash.values.moments import BLOCK_BYTES, SECTOR_BYTES, Moment, after, part
from walcrash.values.persistence import WEAKEST

_RENAME_NOREPLACE: Final = 1
_RENAME_EXCHANGE: Final = 2

_NEW_FILE_MODE: Final = 0o600

_SYNCS: Final = frozenset(
    {EventKind.FSYNC, EventKind.FDATASYNC, EventKind.SYNC_ALL, EventKind.MSYNC}
)

_WRITE_BACK_ERRORS: Final = frozenset({errno.EIO, errno.ENOSPC, errno.EDQUOT})
"""What a sync returns when it could not write; any other error means that it did not try."""


class _Begun(NamedTuple):
    """A slow sync: the event at which it began, and the marks of its file then."""

    event: int
    changed: Moment
    resized: Moment


class Pending(FileSystem):
    """A file system in the middle of a trace.

    `weakest` is the weakest model that will be asked for: what only a weaker one needs to know of
    the past is forgotten.
    """

    def __init__(
        self,
        base: Image,
        *,
        sector_bytes: int = SECTOR_BYTES,
        block_bytes: int = BLOCK_BYTES,
        weakest: PersistenceModel = WEAKEST,
    ) -> None:
        super().__init__(
            base, keeps=past_needed(weakest), sector_bytes=sector_bytes, block_bytes=block_bytes
        )
        self._numbering = Numbering()
        self._actions = self._actions_by_kind()
        self._begun: dict[int, _Begun] = {}
        self._under_way: _Begun | None = None

    def _actions_by_kind(self) -> dict[EventKind, Callable[[Event], None]]:
        return {
            EventKind.CREATE: self._create,
            EventKind.TRUNCATE: self._truncate,
            EventKind.WRITE: self._write,
            EventKind.ALLOCATE: self._allocate,
            EventKind.RENAME: self._rename,
            EventKind.LINK: self._link,
            EventKind.SYMLINK: self._symlink,
            EventKind.UNLINK: self._unlink,
            EventKind.MKDIR: self._mkdir,
            EventKind.RMDIR: self._unlink,
            EventKind.FSYNC: self._sync_file,
            EventKind.FDATASYNC: self._sync_file,
            EventKind.SYNC_ALL: self._sync_all,
            EventKind.MSYNC: self._sync_mapping,
            EventKind.CLOSE: self._close,
            EventKind.ATTRIBUTE: self._change_mode,
            EventKind.SLOW: self._begin_sync,
        }

    def apply(self, event: Event) -> None:
        """Take the next event of the trace.

        Raises:
            NotModelled: the event means something that the model has no rule for.
        """
        action = self._actions.get(event.kind)
        if self._begun and not event.is_stored:
            self._under_way = self._begun.pop(event.thread, None)
        if event.fails_late:
            self._begin_late(event)
        if action is not None and event.result >= 0:
            action(event)
            if event.kind in _SYNCS or (event.is_synchronous and event.result):
                self._pass_barrier(None if self._under_way is None else self._under_way.event)
        elif event.kind in _SYNCS and -event.result in _WRITE_BACK_ERRORS:
            self._fail_sync(event)
        self._under_way = None
        self.next_event += 1
        self.now = after(self.next_event - 1)

    def reboot(self) -> None:
        """Begin another boot: its trace has file numbers of its own, and nothing is open."""
        self._numbering = Numbering()
        self._begun.clear()
        self._forget_late()
        for file in self.dirty_files():
            for history in file.histories:
                self._release(history, self.now)

    def apply_boot(self, events: Iterable[Event]) -> None:
        """Take the whole trace of a boot that ended with the power on, and begin another.

        Raises:
            NotModelled: as for `apply`.
        """
        last = None
        for event in events:
            if last is not None:
                self.apply(last)
            last = event
        if last is not None:
            is_short = last.kind is EventKind.WRITE and 0 < last.result < len(last.data)
            # A kill within a synchronous write: it never returned, so it has promised nothing.
            self.apply(replace(last, is_synchronous=False) if is_short else last)
        self.reboot()

    @contextmanager
    def torn(self, event: Event, kept_bytes: int) -> Iterator[None]:
        """Be, for a while, within the next event: a write of which so many bytes are in memory.

        Raises:
            NotModelled: as for `apply`.
        """
        file = self._file(event)
        reached = self.now
        if file is None:
            yield
            return
        was_clean = file.number not in self.dirty
        marks = file.changed, file.resized
        for history in file.histories:
            history.write(self.next_event, event.offset, event.data[:kept_bytes])
        self.dirty[file.number] = None
        self.now = after(self.next_event)
        try:
            yield
        finally:
            self.now = reached
            for history in file.histories:
                history.forget_event(self.next_event)
            file.changed, file.resized = marks
            if was_clean:
                del self.dirty[file.number]

    # Which file an event means.

    def _node(self, event: Event) -> Node | None:
        """Return what an event is about; None if it is not followed, or there is no such thing."""
        number = self._numbering.node(event, self.names)
        return None if number is None else self.nodes.get(number)

    def _file(self, event: Event) -> FileHistory | None:
        """Return the file that an event changes; None if no crash can show it any more."""
        node = self._node(event)
        if node is None or isinstance(node, FileHistory):
            return node
        raise self._unknown(event, "it is not a file")

    def _unknown(self, event: Event, why: str) -> Exception:
        return not_modelled(event, self.next_event, why)

    def _key(self, event: Event, path: str) -> EntryKey:
        key = self.names.place(path)
        if key is None:
            raise self._unknown(event, f"the trace has not made the directory of {path}")
        return key

    def _target(self, event: Event, key: EntryKey) -> int:
        number = self.names.target(key)
        if number is None:
            raise self._unknown(event, "the trace has not made it")
        return number

    # Content.

    def _write(self, event: Event) -> None:
        file = self._file(event)
        if file is None or not event.result:
            return
        size_before = file.size
        for history in file.histories:
            history.write(self.next_event, event.offset, event.data[: event.result])
        is_grown = file.size != size_before
        self._touch(file, is_changed=is_grown, is_resized=is_grown)
        if event.is_synchronous:
            file.if_late = None
            self._is_sync_in_vain(file)
            file.settle_range(
                after(self.next_event),
                event.offset,
                event.offset + min(event.result, event.length),
                writer=self.next_event,
            )
            self._mark_clean(file)
            self._commit(file.resized)

    def _truncate(self, event: Event) -> None:
        file = self._file(event)
        if file is not None:
            is_resized = event.offset != file.size
            for history in file.histories:
                history.resize(self.next_event, event.offset)
                history.is_truncated |= not event.offset
            self._touch(file, is_resized=is_resized)

    def _allocate(self, event: Event) -> None:
        file = self._file(event)
        if file is None:
            return
        for history in file.histories:
            if not allocate(history, self.next_event, event.flags, event.offset, event.length):
                raise self._unknown(event, f"fallocate mode {event.flags:#x}")
        self._touch(file, is_resized=True)

    def _close(self, event: Event) -> None:
        file = self._file(event)
        if file is not None:
            for history in file.histories:
                self._release(history, part(self.next_event, 1))

    @staticmethod
    def _release(file: FileHistory, moment: Moment) -> None:
        """Allocate the blocks of a file that was truncated to nothing, and is closed now."""
        if file.is_truncated:
            allocate_delayed(file, moment)
            file.is_truncated = False

    # Names.

    def _create(self, event: Event) -> None:
        mode = _NEW_FILE_MODE if event.mode < 0 else event.mode
        file = self._add_file(b"", mode, is_new=True)
        file.changed = file.resized = part(self.next_event, 1)
        if event.path:
            self._put(self._key(event, event.path), file.number)
        self._numbering.bind(event.file, file.number)

    def _mkdir(self, event: Event) -> None:
        key = self._key(event, event.path)
        mode = NEW_DIRECTORY_MODE if event.mode < 0 else event.mode
        number = self._add(Directory(mode))
        self.names.directories[number] = {}
        self._put(key, number)
        self._numbering.bind(event.file, number)

    def _symlink(self, event: Event) -> None:
        self._put(self._key(event, event.path), self._add(Symlink(event.path_to)))

    def _link(self, event: Event) -> None:
        # By its number first: a file that is linked by a descriptor may have lost the name it had.
        number = self._numbering.node(event, self.names)
        if number is None or not isinstance(self.nodes.get(number), FileHistory | Symlink):
            raise self._unknown(event, "it is not a file of this trace")
        self._put(self._key(event, event.path_to), number)

    def _named(self, event: Event) -> int:
        """Return what an event's path leads to, and remember its number in the trace."""
        number = self._target(event, self._key(event, event.path))
        if not isinstance(self.nodes[number], Symlink):
            self._numbering.bind(event.file, number)
        return number

    def _unlink(self, event: Event) -> None:
        number = self._named(event)
        key = self._key(event, event.path)
        self._put(key, None)
        self._touch_names(key, number)
        self._free(number)

    def _rename(self, event: Event) -> None:
        source, target = self._key(event, event.path), self._key(event, event.path_to)
        moved, replaced = self._named(event), self.names.target(target)
        if moved == replaced:
            # Two names of one file: rename(2) does nothing and returns success.
            return
        moment = part(self.next_event, 1)
        if event.flags == _RENAME_EXCHANGE:
            self.names.exchange(moment, source, target)
        elif event.flags & ~_RENAME_NOREPLACE:
            raise self._unknown(event, f"rename with flags {event.flags:#x}")
        else:
            node = self.nodes[moved]
            self.names.rename(moment, source, target, tie=isinstance(node, Directory))
            if replaced is not None and isinstance(node, FileHistory):
                for history in node.histories:
                    allocate_delayed(history, moment)
            if replaced is not None:
                self._numbering.displace(event.path_to, replaced)
                self._free(replaced, replaced_by=moved)
        for key, number in ((source, moved), (target, replaced)):
            self._touch_names(key, number)

    # Modes.

    def _change_mode(self, event: Event) -> None:
        number = self._numbering.node(event, self.names) if event.mode >= 0 else None
        node = None if number is None else self.nodes.get(number)
        if number is None or node is None or isinstance(node, Symlink):
            return
        moment = part(self.next_event, 1)
        self.modes.setdefault(number, ModeHistory(node.mode)).changes.append((moment, event.mode))
        node.changed = moment

    # Durability.

    def _begin_sync(self, event: Event) -> None:
        """Remember what a slow sync will make durable when it returns."""
        if event.begins not in FILE_SYNCS:
            return
        node = self._node(event)
        marks = (node.changed, node.resized) if isinstance(node, FileHistory) else (0, 0)
        self._begun[event.thread] = _Begun(self.next_event, *marks)

    def _sync_file(self, event: Event) -> None:
        number = self._numbering.node(event, self.names)
        node = None if number is None else self.nodes.get(number)
        begun = self._under_way
        until = after(self.next_event if begun is None else begun.event)
        if isinstance(node, FileHistory):
            is_in_vain = self._is_sync_in_vain(node)
            if begun is None:
                node.settle()
            else:
                node.settle_until(begun.event)
            self._mark_clean(node)
            if event.kind is EventKind.FSYNC and not is_in_vain:
                self._settle_mode(node.number, until)
            marks = node if begun is None else begun
            self._commit(marks.changed if event.kind is EventKind.FSYNC else marks.resized)
        elif isinstance(node, Directory):
            assert number is not None
            self._settle_mode(number, until)
            self._drop(self.names.settle_directory(number, until))
            self._commit(until)

    def _sync_mapping(self, event: Event) -> None:
        file = self._file(event)
        if file is None:
            return
        self._is_sync_in_vain(file)
        end = event.offset + event.length
        if event.offset == 0 and end >= file.size:
            file.settle()
        else:
            file.settle_range(after(self.next_event), event.offset, min(end, file.size))
        self._mark_clean(file)
        self._commit(file.resized)

    def _sync_all(self, _: Event) -> None:
        self.journal = after(self.next_event)
        self._forget_late()
        self._settle_all()

    def _fail_sync(self, event: Event) -> None:
        """Note what a failed sync has marked as clean; directories are in the journal."""
        if Past.UNSYNCED not in self.keeps:
            return
        now = after(self.next_event)
        if event.kind is EventKind.SYNC_ALL:
            for file in self.dirty_files():
                for history in file.histories:
                    history.fail(now)
            return
        node = self._node(event)
        if isinstance(node, FileHistory):
            if node.if_late is not None:
                self._fail_late(node, node.if_late)
                return
            for history in node.histories:
                if event.kind is EventKind.MSYNC:
                    history.fail(now, event.offset, event.offset + event.length)
                else:
                    history.fail(now)

    def _begin_late(self, event: Event) -> None:
        """Remember what a file is if the sync that comes now has failed, as its next one says."""
        if Past.UNSYNCED not in self.keeps:
            return
        node = self._node(event)
        if isinstance(node, FileHistory):
            node.keep_if_late(after(self.next_event))

    def _forget_late(self) -> None:
        for node in self.nodes.values():
            if isinstance(node, FileHistory):
                node.if_late = None

    def _fail_late(self, file: FileHistory, failed: FileHistory) -> None:
        """Have a file be what it is if its last sync has failed; the sync at hand did nothing."""
        failed.changed, failed.resized, failed.mode = file.changed, file.resized, file.mode
        self.nodes[file.number] = failed
        self._mark_clean(failed)

    def _drop(self, numbers: list[int]) -> None:
        super()._drop(numbers)
        for number in numbers:
            self._numbering.forget(number)
