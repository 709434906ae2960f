"""Later boots: what they hold, and what is made of a failure among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from made_up_subject import closed, killed, put, stored

from walcrash.case.later_boots import LaterBoots, run_later_boots
from walcrash.case.sandbox import Sandbox
from walcrash.values.case import BootPlan
from walcrash.values.history import BootEnd, BootHistory, Call, Outcome
from walcrash.values.image import Image
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record
from walcrash.values.recovery import FailureKind, RecoveredRecord, Recovery, RecoveryFailure
from walcrash.values.verdict import Invariant
from walcrash.workload.later_boots import GROWN_BOOT

Refuses = Callable[[int, Record], Outcome]


def takes_all(_: int, __: Record) -> Outcome:
    return Outcome.ACKNOWLEDGED


@dataclass
class Log:
    """A sandbox with a log in memory: `forgets_from` is the boot that shows its records reversed.

    `refuses` says what becomes of an append, by the boot, from 0, and its record; `fails_from` is
    the boot whose `open` fails.
    """

    directory: str
    shows_reversed_from: int = 1000
    fails_from: int = 1000
    refuses: Refuses = takes_all
    records: list[Record] = field(default_factory=list)
    boots: int = 0

    def recover(
        self, _: object, operations: Sequence[Operation], *__: object, **___: object
    ) -> BootHistory:
        number, self.boots = self.boots, self.boots + 1
        if number >= self.fails_from:
            failure = RecoveryFailure(FailureKind.REFUSED, "no")
            return BootHistory((Call(operations[0], Outcome.REFUSED),), failure, BootEnd.CLOSED)
        order = list(enumerate(self.records))
        if number >= self.shows_reversed_from:
            order.reverse()
        shown = Recovery(tuple(RecoveredRecord(*each) for each in order), len(order), None)
        calls = []
        for operation in operations:
            outcome, offset = Outcome.ACKNOWLEDGED, None
            if operation.record is not None:
                outcome = self.refuses(number, operation.record)
                if outcome is Outcome.ACKNOWLEDGED:
                    offset = len(self.records)
                    self.records.append(operation.record)
            calls.append(Call(operation, outcome, offset=offset))
        return BootHistory(tuple(calls), shown, BootEnd.CLOSED)


def plans(count: int = 12) -> list[BootPlan]:
    return [killed(put(100 + at), put(200 + at)) for at in range(count)]


def run(log: Log, later: Sequence[BootPlan] | None = None) -> LaterBoots:
    first = killed(put(1))
    boots = (
        BootHistory(
            tuple(
                Call(each, Outcome.ACKNOWLEDGED, offset=0 if each.record else None)
                for each in first.operations
            ),
            Recovery((), 0, None),
            BootEnd.KILLED,
        ),
    )
    log.records = [each.record for each in first.operations if each.record is not None]
    case = stored(first)
    chosen = plans() if later is None else later
    return run_later_boots(cast("Sandbox", log), case, boots, Image({}), chosen)


def test_a_right_log_passes_and_is_recovered_once_more_at_the_end(tmp_path: Path) -> None:
    found = run(Log(str(tmp_path)))
    assert found == LaterBoots(starts=13)


def test_a_failure_has_the_boots_up_to_the_first_that_shows_it(tmp_path: Path) -> None:
    found = run(Log(str(tmp_path), shows_reversed_from=9))
    assert found.judgement is not None
    assert found.judgement.worst.invariant is Invariant.ORDER
    assert list(found.plans) == plans()[:9]


def test_what_only_the_last_recovery_shows_has_all_boots(tmp_path: Path) -> None:
    found = run(Log(str(tmp_path), shows_reversed_from=12))
    assert list(found.plans) == plans()


def test_a_boot_that_cannot_be_opened_ends_them(tmp_path: Path) -> None:
    found = run(Log(str(tmp_path), fails_from=5))
    assert found.judgement is not None
    assert found.judgement.worst.invariant is Invariant.UNRECOVERABLE
    assert (found.starts, list(found.plans)) == (6, plans()[:5])


def test_a_refusal_after_a_recovery_is_judged(tmp_path: Path) -> None:
    def refuses(boot: int, _: Record) -> Outcome:
        return Outcome.REFUSED if boot == 4 else Outcome.ACKNOWLEDGED

    found = run(Log(str(tmp_path), refuses=refuses))
    assert found.judgement is not None
    assert found.judgement.worst.invariant is Invariant.NOT_APPENDABLE
    assert list(found.plans) == plans()[:5]


def test_a_log_that_is_full_is_not_accused(tmp_path: Path) -> None:
    def is_full(_: int, record: Record) -> Outcome:
        return Outcome.REFUSED_DEFINITE if record.id >= "op-104" else Outcome.ACKNOWLEDGED

    assert run(Log(str(tmp_path), refuses=is_full)).judgement is None

    def is_full_later(boot: int, _: Record) -> Outcome:
        return Outcome.REFUSED if boot >= GROWN_BOOT else Outcome.ACKNOWLEDGED

    assert run(Log(str(tmp_path), refuses=is_full_later)).judgement is None


def test_closed_boots_are_judged_as_closed(tmp_path: Path) -> None:
    later = [closed(put(100 + at)) for at in range(3)]
    assert later[0].operations[-1].kind is OperationKind.CLOSE
    found = run(Log(str(tmp_path), shows_reversed_from=2), later)
    assert list(found.plans) == later[:2]
