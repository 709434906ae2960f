"""Stored cases: what is written is read again, and what is malformed is told with its place."""

import copy
import json

import pytest

from walcrash.values.case import BootPlan, Case, CrashPoint, KillTimer
from walcrash.values.case_file import (
    StoredCase,
    case_from_json,
    case_to_json,
    contract_from_json,
    contract_to_json,
    invariants_from_json,
    invariants_to_json,
    limits_from_json,
    limits_to_json,
    stored_case_from_json,
    stored_case_to_json,
    subject_from_json,
    subject_to_json,
)
from walcrash.values.contract import Acknowledges, Contract, Damage, PersistenceModel, Promise
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.event import EventKind
from walcrash.values.moments import Placement
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.verdict import Invariant

OPEN = Operation(OperationKind.OPEN)
PUT = Operation(
    OperationKind.APPEND, Record(RecordType.PUT, "a\n\0é", 5, payload=bytes(range(256)))
)
FAILED = Operation(
    OperationKind.APPEND, Record(RecordType.FAILED, "", 6, error="why", next_retry_at_ms=-1)
)
CASE = Case(
    scenario="torn-tail",
    index=19,
    seed=2**64 - 1,
    boots=(
        BootPlan((OPEN, PUT, Operation(OperationKind.REPLAY, from_call=1)), KillTimer(300)),
        BootPlan((OPEN, Operation(OperationKind.REPLAY), Operation(OperationKind.CLOSE))),
        BootPlan(
            (OPEN, Operation(OperationKind.TICK, now_ms=0), Operation(OperationKind.SYNC), FAILED),
            CrashPoint(
                call=3,
                ordinal=2,
                placement=Placement.WITHIN,
                event=EventKind.WRITE,
                kept=65535,
            ),
        ),
        BootPlan((OPEN,), CrashPoint(call=0, ordinal=0, placement=Placement.BEFORE)),
    ),
)
STORED = StoredCase(
    case=CASE,
    subject=SubjectSpec("/x/y.py:Z", {"b": 1, "a": "text", "c": 1.5, "d": True}),
    contract=Contract(
        acknowledges=Acknowledges.SYNC,
        kill=Promise.PREFIX,
        power=Promise.NONE,
        model=PersistenceModel.POSIX,
        detects=frozenset(Damage),
        max_attempts=3,
    ),
    supports=frozenset({"sync", "apply"}),
    invariants=frozenset({Invariant.ORDER, Invariant.LOST_PUT}),
    limits=RecoveryLimits(seconds=2.5, memory_mb=64),
)


def through_text(form):
    return json.loads(json.dumps(form))


def test_a_stored_case_comes_back_as_it_was():
    assert stored_case_from_json(through_text(stored_case_to_json(STORED))) == STORED


def test_each_part_comes_back_as_it_was():
    assert case_from_json(through_text(case_to_json(CASE))) == CASE
    assert subject_from_json(subject_to_json(STORED.subject)) == STORED.subject
    assert contract_from_json(contract_to_json(STORED.contract)) == STORED.contract
    assert contract_from_json(contract_to_json(Contract())) == Contract()
    assert invariants_from_json(invariants_to_json(STORED.invariants)) == STORED.invariants
    assert limits_from_json(limits_to_json(STORED.limits)) == STORED.limits


def test_a_tick_at_time_zero_and_an_empty_id_are_kept():
    boot = case_to_json(CASE)["boots"][2]
    assert boot["operations"][1] == {"do": "tick", "now_ms": 0}
    assert boot["operations"][3]["record"]["id"] == ""


def test_the_stored_form_is_written_in_a_fixed_order():
    form = stored_case_to_json(STORED)
    assert form["supports"] == ["apply", "sync"]
    assert form["invariants"] == ["lost-put", "order"]
    assert list(form["subject"]["options"]) == ["a", "b", "c", "d"]
    assert form["contract"]["detects"] == ["rot", "torn"]


def test_a_newer_format_is_refused_by_name():
    for form, read in (
        (case_to_json(CASE), case_from_json),
        (stored_case_to_json(STORED), stored_case_from_json),
    ):
        with pytest.raises(UsageError, match="format 2 is newer than this walcrash"):
            read({**form, "format": 2, "something": "new"})


def changed(path, value):
    form = copy.deepcopy(stored_case_to_json(STORED))
    place = form
    for part in path[:-1]:
        place = place[part]
    if value is KeyError:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return through_text(form)


