"""Silent rot: behind a damaged record everything is answered as undecodable.

The driver was made to go on behind a record that it could not decode, and to say so. But it looked
for the next one where the damaged one began and not where it ended: so it took all that was left of
the log for one record that cannot be decoded, and hundreds of whole ones behind it were gone.

Repair: go on where the head says that the next record begins.
"""

from right_undecodable import Subject as Answering


class Subject(Answering):
    """Answers the rest of the log as one record."""

    def scan(self, data: bytes, position: int) -> int:
        position = super(Answering, self).scan(data, position)
        if self.skipped(data, position) is None:
            return position
        self.bad.append((self.base + position, data[position:]))
        return len(data)
