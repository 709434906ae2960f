"""Which file an event means: from the trace's file numbers to the model's nodes.

A trace numbers a file when it first sees it, and a file of the base is first seen by some name.
An open file goes by the last name that it had; once that name has gone to another file, a
number that is new belongs to the file that lost the name.

Not here: how a trace numbers files (`walcrash.recorder`).
"""

from walcrash.disk.names import Names
from walcrash.values.event import Event


class Numbering:
    """The numbers seen so far."""

    __slots__ = ("_by_file", "_displaced", "_file_of")

    def __init__(self) -> None:
        self._by_file: dict[int, int] = {}
        self._file_of: dict[int, int] = {}
        self._displaced: dict[str, int] = {}

    def node(self, event: Event, names: Names) -> int | None:
        """Return the node that an event on an open file or a path means; None if it is gone."""
        if event.file in self._by_file:
            return self._by_file[event.file]
        number = names.find(event.path)
        if number is None or number in self._file_of:
            number = self._displaced.pop(event.path, None)
        if number is not None:
            self.bind(event.file, number)
        return number

    def bind(self, file: int, number: int) -> None:
        """Remember the number that the trace has for a node."""
        if file >= 0 and file not in self._by_file:
            self._by_file[file] = number
            self._file_of[number] = file

    def displace(self, path: str, number: int) -> None:
        """Remember that a node has lost its name to another file."""
        if number not in self._file_of:
            self._displaced[path] = number

    def forget(self, number: int) -> None:
        """Drop a node that no name leads to.

        Its number may come once more, with the name that it had; that name is taken by another
        file then, or by none.
        """
        self._by_file.pop(self._file_of.pop(number, -1), None)
