"""SARIF: rules, results, fingerprints, and what GitHub's code scanning asks for."""

import json
from pathlib import PurePosixPath
from typing import Any

import jsonschema
import pytest
from report_lines import (
    failing_run,
    finding,
    judged,
    passing_run,
    run_of,
    scenario_started,
    started,
    violation,
)

from walcrash.report import sarif
from walcrash.report.run_report import RunReport
from walcrash.report.sarif import file_uri, sarif_report
from walcrash.values.log import LogLine
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant

HOSTILE = 'a\x00\x1b[2J\u202e\udc80\ufffe"\\\r\n%20 #?'

_TEXT = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1}},
}
_LOCATIONS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["physicalLocation"],
        "additionalProperties": False,
        "properties": {
            "physicalLocation": {
                "type": "object",
                "required": ["artifactLocation", "region"],
                "additionalProperties": False,
                "properties": {
                    "artifactLocation": {
                        "type": "object",
                        "required": ["uri"],
                        "properties": {
                            "uri": {"type": "string", "pattern": r"^[A-Za-z0-9%._~/:-]+$"}
                        },
                    },
                    "region": {
                        "type": "object",
                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                    },
                },
            }
        },
    },
}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
ESSENTIALS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results", "invocations"],
                "additionalProperties": False,
                "properties": {
                    "properties": {"type": "object"},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": [
                                                "id",
                                                "shortDescription",
                                                "fullDescription",
                                                "help",
                                            ],
                                            "properties": {
                                                "shortDescription": _TEXT,
                                                "fullDescription": _TEXT,
                                                "help": _TEXT,
                                                "defaultConfiguration": {
                                                    "properties": {"level": _LEVEL}
                                                },
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "invocations": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["executionSuccessful"],
                            "properties": {
                                "executionSuccessful": {"type": "boolean"},
                                "exitCode": {"type": "integer"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["message"],
                                        "additionalProperties": False,
                                        "properties": {
                                            "message": _TEXT,
                                            "level": _LEVEL,
                                            "locations": _LOCATIONS,
                                        },
                                    },
                                },
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "locations", "partialFingerprints"],
                            "additionalProperties": False,
                            "properties": {
                                "message": _TEXT,
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": _LEVEL,
                                "locations": {**_LOCATIONS, "minItems": 1},
                                "partialFingerprints": {
                                    "type": "object",
                                    "additionalProperties": {"type": "string"},
                                },
                                "occurrenceCount": {"type": "integer", "minimum": 1},
                            },
                        },
                    },
                },
            },
        },
    },
}


def run_in(lines: list[LogLine]) -> dict[str, Any]:
    log = json.loads(sarif_report(RunReport.of(lines)).encode())
    jsonschema.Draft202012Validator(ESSENTIALS).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert isinstance(run, dict)
    return run


def test_the_rules_are_the_invariants_with_their_text() -> None:
    rules = run_in(passing_run())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [invariant.value for invariant in Invariant]
    assert [rule["fullDescription"]["text"] for rule in rules] == [
        each.text for each in RULES.values()
    ]


def test_a_finding_is_an_error_in_the_file_of_its_scenario() -> None:
    run = run_in(failing_run())
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("lost-put", "error")
    assert result["message"]["text"].startswith("an acknowledged record is gone")
    assert "walcrash replay F-7c1e" in result["message"]["text"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "scenarios/torn-tail.toml"
    assert result["partialFingerprints"]["walcrashFinding/v1"] == "F-7c1e"
    assert result["occurrenceCount"] == 2
    assert run["invocations"][0]["executionSuccessful"] is True
    assert run["invocations"][0]["exitCode"] == 1


def test_two_findings_of_one_rule_in_one_file_have_fingerprints_of_their_own() -> None:
    results = run_in(run_of((finding(), None), (finding(id="F-2222"), None)))["results"]
    prints = [tuple(result["partialFingerprints"].values()) for result in results]
    assert len(set(prints)) == 2


def test_a_portability_finding_is_a_note() -> None:
    (result,) = run_in(run_of((finding(is_portability=True), None)))["results"]
    assert result["level"] == "note"


def test_a_run_that_was_cut_short_did_not_succeed_and_says_what_is_missing() -> None:
    lines: list[LogLine] = [
        started("torn-tail", "later"),
        scenario_started("torn-tail"),
        judged("torn-tail", 0, failing=True),
    ]
    run = run_in(lines)
    (result,) = run["results"]
    assert result["partialFingerprints"]["walcrashFinding/v1"] == "F-7c1e"
    invocation = run["invocations"][0]
    assert invocation["executionSuccessful"] is False
    told = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert told == [
        "torn-tail: inconclusive: the run ended first",
        "later: not run: the run ended before it began",
        "the run stopped: the log ends before the run did",
    ]


def test_results_that_github_would_not_take_are_left_out_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sarif, "RESULTS", 2)
    run = run_in(run_of(*((finding(id=f"F-{number}"), None) for number in range(5))))
    assert len(run["results"]) == 2
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes] == [
        "3 more results are left out of this file"
    ]


def test_hostile_text_is_shown_and_breaks_nothing() -> None:
    bad = finding(
        id=HOSTILE, scenario=HOSTILE, scenario_path=HOSTILE, violations=(violation(found=HOSTILE),)
    )
    (result,) = run_in([started(HOSTILE, seed=HOSTILE), *run_of((bad, None))[1:]])["results"]
    assert result["partialFingerprints"]["walcrashFinding/v1"].startswith("a\\x00\\x1b[2J\\u202e")


def test_paths_become_uris() -> None:
    assert file_uri("scenarios/a b#?.toml") == "scenarios/a%20b%23%3F.toml"
    assert file_uri("./scenarios/a.toml") == "scenarios/a.toml"
    assert file_uri(str(PurePosixPath("/tmp/ü.toml"))) == "file:///tmp/%C3%BC.toml"
    assert file_uri("odd\udc80.toml") == "odd%80.toml"
