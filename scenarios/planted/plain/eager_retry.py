"""Checkpoint state, without a crash: a restart forgets which operations have failed.

To have everything retried soon after a restart, the state is loaded with failed operations as
pending ones. Their errors and retry times, which the log has, are gone from the state, and the
operations are sent before their time.

Repair: the state is what the records amount to; who wants a retry appends a record for it.
"""

from dataclasses import replace
from pathlib import Path

from walcrash import EffectSink, OperationState, OperationStatus, SubjectState
from walcrash.subjects.reference import ReferenceAdapter


class Subject(ReferenceAdapter):
    """Shows failed operations as pending after a restart."""

    supports = ReferenceAdapter.supports - {"effects"}

    def open(self, directory: Path, effect: EffectSink) -> None:
        is_restart = any(directory.iterdir())
        super().open(directory, effect)
        known = super().state().operations if is_restart else {}
        failed = OperationStatus.FAILED
        self.retried = {name for name, entry in known.items() if entry.status is failed}

    def state(self) -> SubjectState:
        shown = super().state()
        operations = dict(shown.operations)
        for name in self.retried & operations.keys():
            operations[name] = OperationState(OperationStatus.PENDING)
        return replace(shown, operations=operations)
