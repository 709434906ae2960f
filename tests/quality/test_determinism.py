"""The same seed gives the same bytes, whatever the machine does differently."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import ROOT, walcrash, walcrash_here

SCENARIOS = ROOT / "scenarios"
RUN = [
    str(SCENARIOS / "quickstart.toml"),
    str(SCENARIOS / "crash-during-recovery.toml"),
    *(str(SCENARIOS / "planted" / f"{name}.toml") for name in ("torn-length", "wall-clock")),
    str(SCENARIOS / "planted" / "torn-raises.toml"),
]
CASES = 20
"""Of each scenario, in the slow test; the quick one has less, and differs in all at once."""

QUICK_RUN = RUN[:-1]
QUICK_CASES = 2


def events(
    directory: Path,
    *words: str,
    files: Sequence[str] = QUICK_RUN,
    cases: int = QUICK_CASES,
    cwd: Path | None = None,
    **variables: str,
) -> bytes:
    """Run the scenarios and return the event log."""
    directory.mkdir()
    words = ("--seed", "same", "--cases", str(cases), *words, "--runs", str(directory / "runs"))
    done = walcrash(cwd or directory, "run", *files, *words, **variables)
    assert done.returncode == 1, done.stderr
    (log,) = directory.glob("runs/*/events.ndjson")
    return log.read_bytes()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """One run, to compare others with."""
    directory = tmp_path_factory.mktemp("first") / "run"
    return directory, events(directory, "--jobs", "1", PYTHONHASHSEED="0")


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_same_seed_gives_the_same_event_log(
    number: int, first: tuple[Path, bytes], tmp_path: Path
) -> None:
    perturbed = tmp_path / "elsewhere"
    perturbed.mkdir()
    variants: list[tuple[tuple[str, ...], Path | None, dict[str, str]]] = [
        (("--jobs", "2"), perturbed, {"PYTHONHASHSEED": "random", "TMPDIR": str(perturbed)}),
        (("--jobs", "4"), None, {"PYTHONHASHSEED": "12345", "WALCRASH_WORK": str(perturbed),
                                 "TZ": "WCT-13:45", "LANG": "C"}),
    ]  # fmt: skip
    words, cwd, variables = variants[number]
    log = events(tmp_path / "run", *words, cwd=cwd, **variables)
    assert log.splitlines() == first[1].splitlines()
    assert log == first[1]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_event_log_where_one_thing_differs(tmp_path: Path) -> None:
    perturbed = tmp_path / "elsewhere"
    perturbed.mkdir()
    first = events(tmp_path / "first", "--jobs", "1", files=RUN, cases=CASES, PYTHONHASHSEED="0")
    variants: dict[str, tuple[tuple[str, ...], Path | None, dict[str, str]]] = {
        "hash seed": (("--jobs", "1"), None, {"PYTHONHASHSEED": "12345"}),
        "jobs": (("--jobs", "4"), perturbed, {"PYTHONHASHSEED": "0"}),
        "place": (("--jobs", "2"), None,
                  {"WALCRASH_WORK": str(perturbed), "TZ": "WCT-13:45", "LANG": "C"}),
        "random": (("--jobs", "3"), None,
                   {"PYTHONHASHSEED": "random", "TMPDIR": str(perturbed)}),
    }  # fmt: skip
    for name, (words, cwd, variables) in variants.items():
        log = events(tmp_path / name, *words, files=RUN, cases=CASES, cwd=cwd, **variables)
        assert log.splitlines() == first.splitlines(), name
        assert log == first, name


@pytest.mark.slow
def test_the_same_seed_gives_the_same_event_log_where_storage_fails(tmp_path: Path) -> None:
    planted = ("error/retried-sync", "error/half-record", "rot/rot-as-tail", "rot/undecodable-rest")
    files = [str(SCENARIOS / "planted" / f"{name}.toml") for name in planted]
    first, second = (
        events(tmp_path / jobs, "--jobs", jobs, files=files, cases=3, PYTHONHASHSEED=jobs)
        for jobs in ("1", "2")
    )
    assert first.count(b'"error"') > 0
    assert b"silent-rot" in first
    assert first.splitlines() == second.splitlines()
    assert first == second


def test_one_case_alone_shows_what_it_shows_among_all(
    first: tuple[Path, bytes], tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in first[1].splitlines()]
    judged = [line for line in lines if line["line"] == "case-judged"]
    broken = [line for line in judged if line["scenario"] == "torn-length" and line["finding"]]
    assert broken
    for line, file in ((broken[0], RUN[2]), (judged[QUICK_CASES - 1], RUN[0])):
        directory = tmp_path / line["scenario"]
        words = ("run", file, "--seed", "same", "--case", str(line["case"]))
        done = walcrash_here(tmp_path, *words, "--runs", str(directory / "runs"))
        assert done.returncode in (0, 1), done.stderr
        (log,) = directory.glob("runs/*/events.ndjson")
        alone = [json.loads(text) for text in log.read_text().splitlines()]
        (other,) = [other for other in alone if other["line"] == "case-judged"]
        # What is new in a campaign depends on the cases before; all else is the case's own.
        assert other.pop("new_kinds", 0) >= line.get("new_kinds", 0)
        assert other == {key: value for key, value in line.items() if key != "new_kinds"}


def test_a_kept_finding_breaks_the_same_invariant_when_it_is_replayed(
    first: tuple[Path, bytes],
) -> None:
    directory, log = first
    lines = [json.loads(line) for line in log.splitlines()]
    findings = [line["finding"] for line in lines if line["line"] == "finding-reported"]
    assert {finding["scenario"] for finding in findings} == {
        "torn-length", "wall-clock",
    }  # fmt: skip
    for finding in findings[:4]:
        assert finding["replays"] == finding["replays_alike"] == 5
        words = ("replay", finding["id"], "--times", "1", "--runs", str(directory / "runs"))
        done = walcrash_here(directory, *words)
        assert done.returncode == 1, done.stdout + done.stderr
        assert finding["violations"][0]["invariant"] in done.stdout
