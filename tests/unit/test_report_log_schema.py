"""The event log's JSON Schema: as published, and true of every line.

WALCRASH_UPDATE_REFERENCE=1 writes it.
"""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from report_lines import failing_run, finding, story

from walcrash.report.log_schema import log_schema
from walcrash.report.ndjson import line_bytes
from walcrash.values.log import FindingReported

PAGE = (
    Path(__file__).parents[2]
    / "harness"
    / "walcrash"
    / "docs"
    / "reference"
    / "event-log.schema.json"
)
VALIDATOR = jsonschema.Draft202012Validator(log_schema())


def test_the_schema_on_disk_is_not_stale() -> None:
    text = json.dumps(log_schema(), indent=1) + "\n"
    if os.environ.get("WALCRASH_UPDATE_REFERENCE") == "1":
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, (
        "to accept this: WALCRASH_UPDATE_REFERENCE=1 pytest tests/unit/test_report_log_schema.py"
    )


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(log_schema())


def test_every_line_is_valid() -> None:
    for line in [*failing_run(), FindingReported(finding=finding(), story=story())]:
        VALIDATOR.validate(json.loads(line_bytes(line)))


def test_a_line_and_a_key_of_a_later_version_are_valid() -> None:
    VALIDATOR.validate({"line": "weather", "sky": "blue"})
    VALIDATOR.validate({**json.loads(line_bytes(failing_run()[0])), "colour": "red"})


@pytest.mark.parametrize(
    ("key", "value"), [("format", "1"), ("seed", None), ("scenarios", ["a", 2])]
)
def test_a_line_with_a_wrong_value_is_not_valid(key: str, value: object) -> None:
    line = json.loads(line_bytes(failing_run()[0]))
    assert not VALIDATOR.is_valid({**line, key: value})


def test_a_step_with_a_wrong_value_is_not_valid() -> None:
    line = json.loads(line_bytes(FindingReported(finding=finding(), story=story())))
    line["story"]["boots"][0]["steps"][1][2] = "wrote"
    assert not VALIDATOR.is_valid(line)
