"""`walcrash probe` gives the documented answer for each setting of the reference log."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import PLANTED, walcrash_here

pytestmark = pytest.mark.usefixtures("interception")


BAD = Path(__file__).with_name("bad_subjects.py")

WRONG = """
format = 1
name = "bad"
summary = "A subject that is wrong without a crash."
[subject]
adapter = "{adapter}"
[workload]
boots = 2
[[faults]]
kind = "kill"
"""


def run_probe(
    directory: Path, *words: str, cases: int = 4, images: int = 24
) -> "subprocess.CompletedProcess[str]":
    options = ("--cases", str(cases), "--images", str(images), "--seed", "7", "--json")
    return walcrash_here(directory, "probe", *words, *options, "--jobs", "1")


def kept(found: dict[str, Any], acknowledges: str) -> tuple[str, str, str] | None:
    contract = found["strongest"][acknowledges]
    return None if contract is None else (contract["kill"], contract["power"], contract["model"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "at_append", "at_sync"),
    [
        ("append", ("all", "all", "posix"), None),
        ("group", ("all", "prefix", "posix"), ("all", "all", "posix")),
        ("none", ("all", "prefix", "posix"), ("all", "all", "posix")),
    ],
)
def test_each_sync_policy_of_the_reference_keeps_what_it_is_documented_to(
    tmp_path: Path, setting: str, at_append: tuple[str, ...], at_sync: tuple[str, ...] | None
) -> None:
    done = run_probe(tmp_path, f"reference,sync={setting}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (kept(found, "append"), kept(found, "sync")) == (at_append, at_sync)


@pytest.mark.slow
def test_a_stated_contract_that_does_not_hold_is_a_finding_that_replays(tmp_path: Path) -> None:
    planted = PLANTED / "power"
    done = run_probe(tmp_path, str(planted / "never-synced.toml"), cases=2, images=12)
    assert done.returncode == 1, done.stderr
    broken = [each for each in json.loads(done.stdout)["promises"] if each["finding"]]
    assert broken
    name = broken[0]["finding"]["id"]
    origin = shlex.split(broken[0]["finding"]["origin"])
    assert origin == ["probe", str(planted / "never-synced.toml"), "--cases", "2", "--images", "12"]
    again = walcrash_here(tmp_path, "replay", name, "--times", "2")
    assert again.returncode == 1, again.stdout + again.stderr


@pytest.mark.slow
def test_a_call_whose_error_is_ignored_breaks_what_held_after_crashes(tmp_path: Path) -> None:
    planted = PLANTED / "error" / "swallowed-error.toml"
    done = run_probe(tmp_path, str(planted), cases=3, images=12)
    found = json.loads(done.stdout)
    assert done.returncode == 1, done.stdout + done.stderr
    assert {each["verdict"] for each in found["promises"]} == {"pass"}
    error = next(each for each in found["faults"] if each["kind"] == "error")
    assert (error["verdict"], error["is_stated"]) == ("fail", True)
    assert error["finding"]["violations"][0]["invariant"] == "unreported-error"


@pytest.mark.slow
def test_a_slow_sync_that_is_not_waited_for_breaks_what_held_after_crashes(tmp_path: Path) -> None:
    planted = PLANTED / "slow" / "gave-up-waiting.toml"
    done = run_probe(tmp_path, str(planted), cases=4, images=8)
    found = json.loads(done.stdout)
    assert done.returncode == 1, done.stdout + done.stderr
    assert {each["verdict"] for each in found["promises"]} == {"pass"}
    by_kind = {each["kind"]: each for each in found["faults"]}
    assert by_kind["slow"]["verdict"] == "fail"
    assert by_kind["slow"]["finding"]["violations"][0]["invariant"] == "lost-put"
    assert by_kind["clock"]["verdict"] == by_kind["repeated-random"]["verdict"] == "pass"
    assert by_kind["repeated-random"]["note"]


def test_a_subject_that_cannot_be_opened_is_inconclusive(tmp_path: Path) -> None:
    done = run_probe(tmp_path, f"{BAD}:RaisesInOpen")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "cannot be opened in an empty directory" in done.stderr


def test_a_subject_that_is_wrong_without_a_crash_is_a_plain_finding_that_is_kept(
    tmp_path: Path,
) -> None:
    done = run_probe(tmp_path, f"{BAD}:NoneFromAppend")
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["verdict"], found["promises"]) == ("fail", [])
    assert found["plain"]["violations"][0]["invariant"] == "not-appendable"
    assert found["plain"]["replays_alike"] == found["plain"]["replays"] == 5


@pytest.mark.slow
def test_audit_and_compare_of_a_subject_that_is_wrong_without_a_crash_are_findings(
    tmp_path: Path,
) -> None:
    (tmp_path / "bad.toml").write_text(WRONG.format(adapter=f"{BAD}:NoneFromAppend"))
    for words in (["audit", "bad.toml"], ["compare", "reference", "bad.toml"]):
        done = walcrash_here(tmp_path, *words, "--cases", "1", "--seed", "1")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "without any crash · not-appendable · plain" in done.stdout
        assert "walcrash run bad.toml --seed 1" in done.stdout
