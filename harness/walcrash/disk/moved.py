"""Moved files: a file that a rename has taken out of a directory is somewhere that has a name.

The new name of a rename may be in a directory that has no name yet on the disk, or none any more.
So where the old name is gone, by itself or with its directory, the new name's directory has to be
there as well, or the file's next name.

Not here: that the old name goes only where the new one is (`names`).

Source: Ganger and Patt, "Metadata Update Performance in File Systems", OSDI 1994, section 3 (the
last pointer to a live file is not reset before the new one is set);
`harness/walcrash/docs/reference/models/posix.md`, rule 14.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from walcrash.disk.entries import ROOT, EntryKey, Name, Rename
from walcrash.values.moments import Moment

Pull = tuple[EntryKey, Moment]
"""How far an entry has to come."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where directories and moved files are, once entries have come so far.

    Attributes:
        directories: the entries by name, by the directory's number.
        pending: the entries with pending changes.
        renames: pending renames, in order.
        reached: how far pending entries have come; those that are not in it are at the start.
    """

    directories: Mapping[int, Mapping[str, Name]]
    pending: Mapping[EntryKey, Name]
    renames: Sequence[Rename]
    reached: Mapping[EntryKey, Moment]

    def next_pull(self) -> Pull | None:
        """Return an entry that has to come further for every moved file to be somewhere."""
        for rename in self.renames:
            if self._has_left(rename):
                pull = self._way_of_file(rename)
                if pull is not None:
                    return pull
        return None

    def _has_left(self, rename: Rename) -> bool:
        """Whether the file was to be seen under the old name, and is not any more."""
        directory = rename.source[0]
        if self._is_there(directory):
            return self._at(rename.source) >= rename.moment
        name = self.pending[rename.source]
        return name.base == name.at(rename.moment - 1) and self._is_removed(directory)

    def _way_of_file(self, rename: Rename) -> Pull | None:
        """Follow a file to where it is; return what has to come further for it to be there."""
        step: Rename | None = rename
        while step is not None:
            name = self.pending.get(step.target)
            if name is None:
                return None
            at = self._at(step.target)
            if at < step.moment:
                return step.target, step.moment
            following = self._next(step)
            if following is None or at < following.moment:
                is_replaced = name.at(at) != name.at(step.moment)
                if is_replaced or self._is_there(step.target[0]):
                    return None
                pull = self._way_to(step.target[0])
                if pull is not None:
                    return pull
            step = following
        return None

    def _next(self, rename: Rename) -> Rename | None:
        """Return the rename that took the file away from where another one had put it."""
        later = (each for each in self.renames if each.moment > rename.moment)
        found = next((each for each in later if each.source == rename.target), None)
        if found is None:
            return None
        name = self.pending[rename.target]
        return found if name.at(found.moment - 1) == name.at(rename.moment) else None

    def _way_to(self, directory: int, inside: frozenset[int] = frozenset()) -> Pull | None:
        """Return what gives a directory a name that is there: the first change from now on."""
        inside |= {directory}
        for key, name in self.pending.items():
            if name.at(self._at(key)) == directory and key[0] not in inside:
                return self._way_to(key[0], inside)
        ways = [
            (moment, key)
            for key, name in self.pending.items()
            for moment, target in name.changes
            if target == directory and moment > self._at(key)
        ]
        if not ways:
            return None
        moment, key = min(ways)
        return key, moment

    def _at(self, key: EntryKey) -> Moment:
        return self.reached.get(key, 0)

    def _leads_to(self, key: EntryKey) -> int | None:
        name = self.directories[key[0]].get(key[1])
        return None if name is None else name.at(self._at(key))

    def _is_there(self, directory: int, inside: frozenset[int] = frozenset()) -> bool:
        """Whether names lead from the root to a directory."""
        if directory == ROOT:
            return True
        if directory in inside:
            return False
        return any(
            self._is_there(parent, inside | {directory})
            for parent, entries in self.directories.items()
            for text in entries
            if self._leads_to((parent, text)) == directory
        )

    def _is_removed(self, directory: int) -> bool:
        """Whether a directory that is nowhere was there durably, in one that is still there."""
        return any(
            name.base == directory and self._is_there(key[0]) for key, name in self.pending.items()
        )
