"""Whole campaigns, one for each exit code: what a user types and reads."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import environment, walcrash_here
from transcripts import HERE, ROOT, check_transcript, compare_transcript, run_walcrash

SUBJECTS = Path(__file__).parent / "subjects"

CAMPAIGNS = {
    "exit-0-passed": "walcrash run quickstart --seed 7 --cases 12 --jobs 2",
    "exit-2-broken-scenario": "walcrash run subjects/mistyped.toml",
    "exit-2-raises-on-import": "walcrash run subjects/raises-on-import.toml --seed 7",
    "exit-2-unknown-subject": "walcrash run subjects/no-such-class.toml --seed 7",
    "exit-1-plain": "walcrash run subjects/forgetful.toml --seed 7",
    "exit-4-not-opened": "walcrash run subjects/unlicensed.toml --seed 7",
}

FINDS = "walcrash run planted/uncut-tail.toml --seed abc --cases 8"

INTERRUPT_SECONDS = 60.0


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return user_directory(tmp_path)


def user_directory(directory: Path) -> Path:
    """Fill a directory of a user's: the transcripts name no path of this machine."""
    shutil.copytree(SUBJECTS, directory / "subjects")
    shutil.copytree(ROOT / "scenarios" / "planted", directory / "planted")
    return directory


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_a_campaign_prints_what_its_transcript_says(name: str, directory: Path) -> None:
    check_transcript(name, CAMPAIGNS[name], directory)


def test_a_fault_of_the_harness_prints_what_its_transcript_says(tmp_path: Path) -> None:
    variables = {"WALCRASH_WORK": "/dev/null/nowhere"}
    command = "walcrash run quickstart --seed 7 --cases 4 --jobs 1"
    check_transcript("exit-3-no-working-directory", command, tmp_path, environment=variables)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a campaign was run, and its finding is kept; and what was printed."""
    directory = user_directory(tmp_path_factory.mktemp("found"))
    (directory / "printed.txt").write_text(run_walcrash(FINDS, directory), encoding="utf-8")
    return directory


def test_a_campaign_with_a_finding_prints_what_its_transcript_says(found: Path) -> None:
    compare_transcript("exit-1-findings", (found / "printed.txt").read_text(encoding="utf-8"))


def test_a_replay_prints_the_finding_how_often_it_came_again_and_what_was_done(
    found: Path,
) -> None:
    done = walcrash_here(found, "replay", "F-", "--times", "2")
    assert done.returncode == 1
    told = (HERE / "exit-1-findings.txt").read_text(encoding="utf-8")
    block, _, calls = done.stdout.partition("\n\n  boot 1, ")
    # The campaign said the same of it, but for how often it was replayed.
    assert block.replace("replayed 2 of 2", "replayed 5 of 5") in told
    assert f"boot 1, {calls}".splitlines() == [
        "boot 1, killed after 2 calls",
        "  0         open: acknowledged",
        "  1         append PutOperation op-1: unanswered",
        "",
        "  boot 2, killed after 2 calls",
        "  0         open: acknowledged",
        "  1         append PutOperation op-2: acknowledged at 0",
    ]
    assert done.stderr.splitlines() == [
        "replay 1 of 2: lost-put, the same again",
        "replay 2 of 2: lost-put, the same again",
    ]


def test_an_explanation_prints_what_its_transcript_says(found: Path) -> None:
    variables = {"COLUMNS": "80"}
    check_transcript("exit-0-explain", "walcrash explain F-", found, environment=variables)


@pytest.mark.parametrize(
    "asked", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interrupted_campaign_ends_soon_with_a_summary_and_130(
    asked: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "walcrash", "run", f"{SUBJECTS}/sleepy.toml", "--seed", "7"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(NO_COLOR="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "seed 7" in process.stderr.readline()
        time.sleep(1.0)  # The subject sleeps in `open` for far longer than this.
        process.send_signal(asked)
        began = time.monotonic()
        stdout, _ = process.communicate(timeout=INTERRUPT_SECONDS)
    assert process.returncode == 130
    assert time.monotonic() - began < INTERRUPT_SECONDS / 4
    assert "INCONCLUSIVE  no findings in 0 cases" in stdout
    assert "stopped   interrupted" in stdout
    assert "seed      7" in stdout


def test_there_is_a_transcript_for_every_exit_code_that_does_not_depend_on_a_signal() -> None:
    codes = {path.read_text().split("\n")[0] for path in HERE.glob("*.txt")}
    assert codes >= {"exit 0", "exit 1", "exit 2", "exit 3", "exit 4"}
