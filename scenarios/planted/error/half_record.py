"""Lost put: a record that was written in part stays, and later records are appended behind it.

The disk was full in the middle of a record. Its append was refused, which is right; when there was
space again the log went on behind the half record, and the next start stopped reading there.

Repair: cut the half off before anything is appended behind it.
"""

from error_base import CarefulLog


class Subject(CarefulLog):
    """Leaves the half."""

    def cut_off(self, position: int, problem: OSError) -> None:
        pass
