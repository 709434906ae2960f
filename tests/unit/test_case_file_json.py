"""Stored cases: what is written is read again, and what is malformed is told with its place."""

import copy
import json
from dataclasses import replace

import pytest

from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import (
    FORMAT,
    StoredCase,
    case_from_json,
    case_to_json,
    stored_case_from_json,
    stored_case_to_json,
)
from walcrash.values.contract import Acknowledges, Contract, Damage, PersistenceModel, Promise
from walcrash.values.errors import ExitCode, UsageError
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint, KillTimer, PowerLoss
from walcrash.values.image_choice import Held, HeldKind, ImageChoice, Policy
from walcrash.values.moments import STALE, CrashPosition, Placement, after, before, part
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import DRIVER_ADAPTER, RecoveryLimits, SubjectSpec
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


def test_a_case_alone_comes_back_as_it_was():
    assert case_from_json(through_text(case_to_json(CASE))) == CASE


def test_a_case_whose_power_loss_names_its_image_comes_back_as_it_was():
    choice = ImageChoice(
        model=PersistenceModel.POSIX,
        position=CrashPosition(3, Placement.WITHIN, 7),
        policy=Policy.EXPLICIT,
        names=part(2, 1),
        files=after(2),
        held=(
            Held(kind=HeldKind.NAME, node=0, moment=before(1), name="odd-\udcfe"),
            Held(kind=HeldKind.SECTORS, node=4, moment=STALE, first=1, end=3),
            Held(kind=HeldKind.SECTORS, node=4, moment=part(1, 2), name="stale"),
        ),
        about=2,
    )
    case = Case("power", 1, 2, (BootPlan((OPEN,), PowerLoss(seed=3, images=4, choice=choice)),))
    form = case_to_json(case)
    assert form["boots"][0]["crash"]["choice"]["held"] == [
        ["name", 0, [1, 0], "odd-\udcfe"],
        ["sectors", 4, None, "", 1, 3],
        ["sectors", 4, [1, 2], "stale"],
    ]
    assert case_from_json(through_text(form)) == case


def test_a_tick_at_time_zero_and_an_empty_id_are_kept():
    boot = case_to_json(CASE)["boots"][2]
    assert boot["operations"][1] == {"kind": "tick", "now_ms": 0}
    assert boot["operations"][3]["record"]["id"] == ""


def test_the_stored_form_is_written_in_a_fixed_order():
    form = stored_case_to_json(STORED)
    assert form["supports"] == ["apply", "sync"]
    assert form["invariants"] == ["lost-put", "order"]
    assert list(form["subject"]["options"]) == ["a", "b", "c", "d"]
    assert form["contract"]["detects"] == ["rot", "torn"]


def test_a_newer_format_is_refused_by_name():
    newer = FORMAT + 1
    for form, read in (
        (case_to_json(CASE), case_from_json),
        (stored_case_to_json(STORED), stored_case_from_json),
    ):
        with pytest.raises(UsageError, match=f"format {newer} is newer than this walcrash") as told:
            read({**form, "format": newer, "something": "new"})
        assert told.value.hint == "pip install --upgrade walcrash"


