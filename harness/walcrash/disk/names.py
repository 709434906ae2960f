"""Names: the entries of all directories, durable and pending.

Each entry of each directory has a past of its own. Two things tie entries to each other:

- A rename takes the old name away only where the new name is there. Both names may be left by
  a crash, neither may not.
- A directory has one name. So all entries that a rename of a directory, or an exchange, has
  touched go through time together. Only a directory that never had a durable name may be nowhere
  where the others have gone on: its old name may be another directory's by then.

Not here: one entry (`entries`), files in directories that are nowhere (`moved`), what the names
lead to (`file_history`), who makes entries durable (`pending`).

Source: Ganger and Patt, "Metadata Update Performance in File Systems", OSDI 1994, section 3
(rules for the order of updates); `rename(2)`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from walcrash.disk.entries import ROOT, EntryKey, Name, Rename
from walcrash.disk.moved import Moved
from walcrash.values.moments import Moment


class Names:
    """All directories.

    Attributes:
        directories: the entries by name, by the directory's number.
        pending: the entries with pending changes, in the order of the first one.
        renames: pending renames, in order.
        tied: pending entries that go through time together.
    """

    __slots__ = (
        "_current",
        "_references",
        "_were_durable",
        "directories",
        "pending",
        "renames",
        "tied",
    )

    def __init__(self) -> None:
        self.directories: dict[int, dict[str, Name]] = {ROOT: {}}
        self.pending: dict[EntryKey, Name] = {}
        self.renames: list[Rename] = []
        self.tied: dict[EntryKey, None] = {}
        self._references: Counter[int] = Counter()
        self._current: Counter[int] = Counter()
        self._were_durable: set[int] = {ROOT}

    # What is there in memory.

    def place(self, path: str) -> EntryKey | None:
        """Return the entry that a path means; None if there is no directory to hold it."""
        *parents, name = path.split("/")
        directory = ROOT
        for parent in parents:
            inside = self.target((directory, parent))
            if inside is None or inside not in self.directories:
                return None
            directory = inside
        return directory, name

    def target(self, key: EntryKey) -> int | None:
        """Return what an entry leads to in memory."""
        name = self.directories[key[0]].get(key[1])
        return name.current if name is not None else None

    def find(self, path: str) -> int | None:
        """Return what a path leads to in memory; `.` is the subject's directory."""
        if path == ".":
            return ROOT
        key = self.place(path)
        return None if key is None else self.target(key)

    def is_named(self, target: int) -> bool:
        """Whether any name leads to something in memory."""
        return self._current[target] > 0

    def has_lost_all(self, target: int) -> bool:
        """Whether no name leads to something in memory, but one did that a crash may bring back."""
        return not self._current[target] and self._references[target] > 0

    # Changes.

    def add_durable(self, key: EntryKey, target: int) -> None:
        """Add an entry of the durable base."""
        self.directories[key[0]][key[1]] = Name(target)
        self._references[target] += 1
        self._current[target] += 1
        self._were_durable.add(target)

    def put(self, key: EntryKey, moment: Moment, target: int | None) -> None:
        """Change what an entry leads to."""
        name = self.directories[key[0]].setdefault(key[1], Name(None))
        if name.current is not None:
            self._current[name.current] -= 1
        name.changes.append((moment, target))
        self.pending[key] = name
        if target is not None:
            self._references[target] += 1
            self._current[target] += 1

    def rename(self, moment: Moment, source: EntryKey, target: EntryKey, *, tie: bool) -> None:
        """Let `target` lead to what `source` led to, and remove `source`."""
        moved = self.target(source)
        self.put(target, moment, moved)
        self.put(source, moment, None)
        if tie:
            self.tie(source, target)
        else:
            self.renames.append(Rename(moment, source, target))

    def exchange(self, moment: Moment, first: EntryKey, second: EntryKey) -> None:
        """Swap what two entries lead to."""
        one, other = self.target(first), self.target(second)
        self.put(first, moment, other)
        self.put(second, moment, one)
        self.tie(first, second)

    def tie(self, *keys: EntryKey) -> None:
        """Make entries go through time together with all others that are tied."""
        self.tied.update(dict.fromkeys(keys))

    # Durability.

    def settle_directory(self, directory: int, now: Moment) -> list[int]:
        """Make a directory's entries durable, and what must not be older than they are.

        Returns:
            The numbers of what no name leads to any more, durable or pending.
        """
        reached = {key: now for key in self.pending if key[0] == directory}
        return self._settle(self.pulled_along(reached.get, reached, is_sync=True))

    def settle_all(self, now: Moment) -> list[int]:
        """Make every entry durable; return what no name leads to any more."""
        return self._settle(dict.fromkeys(self.pending, now))

    def pulled_along(
        self,
        asked: Callable[[EntryKey], Moment | None],
        start: Iterable[EntryKey],
        *,
        is_sync: bool = False,
    ) -> dict[EntryKey, Moment]:
        """Return how far entries have come, with those that the rules pull along.

        Args:
            asked: how far an entry has come by itself; None is not at all.
            start: the entries to begin with.
            is_sync: whether a sync has taken them so far, and not a crash.
        """
        reached = {key: moment for key in start if (moment := asked(key)) is not None}
        is_changed = True
        while is_changed:
            is_changed = self._pull_targets(reached)
            is_changed |= self._pull_tied(reached, is_sync=is_sync)
            is_changed = is_changed or self._pull_moved(reached)
        return reached

    @property
    def moves_between_directories(self) -> bool:
        """Whether a pending rename has taken a file from one directory to another."""
        return any(rename.source[0] != rename.target[0] for rename in self.renames)

    def _pull_targets(self, reached: dict[EntryKey, Moment]) -> bool:
        """Take each rename's new name to where its old name is gone."""
        is_changed = False
        for rename in self.renames:
            is_gone = reached.get(rename.source, 0) >= rename.moment
            is_behind = reached.get(rename.target, 0) < rename.moment
            if is_gone and is_behind and rename.target in self.pending:
                reached[rename.target] = rename.moment
                is_changed = True
        return is_changed

    def _pull_moved(self, reached: dict[EntryKey, Moment]) -> bool:
        """Take one entry further, where a file that was moved would be nowhere."""
        if not self.moves_between_directories:
            return False
        moved = Moved(self.directories, self.pending, self.renames, reached)
        pull = moved.next_pull()
        if pull is not None:
            reached[pull[0]] = pull[1]
        return pull is not None

    def _pull_tied(self, reached: dict[EntryKey, Moment], *, is_sync: bool) -> bool:
        """Take all tied entries to where the furthest of them is, but to no lost directory."""
        furthest = max((reached[key] for key in self.tied if key in reached), default=None)
        if furthest is None:
            return False
        behind = [
            key
            for key in self.tied
            if reached.get(key) != furthest
            and (is_sync or not self._is_lost(key, furthest, reached))
        ]
        reached.update(dict.fromkeys(behind, furthest))
        return bool(behind)

    def _is_lost(self, key: EntryKey, furthest: Moment, reached: Mapping[EntryKey, Moment]) -> bool:
        """Whether an entry has stayed behind, since the directory that it leads to is nowhere.

        It is so where no name of the directory was ever durable, what the entry led to before has
        no other name now, and nothing was taken from elsewhere to be in the directory.
        """
        name = self.pending[key]
        number = name.at(furthest)
        return (
            number in self.directories
            and number not in self._were_durable
            and reached.get(key) == 0
            and (
                name.base is None
                or all(self.pending[other].at(furthest) != name.base for other in self.tied)
            )
            and not any(
                rename.target[0] == number and reached.get(rename.source, 0) >= rename.moment
                for rename in self.renames
            )
        )

    def _settle(self, reached: dict[EntryKey, Moment]) -> list[int]:
        lost: list[int] = []
        for key, moment in reached.items():
            name = self.pending.get(key)
            if name is None:
                continue
            self._settle_name(name, moment, lost)
            if not name.changes:
                del self.pending[key]
                self.tied.pop(key, None)
                if name.base is None:
                    self.directories.get(key[0], {}).pop(key[1], None)
        gone = self._forget(lost)
        # Where the new name is durable, the old one may go, whatever becomes of the new one later.
        self.renames = [
            rename
            for rename in self.renames
            if self._is_pending(rename) and reached.get(rename.target, 0) < rename.moment
        ]
        return gone

    def _settle_name(self, name: Name, moment: Moment, lost: list[int]) -> None:
        done = [target for changed, target in name.changes if changed <= moment]
        if not done:
            return
        replaced = [name.base, *done[:-1]]
        name.base = done[-1]
        if name.base is not None:
            self._were_durable.add(name.base)
        del name.changes[: len(done)]
        for target in replaced:
            if target is not None:
                self._references[target] -= 1
                lost.append(target)

    def _is_pending(self, rename: Rename) -> bool:
        name = self.pending.get(rename.source)
        return name is not None and name.changes[0][0] <= rename.moment

    def _forget(self, candidates: list[int]) -> list[int]:
        """Drop directories that no name leads to, with what was in them."""
        gone: list[int] = []
        while candidates:
            number = candidates.pop()
            if self._references[number] > 0 or number in gone:
                continue
            del self._references[number]
            self._current.pop(number, None)
            self._were_durable.discard(number)
            gone.append(number)
            for text, name in self.directories.pop(number, {}).items():
                self.pending.pop((number, text), None)
                self.tied.pop((number, text), None)
                for target in (name.base, *(target for _, target in name.changes)):
                    if target is not None:
                        self._references[target] -= 1
                        candidates.append(target)
        return gone
