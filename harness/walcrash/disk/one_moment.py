"""Models in which all names and modes are at one moment, and those in which everything is.

Not here: up to which moment names and content are certain (a file for each model).
"""

from abc import ABC
from collections.abc import Iterator, Mapping

from walcrash.disk.crash_state import FileState
from walcrash.disk.entries import EntryKey
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.model import DiskModel, Sought
from walcrash.disk.space import Arrangement, Space, at_moments
from walcrash.values.image_choice import Held, ImageChoice
from walcrash.values.moments import Moment, before


class NamesAtOneMoment(DiskModel, ABC):
    """All names and modes are at one moment, from the model's mark on."""

    def names_moment(self, pending: FileSystem, choice: ImageChoice) -> Moment:
        """Return the moment of all names that is nearest to a choice."""
        return min(max(choice.names, self.names_mark(pending)), pending.now)

    def entry_moments(self, pending: FileSystem, choice: ImageChoice) -> Mapping[EntryKey, Moment]:
        """Return the one moment for each entry."""
        return dict.fromkeys(pending.names.pending, self.names_moment(pending, choice))

    def mode_moments(self, pending: FileSystem, choice: ImageChoice) -> Mapping[int, Moment]:
        """Return the one moment for each mode."""
        return dict.fromkeys(pending.modes, self.names_moment(pending, choice))

    def moments(self, pending: FileSystem) -> list[Moment]:
        """Return the moments that all names may be at, in order."""
        earliest = self.names_mark(pending)
        changed = (
            before(change.event) + part
            for change in self.changes(pending)
            for part in range(1, change.parts + 1)
        )
        return [earliest, *(moment for moment in changed if moment > earliest)]


class EverythingAtOneMoment(NamesAtOneMoment, ABC):
    """Names, modes, sizes and content are all as memory held them at one moment."""

    tears_in_order = True
    needs = frozenset()

    def files_mark(self, pending: FileSystem) -> Moment:
        """Return the mark of the names: it is one for everything."""
        return self.names_mark(pending)

    def file_state(
        self, pending: FileSystem, choice: ImageChoice, file: FileHistory, held: list[Held]
    ) -> FileState:
        """Return the file at the one moment, whatever is held."""
        del held
        moment = self.names_moment(pending, choice)
        return FileState(file.size_at(moment), moment)

    def count(self, pending: FileSystem) -> Space:
        """Return how many moments there are."""
        return Space(len(self.moments(pending)), is_counted=True)

    def arrangements(
        self, pending: FileSystem, *, is_sought: Sought | None = None
    ) -> Iterator[Arrangement]:
        """Yield what memory held at each moment."""
        del is_sought
        for moment in self.moments(pending):
            yield at_moments(pending, names=moment, files=moment)
