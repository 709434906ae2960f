"""Nodes: what a name can lead to.

Not here: the names (`names`), what a file holds (`file_history`).
"""

from dataclasses import dataclass

from walcrash.disk.file_history import FileHistory
from walcrash.values.moments import Moment


@dataclass(slots=True)
class Directory:
    """A directory; its entries are in `Names`."""

    mode: int
    changed: Moment = 0


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link."""

    target: str


Node = FileHistory | Directory | Symlink
