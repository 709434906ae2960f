"""Plain findings: what the smallest case of one breaks as well is no finding of its own."""

from types import SimpleNamespace
from typing import cast

from walcrash.campaign import finding_reports
from walcrash.campaign.finding_reports import _Found
from walcrash.values.verdict import Invariant, Violation

CLOCK, STATE, LOST = Invariant.DETERMINISM, Invariant.CHECKPOINT_STATE, Invariant.LOST_PUT


def found(*broken: Invariant, is_plain: bool = True, is_portability: bool = False) -> _Found:
    """Return a finding whose smallest case breaks these, the first naming it."""
    violations = tuple(Violation(each, "boot 2", "made up") for each in broken)
    shown = SimpleNamespace(is_plain=is_plain, violations=violations)
    made = SimpleNamespace(
        shown=shown,
        invariant=broken[0],
        is_portability=is_portability,
        groups={broken[0].value: None},
    )
    return cast("_Found", made)


def named(*findings: _Found) -> list[tuple[Invariant, list[str]]]:
    kept = finding_reports._without_followers(findings)
    return [(each.invariant, sorted(each.groups)) for each in kept]


def test_a_plain_failure_that_another_plain_case_shows_too_belongs_to_it() -> None:
    joined = [(CLOCK, [STATE.value, CLOCK.value])]
    assert named(found(STATE), found(CLOCK, STATE)) == joined
    assert named(found(CLOCK, STATE), found(STATE, CLOCK)) == joined


def test_a_plain_failure_that_no_other_plain_case_shows_stands_by_itself() -> None:
    apart = [(LOST, [LOST.value]), (STATE, [STATE.value])]
    assert named(found(STATE), found(LOST)) == apart


def test_a_failure_that_needs_a_crash_is_never_joined_to_a_plain_one() -> None:
    apart = [(LOST, [LOST.value]), (STATE, [STATE.value])]
    assert named(found(STATE, is_plain=False), found(LOST, STATE)) == apart
    assert named(found(STATE), found(LOST, STATE, is_plain=False)) == apart
