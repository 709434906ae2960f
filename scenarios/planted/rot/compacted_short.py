"""Silent rot: compaction stops at a record that cannot be decoded, and drops all behind it.

The start showed every record but the damaged one, and said so. Hours later the log was compacted:
what went into the new log were the records up to the damaged one. Everything behind it, which had
been shown since the start, was gone after the next one, and nothing was said.

Repair: carry on behind the damaged record, or leave the log as it is while there is one.
"""

from right_undecodable import Subject as Answering


class Subject(Answering):
    """Compacts up to the damage."""

    def compact(self) -> None:
        if self.bad:
            first = self.bad[0][0]
            self.entries = [entry for entry in self.entries if entry[0] < first]
        super(Answering, self).compact()
