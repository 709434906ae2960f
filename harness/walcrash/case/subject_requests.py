"""What a worker is asked for in the name of a scenario: to load its subject, and to boot it.

Not here: what the worker does then (`walcrash.subjects.worker`), boots for a recovery (`sandbox`).
"""

import pickle
from typing import Final

from walcrash.recorder import abi
from walcrash.subjects.worker import BootRequest, LoadRequest
from walcrash.values.operation import Operation
from walcrash.values.scenario import RecoveryLimits, SubjectSpec

LOAD: Final = "walcrash.subjects.worker:load"
RUN_WATCHED: Final = "walcrash.subjects.worker:run_watched"


def load_request(subject: SubjectSpec, limits: RecoveryLimits, scratch: str) -> bytes:
    """Return what `LOAD` gets; `scratch` is an empty directory."""
    return pickle.dumps(
        LoadRequest(
            adapter=subject.adapter,
            options=subject.arguments(limits.seconds),
            scratch=scratch,
            memory_mb=limits.memory_mb,
        )
    )


def watched_request(
    subject: SubjectSpec,
    limits: RecoveryLimits,
    directory: str,
    operations: tuple[Operation, ...],
    *,
    awaits_kill: bool = False,
) -> bytes:
    """Return what `RUN_WATCHED` gets.

    Args:
        subject: what is booted.
        limits: of the boot.
        directory: the subject's.
        operations: in order, `open` first.
        awaits_kill: whether it waits for its end after the last one.
    """
    return pickle.dumps(
        BootRequest(
            adapter=subject.adapter,
            options=subject.arguments(limits.seconds),
            directory=directory,
            operations=operations,
            message_fd=abi.MESSAGE_FD,
            awaits_kill=awaits_kill,
        )
    )
