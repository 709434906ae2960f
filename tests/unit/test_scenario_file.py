"""Scenario files: what is read, and what is said of a broken one."""

import dataclasses
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from walcrash.scenario import file as scenario_file
from walcrash.scenario.fault_table import FaultTable
from walcrash.scenario.file import find_scenarios, load_scenario, schema_json
from walcrash.values.contract import Acknowledges, Contract, Damage, PersistenceModel, Promise
from walcrash.values.errors import ExitCode, ScenarioError, UsageError
from walcrash.values.event import EventKind
from walcrash.values.faults import BootSelector, FaultKind, FaultPlan
from walcrash.values.moments import Placement
from walcrash.values.scenario import (
    FITTED_WORKLOAD,
    Budget,
    IdStyle,
    OperationMix,
    RecoveryLimits,
    WorkloadPlan,
)
from walcrash.values.verdict import Invariant

SMALLEST = """\
format = 1
name = "small"
summary = "The least that a scenario says."
[subject]
adapter = "reference"
[[faults]]
kind = "kill"
"""

WHOLE = """\
format = 1
name = "whole"
summary = "Every key there is."

[subject]
adapter = "my_wal.py:MyAdapter"
[subject.options]
sync = "group"
fast = true
attempts = 3
factor = 1.5

[contract]
acknowledges = "sync"
kill = "prefix"
power = "none"
model = "ordered"
detects = ["torn", "rot"]
max_attempts = 5
atomic_bytes = 4096

[workload]
boots = [2, 3]
operations = 7
payload_bytes = [0, 5000]
ids = "odd"
clean_close = 20
[workload.mix]
put = 5
tick = 2
sync = 1

[[faults]]
kind = "kill"
weight = 3
boots = "later"
operations = ["append", "PutOperation"]
event = "write"
placements = ["within"]

[[faults]]
kind = "kill-timer"
delay_us = [10, 20]

[invariants]
check = ["lost-put", "order"]

[budget]
cases = 7
seconds = 1.5

[limits]
recovery_seconds = 3
recovery_memory_mb = 100
"""


def write(directory: Path, text: str, *, name: str = "small") -> Path:
    path = directory / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(directory: Path, text: str, *, name: str = "small") -> str:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(write(directory, text, name=name))
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value).replace(f"{directory}{os.sep}", "")


def test_the_smallest_scenario_gets_the_defaults_of_the_values(tmp_path):
    path = write(tmp_path, SMALLEST)
    scenario = load_scenario(path)
    assert scenario.name == "small"
    assert scenario.path == str(path)
    assert scenario.subject.adapter == "reference"
    assert scenario.contract is None
    assert scenario.faults == (FaultPlan(),)
    assert scenario.invariants == frozenset(Invariant)
    assert scenario.budget == Budget()
    assert scenario.limits == RecoveryLimits()
    assert scenario.workload == FITTED_WORKLOAD


def test_any_workload_table_is_obeyed_with_the_defaults_of_the_values(tmp_path):
    for table in ("[workload]\n", "[workload]\nclean_close = 0\n"):
        workload = load_scenario(write(tmp_path, SMALLEST + table)).workload
        default = WorkloadPlan()
        weights = {kind: weight for kind, weight in workload.mix.items() if weight}
        assert not workload.is_fitted
        assert weights == default.mix
        for field in ("boots", "operations", "payload_bytes", "ids", "clean_close"):
            assert getattr(workload, field) == getattr(default, field)
        assert workload.usual_boots == 1


def test_without_a_workload_a_fault_may_fall_into_later_boots_and_any_operation(tmp_path):
    later = SMALLEST + 'boots = "later"\noperations = ["compact"]\n'
    assert load_scenario(write(tmp_path, later)).workload.is_fitted
    assert "no case has one" in refusal(tmp_path, later + "[workload.mix]\ncompact = 1\nput = 1\n")


