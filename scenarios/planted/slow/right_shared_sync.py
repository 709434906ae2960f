"""Right, though it shares its syncs: who finds one under way waits for the next one as well.

Resembles: `anothers_sync`.
"""

from group_log import GroupLog


class Subject(GroupLog):
    """Waits for the sync that began after its own write."""

    def ask_for_sync(self) -> None:
        if not self.has_begun:
            super().ask_for_sync()

    def make_durable(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: not self.has_begun)
        super().make_durable()
