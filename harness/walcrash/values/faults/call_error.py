"""Errors at exact calls: the n-th call of a kind fails, and nothing of it is done.

A scenario names calls and errors; one of the pairs that the kernel can give is drawn.

Not here: a call that does a part (`short_transfer`), a disk that is full for a while (`quota`),
what a failed sync leaves behind (`walcrash.disk.pending`).

Source: `fsync(2)`, `write(2)`; Rebello et al., "Can Applications Recover from fsync Failures?",
ATC 2020.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Self

from walcrash.values.event import SYNCS_OF_A_FILE, Event
from walcrash.values.faults.base import Draft, Injectable
from walcrash.values.faults.calls import ERRORS, ON_REQUEST, PASSING, ErrorName, FaultCall
from walcrash.values.faults.injected import FAULTS, Attempt, Instead
from walcrash.values.faults.kill import KEPT_SCALE
from walcrash.values.faults.nth_call import NthCall, NthCallAtWork, draw_call, draw_place
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.faults.sync_failure import SyncFailure
from walcrash.values.forms import SPARSE, Whole
from walcrash.values.tears import PAGE_BYTES


@FAULTS.add("error")
@dataclass(frozen=True, slots=True, kw_only=True)
class CallError(NthCall):
    """An error in place of a call.

    Attributes:
        error: what it returns.
        page: of a mapping, about which of its pages cannot be read, in 1/65536 of them.
        failed_sync: of a sync, what the file system makes of its failure.
    """

    error: ErrorName
    page: Annotated[Annotated[int, Whole(0, KEPT_SCALE - 1)], SPARSE] = 0
    failed_sync: Annotated[SyncFailure, SPARSE] = SyncFailure.KEPT

    @property
    def is_hidden_by_page_cache(self) -> bool:
        """Whether it fails a sync of which the pages stay in memory, and are clean."""
        return self.is_shown_by_power_loss and not self.reverts_files

    @property
    def reverts_files(self) -> bool:
        """Whether a file goes back to what it was at its last sync when a sync of it fails."""
        return self.failed_sync is SyncFailure.REVERTED

    def injection(self) -> NthCallAtWork:
        """Return the fault at work in its boot."""
        is_late = self.failed_sync is SyncFailure.LATE
        return LateErrorAtWork(self) if is_late else NthCallAtWork(self)

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return the error; None where nothing is mapped that could fail."""
        if self.on is not FaultCall.PAGE:
            return Instead(errno=self.error.number)
        pages = -(-attempt.length // PAGE_BYTES)
        return (
            Instead(errno=self.error.number, page=self.page * pages // KEPT_SCALE)
            if pages
            else None
        )

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield the fault once, at the operation into which it fell, and in the first page.

        Args:
            events: the trace of its boot, as far as it went.
        """
        yield from NthCall.simpler(self, events)
        if self.page:
            yield replace(self, page=0)

    def __str__(self) -> str:
        """Return the form that reports use: `EIO for fsync 2 from call 3 of boot 1 on`."""
        more = {
            SyncFailure.LATE: ", which its next sync returns",
            SyncFailure.REVERTED: ", after which the file is as it was",
        }
        return f"{self.error.value} for {self.place()}{more.get(self.failed_sync, '')}"


class LateErrorAtWork(NthCallAtWork):
    """A sync that returns 0 without having written, and the next one of its file, which fails."""

    def __init__(self, fault: CallError) -> None:
        super().__init__(fault)
        self._error = fault.error.number
        self._file: int | None = None

    def instead(self, attempt: Attempt) -> Instead | None:
        """Return what happens in place of the call at hand; None where that is performed."""
        if self._file is not None:
            if attempt.file != self._file or attempt.kind not in SYNCS_OF_A_FILE:
                return None
            self._file = None
            return Instead(errno=self._error)
        if super().instead(attempt) is None:
            return None
        self._file = attempt.file
        return Instead(fails_late=True)


class CallErrors(Injectable):
    """Errors at exact calls, as a scenario asks for them."""

    kind = FaultKind.ERROR
    keys = frozenset({"operations", "calls", "errors", "times", "files", "in_turn", "failed_sync"})
    falls = "into a call"

    def draw(self, plan: FaultPlan, draft: Draft) -> CallError | None:
        """Return an error in one of the operations; None where this boot gets none."""
        pairs = pairs_of(plan.calls, plan.errors)
        on = draw_call(plan, draft, list(dict.fromkeys(call for call, _ in pairs)))
        error = draft.prng.choice([error for call, error in pairs if call is on])
        place = draw_place(plan, draft, on)
        if place is None:
            return None
        call, ordinal = place
        return CallError(
            boot=draft.boot, call=call, on=on, ordinal=ordinal, times=times_of(plan, error),
            page=draft.prng.below(KEPT_SCALE) if on is FaultCall.PAGE else 0,
            files=plan.files, error=error, failed_sync=plan.failed_sync,
        )  # fmt: skip


def times_of(plan: FaultPlan, error: ErrorName) -> int | None:
    """Return how many calls in a row get an error; None for all that are left of the boot.

    No signal comes for ever, so what says "try again" is not injected for ever either.
    """
    return 1 if plan.times is None and error in PASSING else plan.times


def pairs_of(
    calls: Sequence[FaultCall], errors: Sequence[ErrorName]
) -> list[tuple[FaultCall, ErrorName]]:
    """Return each call with each error that the kernel can give for it; empty means any."""
    named = calls or [call for call in FaultCall if call not in ON_REQUEST]
    return [
        (call, error) for call in named for error in ERRORS[call] if not errors or error in errors
    ]
