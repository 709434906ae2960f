"""`walcrash probe` gives the documented answer for each setting of the reference log."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import PLANTED, walcrash_here

pytestmark = pytest.mark.usefixtures("interception")


def run_probe(
    directory: Path, *words: str, cases: int = 4, images: int = 24
) -> "subprocess.CompletedProcess[str]":
    options = ("--cases", str(cases), "--images", str(images), "--seed", "7", "--json")
    return walcrash_here(directory, "probe", *words, *options, "--jobs", "2")


def kept(found: dict[str, Any], acknowledges: str) -> tuple[str, str, str] | None:
    contract = found["strongest"][acknowledges]
    return None if contract is None else (contract["kill"], contract["power"], contract["model"])


@pytest.mark.parametrize(
    ("setting", "at_append", "at_sync"),
    [
        ("append", ("all", "all", "posix"), None),
        pytest.param(
            "group", ("all", "prefix", "posix"), ("all", "all", "posix"), marks=pytest.mark.slow
        ),
        pytest.param(
            "none", ("all", "prefix", "posix"), ("all", "all", "posix"), marks=pytest.mark.slow
        ),
    ],
)
def test_each_sync_policy_of_the_reference_keeps_what_it_is_documented_to(
    tmp_path: Path, setting: str, at_append: tuple[str, ...], at_sync: tuple[str, ...] | None
) -> None:
    done = run_probe(tmp_path, f"reference,sync={setting}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (kept(found, "append"), kept(found, "sync")) == (at_append, at_sync)


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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("RaisesInOpen", "cannot be opened in an empty directory"),
        ("NoneFromAppend", "wrong without any crash (not-appendable)"),
    ],
)
def test_a_subject_that_is_wrong_without_a_crash_is_inconclusive(
    name: str, words: str, tmp_path: Path
) -> None:
    subject = Path(__file__).with_name("bad_subjects.py")
    done = run_probe(tmp_path, f"{subject}:{name}")
    assert done.returncode == 4, done.stdout + done.stderr
    assert words in done.stderr
