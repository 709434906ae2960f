"""`walcrash compare`: the same cases under two settings and under a subject with a bug."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PLANTED, walcrash, walcrash_here

pytestmark = pytest.mark.usefixtures("interception")


def run_compare(
    run: "Callable[..., subprocess.CompletedProcess[str]]", directory: Path, *words: str
) -> "subprocess.CompletedProcess[str]":
    return run(directory, "compare", *words, "--seed", "7")


@pytest.mark.slow
def test_a_setting_with_fewer_syncs_costs_less_and_both_keep_their_contracts(
    tmp_path: Path,
) -> None:
    words = ("reference", "reference,sync=group", "--cases", "2", "--json")
    one = run_compare(walcrash_here, tmp_path, *words, "--jobs", "1")
    two = run_compare(walcrash, tmp_path, *words, "--jobs", "2")
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout, "the same seed gives the same bytes"
    found = json.loads(one.stdout)
    first, second = found["costs"]
    assert first["operations"] == second["operations"] > 0
    assert 0 < second["syncs"] < first["syncs"]
    assert len(found["cases"]) == 2


def test_a_subject_with_a_bug_parts_from_one_without_and_the_case_runs_alone(
    tmp_path: Path,
) -> None:
    planted = str(PLANTED / "power" / "never-synced.toml")
    done = run_compare(walcrash_here, tmp_path, planted, "reference", "--cases", "2", "--json")
    assert done.returncode == 1, done.stderr
    parted = [case for case in json.loads(done.stdout)["cases"] if case["first"]["broken"]]
    assert parted
    assert all(case["second"]["verdict"] == "pass" for case in parted)
    alone = run_compare(
        walcrash_here, tmp_path, planted, "reference", "--case", str(parted[0]["index"]), "--json"
    )
    assert json.loads(alone.stdout)["cases"] == [parted[0]]
