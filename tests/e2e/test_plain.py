"""A bug that needs no crash, from outside: found, kept, shown again, and told from one of a crash.

Every test here is a campaign of its own, and slow.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import walcrash, walcrash_here

PLAIN = Path(__file__).parents[2] / "scenarios" / "planted" / "plain"

pytestmark = pytest.mark.slow

BOTH = """\
from planted_base import BufferedLog

from walcrash import OperationState


class Subject(BufferedLog):
    def shown(self, name, entry):
        shown = super().shown(name, entry)
        return OperationState(shown.status, "tried " * entry.attempts, shown.next_retry_at_ms)
"""
"""Shows other errors than its log has, with or without a crash; a kill takes what it buffers."""

SCENARIO = """\
format = 1
name = "both"
summary = "One bug that needs no crash, and one that does."
[subject]
adapter = "both.py:Subject"
[workload]
boots = 1
operations = [4, 8]
payload_bytes = [0, 100]
[workload.mix]
put = 2
failed = 2
[[faults]]
kind = "kill"
[budget]
cases = 12
"""


def run(directory: Path, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run a campaign; return its exit code, the lines of its log and what it printed."""
    log = directory / "log.ndjson"
    done = walcrash_here(directory, "run", *words, "--seed", "5", "--log", str(log))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return done.returncode, lines, done.stdout + done.stderr


def findings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["finding"] for line in lines if line["line"] == "finding-reported"]


def test_a_plain_finding_is_kept_replayed_explained_and_bundled(tmp_path: Path) -> None:
    code, lines, said = run(tmp_path, str(PLAIN / "trusted-trailer.toml"), "--cases", "6")
    assert code == 1, said
    (finding,) = findings(lines)
    assert finding["is_plain"] is True
    assert finding["landings"] == []
    assert finding["operations"] == 1
    assert finding["replays_alike"] == finding["replays"] == 5
    name = finding["id"]
    assert "lost-put (plain)" in walcrash_here(tmp_path, "findings").stdout
    again = walcrash_here(tmp_path, "replay", name, "--times", "2")
    assert again.returncode == 1, again.stdout + again.stderr
    explained = walcrash_here(tmp_path, "explain", name)
    assert explained.returncode == 0
    assert "it needs no crash" in " ".join(explained.stdout.split())
    assert walcrash_here(tmp_path, "bundle", name).returncode == 0
    bundle = str(tmp_path / f"{name}.zip")
    subject = f"{PLAIN}/trusted_trailer.py:Subject"
    from_bundle = walcrash_here(tmp_path, "replay", bundle, "--subject", subject, "--times", "1")
    assert from_bundle.returncode == 1, from_bundle.stdout + from_bundle.stderr


def test_the_same_seed_gives_the_same_plain_findings_whatever_the_jobs(tmp_path: Path) -> None:
    logs = []
    for jobs, hash_seed in (("1", "1"), ("2", "2")):
        log = tmp_path / f"{jobs}.ndjson"
        done = walcrash(
            tmp_path, "run", str(PLAIN / "eager-retry.toml"), "--seed", "5", "--cases", "6",
            "--jobs", jobs, "--log", str(log), "--runs", f"runs-{jobs}",
            seconds=300, PYTHONHASHSEED=hash_seed,
        )  # fmt: skip
        assert done.returncode == 1, done.stdout + done.stderr
        logs.append(log.read_bytes())
    assert logs[0] == logs[1]


def test_a_bug_of_a_crash_is_found_beside_one_that_needs_none(tmp_path: Path) -> None:
    """The plain one is about the state, so that what a crash loses is more severe."""
    shutil.copy(PLAIN.parent / "planted_base.py", tmp_path)
    (tmp_path / "both.py").write_text(BOTH)
    (tmp_path / "both.toml").write_text(SCENARIO)
    code, lines, said = run(tmp_path, "both.toml")
    assert code == 1, said
    found = {(f["violations"][0]["invariant"], f.get("is_plain", False)) for f in findings(lines)}
    assert ("checkpoint-state", True) in found, said
    assert ("checkpoint-state", False) not in found, said
    assert ("lost-put", False) in found, said
    assert ("lost-put", True) not in found, said
