"""Findings from run to run: new, known, fixed, and back again."""

import json
import shutil
import subprocess
from pathlib import Path

from command import walcrash_here


def repair(directory: Path) -> None:
    text = (directory / "uncut_tail.py").read_text()
    start = text.index("    def truncate_tail")
    (directory / "uncut_tail.py").write_text(text[:start] + text[text.index("    def close") :])


def run(directory: Path, seed: str) -> subprocess.CompletedProcess[str]:
    return walcrash_here(directory, "run", "uncut-tail.toml", "--seed", seed, "--cases", "2")


def states(directory: Path) -> list[str]:
    done = walcrash_here(directory, "findings", "--json")
    assert done.returncode == 0, done.stderr
    return [row["state"] for row in json.loads(done.stdout)]


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