def changed(path, value):
    if value == "a-record":
        value = Record(RecordType.DONE, "x", 1).to_json()
    form = copy.deepcopy(stored_case_to_json(STORED))
    place = form
    for step in path[:-1]:
        place = place[step]
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
        (BOOTS, [], r"case.boots: found \[\]; allowed: an array of 1 to 64 items"),
        (BOOTS, [1] * 65, "an array of 1 to 64 items"),
        ((*BOOTS, 0, "operations"), [], "starts with `open`"),
        ((*BOOTS, 0, "operations", 0, "kind"), "opne", r'operations\[0\].kind: found "opne"'),
        ((*BOOTS, 0, "operations", 0, "record"), {}, "the key `type` is missing"),
        ((*BOOTS, 0, "operations", 0, "record"), "a-record", r"\[0\]: found `open`; .* `record`"),
        ((*BOOTS, 0, "operations", 0, "now_ms"), 0, r"\[0\]: found `open`; .* `now_ms`"),
        ((*BOOTS, 0, "operations", 0, "from_call"), 0, r"\[0\]: found `open`; .* `from_call`"),
        ((*BOOTS, 0, "operations", 0, "do"), "open", 'there is no key "do"'),
        (RECORD, KeyError, r"operations\[1\]: found `append`; .* the key `record`"),
        ((*BOOTS, 0, "operations", 2, "from_call"), 2, "an earlier `append`"),
        ((*BOOTS, 0, "operations", 2, "from_call"), 0, "an earlier `append`"),
        ((*BOOTS, 2, "operations", 1, "now_ms"), 2**63, "now_ms: found 9223"),
        ((*BOOTS, 0, "crash"), None, "does not end with `close`"),
        ((*BOOTS, 0, "crash", "is"), "kil", "crash.is: found .*; allowed: kill, kill-timer, power"),
        ((*BOOTS, 0, "crash", "is"), KeyError, "crash: the key `is` is missing"),
        ((*BOOTS, 0, "crash", "delay_us"), -1, r"boots\[0\].crash.delay_us"),
        ((*RECORD, "type"), [], r"type: found \[\]; allowed: PutOperation, MarkDone, MarkFailed"),
        ((*RECORD, "id"), "\ud800", "text without lone surrogates"),
        ((*RECORD, "id"), "x" * 70_000, "id: found .*; allowed: at most 65536 bytes"),
        ((*RECORD, "ts_ms"), 2**63, "ts_ms: found"),
        ((*RECORD, "payload"), "=", 'payload: found "="; allowed: base64'),
        ((*RECORD, "payload"), 3, "payload: found 3; allowed: text"),
        ((*RECORD, "error"), KeyError, "the key `error` is missing"),
        ((*CRASH, "call"), 4, "crash.call: found 4; allowed: a whole number, 0 to 3"),
        ((*CRASH, "kept"), 65536, "crash.kept: found 65536"),
        ((*CRASH, "event"), "fsink", 'crash.event: found "fsink"; allowed: create'),
        ((*CRASH, "placement"), None, "crash.placement: found null"),
        (("subject", "options", "b"), [], r"options.b: found \[\]; allowed: text"),
        (("subject", "options", "b"), None, "options.b: found null"),
        (("subject", "adapter"), 3, "adapter: found 3; allowed: text"),
        (("contract", "model"), "ext3", 'model: found "ext3"; allowed: kill, ordered'),
        (("contract", "detects"), "torn", 'detects: found "torn"; allowed: an array'),
        (("contract", "detects"), ["torn"] * 2, "an array without repetitions"),
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
    form = stored_case_to_json(replace(STORED, subject=subject))
    assert form["subject"] == {"driver": ["/somewhere/mywal-driver", "--sync=always", ""]}
    assert stored_case_from_json(form).subject == subject
    assert subject.name == "mywal-driver --sync=always "


@pytest.mark.parametrize("words", [[], [""], ["a", "b\0"], ["a", 1], "a", [["a"]]])
def test_a_stored_driver_that_is_none_is_refused(words: object) -> None:
    with pytest.raises(UsageError, match=r"subject\.driver"):
        stored_case_from_json({**stored_case_to_json(STORED), "subject": {"driver": words}})


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({}, "found neither"),
        ({"adapter": "reference"}, "found neither"),
        ({"adapter": "reference", "options": {}, "driver": ["x"]}, "an adapter and a driver"),
        ({"adapter": DRIVER_ADAPTER, "options": {}}, "a driver is named by its words"),
        ({"adapter": "x", "options": {str(at): 1 for at in range(1001)}}, "at most 1000 items"),
    ],
)
def test_a_subject_that_is_not_one_adapter_or_one_driver_is_refused(subject, expected):
    with pytest.raises(UsageError, match=rf"subject.*{expected}"):
        stored_case_from_json({**stored_case_to_json(STORED), "subject": subject})


def test_every_refusal_has_a_hint():
    for path, value in (((*RECORD, "id"), "\ud800"), (("extra",), 1), (("format",), "1")):
        with pytest.raises(UsageError) as caught:
            stored_case_from_json(changed(path, value))
        assert caught.value.hint
