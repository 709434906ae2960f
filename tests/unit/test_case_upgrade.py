"""Cases of format 1, as walcrash wrote them up to its change of name, are read as they were."""

import json
import sqlite3
from pathlib import Path

import pytest

from walcrash.values.case import Case
from walcrash.values.case_file import (
    FORMAT,
    case_from_json,
    stored_case_from_json,
    stored_case_to_json,
)
from walcrash.values.errors import UsageError
from walcrash.values.faults import CrashPoint, PowerLoss
from walcrash.values.image_choice import Held, HeldKind, Policy
from walcrash.values.moments import STALE, CrashPosition, Placement, after, part

KEPT = Path(__file__).with_name("kept")


@pytest.fixture(scope="module")
def forms() -> dict[str, dict[str, object]]:
    """The stored cases of a store that the walcrash of before has written, by finding."""
    connection = sqlite3.connect(":memory:")
    connection.executescript((KEPT / "store-3.sql").read_text(encoding="utf-8"))
    rows = connection.execute("select id, stored from finding").fetchall()
    connection.close()
    return {name: json.loads(text) for name, text in rows}


def test_a_kill_is_read(forms) -> None:
    stored = stored_case_from_json(forms["F-142cfc"])
    first, second = stored.case.boots
    assert first.crash == CrashPoint(
        call=1, ordinal=0, placement=Placement.WITHIN, event=first.crash.event, kept=0
    )
    assert [str(operation) for operation in second.operations] == [
        "open",
        "append PutOperation op-2",
    ]
    assert stored.subject.adapter == "scenarios/planted/uncut_tail.py:Subject"
    assert stored_case_from_json(stored_case_to_json(stored)) == stored


def test_a_power_loss_is_read_with_its_image(forms) -> None:
    crash = stored_case_from_json(forms["F-0123ab"]).case.boots[0].crash
    assert isinstance(crash, PowerLoss)
    choice = crash.choice
    assert choice is not None
    assert choice.position == CrashPosition(1, Placement.AFTER, 0)
    assert choice.policy is Policy.EXPLICIT
    assert (choice.names, choice.files) == (after(1), part(1, 1))
    assert choice.held == (
        Held(kind=HeldKind.NAME, node=0, moment=after(0), name="odd-\udcfe"),
        Held(kind=HeldKind.SECTORS, node=1, moment=STALE, first=0, end=2),
    )


def test_a_built_in_adapter_is_found_under_its_new_package(forms) -> None:
    stored = stored_case_from_json(forms["F-0123ab"])
    assert stored.subject.adapter == "walcrash.subjects.engines.sqlite:SqliteAdapter"
    assert stored.subject.options == {"synchronous": "off"}
    form = {**forms["F-0123ab"], "subject": {"adapter": "harness.wal:Mine", "options": {}}}
    assert stored_case_from_json(form).subject.adapter == "harness.wal:Mine"


def test_a_pinned_case_is_read(forms) -> None:
    form = forms["F-142cfc"]["case"]
    assert isinstance(form, dict)
    assert form["format"] == 1
    case = case_from_json(form)
    assert isinstance(case, Case)
    assert case == stored_case_from_json(forms["F-142cfc"]).case


def test_a_stored_case_of_before_is_torn_at_any_byte_as_it_was(forms) -> None:
    assert stored_case_from_json(forms["F-0123ab"]).contract.atomic_bytes == 1
    now = stored_case_to_json(stored_case_from_json(forms["F-0123ab"]))
    assert now["format"] == FORMAT
    contract = {name: value for name, value in now["contract"].items() if name != "atomic_bytes"}
    before = {**now, "format": 2, "contract": contract}
    assert stored_case_to_json(stored_case_from_json(before)) == now
    with pytest.raises(UsageError, match=r'contract: there is no key "atomic_bytes" in format 2'):
        stored_case_from_json({**now, "format": 2})


def test_a_power_loss_that_names_no_image_is_read(forms) -> None:
    form = json.loads(json.dumps(forms["F-0123ab"]["case"]))
    form["boots"][0]["crash"]["choice"] = ""
    crash = case_from_json(form).boots[0].crash
    assert isinstance(crash, PowerLoss)
    assert crash.choice is None


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("crash", "choice"), "{", r"boots\[0\].crash.choice: found .*an image choice"),
        (("crash", "choice"), "[]", r"boots\[0\].crash.choice: found \[\]; allowed: an object"),
        (("crash", "choice"), "{}", r"boots\[0\].crash.choice"),
        (("crash", "choice"), "[" * 100_000, "nested too deeply"),
        (("crash", "choice"), 3, r"boots\[0\].crash.choice: found 3"),
        (("crash", "is"), "kill", r'boots\[0\].crash: there is no key "is" in format 1'),
        (("crash",), [], r"boots\[0\].crash: found \[\]"),
        (("operations", 0), {"kind": "open"}, r"operations\[0\]: there is no key .kind. in format"),
        (("operations", 0), {}, r"operations\[0\]: the key `do` is missing"),
        (("operations", 0), 1, r"operations\[0\]: found 1; allowed: an object"),
        (("operations",), {}, r"operations: found {}; allowed: an array"),
    ],
)
def test_a_broken_case_of_format_1_is_refused_with_the_place(forms, path, value, expected) -> None:
    form = json.loads(json.dumps(forms["F-0123ab"]["case"]))
    place = form["boots"][0]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(UsageError, match=expected) as caught:
        case_from_json(form)
    assert caught.value.hint
