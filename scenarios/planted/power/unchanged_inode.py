"""Lost put: the fsync of a file that was overwritten in place is counted on to commit a rename.

Ext4 has one journal, so the fsync of any file seemed to commit whatever names had changed before
it; the log left out the sync of its directory, since it synced the file `last` right afterwards.
But an fsync waits for the transaction in which its own file has changed last. Eight bytes that
are written over eight others change nothing in the inode but its times, and these only once in
each tick of the clock. On a fast disk there are several appends in a tick, and all but the first
were gone after a power failure.

Repair: sync the directory after the rename.
"""

from right_record_files import Subject as RecordFiles


class Subject(RecordFiles):
    """Acknowledges records in files whose names are not durable."""

    def sync_name(self) -> None:
        """Count on the sync of another file."""
