"""The example drivers: the right ones pass kills and power losses, the wrong twins are found."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from command import ROOT, inherited, walcrash, walcrash_here
from needs import lacking, need_program

DRIVERS = ROOT / "scenarios" / "drivers"

NEEDS = {
    "filelog": "gcc",
    "filelog-no-sync": "gcc",
    "filelog-dated": "gcc",
    "compacting": "node",
    "compacting-unsynced": "node",
    "compacting-checkpoint-first": "node",
    "journal": "perl",
    "journal-keep-tail": "perl",
    "classic-level-kill": "node",
    "classic-level-power-loss": "node",
    "classic-level-sync-power": "node",
}

PACKAGES = {"node": "nodejs"}
"""Debian's packages, where they have another name than the program."""

RIGHT = {
    "filelog": 2,
    "compacting": 1,
    "journal": 1,
    "classic-level-kill": 1,
    "classic-level-sync-power": 1,
}
"""Cases that the right ones are tried on here; their scenarios ask for more."""

SECOND = {"classic-level-sync-power"}
"""The same driver as another's, asked for more."""

WRONG = {
    "filelog-no-sync": (2, "lost-put"),
    "filelog-dated": (1, "determinism"),
    "compacting-unsynced": (25, "lost-put"),
    "compacting-checkpoint-first": (10, "checkpoint-ahead"),
    "journal-keep-tail": (3, "not-appendable"),
    "classic-level-power-loss": (1, "lost-put"),
}
"""The twins, with the cases within which the invariant that is meant shows."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the directory; with the C driver, where there is a compiler."""
    directory = tmp_path_factory.mktemp("drivers") / "drivers"
    shutil.copytree(DRIVERS, directory, ignore=shutil.ignore_patterns("filelog"))
    if shutil.which("gcc"):
        words = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", "filelog", "filelog.c"]
        subprocess.run(words, cwd=directory, check=True)
    return directory


def need(name: str) -> None:
    need_program(NEEDS[name], PACKAGES.get(NEEDS[name], ""))
    if name.startswith("classic-level"):
        problem = trouble_with_classic_level(DRIVERS)
        if problem:
            lacking(problem)


def trouble_with_classic_level(drivers: Path) -> str:
    """Return what the driver says that it lacks, if it does not start."""
    words = ["node", "./classic_level/driver.js"]
    done = subprocess.run(
        words, cwd=drivers, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.stderr if done.returncode else ""


def test_the_driver_of_classic_level_says_what_it_lacks(tmp_path: Path) -> None:
    need_program("node", PACKAGES["node"])
    directory = tmp_path / "drivers" / "classic_level"
    directory.mkdir(parents=True)
    shutil.copy(DRIVERS / "classic_level" / "driver.js", directory)
    env = {name: value for name, value in inherited().items() if name != "NODE_PATH"}
    words = ("check", "--", "node", "./classic_level/driver.js")
    done = walcrash(directory.parent, *words, **env)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert "the package classic-level cannot be loaded: Cannot find module" in said
    assert "hint: npm install --prefix " in said


def run(directory: Path, runs: Path, name: str, cases: int) -> tuple[int, set[str], str]:
    """Run some cases; return the exit code, the invariants that broke, and all that was said."""
    log = runs / "log"
    words = ("run", f"{name}.toml", "--seed", "1", "--cases", str(cases))
    done = walcrash_here(directory, *words, "--runs", str(runs), "--log", str(log), **inherited())
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    judged = [line for line in lines if line["line"] == "case-judged"]
    return (
        done.returncode,
        {name for line in judged for name in line["invariants"]},
        done.stdout + done.stderr,
    )


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.slow if each in SECOND else ()) for each in RIGHT],
)
def test_a_right_example_passes(name: str, built: Path, tmp_path: Path) -> None:
    need(name)
    code, broken, said = run(built, tmp_path, name, RIGHT[name])
    assert (code, broken) == (0, set()), said


@pytest.mark.slow
def test_a_driver_in_c_that_asks_for_the_date_needs_no_crash(built: Path, tmp_path: Path) -> None:
    need("filelog-dated")
    code, _, said = run(built, tmp_path, "filelog-dated", 1)
    assert code == 1, said
    assert "FAIL  filelog-dated · determinism" in said
    assert "· plain" in said
    assert "clock for filelog" in said


SLOW = {*WRONG} - {"filelog-no-sync"}
"""Cases of drivers that are started anew for every image: up to a minute each."""


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if each in SLOW else ()) for each in WRONG]
)
def test_its_wrong_twin_is_found_by_the_invariant_meant(
    name: str, built: Path, tmp_path: Path
) -> None:
    need(name)
    cases, invariant = WRONG[name]
    code, broken, said = run(built, tmp_path, name, cases)
    assert code == 1, said
    assert invariant in broken, said


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=() if each == "filelog" else pytest.mark.slow) for each in NEEDS],
)
def test_every_example_conforms_to_the_protocol(name: str, built: Path) -> None:
    """Also the wrong twins: what is wrong with them shows in a crash only."""
    need(name)
    words = tomllib.loads((built / f"{name}.toml").read_text())["subject"]["driver"]
    done = walcrash(built, "check", "--", *words, **inherited())
    assert done.returncode == 0, done.stdout + done.stderr
