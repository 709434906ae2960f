"""Determinism, another time zone: recovery writes local times into the state.

Operations of the log's tail were labelled with the time of their put, as the operators read
it on their clocks. A standby in another region recovered the same log to another state.

Repair: UTC inside, local time on a screen only.
"""

import time
from pathlib import Path

from planted_base import PlainLog

from walcrash import EffectSink


class Subject(PlainLog):
    """Recovers something else in another time zone."""

    def open(self, directory: Path, effect: EffectSink) -> None:
        super().open(directory, effect)
        for _, record in self.replay(self.applied):
            entry = self.outbox.get(record.id)
            if entry is not None and entry.status == "pending":
                put_at = time.localtime(record.ts_ms / 1000)
                entry.error = time.strftime("interrupted, put at %H:%M", put_at)
