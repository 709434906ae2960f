"""Every invariant has one rule and one function, and the ranks are an order."""

from typing import get_args

from walcrash.oracle.evidence import Evidence, FailedRecovery, Replayed, WorkCall
from walcrash.oracle.rules import ABOUT, JUDGES, AskedRules
from walcrash.values.contract import Promise
from walcrash.values.rule import INJECTED, Occasion
from walcrash.values.rules import MOST_SEVERE_FIRST, RULES, Invariant


def test_every_invariant_has_one_rule_and_one_function():
    assert set(RULES) == set(JUDGES) == set(Invariant)


def test_the_function_of_a_rule_that_can_be_judged_is_its_own_and_is_named_for_it():
    can_be_judged = [item for item in Invariant if RULES[item].occasion not in INJECTED]
    names = [JUDGES[item].__name__ for item in can_be_judged]
    assert names == [f"judge_{item.value.replace('-', '_')}" for item in can_be_judged]


def test_a_rule_is_asked_about_what_its_function_takes_and_every_kind_by_some_rule():
    assert ABOUT[Invariant.LOST_PUT] == (Replayed,)
    assert set(get_args(Evidence)) == {kind for kinds in ABOUT.values() for kind in kinds}
    asked = AskedRules((Invariant.UNRECOVERABLE, Invariant.LOST_PUT, Invariant.REPEATED_EFFECT))
    for kind, item in (
        (FailedRecovery, Invariant.UNRECOVERABLE),
        (Replayed, Invariant.LOST_PUT),
        (WorkCall, Invariant.REPEATED_EFFECT),
    ):
        assert asked.about(kind) == ((item, JUDGES[item]),)


def test_what_an_occasion_means_is_that_of_the_rules_that_were_asked_for():
    asked = AskedRules((Invariant.LOST_PUT, Invariant.IDEMPOTENCE))
    again = asked.held(Occasion.AGAIN, Promise.PREFIX)
    assert (again.shows_any, again.judged) == (True, {Invariant.IDEMPOTENCE})
    put = asked.held(Occasion.PUT, Promise.ALL)
    assert (put.shows_any, put.judged) == (True, {Invariant.LOST_PUT})
    # Which puts are there is no matter where only a prefix is promised.
    assert asked.held(Occasion.PUT, Promise.PREFIX) == (False, frozenset())
    assert asked.held(Occasion.TICK, Promise.ALL) == (False, frozenset())


def test_no_two_rules_have_the_same_rank():
    assert len({rule.rank for rule in RULES.values()}) == len(Invariant)
    ranks = [RULES[item].rank for item in MOST_SEVERE_FIRST]
    assert ranks == sorted(ranks)
    assert MOST_SEVERE_FIRST[0] is Invariant.UNRECOVERABLE


def test_loss_needs_the_whole_promise_and_nothing_is_due_without_one():
    due = {item for item in Invariant if not RULES[item].is_due(Promise.PREFIX)}
    assert due == {Invariant.LOST_PUT, Invariant.LOST_MARK}
    assert all(rule.is_due(Promise.ALL) for rule in RULES.values())
    assert not any(rule.is_due(Promise.NONE) for rule in RULES.values())


def test_work_after_a_recovery_is_made_for_what_it_can_show():
    shown = {item for item in Invariant if RULES[item].is_shown_by(Occasion.WORK, Occasion.TICK)}
    assert shown == {Invariant.NOT_APPENDABLE, Invariant.REQUEUE, Invariant.REPEATED_EFFECT}