def test_every_key_arrives_in_the_value(tmp_path):
    (tmp_path / "my_wal.py").write_text("")
    scenario = load_scenario(write(tmp_path, WHOLE, name="whole"))
    assert scenario.subject.adapter == f"{(tmp_path / 'my_wal.py').resolve()}:MyAdapter"
    assert scenario.subject.options == {
        "sync": "group",
        "fast": True,
        "attempts": 3,
        "factor": 1.5,
    }
    assert scenario.contract == Contract(
        acknowledges=Acknowledges.SYNC,
        kill=Promise.PREFIX,
        power=Promise.NONE,
        model=PersistenceModel.ORDERED,
        detects=frozenset({Damage.TORN, Damage.ROT}),
        max_attempts=5,
        atomic_bytes=4096,
    )
    assert scenario.workload.boots == (2, 3)
    assert scenario.workload.operations == (7, 7)
    assert scenario.workload.ids is IdStyle.ODD
    assert scenario.workload.mix[OperationMix.PUT] == 5
    assert scenario.workload.mix[OperationMix.DONE] == 0
    assert scenario.faults == (
        FaultPlan(
            weight=3,
            boots=BootSelector.LATER,
            operations=("append", "PutOperation"),
            event=EventKind.WRITE,
            placements=(Placement.WITHIN,),
        ),
        FaultPlan(kind=FaultKind.KILL_TIMER, delay_us=(10, 20)),
    )
    assert scenario.invariants == frozenset({Invariant.LOST_PUT, Invariant.ORDER})
    assert scenario.budget == Budget(cases=7, seconds=1.5)
    assert scenario.limits == RecoveryLimits(seconds=3.0, memory_mb=100)


def test_an_adapter_file_is_found_from_another_working_directory(tmp_path, monkeypatch):
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "x.py").write_text("")
    write(tmp_path, SMALLEST.replace("reference", "planted/x.py:Class"))
    monkeypatch.chdir(tmp_path)
    adapter = load_scenario(Path("small.toml")).subject.adapter
    assert adapter == f"{(tmp_path / 'planted' / 'x.py').resolve()}:Class"


