"""Entries: one name in one directory, and what became of it.

Not here: all of them, and what ties them to each other (`names`).
"""

from dataclasses import dataclass, field
from typing import Final

from walcrash.values.moments import Moment

ROOT: Final = 0
"""The number of the subject's directory."""

EntryKey = tuple[int, str]
"""A directory's number, and a name in it."""


@dataclass(slots=True)
class Name:
    """One entry: what it leads to durably, and each later change; None is no such name."""

    base: int | None
    changes: list[tuple[Moment, int | None]] = field(default_factory=list)

    @property
    def current(self) -> int | None:
        """What the entry leads to in memory."""
        return self.changes[-1][1] if self.changes else self.base

    def moments(self) -> list[Moment]:
        """Return when it changed, in order."""
        return [moment for moment, _ in self.changes]

    def at(self, moment: Moment) -> int | None:
        """Return what the entry led to at a moment."""
        for changed, target in reversed(self.changes):
            if changed <= moment:
                return target
        return self.base


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename of something that is not a directory."""

    moment: Moment
    source: EntryKey
    target: EntryKey
