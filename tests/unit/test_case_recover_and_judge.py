"""Looks at the states of a search: which are recovered in all ways."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from walcrash.case.recover_and_judge import recover_and_judge
from walcrash.values.history import Recoveries
from walcrash.values.recovery import Recovery
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

SHOWN = Recovery((), 0, None)
PARTIAL = Recoveries(first=SHOWN, is_partial=True)
WHOLE = Recoveries(first=SHOWN, again=SHOWN)


@dataclass
class Subject:
    """Shows `PARTIAL` with a place and `WHOLE` without; notes what it was asked for."""

    asked: list[Hashable] = field(default_factory=list)

    def __call__(self, place: Hashable) -> Recoveries:
        self.asked.append(place)
        return WHOLE if place is None else PARTIAL


def breaking(invariant: Invariant) -> Judgement:
    violation = Violation(invariant, "first recovery", "it is wrong", "", "")
    return Judgement(Verdict.FAIL, (violation,), frozenset({invariant}), ())


PASSED = Judgement(Verdict.PASS, (), frozenset({Invariant.LOST_PUT}), ())


def test_an_image_that_passes_is_recovered_as_far_as_it_is_new() -> None:
    subject = Subject()
    found = recover_and_judge(subject, lambda _: PASSED, "append")
    assert found == (PARTIAL, PASSED)
    assert subject.asked == ["append"]


def test_an_image_that_fails_is_recovered_in_all_ways_and_said_to_break_what_they_show() -> None:
    subject = Subject()

    def judge(recoveries: Recoveries) -> Judgement:
        every, some = Invariant.DETERMINISM, Invariant.CHECKPOINT_STATE
        return breaking(some if recoveries.is_partial else every)

    found = recover_and_judge(subject, judge, "append")
    assert found == (WHOLE, breaking(Invariant.DETERMINISM))
    assert subject.asked == ["append", None]


def test_what_fails_the_first_time_only_is_not_dropped() -> None:
    lost = breaking(Invariant.LOST_PUT)
    found = recover_and_judge(
        Subject(), lambda shown: lost if shown.is_partial else PASSED, "append"
    )
    assert found == (PARTIAL, lost)


def test_an_image_that_is_known_is_recovered_again_only_where_more_is_asked_for() -> None:
    subject = Subject()
    assert recover_and_judge(subject, lambda _: PASSED, "x", PARTIAL)[0] is PARTIAL
    assert recover_and_judge(subject, lambda _: PASSED, None, WHOLE)[0] is WHOLE
    assert subject.asked == []
    assert recover_and_judge(subject, lambda _: PASSED, None, PARTIAL)[0] is WHOLE
    assert subject.asked == [None]
