"""Watched boots: one boot of a case under interception, as history and trace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from walcrash.case.recoverer import failure_of_status
from walcrash.case.sandbox import Sandbox
from walcrash.recorder.recording import Recording, WatchEnd
from walcrash.recorder.watch import Watched
from walcrash.subjects.boots import Ending, read_boot
from walcrash.values.case import BootPlan, Landing, landing_at
from walcrash.values.event import CHANGES_NO_FILE, MESSAGES, Event, EventKind
from walcrash.values.faults import Fault
from walcrash.values.history import BootEnd, BootHistory
from walcrash.values.io_error import io_errors
from walcrash.values.limits import BYTES_PER_BOOT, INJECTED_PER_CALL
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.slow_io import slow_calls
from walcrash.values.tears import PAGE_BYTES

_STUCK: Final = frozenset({WatchEnd.HUNG, WatchEnd.TOO_MUCH, WatchEnd.RETRYING})
"""Why a watch ends that the subject did not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedBoot:
    """One boot of a case: its plan, its history, its trace, and where its crash landed."""

    plan: BootPlan
    history: BootHistory
    recording: Recording
    landing: Landing | None
    output: str

    @property
    def can_go_on(self) -> bool:
        """Whether another boot may follow: the subject recovered and did not end by itself."""
        history = self.history
        if history.is_stuck:
            return False
        has_failed = isinstance(history.recovery, RecoveryFailure)
        has_gone = has_failed or history.end is BootEnd.DIED
        return not has_gone or history.gave_up or (bool(history.errors) and not has_failed)

    @property
    def settled(self) -> Landing | None:
        """Where its crash landed; of kills that leave the same, where the first of them does.

        A kill leaves the page cache: what is synced since the last change, and that the next event
        has not come, tells none from the kill behind that change. What was said since then does.
        """
        landing = self.landing
        if landing is None or landing.is_power_loss or landing.placement is Placement.WITHIN:
            return landing
        at = landing.event_index - (landing.placement is Placement.BEFORE)
        rows = self.recording.rows
        while at >= 0 and (rows[at].kind in CHANGES_NO_FILE or rows[at].result < 0):
            at -= 1
        if at < 0 or rows[at].kind in MESSAGES or at == landing.event_index:
            return landing
        event = rows[at].event()
        return landing_at(
            event,
            called(self.plan, event.call),
            boot=landing.boot,
            event_index=at,
            placement=Placement.AFTER,
        )

    def events(self) -> tuple[Event, ...]:
        """Return the boot's trace."""
        return self.recording.events()


def watch_boot(
    sandbox: Sandbox,
    subject: SubjectSpec,
    limits: RecoveryLimits,
    plan: BootPlan,
    *,
    number: int,
    faults: Sequence[Fault] = (),
    tear_bytes: int = PAGE_BYTES,
) -> WatchedBoot:
    """Run one boot in the directory as it is; `number` counts from 1.

    `faults` are injected into it; a kill within a write cuts it at a multiple of `tear_bytes`.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the harness could not do its work.
    """
    watched = sandbox.boot(
        subject, plan.operations, plan.crash, limits, faults, tear_bytes=tear_bytes
    )
    return boot_of(watched, plan, limits, number=number, directory=sandbox.directory)


def boot_of(
    watched: Watched, plan: BootPlan, limits: RecoveryLimits, *, number: int, directory: str
) -> WatchedBoot:
    """Return a boot that was watched as history and trace; `number` counts from 1."""
    recording = watched.recording
    said = read_boot(
        plan.operations,
        [data for _, data in recording.messages(MESSAGES)],
        _ending(plan, watched, limits.seconds),
        directory=directory,
    )
    history = with_errors(said, plan, recording, number=number)
    crash = recording.crash
    landing = None
    if crash is not None:
        event = crash.row.event()
        landing = landing_at(
            event,
            called(plan, event.call),
            boot=number,
            event_index=crash.event_index,
            placement=crash.placement,
            kept_bytes=crash.kept_bytes,
        )
    return WatchedBoot(
        plan=plan, history=history, recording=recording, landing=landing, output=watched.output
    )


def with_errors(
    history: BootHistory,
    plan: BootPlan,
    recording: Recording,
    *,
    number: int,
    until: int | None = None,
) -> BootHistory:
    """Return the history of a boot with what was injected into it.

    Args:
        history: what it said.
        plan: what it was to do.
        recording: its trace.
        number: the boot, from 1.
        until: how many of its events happened; None for all.
    """
    is_stuck = until is None and recording.end in _STUCK
    if not recording.has_injected and not recording.has_slow:
        return replace(history, is_stuck=is_stuck) if is_stuck else history
    events = [row.event() for row in recording.rows[:until]]
    errors = io_errors(events, plan.operations, boot=number)
    slow = slow_calls(events, plan.operations, boot=number)
    return replace(history, errors=errors, slow=slow, is_stuck=is_stuck)


def _ending(plan: BootPlan, watched: Watched, seconds: float) -> Ending:
    """Say how a boot ended, from why its watch did."""
    end = watched.recording.end
    if end is WatchEnd.KILLED:
        return Ending(BootEnd.KILLED)
    if end is WatchEnd.HUNG:
        text = f"no progress within {seconds:g} seconds, then killed"
        return Ending(BootEnd.DIED, RecoveryFailure(FailureKind.HUNG, text))
    if end is WatchEnd.TOO_MUCH:
        text = f"it wrote more than {BYTES_PER_BOOT >> 20} MiB in one boot, then killed"
        return Ending(BootEnd.DIED, RecoveryFailure(FailureKind.DIED, text))
    if end is WatchEnd.RETRYING:
        text = f"it met {INJECTED_PER_CALL:,} injected errors in one call and went on, then killed"
        return Ending(BootEnd.DIED, RecoveryFailure(FailureKind.HUNG, text))
    replies = sum(row.kind is EventKind.REPLY for row in watched.recording.rows)
    if end is WatchEnd.EXITED and watched.status == 0 and replies >= len(plan.operations):
        return Ending(BootEnd.CLOSED)
    last_words = "".join(f"; it said: {line}" for line in watched.output.strip().splitlines()[-1:])
    return Ending(BootEnd.DIED, failure_of_status(watched.status, last_words=last_words))


def called(plan: BootPlan, call: int) -> Operation | None:
    """Return the operation of a call of a boot; None if there is no such call."""
    return plan.operations[call] if 0 <= call < len(plan.operations) else None