def test_all_problems_of_a_file_are_told_at_once_each_with_its_line(tmp_path):
    text = """\
format = 1
name = "other"
[subject]
adapter = "gone.py:Class"
[workload]
boots = 0
ids = "od"
opertions = 3
payload_bytes = [
  1,
  -2,
]
[[faults]]
kind = "kil"
[[faults]]
kind = "kill"
event = "rename"
placements = ["within"]
[budget]
seconds = nan
cases = true
"""
    message = refusal(tmp_path, text)
    places = re.findall(r"^(small\.toml:\d+): (?:`([^`]*)`:|the key `(\w+)` is)", message, re.M)
    assert places == [
        ("small.toml:1", "", "summary"),
        ("small.toml:2", "name", ""),
        ("small.toml:4", "subject.adapter", ""),
        ("small.toml:6", "workload.boots", ""),
        ("small.toml:7", "workload.ids", ""),
        ("small.toml:8", "workload.opertions", ""),
        ("small.toml:11", "workload.payload_bytes[1]", ""),
        ("small.toml:14", "faults[0].kind", ""),
        ("small.toml:18", "faults[1].placements", ""),
        ("small.toml:20", "budget.seconds", ""),
        ("small.toml:21", "budget.cases", ""),
    ]
    assert 'hint: did you mean "odd"?' in message
    assert "hint: did you mean `operations`?" in message
    assert 'found "kil"; allowed: kill, kill-timer' in message
    assert "found true; allowed: a whole number" in message
    assert 'hint: write `name = "small"`' in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("[subject.options]\nx = []", "`subject.options.x`: found []; allowed: text"),
        ("[subject.options]\nx = inf", "`subject.options.x`: found Infinity"),
        (f"[subject.options]\nx = {hex(2**64)}", "`subject.options.x`: found 18446"),
        ("[invariants]\ncheck = 'lost-put'", '"all", or a list of the ids'),
        ("[invariants]\ncheck = ['lost-puts']", 'did you mean "lost-put"?'),
        ("[invariants]\ncheck = []", "`invariants.check`: found []; allowed: at least 1"),
        ("[invariant]\ncheck = 'all'", "`invariant`: there is no such key"),
        ("[workload]\nboots = [3, 1]", "`workload.boots`: found [3, 1]"),
        ("[workload]\nboots = [1, 2, 3]", "`workload.boots`: found [1, 2, 3]"),
        ("[workload]\nboots = [true, 2]", "`workload.boots`: found [true, 2]"),
        ("[workload]\nclean_close = 101", "`workload.clean_close`: found 101; allowed: at most"),
        ("[workload]\nmix = 3", "`workload.mix`: found 3; allowed: a table"),
        ("[workload.mix]\nput = -1", "`workload.mix.put`: found -1; allowed: at least 0"),
        ("[workload.mix]\nputs = 1", "did you mean `put`?"),
        ("[contract]\nmodel = 'ext3'", 'did you mean "ext4"?'),
        ("[contract]\nmodel = []", "`contract.model`: found []; allowed: kill, ordered"),
        ("[contract]\natomic_bytes = 513", "`contract.atomic_bytes`: found 513; allowed: 1, 512, "),
        ("[contract]\natomic_bytes = true", "`contract.atomic_bytes`: found true; allowed: 1, 512"),
        ("[limits]\nrecovery_seconds = 0", "`limits.recovery_seconds`: found 0; allowed: more"),
        ("[limits]\nrecovery_seconds = 86401", "`limits.recovery_seconds`: found 86401; allowed: "),
        ("[limits]\nrecovery_seconds = '3'", "allowed: a number"),
        ("[[faults]]", "the key `kind` is missing"),
        ("[[faults]]\nkind = 'kill'\nweight = 0", "`faults[1].weight`: found 0"),
        ("[[faults]]\nkind = 'kill'\nplacements = []", "`faults[1].placements`: found []"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(tmp_path, change, expected):
    message = refusal(tmp_path, SMALLEST + change + "\n")
    assert expected in message
    assert re.match(r"small\.toml:(8|9|10): ", message)


@pytest.mark.parametrize(
    ("adapter", "expected"),
    [
        ("gone.py:Class", "there is no file"),
        ("some.py", "a path needs the name of its class"),
        ("./some", "a path needs the name of its class"),
        ("some.py:", "a class is named after the colon"),
        ("some.py:not a name", "a class is named after the colon"),
        (":Class", "a class is named after the colon"),
        ("a\\u0000b.py:Class", "subject.adapter"),
        ("", "text that is not empty"),
    ],
)
def test_an_adapter_that_cannot_be_is_refused(tmp_path, adapter, expected):
    message = refusal(tmp_path, SMALLEST.replace("reference", adapter))
    assert "small.toml:5: `subject.adapter`: " in message
    assert expected in message


def test_a_module_adapter_is_left_as_it_is(tmp_path):
    path = write(tmp_path, SMALLEST.replace("reference", "some.module:Class"))
    assert load_scenario(path).subject.adapter == "some.module:Class"


def test_one_table_of_faults_is_told_to_be_a_list(tmp_path):
    message = refusal(tmp_path, SMALLEST.replace("[[faults]]", "[faults]"))
    assert "hint: write `[[faults]]`" in message


def test_a_scenario_without_faults_is_told_how_they_are_written(tmp_path):
    message = refusal(tmp_path, SMALLEST.partition("[[faults]]")[0])
    assert message == ("small.toml:1: the key `faults` is missing\n    hint: write `[[faults]]`")


def test_a_newer_format_is_refused_by_name_and_nothing_else_is_told(tmp_path):
    message = refusal(tmp_path, "new = 1\nformat = 2\n")
    assert message.startswith("small.toml:2: `format`: scenario format 2 is newer")
    assert "reads format 1" in message
    assert "new" not in message.replace("newer", "")


@pytest.mark.parametrize("format_", ["0", "-1", "1.0", "true", '"1"'])
def test_what_is_no_format_is_refused(tmp_path, format_):
    message = refusal(tmp_path, SMALLEST.replace("format = 1", f"format = {format_}"))
    assert "small.toml:1: `format`: found" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("format = 1\nname =\n", "small.toml:2: this is not TOML: Invalid value"),
        ("format = 1\n\n[subject", "small.toml:3: this is not TOML"),
        ('x = """\n\n', "small.toml:3: this is not TOML"),
        ("a = 1\na = 2\n", "small.toml:2: this is not TOML: Cannot overwrite a value"),
        ("a = " + "9" * 5000, "small.toml: this is not TOML: Exceeds the limit"),
        ("a = " + "[" * 5000, "small.toml: arrays or tables are nested too deeply"),
    ],
)
def test_what_is_not_toml_is_told_with_the_parsers_words(tmp_path, text, expected):
    assert expected in refusal(tmp_path, text)


def test_a_byte_order_mark_is_no_problem(tmp_path):
    path = tmp_path / "small.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    assert load_scenario(path).name == "small"


def test_a_file_that_is_not_text_is_refused_with_its_line(tmp_path):
    path = tmp_path / "small.toml"
    path.write_bytes(b"format = 1\nname = '\xff'\n")
    with pytest.raises(ScenarioError, match=r"small.toml:2: a scenario is UTF-8 text; .* 0xff"):
        load_scenario(path)


