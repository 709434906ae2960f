"""Lost put: a sync that is under way is counted as one's own.

Commits that came together shared one sync: who found one under way asked for no other, and waited
until it was over. But it had begun before the commit's record was written. With syncs of a
millisecond hardly any record came in that time. With syncs of a tenth of a second most did, and a
power loss took records of commits that had returned.

Repair: a sync covers what was written before it began; who wrote later needs the next one.

Resembles: MySQL's and PostgreSQL's group commit, which compare how far a sync reached.
"""

from group_log import GroupLog


class Subject(GroupLog):
    """Takes the end of any sync for the end of its own."""

    def ask_for_sync(self) -> None:
        if not self.has_begun:
            super().ask_for_sync()

    def make_durable(self) -> None:
        self.ask_for_sync()
        with self.changed:
            self.changed.wait_for(lambda: self.synced >= self.wanted)
