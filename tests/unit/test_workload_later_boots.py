"""Later boots as they are drawn: in which cases, with what in them, and how they end."""

from dataclasses import replace

from test_workload_draw import ALL, EVERYTHING, cases, scenario

from walcrash.values.case import BootPlan
from walcrash.values.contract import Contract, Promise
from walcrash.values.faults import CrashPoint, FaultKind, FaultPlan
from walcrash.values.limits import BOOTS_PER_CASE
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.scenario import MIX_CAPABILITIES, OperationMix, Scenario
from walcrash.workload.later_boots import (
    GROWN_BOOT,
    LATER_BOOTS,
    ONE_CASE_IN,
    OPERATIONS,
    draw_later_boots,
)

SIZES = (0, 1, 100, 5000)


def drawn(
    of: Scenario,
    count: int = 80,
    *,
    supports: frozenset[str] = ALL,
    contract: Contract | None = None,
) -> list[tuple[BootPlan, ...]]:
    return [
        draw_later_boots(of, supports=supports, contract=contract or Contract(), case=case)
        for case in cases(of, count, supports=supports)
    ]


def test_one_case_in_eight_goes_on_and_few_cases_have_it_as_well() -> None:
    lengths = [len(each) for each in drawn(scenario(boots=(1, 3)))]
    assert [at for at, length in enumerate(lengths) if length] == list(range(3, 80, ONE_CASE_IN))
    assert set(lengths) == {0, LATER_BOOTS}


def test_the_same_case_goes_on_in_the_same_way_and_others_in_others() -> None:
    of = scenario(boots=(1, 3))
    assert drawn(of) == drawn(of)
    assert len({each for each in drawn(of) if each}) == 10


def test_two_of_three_never_close_and_killed_boots_are_killed_at_rest() -> None:
    each_case = [each for each in drawn(scenario(), 800) if each]
    never_closed = [all(boot.crash for boot in each) for each in each_case]
    assert 50 < sum(never_closed) < 85
    for boot in (boot for each in each_case for boot in each):
        last = len(boot.operations) - 1
        is_closed = boot.operations[last].kind is OperationKind.CLOSE
        assert boot.crash == (None if is_closed else CrashPoint.after_call(last))


def test_no_boot_is_killed_where_a_kill_leaves_no_promise() -> None:
    contract = Contract(kill=Promise.NONE)
    assert not any(boot.crash for each in drawn(scenario(), contract=contract) for boot in each)


def test_boots_are_small_but_for_one_of_the_largest_payload() -> None:
    for each in filter(None, drawn(scenario(payload_bytes=SIZES), 200)):
        for number, boot in enumerate(each):
            around = (OperationKind.OPEN, OperationKind.CLOSE)
            inside = [one for one in boot.operations if one.kind not in around]
            if number == GROWN_BOOT:
                sizes = [len(one.record.payload) for one in inside if one.record]
                assert sizes == [max(SIZES)] * (128 * 1024 // max(SIZES))
            else:
                assert OPERATIONS[0] <= len(inside) <= OPERATIONS[1]


def test_only_what_the_scenario_draws_and_the_subject_supports_is_in_them() -> None:
    few = frozenset({"sync"})
    operations = [
        one
        for each in drawn(scenario(mix=EVERYTHING), 200, supports=few)
        for boot in each
        for one in boot.operations
    ]
    needed = {kind.value: capability for kind, capability in MIX_CAPABILITIES.items()}
    assert all(needed.get(one.kind.value, "sync") in few for one in operations)
    marks_only = scenario(mix={OperationMix.SYNC: 1})
    assert all(
        one.record is None for each in drawn(marks_only) for boot in each for one in boot.operations
    )


def test_times_go_on_and_ids_are_new() -> None:
    of = scenario(boots=(2, 3))
    for case in cases(of, 80):
        later = draw_later_boots(of, supports=ALL, contract=Contract(), case=case)
        every = [one.record for boot in (*case.boots, *later) for one in boot.operations]
        records = [record for record in every if record is not None]
        times = [record.ts_ms for record in records]
        assert times == sorted(set(times))
        puts = [record.id for record in records if record.type is RecordType.PUT]
        assert len(puts) == len(set(puts))


def test_a_case_has_no_more_boots_than_any_case_may_have() -> None:
    of = scenario(boots=(BOOTS_PER_CASE - 5, BOOTS_PER_CASE - 5), operations=(0, 1))
    assert {len(each) for each in drawn(of, 8)} == {0, 5}


def test_a_case_without_any_crash_does_not_go_on() -> None:
    of = scenario(FaultPlan(kind=FaultKind.KILL))
    for case in cases(of, 16):
        control = replace(case, boots=(BootPlan(case.boots[0].operations),), faults=())
        assert not draw_later_boots(of, supports=ALL, contract=Contract(), case=control)
