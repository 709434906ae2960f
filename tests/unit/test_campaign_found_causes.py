"""Found causes: what is joined to another finding, and what is a finding of its own."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from walcrash.campaign import found_causes
from walcrash.campaign.found_causes import FoundCause
from walcrash.campaign.tally import Group, Tally
from walcrash.case.outcome import CaseOutcome
from walcrash.minimise.job import MinimalCase
from walcrash.values.cause import Cause, CrashSite, FateSite, fate_site
from walcrash.values.event import EventKind
from walcrash.values.fate import CopyFate, EventRef, Fate, FateKind, Reading, RecordFate
from walcrash.values.scenario import SubjectSpec
from walcrash.values.verdict import Invariant, Violation

CLOCK, STATE, LOST = Invariant.DETERMINISM, Invariant.CHECKPOINT_STATE, Invariant.LOST_PUT


def found(*broken: Invariant, is_plain: bool = True, is_portability: bool = False) -> FoundCause:
    """Return a finding whose smallest case breaks these, the first naming it."""
    violations = tuple(Violation(each, "boot 2", "made up") for each in broken)
    shown = SimpleNamespace(is_plain=is_plain, violations=violations)
    made = SimpleNamespace(
        shown=shown,
        invariant=broken[0],
        is_portability=is_portability,
        groups={broken[0].value: None},
    )
    return cast("FoundCause", made)


def named(*findings: FoundCause) -> list[tuple[Invariant, list[str]]]:
    return with_groups(found_causes._without_followers(findings))


def with_groups(findings: Sequence[FoundCause]) -> list[tuple[Invariant, list[str]]]:
    return [(each.invariant, sorted(each.groups)) for each in findings]


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


FSYNC = CrashSite(kind=EventKind.FSYNC, path="wal", has_failed=True)


def timed(
    *broken: Invariant,
    is_late: bool = True,
    error: CrashSite | None = None,
    fate: str | None = None,
    is_plain: bool = False,
    seen: int = 1,
    injected: int = 1,
    is_passed_over: bool = False,
    breaks_as: Invariant | None = None,
) -> FoundCause:
    """Return a finding that there was time to minimise or not."""
    violations = tuple(Violation(each, "boot 2", "made up", breaks_as=breaks_as) for each in broken)
    made = SimpleNamespace(
        shown=SimpleNamespace(violations=violations, boots=(SimpleNamespace(injected=injected),)),
        invariant=broken[0],
        is_unsettled=is_late,
        is_portability=False,
        cause=Cause(
            invariant=broken[0],
            crashes=0 if is_plain else 1,
            error=error,
            is_passed_over=is_passed_over,
        ),
        best=SimpleNamespace(best=SimpleNamespace(fate=fate), seen=seen),
        groups={broken[0].value: None},
    )
    return cast("FoundCause", made)


def joined(*findings: FoundCause) -> list[tuple[Invariant, list[str]]]:
    return with_groups(found_causes._with_late(findings))


def test_what_there_was_no_time_to_minimise_is_joined_to_what_breaks_a_rule_of_it() -> None:
    one = [(LOST, [STATE.value, LOST.value])]
    assert joined(timed(STATE), timed(LOST, STATE, is_late=False)) == one
    assert joined(timed(STATE, LOST), timed(LOST, is_late=False)) == one
    assert joined(timed(STATE), timed(LOST, STATE, fate="there")) == one
    mark = Invariant.LOST_MARK
    assert joined(timed(mark), timed(LOST, is_late=False)) == [(LOST, [mark.value, LOST.value])]


def test_what_was_minimised_and_what_breaks_no_rule_of_another_stand_by_themselves() -> None:
    apart = [(LOST, [LOST.value]), (STATE, [STATE.value])]
    assert joined(timed(LOST, is_late=False), timed(STATE, LOST, is_late=False)) == apart
    assert joined(timed(STATE), timed(LOST, is_late=False)) == apart
    assert joined(timed(STATE, LOST, error=FSYNC), timed(LOST, is_late=False)) == apart
    assert joined(timed(STATE, LOST, is_plain=True), timed(LOST, is_late=False)) == apart


def test_what_breaks_a_rule_behind_new_records_breaks_that_rule() -> None:
    order, behind = Invariant.ORDER, Invariant.NOT_APPENDABLE
    plain = timed(behind, breaks_as=order, is_plain=True)
    assert joined(plain, timed(order)) == [(behind, [behind.value, order.value])]
    apart = [(behind, [behind.value]), (order, [order.value])]
    assert joined(timed(behind, breaks_as=LOST, is_plain=True), timed(order)) == apart


def test_one_error_that_there_was_no_time_to_minimise_may_be_passed_over_on_its_file() -> None:
    passed = timed(LOST, is_late=False, error=replace(FSYNC, path="a"), is_passed_over=True)
    for path, kind, findings in (
        ("a", EventKind.WRITE, 1),
        ("b", EventKind.WRITE, 2),
    ):
        late = timed(STATE, LOST, error=replace(FSYNC, path=path, kind=kind))
        assert len(joined(late, passed)) == findings
    told = timed(LOST, is_late=False, error=replace(FSYNC, path="a"))
    late = timed(STATE, LOST, error=replace(FSYNC, path="a", kind=EventKind.WRITE))
    assert len(joined(late, told)) == 2


def test_what_may_need_no_crash_had_there_been_time_is_joined_to_what_needs_none() -> None:
    one = [(LOST, [STATE.value, LOST.value])]
    assert joined(timed(STATE, LOST, fate="there"), timed(LOST, is_plain=True)) == one


def test_a_case_whose_recovery_there_was_no_time_to_watch_has_the_fate_of_its_own_group() -> None:
    copy = CopyFate(
        kind=FateKind.THERE,
        path="wal",
        start=0,
        end=9,
        written=EventRef(boot=1, event=2, kind=EventKind.WRITE),
    )
    known = Fate(
        record=RecordFate(
            record="r", is_missing=True, kind=FateKind.THERE, copies=(copy,), reading=Reading.TORN
        )
    )
    best = SimpleNamespace(fate=known, worst=Violation(LOST, "boot 2", ""), stored="its own case")
    smaller = cast("CaseOutcome", SimpleNamespace(stored="a smaller one"))
    facts = {
        is_unwatched: found_causes._cause(
            cast("Group", SimpleNamespace(best=best)),
            MinimalCase(
                outcome=smaller,
                tries=9,
                is_finished=True,
                cause=Cause(invariant=LOST, crashes=1),
                is_unwatched=is_unwatched,
            ),
        ).fate
        for is_unwatched in (True, False)
    }
    assert facts == {True: fate_site(known, LOST), False: None}


def shown_stale(*, crashes: int, path: str = "ring") -> FoundCause:
    """Return a finding of a record that is shown from a place that was to be left behind."""
    site = FateSite(kind=FateKind.THERE, path=path, is_shown=True, is_stale=True)
    made = SimpleNamespace(
        invariant=Invariant.ORDER,
        is_portability=False,
        cause=Cause(invariant=Invariant.ORDER, crashes=crashes, fate=site),
        groups={f"{path} {crashes}": None},
    )
    return cast("FoundCause", made)


def test_a_stale_record_that_a_crash_brings_back_is_one_with_that_which_needs_none() -> None:
    crash, plain = shown_stale(crashes=1), shown_stale(crashes=0)
    found = found_causes._with_stale([crash, plain])
    assert found == [plain]
    assert sorted(plain.groups) == ["ring 0", "ring 1"]
    other = shown_stale(crashes=1, path="elsewhere")
    assert found_causes._with_stale([other, plain]) == [plain, other]
    assert found_causes._with_stale([crash, other]) == [crash, other]


BEHIND = Invariant.NOT_APPENDABLE


def behind(
    *broken: Invariant,
    breaks_as: Invariant,
    fate: FateSite | None = None,
    is_plain: bool = False,
) -> FoundCause:
    """Return a finding whose smallest case breaks these; behind new records, as another does."""
    violations = tuple(
        Violation(each, "made up", "made up", breaks_as=breaks_as if each is BEHIND else None)
        for each in broken
    )
    made = SimpleNamespace(
        shown=SimpleNamespace(violations=violations, worst=violations[0]),
        invariant=broken[0],
        is_portability=False,
        cause=Cause(invariant=broken[0], crashes=0 if is_plain else 1, fate=fate),
        groups={broken[0].value: None},
        named_as=None,
    )
    return cast("FoundCause", made)


def joined_behind(*findings: FoundCause) -> list[tuple[Invariant, list[str]]]:
    return with_groups(found_causes._with_behind(findings))


def test_what_breaks_behind_new_records_belongs_to_a_case_that_breaks_alike_there() -> None:
    one = [(LOST, [LOST.value, BEHIND.value])]
    both = behind(LOST, BEHIND, breaks_as=LOST)
    assert joined_behind(behind(BEHIND, breaks_as=LOST), both) == one


def test_where_no_event_says_why_it_has_the_id_that_it_has_behind_new_records_alone() -> None:
    there = FateSite(kind=FateKind.THERE, path="wal")
    torn = replace(there, detail=Reading.TORN.value)
    for fate, is_named in ((None, True), (there, True), (torn, False)):
        both = behind(LOST, BEHIND, breaks_as=LOST, fate=fate)
        alone = behind(BEHIND, breaks_as=LOST)
        (one,) = found_causes._with_behind([alone, both])
        assert one.named_as is (alone.cause if is_named else None)


def test_what_breaks_otherwise_there_or_has_a_fate_of_its_own_is_a_finding_of_its_own() -> None:
    apart = [(LOST, [LOST.value]), (BEHIND, [BEHIND.value])]
    both = behind(LOST, BEHIND, breaks_as=LOST)
    assert joined_behind(both, behind(BEHIND, breaks_as=Invariant.ORDER)) == apart
    assert (
        joined_behind(both, behind(BEHIND, breaks_as=LOST, fate=FateSite(found=("wal",)))) == apart
    )
    assert joined_behind(behind(LOST, breaks_as=LOST), behind(BEHIND, breaks_as=LOST)) == apart
    # Two that break only there are told apart by their crashes.
    assert len(joined_behind(behind(BEHIND, breaks_as=LOST), behind(BEHIND, breaks_as=LOST))) == 2


def test_without_a_crash_what_breaks_at_a_later_boot_breaks_behind_new_records_too() -> None:
    def lost() -> FoundCause:
        return behind(LOST, breaks_as=LOST, is_plain=True)

    later = behind(BEHIND, breaks_as=LOST, is_plain=True)
    assert joined_behind(later, lost()) == [(LOST, [LOST.value, BEHIND.value])]
    other = behind(BEHIND, breaks_as=Invariant.ORDER, is_plain=True)
    crashed = behind(BEHIND, breaks_as=LOST)
    for each in (other, crashed):
        assert joined_behind(lost(), each) == [(LOST, [LOST.value]), (BEHIND, [BEHIND.value])]


REFUSED, LOCKED = Invariant.UNRECOVERABLE, "recovery failed (refused): 'LOCK of 12: File exists'"


def refused(
    message: str, *, crashes: int = 1, is_before_promise: bool = False, **known: object
) -> FoundCause:
    """Return a finding whose recovery fails with these words."""
    shown = SimpleNamespace(
        worst=Violation(REFUSED, "first recovery", message), is_before_promise=is_before_promise
    )
    cause = Cause(invariant=REFUSED, crashes=crashes, **known)  # type: ignore[arg-type]
    name = f"{crashes} {message}"
    made = SimpleNamespace(shown=shown, is_portability=False, cause=cause, groups={name: None})
    return cast("FoundCause", made)


def test_recoveries_that_fail_with_the_same_words_are_one_where_no_event_tells_why() -> None:
    half_made = refused(LOCKED.replace("12", "7"), is_before_promise=True)
    (one,) = found_causes._with_same_words([half_made, refused(LOCKED, crashes=2)])
    assert not one.shown.is_before_promise
    assert len(one.groups) == 2


def test_recoveries_with_other_words_or_with_more_that_is_known_are_findings_of_their_own() -> None:
    apart = [
        refused(LOCKED),
        refused(LOCKED.replace("LOCK", "journal")),
        refused(LOCKED, fate=FateSite(found=("wal",))),
        refused(LOCKED, is_power_loss=True),
        refused(LOCKED, damaged="wal"),
        refused(LOCKED, crashes=0),
    ]
    assert len(found_causes._with_same_words(apart)) == len(apart)


def test_a_call_that_failed_in_one_case_of_a_finding_is_that_finding_s_in_all() -> None:
    write = CrashSite(kind=EventKind.WRITE, path="wal", has_failed=True)
    rule = Invariant.UNREPORTED_ERROR
    passed = Cause(invariant=rule, crashes=1, error=FSYNC, is_passed_over=True)
    one = FoundCause(
        cause=passed, is_portability=False, best=cast("Group", None), minimal=None, errors={write}
    )
    assert one.explains(Cause(invariant=rule, crashes=1, error=write))
    other = Cause(invariant=rule, crashes=1, error=replace(write, kind=EventKind.CREATE))
    assert not one.explains(other)
    assert one.explains(replace(other, is_passed_over=True))


def test_of_several_errors_that_nobody_had_time_to_tell_apart_none_is_telling() -> None:
    write = CrashSite(kind=EventKind.WRITE, path="wal", has_failed=True)
    one = timed(LOST, is_late=False, error=write)
    together = [(LOST, [STATE.value, LOST.value])]
    assert joined(timed(STATE, LOST, error=FSYNC, injected=2), one) == together
    assert len(joined(timed(STATE, LOST, error=FSYNC), one)) == 2
    assert len(joined(timed(STATE, LOST, injected=2), one)) == 2


def test_a_case_with_other_errors_that_nobody_had_time_to_leave_out_names_no_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of its errors was passed over, and is not the one that matters."""
    monkeypatch.setattr(found_causes, "complexity", lambda _: 0)
    rule = Invariant.UNREPORTED_ERROR
    violation = Violation(rule, "first recovery", "made up")

    def failed(*, injected: int, is_late: bool, is_passed_over: bool) -> MinimalCase:
        outcome = SimpleNamespace(
            is_plain=False, violations=(violation,), worst=violation, is_before_promise=False,
            boots=(SimpleNamespace(injected=injected),), fate=None, stored=None, reach=None,
        )  # fmt: skip
        return MinimalCase(
            outcome=cast("CaseOutcome", outcome),
            tries=1,
            is_finished=not is_late,
            is_late=is_late,
            cause=Cause(invariant=rule, crashes=1, error=FSYNC, is_passed_over=is_passed_over),
        )

    def named_by(late: MinimalCase) -> Cause:
        settled = failed(injected=1, is_late=False, is_passed_over=False)
        minimal = {"late": late, "settled": settled}
        groups = {
            name: Group(best=cast("CaseOutcome", made.outcome)) for name, made in minimal.items()
        }
        tally = SimpleNamespace(
            scenario=SimpleNamespace(name="made-up", subject=SubjectSpec("reference")),
            groups=groups, portability_groups={}, group=groups.__getitem__,
        )  # fmt: skip
        (one,) = found_causes.by_cause(cast("Tally", tally), minimal).values()
        assert set(one.groups) == {"late", "settled"}
        return one.cause

    assert not named_by(failed(injected=2, is_late=True, is_passed_over=True)).is_passed_over
    assert named_by(failed(injected=1, is_late=True, is_passed_over=True)).is_passed_over
    assert named_by(failed(injected=2, is_late=False, is_passed_over=True)).is_passed_over


def test_a_finding_is_unsettled_where_its_case_is_late_or_its_recovery_was_not_watched() -> None:
    for is_late, is_unwatched in ((True, False), (False, True), (False, False)):
        made = MinimalCase(
            outcome=None, tries=1, is_finished=True, is_late=is_late, is_unwatched=is_unwatched
        )
        found = FoundCause(Cause(invariant=LOST, crashes=1), False, cast("Group", None), made)
        assert found.is_unsettled is (is_late or is_unwatched)
        assert found.is_late is is_late


def test_what_is_shown_from_a_stale_place_has_one_id_whether_a_crash_brings_it_back_or_not() -> (
    None
):
    shown = FateSite(kind=FateKind.THERE, path="wal.#", is_shown=True)
    for is_stale in (True, False):
        fate = replace(shown, is_stale=is_stale)
        causes = [
            Cause(invariant=Invariant.ORDER, crashes=crashes, fate=fate) for crashes in (0, 1)
        ]
        assert (causes[0].facts == causes[1].facts) is is_stale
