"""Right, though it seems wrong: the directory is never synced. Its contract is for `ext4` only.

Ext4 keeps all changes of names in one journal, in their order, and an fsync of a file that was
changed commits the journal. So a log that was renamed and then appended to has its name before
the append is acknowledged; a state has its name before the checkpoint has; and a rename that is
lost leaves the old file, of which everything is still true. Under `posix` it loses the log.

Resembles: `unsynced_birth` and `unsynced_rename`, which promise the same under `posix`.
"""

from power_base import DurableLog

from walcrash import Contract, PersistenceModel


class Subject(DurableLog):
    """Lets the journal keep the order of names."""

    contract = Contract(model=PersistenceModel.EXT4, max_attempts=3)

    def sync_directory(self) -> None:
        """Count on the fsync of the next append."""
