"""Full logs: what one may hold that took no record after a recovery, and that it is not accused."""

from dataclasses import replace

from oracle_builder import (
    CLOSE,
    COMPACT,
    EVERYTHING,
    SUPPORTS,
    acked,
    closed,
    done,
    killed,
    power_lost,
    put,
    refused,
    shows,
    unanswered,
    verdict_on,
)

from walcrash.oracle import judge
from walcrash.oracle.room import RoomAsked, rooms_asked
from walcrash.values.contract import Contract
from walcrash.values.history import BootHistory, Call, History, Outcome, Recoveries
from walcrash.values.record import Record
from walcrash.values.terms import Terms
from walcrash.values.verdict import Invariant

A, B, C, NEW = put("a", 1), put("b", 2), put("c", 3, b"x" * 40), put("new", 9)


def full(record: Record) -> Call:
    return refused(record, Outcome.REFUSED_DEFINITE)


def asked(*boots: BootHistory, **recoveries: object) -> list[RoomAsked]:
    given = Recoveries(**{"first": shows(), **recoveries})  # type: ignore[arg-type]
    return list(rooms_asked(History(boots, given)))


def test_a_boot_that_accepts_nothing_asks_for_the_room_of_all_from_the_oldest_on() -> None:
    later = closed(full(NEW), recovery=shows(B))
    (found,) = asked(killed(acked(A), acked(B), unanswered(C)), later)
    # A lies before the oldest record that is shown; C was never answered and may be there.
    assert found == RoomAsked(
        boot=1,
        held=(B, C),
        refused=(NEW,),
        sizes=frozenset({len(A.payload)}),
        done=(tuple(acked(each).operation for each in (A, B, C)),),
        closed=(False,),
        torn=1,
        shown=frozenset({B.ts_ms}),
        boots=1,
    )


def test_boots_that_lost_the_power_or_left_an_append_unanswered_may_have_torn_a_record() -> None:
    boots = (killed(acked(A)), killed(unanswered(B)), power_lost(acked(C)), closed(acked(A)))
    *_, found = asked(*boots, closed(full(NEW)))
    assert found.torn == 2
    assert found.closed == (False, False, False, True)


def test_a_record_that_was_refused_for_certain_is_not_held() -> None:
    later = closed(full(NEW), recovery=shows(A))
    (found,) = asked(killed(acked(A), full(C)), later)
    assert found.held == (A,)


def test_a_log_that_shows_nothing_may_hold_what_came_after_its_last_compaction() -> None:
    first = closed(acked(A), acked(done("a", 2)), COMPACT, unanswered(C))
    (found,) = asked(first, closed(full(NEW)))
    assert found.held == (C,)
    (found,) = asked(closed(acked(A), unanswered(C)), closed(full(NEW)))
    assert found.held == (A, C)


def test_a_compaction_that_was_not_acknowledged_has_freed_nothing() -> None:
    unsure = replace(COMPACT, outcome=Outcome.UNANSWERED)
    (found,) = asked(killed(acked(A), acked(done("a", 2)), unsure), closed(full(NEW)))
    assert found.held == (A, done("a", 2))
    assert not found.done, "nobody knows what it left"


def test_the_same_boots_tell_nothing_where_none_of_them_crashed() -> None:
    (found,) = asked(closed(acked(A)), closed(full(NEW)))
    assert not found.done


def test_the_work_after_the_last_recovery_asks_for_the_room_behind_what_that_showed() -> None:
    work = (full(NEW), CLOSE)
    (found,) = asked(killed(acked(A), acked(B)), first=shows(A), again=shows(B), continued=work)
    assert (found.boot, found.held, found.refused, found.boots) == (None, (B,), (NEW,), 1)


def test_nothing_is_asked_where_one_record_was_accepted_or_one_was_refused_with_a_doubt() -> None:
    boot = killed(acked(A))
    assert not asked(boot, closed(full(NEW), acked(B)))
    assert not asked(boot, closed(full(NEW), refused(B)))
    assert not asked(boot, closed(full(C)), first=shows(A))
    assert not asked(boot, continued=(full(NEW), acked(B)))


def test_a_boot_of_a_full_log_may_refuse_everything() -> None:
    boots = (closed(acked(A)), closed(full(NEW), recovery=shows(A)))
    found = verdict_on(*boots, first=shows(A), invariants=EVERYTHING)
    assert [each.invariant for each in found.violations] == [Invariant.NOT_APPENDABLE]
    noted = (boots[0], replace(boots[1], is_full=True))
    assert not verdict_on(*noted, first=shows(A), invariants=EVERYTHING).violations


def test_a_full_log_may_refuse_the_new_records_after_the_last_recovery() -> None:
    terms = Terms(Contract(max_attempts=3), SUPPORTS, frozenset({Invariant.NOT_APPENDABLE}))
    work = Recoveries(shows(A), again=shows(A), continued=(full(NEW), CLOSE), after=shows(A))
    boots = (killed(acked(A)),)
    assert judge(terms, History(boots, work)).violations
    assert not judge(terms, History(boots, replace(work, is_full=True))).violations


def test_a_full_log_is_still_held_to_what_the_next_recovery_shows() -> None:
    terms = Terms(Contract(max_attempts=3), SUPPORTS, frozenset({Invariant.NOT_APPENDABLE}))
    work = Recoveries(
        shows(A), again=shows(A), continued=(full(NEW), CLOSE), after=shows(), is_full=True
    )
    found = judge(terms, History((killed(acked(A)),), work)).violations
    assert [each.breaks_as for each in found] == [Invariant.LOST_PUT]
