"""Determinism, another clock: recovery asks what year it is.

Operations of the log's tail that were more than a year old were labelled as overdue, by the
clock of the machine that recovered them. A store that was recovered again after New Year, to
look into an incident, no longer showed what had been seen in the incident.

Repair: times come from records; if now matters, let the caller pass it in, as `tick` does.
"""

import time
from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink


class Subject(PlainLog):
    """Recovers something else at another time."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        year = time.gmtime().tm_year
        for _, record in self.replay(self.applied):
            age_years = year - time.gmtime(record.ts_ms / 1000).tm_year
            entry = self.outbox.get(record.id)
            if entry is not None and entry.status == "pending":
                entry.error = f"{age_years} years overdue" if age_years else ""
