"""Two bugs behind one invariant are two findings, each with its own smallest case."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import PLANTED, walcrash_here

SCENARIO = """\
format = 1
name = "two-bugs"
summary = "Two bugs behind one invariant."

[subject]
adapter = "two_bugs.py:Subject"

[workload]
boots = [2, 3]
operations = [4, 12]
payload_bytes = [0, 1, 100, 5000]

[workload.mix]
put = 8
apply = 1
compact = 2

[[faults]]
kind = "kill"
boots = "first"
operations = ["append"]
event = "write"
placements = ["within"]

[[faults]]
kind = "kill"
boots = "later"
operations = ["append", "compact"]

[budget]
cases = 60
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario with its subject, after one campaign."""
    made = tmp_path_factory.mktemp("two-bugs")
    for name in ("compact_in_place.py", "planted_base.py"):
        shutil.copy(PLANTED / name, made / name)
    shutil.copy(Path(__file__).with_name("two_bugs.py"), made / "two_bugs.py")
    (made / "two-bugs.toml").write_text(SCENARIO)
    done = walcrash_here(made, "run", "two-bugs.toml", "--seed", "3", "--cases", "14")
    assert done.returncode == 1, done.stderr
    return made


def lines(directory: Path) -> list[dict[str, Any]]:
    (log,) = directory.glob("reports/runs/*-3/events.ndjson")
    return [json.loads(line) for line in log.read_text().splitlines()]


def findings(directory: Path) -> list[dict[str, Any]]:
    """Return those that count: other tears may show other things."""
    reported = [line for line in lines(directory) if line["line"] == "finding-reported"]
    return [line["finding"] for line in reported if not line["finding"]["is_portability"]]


def test_each_bug_is_one_finding_with_its_own_smallest_case(directory: Path) -> None:
    found = findings(directory)
    assert [each["violations"][0]["invariant"] for each in found] == ["lost-put", "lost-put"]
    operations = {each["landings"][-1]["operation"]: each for each in found}
    assert set(operations) == {"append", "compact"}
    tail, compaction = operations["append"], operations["compact"]
    assert [landing["placement"] for landing in tail["landings"]] == ["within", "after"]
    assert tail["operations"] == 2
    landing = compaction["landings"][0]
    assert (landing["kind"], landing["path"]) == ("truncate", "wal.log")
    assert compaction["operations"] == 2
    assert tail["is_minimal"]
    assert compaction["is_minimal"]


def test_every_failing_case_is_counted_with_one_of_them(directory: Path) -> None:
    told = lines(directory)
    groups = Counter(line["finding"] for line in told if line["line"] == "case-judged")
    del groups[""]
    found = findings(directory)
    assert sorted(groups) == sorted(group for each in found for group in each["groups"])
    for each in found:
        assert each["seen"] == sum(groups[group] for group in each["groups"])
    (ended,) = (line for line in told if line["line"] == "scenario-ended")
    assert ended["findings"] == 2
    assert ended["failed"] == sum(each["seen"] for each in found)


def test_each_is_replayed_and_explained(directory: Path) -> None:
    for each in findings(directory):
        done = walcrash_here(directory, "replay", each["id"], "--times", "2")
        assert done.returncode == 1, done.stdout
        assert "lost-put" in done.stdout
        assert each["id"] in walcrash_here(directory, "explain", each["id"]).stdout


@pytest.mark.slow
def test_each_is_known_again_with_another_seed(directory: Path) -> None:
    done = walcrash_here(directory, "run", "two-bugs.toml", "--seed", "2", "--runs", "again")
    first = {each["id"] for each in findings(directory)}
    assert done.returncode == 1
    (log,) = (directory / "again").glob("*/events.ndjson")
    told = [json.loads(line) for line in log.read_text().splitlines()]
    again = {line["finding"]["id"] for line in told if line["line"] == "finding-reported"}
    assert again == first


@pytest.mark.slow
def test_where_one_is_repaired_the_other_stays(directory: Path) -> None:
    subject = directory / "two_bugs.py"
    broken = subject.read_text()
    subject.write_text(broken[: broken.index("    def truncate_tail")])
    try:
        done = walcrash_here(directory, "run", "two-bugs.toml", "--seed", "3")
    finally:
        subject.write_text(broken)
    assert done.returncode == 1
    assert "1 known: F-" in done.stdout
    assert "1 fixed, by their kept cases: F-" in done.stdout
