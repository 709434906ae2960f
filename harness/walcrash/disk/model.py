"""What a persistence model is: the object that every model implements.

A model says of everything that is pending which moments an image may show: of each entry, mode,
size and sector. From that follow the image that is nearest to a choice, how many crash states
there are, each of them, and whether a tree is one of them (`membership`). It also says which
policies of the enumeration mean something in it, and what has to be remembered of the past.

A new model is a file of its own next to `model_kill`, `model_ordered`, `model_ext4` and
`model_posix`, a line in the table of `models`, and its facts in `values.persistence`.

Not here: which model is weaker than which, and the words for each (`walcrash.values.persistence`).

Source: `harness/walcrash/docs/reference/models/`, a page for each.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from walcrash.disk.changes import Change, every_change
from walcrash.disk.crash_state import CrashState, FileState
from walcrash.disk.entries import EntryKey
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem, Past
from walcrash.disk.held import held_by_file
from walcrash.disk.space import Arrangement, Space
from walcrash.values.contract import PersistenceModel
from walcrash.values.image_choice import Held, ImageChoice, Policy
from walcrash.values.moments import Moment, before

Sought = Callable[[EntryKey, Moment], bool]
"""Whether an entry is sought at a moment."""


class DiskModel(ABC):
    """The rules of one persistence model.

    Attributes:
        name: the model's stable name.
        policies: what the enumeration tries, in its order.
        needs: what of the past has to be remembered.
        tears_in_order: whether the sectors of one write reach the disk in file order.
        ties_names: whether all names and modes are at one moment.
        shows_stale_bytes: whether space that a file has newly grown into may hold stale bytes.
    """

    name: ClassVar[PersistenceModel]
    policies: ClassVar[tuple[Policy, ...]]
    needs: ClassVar[frozenset[Past]] = frozenset({Past.UNSYNCED})
    tears_in_order: ClassVar[bool] = False
    ties_names: ClassVar[bool] = True
    shows_stale_bytes: ClassVar[bool] = False

    # What is certain.

    @abstractmethod
    def names_mark(self, pending: FileSystem) -> Moment:
        """Return the moment up to which names, modes and set sizes are there for certain."""

    @abstractmethod
    def files_mark(self, pending: FileSystem) -> Moment:
        """Return the moment up to which content is there for certain, whatever file was synced."""

    def is_open(self, change: Change, pending: FileSystem) -> bool:
        """Whether a crash may still take a pending change away."""
        mark = self.files_mark(pending) if change.runs else self.names_mark(pending)
        return before(change.event) >= mark

    def changes(self, pending: FileSystem) -> list[Change]:
        """Return the changes that a crash may still take away, in the order of the trace."""
        return [change for change in every_change(pending) if self.is_open(change, pending)]

    # From a choice to the nearest crash state.

    @abstractmethod
    def entry_moments(self, pending: FileSystem, choice: ImageChoice) -> Mapping[EntryKey, Moment]:
        """Return the moment of each entry with pending changes."""

    @abstractmethod
    def mode_moments(self, pending: FileSystem, choice: ImageChoice) -> Mapping[int, Moment]:
        """Return the moment of each mode with pending changes, by the file or directory."""

    @abstractmethod
    def file_state(
        self, pending: FileSystem, choice: ImageChoice, file: FileHistory, held: list[Held]
    ) -> FileState:
        """Return what an image has of one file with pending changes.

        Args:
            pending: the file system.
            choice: what is asked for.
            file: the file.
            held: what of the file the choice holds at moments of its own.
        """

    def resolve(self, pending: FileSystem, choice: ImageChoice) -> CrashState:
        """Return the crash state that is nearest to a choice."""
        moments = self.entry_moments(pending, choice)
        targets = {key: name.at(moments[key]) for key, name in pending.names.pending.items()}
        held = held_by_file(choice)
        files = {}
        for file in pending.dirty_files():
            own = held.get(file.number, [])
            files[file.number] = self.file_state(pending, choice, file, own)
        reached = self.mode_moments(pending, choice)
        modes = {number: history.at(reached[number]) for number, history in pending.modes.items()}
        return CrashState(targets, files, modes)

    def names_with(self, change: Change) -> Moment | None:
        """Return how far names have to come for a change to be kept alone; None where it cannot.

        One that cannot be kept alone cannot be lost alone either.
        """
        del change
        return 0

    # All crash states.

    @abstractmethod
    def count(self, pending: FileSystem) -> Space:
        """Return how many crash states there are."""

    @abstractmethod
    def arrangements(
        self, pending: FileSystem, *, is_sought: Sought | None = None
    ) -> Iterator[Arrangement]:
        """Yield every way in which names may be, with what files and modes may be then.

        Args:
            pending: the file system.
            is_sought: where it is given, arrangements with an entry at a moment for which it says
                no may be left out, so that a caller can search a space too large to list.
        """

    def states(self, pending: FileSystem) -> Iterator[CrashState]:
        """Yield every crash state; for small spaces."""
        for arrangement in self.arrangements(pending):
            yield from arrangement.states(pending)