BOOTS = ("case", "boots")
RECORD = (*BOOTS, 0, "operations", 1, "record")
CRASH = (*BOOTS, 2, "crash")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("format",), KeyError, "stored case: the key `format` is missing"),
        (("format",), "1", 'stored case.format: found "1"; allowed: a whole number'),
        (("format",), True, "stored case.format: found true"),
        (("extra",), 1, 'stored case: there is no key "extra"'),
        (("case",), [], r"stored case.case: found \[\]; allowed: an object"),
        (("case", "index"), -1, "case.index: found -1; allowed: a whole number, 0 to"),
        (("case", "seed"), 2**64, "case.seed: found"),
        (BOOTS, [], "at least one boot"),
        (BOOTS, [1] * 65, "a list of at most 64"),
        ((*BOOTS, 0, "operations"), [], "starts with `open`"),
        ((*BOOTS, 0, "operations", 0, "do"), "opne", r'operations\[0\].do: found "opne"'),
        ((*BOOTS, 0, "operations", 0, "record"), {}, 'there is no key "record"'),
        ((*BOOTS, 0, "operations", 2, "from_call"), 2, "an earlier `append`"),
        ((*BOOTS, 0, "operations", 2, "from_call"), 0, "an earlier `append`"),
        ((*BOOTS, 2, "operations", 1, "now_ms"), 2**63, "now_ms: found 9223"),
        ((*BOOTS, 0, "crash"), None, "does not end with `close`"),
        ((*BOOTS, 0, "crash", "kind"), "kil", "allowed: kill, kill-timer"),
        ((*BOOTS, 0, "crash", "delay_us"), -1, r"boots\[0\].crash.delay_us"),
        ((*RECORD, "type"), [], "a record"),
        ((*RECORD, "id"), "\ud800", "text without lone surrogates"),
        ((*RECORD, "id"), "x" * 70_000, "an id of at most 65536 bytes"),
        ((*RECORD, "ts_ms"), 2**63, "ts_ms: found"),
        ((*RECORD, "payload"), "=", "is base64"),
        ((*RECORD, "payload"), 3, "`payload` is text"),
        ((*RECORD, "error"), KeyError, "the key `error` is missing"),
        ((*CRASH, "call"), 4, "crash.call: found 4; allowed: a whole number, 0 to 3"),
        ((*CRASH, "kept"), 65536, "crash.kept: found 65536"),
        ((*CRASH, "event"), "fsink", 'crash.event: found "fsink"; allowed: create'),
        ((*CRASH, "placement"), None, "crash.placement: found null"),
        (("subject", "options", "b"), [], r"options.b: found \[\]; allowed: text"),
        (("subject", "options", "b"), None, "options.b: found null"),
        (("subject", "adapter"), 3, "adapter: found 3; allowed: text"),
        (("contract", "model"), "ext3", 'model: found "ext3"; allowed: kill, ordered'),
        (("contract", "detects"), "torn", "a list of at most 2"),
        (("contract", "max_attempts"), 0, "max_attempts: found 0"),
        (("supports",), {}, "supports: found {}"),
        (("supports",), [1], r"supports\[0\]: found 1"),
        (("invariants",), ["lost"], r'invariants\[0\]: found "lost"; allowed: lost-put'),
        (("limits", "seconds"), 0, "seconds: found 0; allowed: a number above 0"),
        (("limits", "seconds"), float("nan"), "seconds: found NaN"),
        (("limits", "seconds"), "3", 'seconds: found "3"; allowed: a number'),
        (("limits", "memory_mb"), 1.5, "memory_mb: found 1.5"),
    ],
)
def test_a_malformed_stored_case_is_refused_with_the_place(path, value, expected):
    with pytest.raises(UsageError, match=expected) as caught:
        stored_case_from_json(changed(path, value))
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("form", [None, 3, "x", [], [[]], {}])
def test_what_is_no_case_at_all_is_refused(form):
    with pytest.raises(UsageError):
        stored_case_from_json(form)
    with pytest.raises(UsageError):
        case_from_json(form)


def test_a_driver_is_stored_with_its_words() -> None:
    subject = SubjectSpec.of_driver(["/somewhere/mywal-driver", "--sync=always", ""])
    form = subject_to_json(subject)
    assert form == {"driver": ["/somewhere/mywal-driver", "--sync=always", ""]}
    assert subject_from_json(form) == subject
    assert subject.name == "mywal-driver --sync=always "


@pytest.mark.parametrize("words", [[], [""], ["a", "b\0"], ["a", 1], "a", [["a"]]])
def test_a_stored_driver_that_is_none_is_refused(words: object) -> None:
    with pytest.raises(UsageError, match=r"subject\.driver"):
        subject_from_json({"driver": words})
