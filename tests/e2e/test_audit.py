"""`walcrash audit` on subjects that sync in one way each, and on one that never does."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import ROOT, walcrash, walcrash_here

from walcrash.case.outcome import store_case
from walcrash.case.sandbox import Sandbox
from walcrash.scenario.file import load_scenario
from walcrash.tools.audit.faulty_boots import audited_boots
from walcrash.tools.audit.slow_syncs import audit_slow_syncs
from walcrash.values.audit_faults import CallAudit, Reaction
from walcrash.values.verdict import Invariant
from walcrash.workload.draw import draw_control
from walcrash.workload.operations import CLOSE

SUBJECTS = Path(__file__).with_name("audit_subjects.py")
PLAIN_LOG = ROOT / "scenarios" / "planted" / "planted_base.py"

SCENARIO = """
format = 1
name = "audited"
summary = "A subject whose syncs are audited."
[subject]
adapter = "{adapter}"
[contract]
acknowledges = "append"
kill = "all"
power = "{power}"
model = "ext4"
[workload]
boots = 1
operations = [4, 6]
payload_bytes = [0, 100, 700]
[workload.mix]
put = 3
done = 2
[[faults]]
kind = "kill"
[invariants]
check = "all"
"""

pytestmark = pytest.mark.usefixtures("interception")


def run_audit(
    directory: Path,
    *words: str,
    adapter: str,
    power: str = "all",
    run: "Callable[..., subprocess.CompletedProcess[str]]" = walcrash_here,
    **variables: str,
) -> "subprocess.CompletedProcess[str]":
    (directory / "audited.toml").write_text(SCENARIO.format(adapter=adapter, power=power))
    variables = {"WALCRASH_WORK": str(directory), **variables}
    return run(directory, "audit", "audited.toml", "--seed", "7", *words, **variables)


def audited(directory: Path, subject: str, *, fault_cases: int = 0) -> dict[str, Any]:
    words = ("--cases", "2", "--images", "16", "--jobs", "1", "--json")
    words = (*words, "--fault-cases", str(fault_cases))
    done = run_audit(directory, *words, adapter=f"{SUBJECTS}:{subject}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in directory.iterdir()) == ["audited.toml"]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def verdicts(audit: dict[str, Any]) -> dict[str, str]:
    return {site["site"]: site["verdict"] for site in audit["sites"]}


def test_where_each_sync_carries_a_promise_each_is_needed(tmp_path: Path) -> None:
    audit = audited(tmp_path, "Lean")
    assert verdicts(audit) == {
        "append PutOperation: fsync log": "needed",
        "append MarkDone: fsync log": "needed",
    }
    put, mark = (site["finding"] for site in audit["sites"])
    assert put["violations"][0]["invariant"] == "lost-put"
    assert mark["violations"][0]["invariant"] == "lost-mark"
    assert put["model"] == "ordered"
    assert audit["without_sync"] == [
        {"operation": "append PutOperation", "unsynced": 0, "calls": put_calls(audit)},
        {"operation": "append MarkDone", "unsynced": 0, "calls": mark_calls(audit)},
        {"operation": "close", "unsynced": 0, "calls": audit["boots"]},
    ]


@pytest.mark.slow
def test_an_error_that_is_ignored_is_told_from_one_that_is_refused(tmp_path: Path) -> None:
    calls = audited(tmp_path, "Heedless", fault_cases=1)["failing_calls"]
    reactions = {(call["site"], call["error"]): set(call["reactions"]) for call in calls}
    findings = {(call["site"], call["error"]): call["finding"] for call in calls}
    put = "append PutOperation: fsync"
    assert reactions[f"{put} log", "EIO"] == {"refused"}
    assert reactions[f"{put} hint", "EIO"] == {"went on as without it"}
    # Its write is not looked at either: the line is torn, and later ones follow it.
    short = findings["append PutOperation: write log", "short"]
    assert short["violations"][0]["invariant"] == "unreported-error"


@pytest.mark.slow
def test_who_answers_before_a_slow_sync_has_returned_is_told_from_who_waits() -> None:
    put = "append PutOperation: fsync wal.log"
    wrong, right = (
        next(each for each in slow_syncs(name) if each.site == put)
        for name in ("gave-up-waiting", "right-patient")
    )
    assert (right.reactions, right.finding) == ((Reaction.WAITED,) * len(right.reactions), None)
    assert set(wrong.reactions) == {Reaction.ANSWERED}
    assert wrong.finding is not None
    assert wrong.finding.worst.invariant is Invariant.LOST_PUT


def slow_syncs(name: str) -> tuple[CallAudit, ...]:
    scenario = load_scenario(ROOT / "scenarios" / "planted" / "slow" / f"{name}.toml")
    with Sandbox() as sandbox:
        description = sandbox.load(scenario.subject, scenario.limits)
        case = draw_control(scenario, description.supports, "s", 0)
        boots = (replace(case.boots[0], operations=(*case.boots[0].operations[:4], CLOSE)),)
        stored = store_case(replace(case, boots=boots), scenario, description)
        return tuple(
            call
            for boot in audited_boots(sandbox, stored)
            for call in audit_slow_syncs(sandbox, stored, *boot)
        )


@pytest.mark.slow
def test_power_recovery_notices_each_sync_of_recovery_in_the_usual_number_of_cases(
    tmp_path: Path,
) -> None:
    words = ("audit", str(ROOT / "scenarios" / "power-recovery.toml"), "--seed", "7", "--json")
    done = walcrash_here(tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    found = verdicts(json.loads(done.stdout))
    assert found["reopen: fdatasync wal.log"] == "needed"
    assert found["reopen: fsync ."] == "needed"


def put_calls(audit: dict[str, Any]) -> int:
    return sum(site["calls"] for site in audit["sites"] if "PutOperation" in site["site"])


def mark_calls(audit: dict[str, Any]) -> int:
    return sum(site["calls"] for site in audit["sites"] if "MarkDone" in site["site"])


def test_either_of_two_syncs_in_a_row_is_not_needed_and_both_are(tmp_path: Path) -> None:
    audit = audited(tmp_path, "Twice")
    assert set(verdicts(audit).values()) == {"not needed"}
    assert all(site["is_proven"] for site in audit["sites"])
    second = next(site for site in audit["sites"] if site["site"].endswith("(2nd)"))
    assert second["idle"] == second["covered"] == second["calls"] > 0
    assert audit["together"]["finding"]["violations"][0]["invariant"] == "lost-put"


@pytest.mark.slow
def test_a_sync_of_a_file_that_nobody_reads_is_not_needed(tmp_path: Path) -> None:
    audit = audited(tmp_path, "Hinting")
    assert verdicts(audit)["append PutOperation: fsync hint"] == "not needed"
    hint = next(site for site in audit["sites"] if site["site"].endswith("hint"))
    assert hint["finding"] is None
    assert hint["bytes_pending"] == 8 * hint["calls"]


def test_a_synchronous_write_is_a_sync(tmp_path: Path) -> None:
    audit = audited(tmp_path, "Synchronous")
    assert verdicts(audit) == {
        "append PutOperation: synchronous write log": "needed",
        "append MarkDone: synchronous write log": "needed",
    }


def test_a_promise_without_a_sync_fails_the_baseline_and_is_named(tmp_path: Path) -> None:
    done = run_audit(tmp_path, "--cases", "1", adapter=f"{SUBJECTS}:ForgetsMarks")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  with all its syncs · lost-mark" in done.stdout
    assert "no sync   append MarkDone: 2 of 2 acknowledged with no sync" in done.stdout
    assert "needed" not in done.stdout


def test_a_log_that_never_syncs_fails_the_baseline(tmp_path: Path) -> None:
    done = run_audit(tmp_path, "--cases", "1", adapter=f"{PLAIN_LOG}:PlainLog")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  with all its syncs the subject fails, so no sync was taken away" in done.stdout
    assert "again     walcrash audit audited.toml --seed 7 --cases 1 --images 60" in done.stdout


def test_without_a_promise_there_is_nothing_to_audit(tmp_path: Path) -> None:
    done = run_audit(tmp_path, adapter=f"{SUBJECTS}:Lean", power="none")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "INCONCLUSIVE  the contract promises nothing after a power loss" in done.stdout


@pytest.mark.slow
def test_the_same_seed_gives_the_same_audit_with_any_number_of_jobs(tmp_path: Path) -> None:
    words = ("--cases", "1", "--images", "12", "--json", "--jobs")
    adapter = f"{SUBJECTS}:Hinting"
    first, second = (
        run_audit(tmp_path, *words, jobs, adapter=adapter, run=walcrash, PYTHONHASHSEED=hash_seed)
        for jobs, hash_seed in (("1", "1"), ("2", "2"))
    )
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout == second.stdout
