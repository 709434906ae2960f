"""Campaigns on drivers that are wrong: the right exit code, a sentence, nothing left behind."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bad_drivers
import pytest
from test_bad_subjects import run, run_here

SCENARIO = """
format = 1
name = "{name}"
summary = "A driver that is wrong."
[subject]
driver = [{words}]
[contract]
kill = "all"
[workload]
operations = [3, 6]
{mix}
[[faults]]
kind = "kill"
[budget]
cases = {cases}
[limits]
recovery_seconds = {seconds}
recovery_memory_mb = {memory_mb}
"""


Run = Callable[..., "subprocess.CompletedProcess[str]"]


def write_scenario(
    directory: Path,
    way: str,
    *,
    seconds: float = 20,
    memory_mb: int = 200,
    words: str = "",
    mix: str = "",
    cases: int = 3,
) -> str:
    words = words or ", ".join(json.dumps(word) for word in bad_drivers.driver(way))
    text = SCENARIO.format(
        name=way,
        words=words,
        mix=f"mix = {{ {mix} }}" if mix else "",
        seconds=seconds,
        memory_mb=memory_mb,
        cases=cases,
    )
    (directory / f"{way}.toml").write_text(text, encoding="utf-8")
    return f"{way}.toml"


def run_all(
    directory: Path, files: list[str], *, run: Run = run_here
) -> tuple[int, dict[str, dict[str, object]], str]:
    """Run scenarios; return the exit code and what ended each."""
    log = directory / "log"
    words = ("run", *files, "--seed", "1", "--jobs", "1" if run is run_here else "2")
    done = run(directory, *words, "--log", str(log))
    assert "Traceback" not in done.stdout + done.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    ended = {line["scenario"]: line for line in lines if line["line"] == "scenario-ended"}
    return done.returncode, ended, done.stdout + done.stderr


WRONG_WITHOUT_A_CRASH = {
    "dies": "'died: it exited with status 3 in `append`; its stderr ends: assertion failed: ",
    "nojson": "malformed-output: its reply to `append` is no JSON: ",
    "same": "was appended at 7, which is not behind",
    "late": "was appended at 0, which is not behind",
    "backwards": "order ",
    "reluctant": "'not as",
    "unwilling": "not this one",
    "unable": "not today",
}


def plain_findings(directory: Path) -> dict[str, str]:
    """Return what was said of the findings that need no crash, by scenario."""
    found: dict[str, str] = {}
    for line in map(json.loads, (directory / "log").read_text().splitlines()):
        if line["line"] == "finding-reported" and line["finding"].get("is_plain"):
            finding = line["finding"]
            assert finding["landings"] == []
            told = " ".join(
                f"{each['invariant']} {each['message']}" for each in finding["violations"]
            )
            found[finding["scenario"]] = f"{found.get(finding['scenario'], '')} {told}"
    return found


def test_a_right_driver_passes_and_a_wrong_one_is_told_what_it_did(tmp_path: Path) -> None:
    files = [write_scenario(tmp_path, way, cases=1) for way in ["right", "dies"]]
    code, ended, said = run_all(tmp_path, files)
    assert code == 1, said
    assert (ended["right"]["verdict"], ended["right"]["cases"]) == ("pass", 1)
    assert (ended["dies"]["verdict"], ended["dies"]["cases"]) == ("fail", 1)
    assert WRONG_WITHOUT_A_CRASH["dies"] in plain_findings(tmp_path)["dies"]


@pytest.mark.slow
def test_whatever_is_wrong_with_a_driver_without_a_crash_is_a_plain_finding(tmp_path: Path) -> None:
    files = [write_scenario(tmp_path, way, cases=1) for way in WRONG_WITHOUT_A_CRASH]
    code, ended, said = run_all(tmp_path, files)
    assert code == 1, said
    found = plain_findings(tmp_path)
    for way, words in WRONG_WITHOUT_A_CRASH.items():
        assert ended[way]["verdict"] == "fail", ended[way]
        assert words in found[way]


LIES = {
    "liar": ("put = 3, apply = 1", "apply"),
    "lying": ("put = 3, sync = 1, compact = 1", "compact"),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", LIES)
def test_a_driver_that_refuses_what_it_supports_is_found_without_a_crash(
    way: str, tmp_path: Path
) -> None:
    mix, refused = LIES[way]
    code, ended, said = run_all(tmp_path, [write_scenario(tmp_path, way, mix=mix, cases=1)])
    assert code == 1, said
    assert (ended[way]["verdict"], ended[way]["findings"]) == ("fail", 1)
    told = plain_findings(tmp_path)[way]
    assert f"not-appendable it refused `{refused}` in boot 1, call " in told
    assert f"there is no request {refused}" in told


UNOPENED = {
    "exits": "died: it exited with status 7 in `open`; its stderr ends: no licence | for this mach",
    "banner": "malformed-output: its reply to `open` is no JSON: b'welcome to mywal'",
    "silent": "hung: no reply to `open` within 0.9 seconds, then killed",
    "locked": "refused: another has the lock",
    "none": "died: it cannot be started: there is no program walcrash-none on the PATH",
}


@pytest.mark.parametrize("way", UNOPENED)
def test_a_driver_that_does_not_open_in_an_empty_directory_is_inconclusive(
    way: str, tmp_path: Path
) -> None:
    words = '"walcrash-none"' if way == "none" else ""
    name = write_scenario(tmp_path, way, seconds=1 if way == "silent" else 20, words=words)
    code, ended, said = run_all(tmp_path, [name])
    assert (code, ended[way]["verdict"]) == (4, "inconclusive"), said
    reason = str(ended[way]["reason"])
    assert reason.startswith("the subject cannot be opened in an empty directory: ")
    assert UNOPENED[way] in reason
    assert "NOT OPENED" in said
    assert "walcrash.subjects" not in said


LOADED = {
    "version": "it speaks version 2 of the driver protocol; this walcrash speaks version 1",
    "capability": '`supports` lists "compaction"; known: apply, checkpoint',
    "listener": "it listens on 0.0.0.0 port ",
    "status": "it exited with status 9 after `close`, not 0",
}


@pytest.mark.parametrize("way", LOADED)
def test_a_driver_whose_answer_to_open_is_wrong_is_a_scenario_error(
    way: str, tmp_path: Path
) -> None:
    done = run_here(tmp_path, "run", write_scenario(tmp_path, way))
    assert done.returncode == 2, done.stderr
    assert "error: the driver `" in done.stderr
    assert LOADED[way] in done.stderr
    assert "hint: walcrash check " in done.stderr


@pytest.mark.slow
def test_what_a_driver_writes_outside_its_directory_is_reported_with_the_path(
    tmp_path: Path,
) -> None:
    _, _, said = run_all(tmp_path, [write_scenario(tmp_path, "outside")])
    assert f"{tmp_path}/outside" in said


@pytest.mark.slow
def test_the_daemons_of_a_driver_are_gone_with_it(tmp_path: Path) -> None:
    """`run` looks for processes that are left."""
    code, ended, said = run_all(tmp_path, [write_scenario(tmp_path, "daemon")])
    assert (code, ended["daemon"]["cases"]) == (0, 3), said


@pytest.mark.slow
def test_a_driver_that_fills_the_disk_is_stopped(tmp_path: Path) -> None:
    name = write_scenario(tmp_path, "full", seconds=100, cases=1)
    code, _, said = run_all(tmp_path, [name], run=run)
    assert code == 1, said
    assert "not-appendable" in said
    assert "plain" in said
    assert "more than 512 MiB in one boot, then killed" in " ".join(said.split())


RUINS_RECOVERIES = {
    "fills": "its directory grew by more than 512 MiB in one boot, then killed",
    "eats": "MemoryError",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", RUINS_RECOVERIES)
def test_a_driver_that_takes_too_much_in_a_recovery_is_stopped(way: str, tmp_path: Path) -> None:
    """Nobody watches the calls of a recovery after the last crash."""
    name = write_scenario(tmp_path, way, seconds=60, cases=1)
    text = (tmp_path / name).read_text().replace("[workload]", "[workload]\nboots = 1")
    (tmp_path / name).write_text(text)
    code, ended, said = run_all(tmp_path, [name])
    assert code in (1, 4), said
    assert RUINS_RECOVERIES[way] in f"{said} {ended[way]['reason']}"
    assert "unrecoverable" in said


@pytest.mark.slow
def test_the_words_for_a_full_disk_are_no_full_disk(tmp_path: Path) -> None:
    done = run_here(tmp_path, "run", write_scenario(tmp_path, "space", cases=1))
    assert done.returncode in (1, 4), done.stdout + done.stderr
    assert "no space left on device, write" in " ".join(done.stdout.split())
    assert "there is no space left" not in done.stderr


@pytest.mark.slow
def test_a_finding_of_a_driver_is_replayed_from_its_stored_words(tmp_path: Path) -> None:
    (tmp_path / "driver.py").symlink_to(bad_drivers.__file__)
    words = json.dumps([sys.executable, "./driver.py", "buffers"])[1:-1]
    code, _, said = run_all(tmp_path, [write_scenario(tmp_path, "buffers", words=words)])
    assert code == 1, said
    again = run_here(tmp_path, "replay", "F-", "--times", "1")
    assert again.returncode == 1, again.stdout + again.stderr
