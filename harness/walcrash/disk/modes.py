"""Modes: the permission bits of one file or directory, durable and pending.

The mode that something is made with is in its inode, so it is there wherever its name is. Later
changes are metadata: where names are at one moment, so are they.

Not here: who makes them durable (`pending`), which moments a model may mix (`model`).
"""

from dataclasses import dataclass, field

from walcrash.values.moments import Moment


@dataclass(slots=True)
class ModeHistory:
    """The durable mode, and each later one."""

    base: int
    changes: list[tuple[Moment, int]] = field(default_factory=list)

    @property
    def current(self) -> int:
        """The mode in memory."""
        return self.changes[-1][1] if self.changes else self.base

    def settle(self, moment: Moment) -> None:
        """Make the mode of a moment durable, and forget the past."""
        self.base = self.at(moment)
        self.changes = [change for change in self.changes if change[0] > moment]

    def at(self, moment: Moment) -> int:
        """Return the mode at a moment."""
        for changed, mode in reversed(self.changes):
            if changed <= moment:
                return mode
        return self.base
