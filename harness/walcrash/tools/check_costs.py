"""What a subject costs: one start of it, and one image of a power loss that it recovers.

A campaign is made of these two, so they say how many cases fit into a time budget. They are
measured on a small log, in a sandbox as the jobs of a campaign have one.

Not here: whether the subject does what it should (`check`).
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from walcrash.case.deadline import Deadline, TimeOver
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.subjects.adapter import SubjectGone
from walcrash.subjects.driver_process import Command, DriverProcess
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.conformance import SubjectCosts
from walcrash.values.contract import Promise
from walcrash.values.errors import WalcrashError
from walcrash.values.faults import PowerLoss
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Invariant
from walcrash.workload.control import control_of

PUTS: Final = 8
"""Records of the log that is recovered."""

IMAGES: Final = 8
"""Most images that are recovered; a part of them has the same content."""

PROCESSES: Final = 3
"""Starts of a driver's process that are measured; the quickest of them counts."""

_OPENS_NOTHING: Final = b'{"do":"walcrash-nothing"}\n'
"""A driver answers a request that it does not know with `ok: false`."""

LONGEST_SECONDS: Final = 60.0
"""After so long there is no measurement: a subject may hang only where it is recovered."""


def measure_costs(subject: SubjectSpec, limits: RecoveryLimits) -> SubjectCosts | None:
    """Run a case without a crash, and one with a power loss, and see how long they take.

    Args:
        subject: it; it conforms.
        limits: of its boots.

    Returns:
        None where it cannot be run here, or takes too long.
    """
    try:
        with Sandbox() as sandbox:
            sandbox.deadline = Deadline(at=time.monotonic() + LONGEST_SECONDS)
            return _measured(sandbox, subject, limits)
    except (WalcrashError, TimeOver):
        return None


def _measured(
    sandbox: Sandbox, subject: SubjectSpec, limits: RecoveryLimits
) -> SubjectCosts | None:
    description = sandbox.load(subject, limits)
    records = [Record(RecordType.PUT, f"op-{n}", n + 1, b"x" * 100) for n in range(PUTS)]
    operations = (
        Operation(OperationKind.OPEN),
        *(Operation(OperationKind.APPEND, record) for record in records),
        Operation(OperationKind.CLOSE),
    )
    boot = BootPlan(operations, PowerLoss(seed=1, images=IMAGES))
    stored = StoredCase(
        case=Case("costs", 0, 1, (boot,)),
        subject=subject,
        # Nothing is judged, so that no failure is confirmed meanwhile.
        contract=replace(description.contract, kill=Promise.NONE, power=Promise.NONE),
        supports=description.supports,
        invariants=frozenset(Invariant),
        limits=limits,
    )
    began = time.monotonic()
    control = run_case(sandbox, replace(stored, case=control_of(stored.case)))
    between = time.monotonic()
    starts = len(control.boots) + control.recoveries
    start_seconds = (between - began) / starts
    run = run_case(sandbox, stored)
    seconds = time.monotonic() - between
    images = 0 if run.coverage is None else run.coverage.distinct
    # Of this run alone: what the control took less or more is noise of the machine.
    share = run.recoveries / (len(run.boots) + run.recoveries)
    return SubjectCosts(
        start_seconds=start_seconds,
        image_seconds=seconds * share / images if images else None,
        image_starts=run.recoveries / images if images else None,
        process_seconds=(
            # Most recoveries start none.
            None
            if sandbox.copies(subject)
            else _process_seconds(subject, description.supports, limits)
        ),
    )


def _process_seconds(
    subject: SubjectSpec, supports: frozenset[str], limits: RecoveryLimits
) -> float | None:
    """Return how long a driver's process takes to answer a request that opens nothing."""
    if not subject.driver or "reopen" in supports:
        return None
    seconds = []
    with tempfile.TemporaryDirectory(prefix="walcrash-start-") as directory:
        for _ in range(PROCESSES):
            began = time.monotonic()
            deadline = began + limits.seconds
            try:
                process = DriverProcess.start(Command(subject.driver), Path(directory))
                try:
                    process.send(_OPENS_NOTHING, what="a request", deadline=deadline)
                    process.receive(what="a request", silence="no reply", deadline=deadline)
                    seconds.append(time.monotonic() - began)
                finally:
                    process.kill()
            except SubjectGone:
                return None
    return min(seconds)
