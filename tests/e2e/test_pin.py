"""Pinned findings: under version control, first in every campaign, and never quietly moot."""

import json
import os
import tomllib
from pathlib import Path

import pytest
from command import walcrash_here


@pytest.fixture
def directory(found: Path) -> Path:
    return found


def judged(directory: Path) -> list[dict[str, object]]:
    """Return the cases of the newest run."""
    newest = max(
        directory.glob("reports/runs/*/events.ndjson"), key=lambda path: path.stat().st_mtime
    )
    lines = [json.loads(line) for line in newest.read_text().splitlines()]
    return [line for line in lines if line["line"] == "case-judged"]


def change(directory: Path, old: str, new: str) -> None:
    text = (directory / "uncut_tail.py").read_text()
    assert old in text
    (directory / "uncut_tail.py").write_text(text.replace(old, new))


def repair(directory: Path) -> None:
    change(directory, "    def truncate_tail(self, position: int) -> None:\n        pass\n", "")


def test_a_pinned_finding_runs_first_in_every_campaign_of_its_scenario(directory: Path) -> None:
    before = (directory / "uncut-tail.toml").read_text()
    done = walcrash_here(directory, "pin", "F-")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "uncut-tail.toml\n"
    text = (directory / "uncut-tail.toml").read_text()
    assert text.startswith(before.rstrip())
    (pinned,) = tomllib.loads(text)["pinned"]
    assert pinned["invariant"] == "lost-put"
    assert pinned["reaches"][0] == "within write in append PutOperation"

    done = walcrash_here(directory, "run", "uncut-tail.toml", "--seed", "other", "--cases", "1")
    assert done.returncode == 1, done.stderr
    first, _ = judged(directory)
    assert (first["pinned"], first["verdict"]) == (pinned["finding"], "fail")
    assert f"FAIL  uncut-tail · lost-put · {pinned['finding']}" in done.stdout

    repair(directory)
    done = walcrash_here(directory, "run", "uncut-tail.toml", "--seed", "other", "--cases", "3")
    assert done.returncode == 0, done.stdout
    assert [case["pinned"] for case in judged(directory)] == [pinned["finding"], "", "", ""]

    done = walcrash_here(directory, "pin", "F-")
    assert done.returncode == 2
    assert "is pinned in uncut-tail.toml already" in done.stderr


def test_pinned_cases_run_before_all_other_cases_of_all_scenarios(directory: Path) -> None:
    other = (directory / "uncut-tail.toml").read_text().replace('"uncut-tail"', '"other"', 1)
    (directory / "other.toml").write_text(other)
    assert walcrash_here(directory, "pin", "F-").returncode == 0
    repair(directory)
    words = ("--seed", "other", "--cases", "2")
    done = walcrash_here(directory, "run", "other.toml", "uncut-tail.toml", *words)
    assert done.returncode == 0, done.stdout
    told = [(case["scenario"], bool(case["pinned"])) for case in judged(directory)]
    assert told[0] == ("uncut-tail", True)
    assert told[1:] == [("other", False)] * 2 + [("uncut-tail", False)] * 2
    assert [row.split()[:3] for row in done.stdout.splitlines() if row.startswith("  uncut-tail")]
    assert "no findings in 5 cases" in done.stdout


def test_a_pinned_case_that_misses_its_crash_point_is_inconclusive(directory: Path) -> None:
    assert walcrash_here(directory, "pin", "F-").returncode == 0
    repair(directory)
    text = (directory / "uncut-tail.toml").read_text()
    other = text.replace("within write in append PutOperation", "after rename in compact")
    (directory / "uncut-tail.toml").write_text(other)
    done = walcrash_here(directory, "run", "uncut-tail.toml", "--seed", "other", "--cases", "2")
    assert done.returncode == 4, done.stdout
    assert "did not reach its crash points: expected after rename in compact" in " ".join(
        done.stdout.split()
    )


@pytest.mark.slow
def test_a_new_scenario_can_be_made_of_it(directory: Path) -> None:
    (directory / "pinned").mkdir()
    done = walcrash_here(directory, "pin", "F-", "-o", "pinned/torn-once.toml")
    assert done.returncode == 0, done.stderr
    table = tomllib.loads((directory / "pinned" / "torn-once.toml").read_text())
    assert table["name"] == "torn-once"
    assert table["subject"]["adapter"] == "../uncut_tail.py:Subject"
    done = walcrash_here(directory, "run", "pinned/torn-once.toml", "--seed", "1", "--cases", "1")
    assert done.returncode == 1, done.stderr
    assert judged(directory)[0]["pinned"]
    done = walcrash_here(
        directory, "pin", table["pinned"][0]["finding"], "-o", "pinned/torn-once.toml"
    )
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_what_cannot_be_pinned_leaves_everything_as_it_was(directory: Path) -> None:
    before = (directory / "uncut-tail.toml").read_text()
    for words in (("F-none",), ("F-", "-o", "x.json"), ("F-", "-o", "missing/x.toml")):
        done = walcrash_here(directory, "pin", *words)
        assert done.returncode == 2, done.stderr
        assert "error: " in done.stderr
    os.rename(directory / "uncut-tail.toml", directory / "away.toml")
    done = walcrash_here(directory, "pin", "F-")
    assert done.returncode == 2
    assert "is not there" in done.stderr
    assert (directory / "away.toml").read_text() == before
    assert not [path for path in directory.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("case", ["{", "[]", '{"format": 2}', "[" * 9000])
def test_a_broken_pinned_case_is_told_with_its_line(directory: Path, case: str) -> None:
    with (directory / "uncut-tail.toml").open("a") as file:
        file.write(f"\n[[pinned]]\nfinding = 'F-12'\ninvariant = 'order'\nreaches = []\n"
                   f"case = '''{case}'''\n")  # fmt: skip
    done = walcrash_here(directory, "run", "uncut-tail.toml")
    assert done.returncode == 2
    assert "`pinned[0].case`: " in done.stderr
