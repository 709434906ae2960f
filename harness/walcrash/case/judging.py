"""Judging in a case: the oracle, and a new log where it has to be known whether one is full.

A log that refuses every record after a recovery is accused by the oracle, unless it is full. So a
new log is made in the same directory, given more than the recovered one may hold, and then what
that one refused (`walcrash.workload.room`). Only where it takes one of these records the refusal
counts. Nothing of this is done for a case that the oracle passes.

Not here: what is right (`walcrash.oracle`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from walcrash.case.sandbox import Sandbox
from walcrash.oracle.judge import Judge
from walcrash.oracle.room import RoomAsked, rooms_asked
from walcrash.recorder.tree import capture, restore
from walcrash.values.case_file import StoredCase
from walcrash.values.history import BootHistory, History, Outcome
from walcrash.values.image import Image
from walcrash.values.operation import Operation
from walcrash.values.recovery import Recovery
from walcrash.values.role import role_of
from walcrash.values.verdict import Invariant, Judgement, Verdict
from walcrash.workload.operations import CLOSE
from walcrash.workload.room import Room

# limits
NEW_LOG_TIMES: Final = 4
"""A new log may take so many times as long as a recovery: it is given some hundred records."""

FULL_BOOTS: Final = 64
"""Boots of full logs that are known again."""


class CaseJudge:
    """Judges what becomes of one case, as `oracle.Judge` does; its directory stays as it is."""

    def __init__(self, sandbox: Sandbox, stored: StoredCase) -> None:
        """Take what all judgements have in common; `sandbox` has the subject loaded."""
        self._sandbox = sandbox
        self._stored = stored
        self._oracle = Judge(stored.terms)
        self._is_full: dict[RoomAsked, bool] = {}
        # A boot is known by its identity, so it is kept alive.
        self._full_boots: dict[int, tuple[BootHistory, BootHistory]] = {}

    def judge(self, history: History) -> Judgement:
        """Hold one case against what its subject promises.

        Raises:
            OSError: the directory cannot be used.
            TimeOver: there is no time left.
        """
        judgement = self._oracle.judge(self.noted(history))
        is_asked_for = Invariant.NOT_APPENDABLE in self._stored.terms.invariants
        if judgement.verdict is not Verdict.FAIL or not is_asked_for:
            return judgement
        new = [asked for asked in rooms_asked(history) if asked not in self._is_full]
        for asked in new:
            self._is_full[asked] = not self._has_room(asked)
        if not any(self._is_full[asked] for asked in new):
            return judgement
        return self._oracle.judge(self.noted(history))

    def noted(self, history: History) -> History:
        """Return a history with those boots and recoveries noted whose log was found to be full."""
        if not any(self._is_full.values()):
            return history
        full = {asked.boot for asked in rooms_asked(history) if self._is_full.get(asked)}
        if not full:
            return history
        boots = [
            self._as_full(boot) if number in full else boot
            for number, boot in enumerate(history.boots)
        ]
        recoveries = replace(history.recoveries, is_full=None in full)
        return History(tuple(boots), recoveries)

    def _as_full(self, boot: BootHistory) -> BootHistory:
        """Return a boot of a full log; of the same boot the very same."""
        known = self._full_boots.get(id(boot))
        if known is not None:
            return known[1]
        if len(self._full_boots) >= FULL_BOOTS:
            self._full_boots.clear()
        full = replace(boot, is_full=True)
        self._full_boots[id(boot)] = boot, full
        return full

    def _has_room(self, asked: RoomAsked) -> bool:
        """Whether a new log takes more than a recovered one may hold, and a record that it refused.

        One that comes to no end says nothing, so the recovered one is not accused.
        """
        room = Room(
            held=asked.held,
            refused=asked.refused,
            sizes=asked.sizes,
            boots=asked.boots,
            supports=self._stored.supports,
        )
        image = capture(self._sandbox.directory)
        try:
            is_taken = self._take([room.one_boot()], asked) or (
                bool(asked.done)
                and self._take(room.same_boots(asked.done, asked.closed, asked.torn), asked)
            )
            return is_taken and not (_has_row(image) and self._is_worn_out(room))
        finally:
            restore(image, self._sandbox.directory)

    def _take(self, boots: Sequence[tuple[Operation, ...]], asked: RoomAsked) -> bool:
        """Whether a new log takes all appends of some boots, and one of those that were refused.

        Where its boots are those of the case, it shows what the recovered one showed.
        """
        if not boots or not all(boots):
            return False
        self._sandbox.clear()
        for operations in boots:
            boot = self._run(operations, is_killed=operations[-1] != CLOSE)
            appends = [call for call in boot.calls if call.operation.record is not None]
            taken = [call.outcome is Outcome.ACKNOWLEDGED for call in appends]
            is_last = operations is boots[-1]
            own = len(taken) - len(asked.refused) if is_last else len(taken)
            if len(boot.calls) < len(operations) or not all(taken[:own]):
                return False
        shown = boot.recovery.records if isinstance(boot.recovery, Recovery) else ()
        is_as_full = len(boots) == 1 or asked.shown <= {each.record.ts_ms for each in shown}
        return is_as_full and any(taken[own:])

    def _is_worn_out(self, room: Room) -> bool:
        """Whether a new log takes nothing once it was killed as often.

        One that takes nothing behind its first kill is not full: a kill has closed it.
        """
        self._sandbox.clear()
        *boots, last = room.many_boots()
        for number, operations in enumerate(boots):
            if not _taken(self._run(operations, is_killed=True)):
                return number > 1
        return len(boots) > 1 and not _taken(self._run(last))

    def _run(self, operations: tuple[Operation, ...], *, is_killed: bool = False) -> BootHistory:
        limits = self._stored.limits
        limits = replace(limits, seconds=NEW_LOG_TIMES * limits.seconds)
        return self._sandbox.recover(
            self._stored.subject, operations, limits, is_killed=is_killed, is_forked=True
        )


def _has_row(image: Image) -> bool:
    """Whether a log has several files of one kind."""
    return any(count > 1 for count in Counter(map(role_of, image.entries)).values())


def _taken(boot: BootHistory) -> bool:
    """Whether a record was acknowledged."""
    records = [call for call in boot.calls if call.operation.record is not None]
    return any(call.outcome is Outcome.ACKNOWLEDGED for call in records)
