"""Right, though it seems wrong: what it could not write it refuses for certain.

Resembles: `definite_after_sync`. Only a record that was cut off again is refused for certain.
"""

from error_base import CarefulLog

from walcrash import DefiniteFailure, Record


class Subject(CarefulLog):
    """Says what it knows."""

    def append(self, record: Record) -> int:
        self.is_cut = False
        try:
            return super().append(record)
        except OSError as problem:
            if self.is_cut:
                raise DefiniteFailure(str(problem)) from problem
            raise

    def cut_off(self, position: int, problem: OSError) -> None:
        super().cut_off(position, problem)
        self.is_cut = self.failure is None
