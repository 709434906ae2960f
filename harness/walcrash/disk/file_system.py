"""A file system in memory that knows what of it is durable.

It holds the durable state and every change since. Besides it keeps two marks for models that
promise more than POSIX does: up to where ext4's journal is committed, and the last sync of any
kind. What no model that will be asked for needs of the past is forgotten (`Past`).

Not here: what an event of a trace does to it (`pending`), which of the changes a crash may take
away (`models`).
"""

from typing import Final

from walcrash.disk.entries import ROOT, EntryKey
from walcrash.disk.file_history import FileHistory
from walcrash.disk.freed import Freed
from walcrash.disk.modes import ModeHistory
from walcrash.disk.names import Names
from walcrash.disk.nodes import Directory, Node, Symlink
from walcrash.values.content import Content
from walcrash.values.image import DirectoryEntry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.moments import BLOCK_BYTES, SECTOR_BYTES, Moment, after, part
from walcrash.values.quick_enum import QuickEnum

NEW_DIRECTORY_MODE: Final = 0o700
"""The mode of a directory of which the trace does not say it."""


class Past(QuickEnum):
    """What a persistence model can need to know of changes before the last sync."""

    UNSYNCED = "what a sync of something else, or a failed sync, has not made durable"
    NAMES = "names and modes that the journal has committed, and no sync of their own"
    FREED = "what files held that were removed or replaced"
    UNNAMED = "what a file held that was synced after it had lost its last name"