def test_missing_files_directories_and_endless_files_are_refused(tmp_path):
    with pytest.raises(ScenarioError, match="there is no such file"):
        load_scenario(tmp_path / "gone.toml")
    with pytest.raises(ScenarioError, match="found a directory"):
        load_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="has at most 1048576 bytes"):
        load_scenario(Path("/dev/zero"))
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(tmp_path / "a\0b.toml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_an_unreadable_file_is_refused(tmp_path):
    path = write(tmp_path, SMALLEST)
    path.chmod(0)
    with pytest.raises(ScenarioError, match="Permission denied"):
        load_scenario(path)


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path):
    message = refusal(tmp_path, SMALLEST.replace('"reference"', '"\\u001b[31m.py"'))
    assert "\x1b" not in message


def test_many_problems_are_cut_off_with_their_number(tmp_path):
    keys = "".join(f"key{number} = 1\n" for number in range(80))
    message = refusal(tmp_path, keys + SMALLEST)
    assert "small.toml: and 30 more problems\nhint: walcrash schema says" in message


def test_no_name_means_every_shipped_scenario():
    found = find_scenarios([])
    assert [path.stem for path in found] == sorted(path.stem for path in found)
    assert "quickstart" in [path.stem for path in found]
    assert not any("planted" in path.parts for path in found)


def test_a_scenario_is_found_by_its_name_and_by_its_path_and_told_once(tmp_path):
    path = write(tmp_path, SMALLEST)
    shipped = find_scenarios(["quickstart"])[0]
    assert find_scenarios([str(path), "quickstart", str(path)]) == [path, shipped]


@pytest.mark.parametrize("name", ["quickstrat", "quickstrat.toml", "", "x" * 5000, "a\0b"])
def test_an_unknown_scenario_is_refused_with_the_shipped_ones(name):
    with pytest.raises(UsageError, match="quickstart"):
        find_scenarios([name])


def test_a_mistyped_scenario_gets_the_command_that_was_meant():
    with pytest.raises(UsageError) as caught:
        find_scenarios(["quickstrat"])
    assert caught.value.hint == "walcrash run quickstart"


def test_an_installed_package_finds_the_scenarios_that_it_carries(tmp_path, monkeypatch):
    package = tmp_path / "harness" / "walcrash"
    (package / "_scenarios").mkdir(parents=True)
    (tmp_path / "scenarios").mkdir()
    carried = write(package / "_scenarios", SMALLEST)
    write(tmp_path / "scenarios", SMALLEST, name="somebody-elses")
    monkeypatch.setattr(scenario_file, "_PACKAGE", package)
    assert find_scenarios([]) == [carried]


@pytest.mark.parametrize("path", find_scenarios([]), ids=lambda path: path.stem)
def test_every_shipped_scenario_states_all_that_a_scenario_states(path):
    scenario = load_scenario(path)
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    assert raw.keys() >= {"summary", "subject", "workload", "faults", "invariants", "budget"}
    if any(fault.in_turn for fault in scenario.faults):
        assert scenario.budget.cases is None, "there are as many cases as turns"
    else:
        assert 10 <= scenario.budget.cases <= 200
    assert scenario.invariants == frozenset(Invariant)
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_the_scenarios_of_the_issue_are_all_shipped():
    assert {path.stem for path in find_scenarios([])} >= {
        "quickstart",
        "crash-mid-write",
        "crash-before-markdone",
        "crash-after-markdone-before-ack",
        "crash-between-apply-and-checkpoint",
        "crash-during-recovery",
        "crash-during-compaction",
        "resume-from-offset",
        "retry-after-markfailed",
        "stale-in-flight-requeued",
        "many-boots",
        "random-kill",
    }


def test_the_json_schema_describes_every_key_and_is_json():
    schema = schema_json()
    json.dumps(schema)
    tables = [schema, *schema["$defs"].values()]
    for table in tables:
        assert table["additionalProperties"] is False
        assert table["description"]
        for field in table["properties"].values():
            assert field.get("description") or "$ref" in field


def test_a_fault_of_the_file_has_the_keys_of_a_plan_and_their_defaults() -> None:
    table = FaultTable.model_validate({"kind": "kill"})
    # Whether `times` is stated is no key.
    fields = [each for each in dataclasses.fields(FaultPlan) if each.name != "draws_times"]
    assert set(FaultTable.model_fields) == {field.name for field in fields}
    for field in fields:
        value = getattr(table, field.name)
        assert (tuple(value) if isinstance(value, list) else value) == field.default
