"""The same seed gives the same bytes, whatever the machine does differently."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "scenarios"
RUN = [
    str(SCENARIOS / "quickstart.toml"),
    str(SCENARIOS / "crash-during-recovery.toml"),
    *(str(SCENARIOS / "planted" / f"{name}.toml") for name in ("torn-length", "wall-clock")),
    str(SCENARIOS / "planted" / "torn-raises.toml"),
]
CASES = 20


def walcrash(
    directory: Path, *words: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "walcrash", *words, "--runs", str(directory / "runs")],
        cwd=cwd or directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def events(directory: Path, *words: str, cwd: Path | None = None, **environment: str) -> bytes:
    """Run the scenarios and return the event log."""
    directory.mkdir()
    done = walcrash(
        directory,
        "run",
        *RUN,
        "--seed",
        "same",
        "--cases",
        str(CASES),
        *words,
        cwd=cwd,
        **environment,
    )
    assert done.returncode == 1, done.stderr
    (log,) = directory.glob("runs/*/events.ndjson")
    return log.read_bytes()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """One run, to compare others with."""
    directory = tmp_path_factory.mktemp("first") / "run"
    return directory, events(directory, "--jobs", "1", PYTHONHASHSEED="0")


@pytest.mark.parametrize("number", range(4))
def test_the_same_seed_gives_the_same_event_log(
    number: int, first: tuple[Path, bytes], tmp_path: Path
) -> None:
    perturbed = tmp_path / "elsewhere"
    perturbed.mkdir()
    variants: list[tuple[tuple[str, ...], Path | None, dict[str, str]]] = [
        (("--jobs", "1"), None, {"PYTHONHASHSEED": "12345"}),
        (("--jobs", "4"), perturbed, {"PYTHONHASHSEED": "0"}),
        (("--jobs", "2"), None, {"WALCRASH_WORK": str(perturbed), "TZ": "WCT-13:45", "LANG": "C"}),
        (("--jobs", "3"), None, {"PYTHONHASHSEED": "random", "TMPDIR": str(perturbed)}),
    ]
    words, cwd, environment = variants[number]
    log = events(tmp_path / "run", *words, cwd=cwd, **environment)
    assert log.splitlines() == first[1].splitlines()
    assert log == first[1]


def test_one_case_alone_shows_what_it_shows_among_all(
    first: tuple[Path, bytes], tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in first[1].splitlines()]
    judged = [line for line in lines if line["line"] == "case-judged"]
    broken = [line for line in judged if line["scenario"] == "torn-length" and line["finding"]]
    assert broken
    for line, file in ((broken[0], RUN[2]), (judged[CASES - 1], RUN[0])):
        directory = tmp_path / line["scenario"]
        done = walcrash(directory, "run", file, "--seed", "same", "--case", str(line["case"]),
                        cwd=tmp_path)  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        (log,) = directory.glob("runs/*/events.ndjson")
        alone = [json.loads(text) for text in log.read_text().splitlines()]
        assert [other for other in alone if other["line"] == "case-judged"] == [line]


def test_a_kept_finding_breaks_the_same_invariant_when_it_is_replayed(
    first: tuple[Path, bytes],
) -> None:
    directory, log = first
    lines = [json.loads(line) for line in log.splitlines()]
    findings = [line["finding"] for line in lines if line["line"] == "finding-reported"]
    assert {finding["scenario"] for finding in findings} == {
        "torn-length", "wall-clock", "torn-raises",
    }  # fmt: skip
    for finding in findings[:4]:
        assert finding["replays"] == finding["replays_alike"] == 5
        done = walcrash(directory, "replay", finding["id"], "--times", "1")
        assert done.returncode == 1, done.stdout + done.stderr
        assert finding["violations"][0]["invariant"] in done.stdout
