"""Findings from run to run: new, known, fixed, and back again."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command import PLANTED, walcrash_here

BUFFERED = ("buffered-append.toml", "buffered_append.py", "planted_base.py")

CHOOSES = """

from planted_base import PlainLog


class Chooses(Subject):
    def __new__(cls, flushes=False):
        return PlainLog() if flushes else super().__new__(cls)

    def __init__(self, flushes=False):
        super().__init__()
"""
"""A subject whose bug is an option."""


def repair(directory: Path) -> None:
    text = (directory / "uncut_tail.py").read_text()
    start = text.index("    def truncate_tail")
    (directory / "uncut_tail.py").write_text(text[:start] + text[text.index("    def close") :])


def run(directory: Path, seed: str) -> subprocess.CompletedProcess[str]:
    return walcrash_here(directory, "run", "uncut-tail.toml", "--seed", seed, "--cases", "2")


def run_harmless(
    directory: Path, *words: str, cases: str = "2"
) -> subprocess.CompletedProcess[str]:
    """Run cases of the same scenario that do not show its bug: no write of them is torn."""
    scenario = directory / "uncut-tail.toml"
    text = scenario.read_text()
    text = text.replace('boots = "later"', 'boots = "any"').replace('"within"', '"after"')
    text = text.replace('operations = ["append"]\n\n', 'operations = ["close"]\n\n')
    scenario.write_text(re.sub(r"\nboots = \[.*", "\nboots = 1", text))
    return walcrash_here(
        directory, "run", "uncut-tail.toml", "--seed", "1", "--cases", cases, "--jobs", "1", *words
    )


def states(directory: Path) -> list[str]:
    done = walcrash_here(directory, "findings", "--json")
    assert done.returncode == 0, done.stderr
    return [row["state"] for row in json.loads(done.stdout)]


@pytest.mark.slow
def test_new_known_fixed_and_back_are_told_apart(found: Path, tmp_path: Path) -> None:
    directory = found
    assert "no finding is kept" in walcrash_here(tmp_path, "findings").stderr
    assert "findings  1 new: F-" in (directory / "printed.txt").read_text()
    assert states(directory) == ["new"]
    broken = (directory / "uncut_tail.py").read_text()
    done = run(directory, "abd")
    assert "findings  1 known: F-" in done.stdout
    assert states(directory) == ["again"]

    repair(directory)
    done = run(directory, "abe")
    assert done.returncode == 0, done.stdout
    assert "findings  1 fixed, by their kept cases: F-" in done.stdout
    assert states(directory) == ["fixed"]
    assert "fixed" not in run(directory, "abf").stdout

    (directory / "uncut_tail.py").write_text(broken)
    done = run(directory, "abc")
    assert "findings  1 back after they were fixed: F-" in done.stdout
    assert states(directory) == ["back"]
    table = walcrash_here(directory, "findings").stdout.splitlines()
    assert table[0].split() == [
        "finding", "scenario", "invariant", "state", "model", "replays", "operations", "seen",
    ]  # fmt: skip
    assert table[1].split()[1:4] == ["uncut-tail", "lost-put", "back"]


def test_what_was_kept_changes_no_byte_of_the_event_log(found: Path) -> None:
    (first,) = found.glob("reports/runs/*/events.ndjson")
    assert run(found, "abc").returncode == 1
    (second,) = set(found.glob("reports/runs/*/events.ndjson")) - {first}
    assert first.read_bytes() == second.read_bytes()


def test_a_kept_finding_that_fails_again_fails_a_run_that_does_not_show_it(found: Path) -> None:
    done = run_harmless(found, "--log", "log.ndjson")
    assert done.returncode == 1, done.stdout
    (name,) = re.findall(r"FAIL  uncut-tail · lost-put · (F-\w+)", done.stdout)
    assert "It is known: no case of this run showed it" in done.stdout
    assert "FAIL  1 finding in 2 cases" in done.stdout
    assert "findings  1 known" in done.stdout
    for form in ("junit", "sarif", "html", "github", "github-annotations"):
        made = walcrash_here(found, "report", "log.ndjson", "--to", form, "-o", "-").stdout
        assert name in made
        assert "no case of this run showed it" in made
    made = walcrash_here(found, "report", "log.ndjson", "--to", "junit", "-o", "-").stdout
    assert made.count("<failure") == 1


def test_a_known_finding_passes_where_the_user_says_so(found: Path) -> None:
    done = run_harmless(found, "--allow-known")
    assert done.returncode == 0, done.stdout
    assert "findings  1 known" in done.stdout
    assert "--allow-known --seed" in done.stdout


def test_a_kept_case_runs_before_the_time_is_over(found: Path) -> None:
    done = run_harmless(found, "--time", "3s", cases="100000")
    assert done.returncode == 1, done.stdout
    assert "It is known" in done.stdout


def test_a_repair_by_an_option_of_the_scenario_counts(tmp_path: Path) -> None:
    """And a replay of the kept finding still runs what was kept."""
    for file in BUFFERED:
        shutil.copy(PLANTED / file, tmp_path / file)
    scenario = tmp_path / "buffered-append.toml"
    subject = tmp_path / "buffered_append.py"
    subject.write_text(subject.read_text() + CHOOSES)
    text = scenario.read_text().replace(":Subject", ":Chooses")
    scenario.write_text(text)
    words = ["run", scenario.name, "--seed", "1", "--cases", "2"]
    assert walcrash_here(tmp_path, *words).returncode == 1
    options = "[subject.options]\nflushes = true\n\n[workload]"
    scenario.write_text(text.replace("[workload]", options))
    done = walcrash_here(tmp_path, *words)
    assert done.returncode == 0, done.stdout
    assert "findings  1 fixed, by their kept cases" in done.stdout
    assert walcrash_here(tmp_path, "replay", "F-", "--times", "1").returncode == 1
    named = ["replay", "F-", "--times", "1", "--subject", scenario.name]
    assert walcrash_here(tmp_path, *named).returncode == 0


def test_a_promise_that_is_no_longer_made_is_not_held_against_the_log(tmp_path: Path) -> None:
    for file in BUFFERED:
        shutil.copy(PLANTED / file, tmp_path / file)
    words = ["run", "buffered-append.toml", "--seed", "1", "--cases", "2"]
    assert walcrash_here(tmp_path, *words).returncode == 1
    scenario = tmp_path / "buffered-append.toml"
    scenario.write_text(scenario.read_text() + '\n[contract]\nkill = "prefix"\n')
    done = walcrash_here(tmp_path, *words)
    assert done.returncode == 0, done.stdout
    assert "findings  1 fixed" in done.stdout


def test_a_repaired_finding_replays_as_passed(found: Path) -> None:
    repair(found)
    done = walcrash_here(found, "replay", "F-", "--times", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS  it did not happen again in 2 replays" in done.stdout


def test_an_explanation_says_how_often_the_finding_was_replayed(found: Path) -> None:
    done = walcrash_here(found, "explain", "F-")
    assert done.returncode == 0, done.stderr
    assert "replayed 5 of 5" in " ".join(done.stdout.split())


def test_a_file_that_passed_is_named_for_machines(found: Path) -> None:
    shutil.rmtree(found / "reports")
    repair(found)
    assert run(found, "abc").returncode == 0
    (log,) = (found / "reports" / "runs").glob("*/events.ndjson")
    done = walcrash_here(found, "report", str(log), "--to", "junit")
    assert done.returncode == 0, done.stderr
    assert 'file="uncut-tail.toml"' in log.with_name("junit.xml").read_text(encoding="utf-8")
