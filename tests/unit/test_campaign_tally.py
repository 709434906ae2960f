"""Failing cases in groups: what was lost decides, and the severest rule stands for it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from bundles import small_bundle

from walcrash.campaign.finding_reports import _rules
from walcrash.campaign.tally import Group, Tally
from walcrash.case.coverage import Coverage
from walcrash.case.outcome import CaseOutcome, summarise
from walcrash.scenario.file import load_scenario
from walcrash.values.event import EventKind
from walcrash.values.fate import CopyFate, EventRef, Fate, FateKind, RecordFate
from walcrash.values.moments import Placement
from walcrash.values.verdict import Invariant, Violation

BUNDLE = small_bundle()
FAILED = replace(summarise(BUNDLE.evidence.run, BUNDLE.stored), coverage=None)
SCENARIO = load_scenario(Path(__file__).parents[2] / "scenarios" / "quickstart.toml")
TRUNCATED = EventRef(boot=1, event=9, kind=EventKind.TRUNCATE, path="wal.1")


def removed(by: EventRef) -> Fate:
    copy = CopyFate(kind=FateKind.REMOVED, path="wal.1", start=0, end=9, written=TRUNCATED, by=by)
    return Fate(
        record=RecordFate(record="", is_missing=True, kind=FateKind.REMOVED, copies=(copy,))
    )


CUT = removed(TRUNCATED)
PUT, MARK, ORDER = Invariant.LOST_PUT, Invariant.LOST_MARK, Invariant.ORDER


def failing(
    index: int, invariant: Invariant, fate: Fate | None, *, operations: int = 5
) -> CaseOutcome:
    return replace(
        FAILED,
        index=index,
        violations=(Violation(invariant, "first recovery", "made up"),),
        operations=operations,
        fate=fate,
    )


def test_what_some_cases_had_is_not_said_to_be_missing() -> None:
    tally = Tally(SCENARIO, "1")
    nothing = "nothing was damaged at rest"
    no_promise = "the contract does not say that it detects rot"
    boots = (*FAILED.boots[:-1], replace(FAILED.boots[-1], damaged=1))
    for reason in (nothing, no_promise, nothing):
        unjudged = ((Invariant.SILENT_ROT, reason),)
        tally.add(replace(FAILED, judged=frozenset(), unjudged=unjudged, boots=boots))
    line = tally.ended(findings=0, portability=0)
    assert dict(line.unjudged) == {Invariant.SILENT_ROT: no_promise}
    assert line.crash_points["damage at rest"] == 3
    assert "injected fault" not in line.crash_points


def test_power_losses_count_as_crashes_where_a_case_has_no_images_of_its_last_boot() -> None:
    landing = replace(
        BUNDLE.evidence.run.landings[0],
        kind=EventKind.WRITE,
        placement=Placement.AFTER,
        is_power_loss=True,
    )
    lost = replace(FAILED, landings=(landing, replace(landing, boot=2)))
    for coverage in (None, Coverage()):
        tally = Tally(SCENARIO, "1")
        tally.add(replace(lost, coverage=coverage))
        assert tally.ended(findings=0, portability=0).crash_points == {"after write": 2}
    # Its images say where the power was lost.
    tally = Tally(SCENARIO, "1")
    tally.add(replace(lost, coverage=Coverage(positions=1, kinds=Counter({"within write": 1}))))
    assert tally.ended(findings=0, portability=0).crash_points == {"within write": 1}


def grouped(*outcomes: CaseOutcome) -> list[Group]:
    tally = Tally(SCENARIO, "1")
    names = [tally.add(outcome).finding for outcome in outcomes]
    assert set(names) == set(tally.groups)
    return list(tally.groups.values())


def test_cases_whose_record_went_one_way_are_one_group_named_by_the_severest_rule() -> None:
    outcomes = [
        failing(0, ORDER, CUT, operations=1),
        failing(1, PUT, CUT, operations=9),
        failing(2, PUT, CUT, operations=7),
        failing(3, MARK, removed(replace(TRUNCATED, event=4, path="wal.27")), operations=1),
    ]
    (group,) = grouped(*outcomes)
    assert (group.best, group.seen, group.rules) == (outcomes[2], 4, {ORDER, PUT, MARK})
    (other,) = grouped(*reversed(outcomes))
    assert other.best == outcomes[2]
    assert _rules([group], outcomes[2]) == (PUT, MARK, ORDER)
    assert _rules(grouped(outcomes[1]), outcomes[1]) == ()


def test_another_way_is_another_group_though_rule_and_crash_are_the_same() -> None:
    unlinked = removed(replace(TRUNCATED, kind=EventKind.UNLINK))
    groups = grouped(failing(0, PUT, CUT), failing(1, PUT, unlinked), failing(2, PUT, None))
    assert [group.best.fate for group in groups] == [CUT, unlinked, None]


def test_where_nothing_is_known_of_a_record_each_rule_is_a_group() -> None:
    assert len(grouped(failing(0, PUT, None), failing(1, MARK, None), failing(2, PUT, None))) == 2