class FileSystem:
    """Files and directories, durable and pending.

    Attributes:
        sector_bytes: the unit in which writes tear.
        block_bytes: the unit in which memory is dirty.
        keeps: what is remembered of changes before the last sync.
        next_event: how many events have been applied.
        now: the moment reached.
        nodes: all files, directories and symbolic links that a crash could still show.
        names: the directories' entries.
        modes: the files and directories with pending changes of their mode, by number.
        dirty: the numbers of the files with pending changes, in the order of the first one.
        journal: up to here names are committed for certain, for ext4.
        barrier: everything up to here is durable, where changes keep their order.
    """

    def __init__(
        self,
        base: Image,
        *,
        keeps: frozenset[Past],
        sector_bytes: int = SECTOR_BYTES,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self.sector_bytes = sector_bytes
        self.block_bytes = block_bytes
        self.keeps = keeps
        self.next_event = 0
        self.now: Moment = 0
        self.journal: Moment = 0
        self.barrier: Moment = 0
        self.nodes: dict[int, Node] = {ROOT: Directory(NEW_DIRECTORY_MODE)}
        self.names = Names()
        self.modes: dict[int, ModeHistory] = {}
        self.dirty: dict[int, None] = {}
        self._made = ROOT
        self._freed = Freed()
        for path, entry in base.entries.items():
            self._add_base(path, entry, base)

    def dirty_files(self) -> list[FileHistory]:
        """Return the files with pending changes, in the order of the first one."""
        nodes = self.nodes
        return [node for number in self.dirty if isinstance(node := nodes[number], FileHistory)]

    # Nodes.

    def _add_base(
        self,
        path: str,
        entry: FileEntry | LinkEntry | SymlinkEntry | DirectoryEntry,
        base: Image,
    ) -> None:
        key = self.names.place(path)
        assert key is not None, "an image lists parents before what they hold"
        if isinstance(entry, LinkEntry):
            number = self.names.find(entry.first_name)
            assert number is not None, "an image lists a file before its other names"
        elif isinstance(entry, FileEntry):
            number = self._add_file(entry.content, entry.mode, is_new=False).number
        elif isinstance(entry, SymlinkEntry):
            number = self._add(Symlink(entry.target))
        else:
            number = self._add(Directory(entry.mode))
            self.names.directories[number] = {}
        self.names.add_durable(key, number)

    def _add(self, node: Node) -> int:
        self._made += 1
        self.nodes[self._made] = node
        return self._made

    def _add_file(self, content: Content, mode: int, *, is_new: bool) -> FileHistory:
        units, older = (self.sector_bytes, self.block_bytes), self._freed.sector
        file = FileHistory(self._made + 1, content, mode, *units, older, is_new=is_new)
        self._add(file)
        return file

    def _free(self, number: int, *, replaced_by: int | None = None) -> None:
        """Note that a file's blocks may go to another file, if it has lost its last name."""
        node = self.nodes[number]
        is_needed = Past.FREED in self.keeps and not self.names.is_named(number)
        if is_needed and isinstance(node, FileHistory):
            self._freed.add(node, replaced_by)

    def _drop(self, numbers: list[int]) -> None:
        """Forget what no name leads to; whoever still has it open writes to nowhere."""
        for number in numbers:
            del self.nodes[number]
            self.modes.pop(number, None)
            self.dirty.pop(number, None)

    # Changes.

    def _touch(
        self, file: FileHistory, *, is_changed: bool = True, is_resized: bool = False
    ) -> None:
        """Note a change of a file: whether a sync has to commit it, and an fdatasync as well.

        An overwrite in place changes nothing in the inode but its times, and those only where the
        clock has ticked since.
        """
        moment = part(self.next_event, 1)
        if is_changed:
            file.changed = moment
        if is_resized:
            file.resized = moment
        self._mark_clean(file)

    def _mark_clean(self, file: FileHistory) -> None:
        """Keep `dirty` right: a file that has just been changed or settled is in it or is not."""
        if file.is_settled and file.without_syncs is None:
            self.dirty.pop(file.number, None)
        else:
            self.dirty[file.number] = None

    def _put(self, key: EntryKey, number: int | None) -> None:
        self.names.put(key, part(self.next_event, 1), number)
        self._touch_names(key, number)

    def _touch_names(self, key: EntryKey, number: int | None) -> None:
        """Note that a directory, and what one of its entries leads to, have changed."""
        for touched in (key[0], number):
            node = None if touched is None else self.nodes[touched]
            if node is not None and not isinstance(node, Symlink):
                node.changed = part(self.next_event, 1)

    # Durability.

    def _settle_mode(self, number: int, moment: Moment | None = None) -> None:
        """Make a mode durable as it was at a moment, or as it is."""
        history, node = self.modes.get(number), self.nodes.get(number)
        if history is None:
            return
        history.settle(after(self.next_event) if moment is None else moment)
        if node is not None and not isinstance(node, Symlink):
            node.mode = history.base
        if not history.changes:
            del self.modes[number]

    def _settle_modes(self, moment: Moment | None = None) -> None:
        for number in list(self.modes):
            self._settle_mode(number, moment)

    def _is_sync_in_vain(self, file: FileHistory) -> bool:
        """Note a sync of one file; return whether it may be for nothing, its last name being gone.

        Syncs count for a file that never had a name: it may be given one.
        """
        is_in_vain = Past.UNNAMED in self.keeps and self.names.has_lost_all(file.number)
        if is_in_vain:
            file.keep_without_syncs()
        return is_in_vain

    def _settle_all(self) -> None:
        for file in self.dirty_files():
            file.without_syncs = None
            file.settle()
            self._mark_clean(file)
        self._settle_modes()
        self._drop(self.names.settle_all(after(self.next_event)))

    def _commit(self, changed: Moment) -> None:
        """Note that a sync has waited for the transaction in which something has changed last.

        Where that one ended is not known: the timer, or a sync of another process, may have begun
        another one since.
        """
        if changed <= self.journal:
            return
        self.journal = changed
        # Where nothing unsynced is kept, the barrier of the same sync forgets more than this.
        if Past.UNSYNCED in self.keeps and Past.NAMES not in self.keeps:
            # A file that has lost its names may be open still: a sync of it commits as well.
            self.names.settle_all(self.journal)
            self._settle_modes(self.journal)

    def _pass_barrier(self, begun: int | None) -> None:
        """Note that a sync of any kind is done; a slow one began at an event."""
        if begun is not None:
            self.barrier = max(self.barrier, after(begun))
            return
        self.barrier = after(self.next_event)
        if Past.UNSYNCED not in self.keeps:
            self._settle_all()
