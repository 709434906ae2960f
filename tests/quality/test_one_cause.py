"""One planted bug is one finding, however many crash points show it."""

import json
from pathlib import Path

import pytest
from command import walcrash_here

from walcrash.tools.selftest import choose
from walcrash.values.planted import Planted

BUGS = [planted for planted in choose([]) if planted.invariant is not None]

QUICK = [planted for planted in BUGS if planted.name in (
    "uncut-tail",
)]  # fmt: skip

ONE_IN_SIXTEEN = [planted for planted in BUGS if planted.name in (
    "compact-in-place", "journal-twice", "unsynced-temporary",
    "checkpoint-before-state", "synced-at-close", "never-requeued", "torn-slot",
)]  # fmt: skip
"""Of these too, sixteen cases show at least one; ten cases of another bug may show none."""


def findings(directory: Path, planted: list[Planted], *words: str) -> dict[str, list[str]]:
    """Run a campaign over planted bugs; return the causes of its findings, by scenario."""
    files = [str(each.path) for each in planted]
    log = directory / "log.ndjson"
    told = ("--runs", str(directory), "--log", str(log))
    done = walcrash_here(directory, "run", *files, *told, *words)
    assert done.returncode == 1, done.stderr
    found: dict[str, list[str]] = {each.name: [] for each in planted}
    for line in map(json.loads, log.read_text().splitlines()):
        if line["line"] == "finding-reported" and not line["finding"]["is_portability"]:
            found[line["finding"]["scenario"]].append(line["finding"]["cause"])
    return found


@pytest.mark.slow
def test_many_crash_points_come_to_one_finding(tmp_path: Path) -> None:
    assert len(QUICK) == 1
    found = findings(tmp_path, QUICK, "--seed", "1", "--cases", "8")
    assert {name: causes for name, causes in found.items() if len(causes) != 1} == {}


@pytest.mark.slow
def test_many_crash_points_of_other_bugs_come_to_one_finding_each(tmp_path: Path) -> None:
    assert len(ONE_IN_SIXTEEN) == 7
    found = findings(tmp_path, ONE_IN_SIXTEEN, "--seed", "1", "--cases", "16")
    assert {name: causes for name, causes in found.items() if len(causes) != 1} == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_no_planted_bug_is_two_findings(part: int, tmp_path: Path) -> None:
    found = findings(tmp_path, BUGS[part::8], "--seed", "2", "--cases", "10")
    more = {name: causes for name, causes in found.items() if len(causes) > 1}
    assert more == {}
