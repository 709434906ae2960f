"""Determinism, without a crash: what is overdue is due today, by the clock of the machine.

A retry time that has passed is shown as the start of the current day, so that a list of what is
due has no old dates in it. A replica that takes over after midnight shows another state than the
one that it replaces, and the two are taken to have diverged.

Repair: times come from records; who lists what is due passes in when that is.
"""

import time
from dataclasses import replace

from walcrash import OperationStatus, SubjectState
from walcrash.subjects.reference import ReferenceAdapter

DAY_MS = 24 * 60 * 60 * 1000


class Subject(ReferenceAdapter):
    """Shows no retry time that is before today."""

    supports = ReferenceAdapter.supports - {"effects"}

    def state(self) -> SubjectState:
        today_ms = int(time.time() * 1000) // DAY_MS * DAY_MS
        shown = super().state()
        operations = {
            name: replace(entry, next_retry_at_ms=max(today_ms, entry.next_retry_at_ms))
            if entry.status is OperationStatus.FAILED
            else entry
            for name, entry in shown.operations.items()
        }
        return replace(shown, operations=operations)
