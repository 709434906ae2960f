"""Subjects that are wrong in any way: the right exit code, a sentence, nothing left behind."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from command import walcrash, walcrash_here
from needs import lacking

SUBJECTS = Path(__file__).with_name("bad_subjects.py")

# limits
RUN_SECONDS = 480.0
"""Longest run of one command."""

CLEAN_SECONDS = 5.0
"""How soon everything is gone."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]
"""`run`, or `run_here`."""

SCENARIO = """
format = 1
name = "{name}"
summary = "A subject that is wrong."
[subject]
adapter = "{adapter}"
[workload]
boots = [1, 2]
operations = [3, 6]
[workload.mix]
put = 5
done = 2
tick = 1
apply = 1
[[faults]]
kind = "kill"
[invariants]
check = "all"
[budget]
cases = 3
[limits]
recovery_seconds = {seconds}
recovery_memory_mb = {memory_mb}
"""


def write_scenario(
    directory: Path,
    adapter: str,
    *,
    name: str = "wrong",
    seconds: float = 0.7,
    memory_mb: int = 200,
) -> str:
    """Write a scenario on a class of `bad_subjects`, or any adapter with a colon."""
    target = adapter if ":" in adapter else f"{SUBJECTS}:{adapter}"
    text = SCENARIO.format(name=name, adapter=target, seconds=seconds, memory_mb=memory_mb)
    (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return f"{name}.toml"


def run(
    directory: Path, *words: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `walcrash ...`; afterwards none of its processes and directories are there."""
    with nothing_left(directory) as variables:
        return walcrash(
            directory, *words, seconds=RUN_SECONDS, **{**variables, **(environment or {})}
        )


def run_here(
    directory: Path, *words: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Do the same in this process, which is not among those that may be left."""
    with nothing_left(directory) as variables:
        return walcrash_here(directory, *words, **{**variables, **(environment or {})})


@contextmanager
def nothing_left(directory: Path) -> Iterator[dict[str, str]]:
    """Say in which environment a command runs, and see that nothing is left of it at the end."""
    work = directory / "work"
    work.mkdir(exist_ok=True)
    mark = f"walcrash-e2e-{os.getpid()}-{time.monotonic_ns()}"
    yield {
        "WALCRASH_WORK": str(work),
        "BAD_SUBJECT_OUTSIDE": str(directory / "outside"),
        "WALCRASH_TEST_MARK": mark,
    }
    assert_nothing_left(mark, work)


def assert_nothing_left(mark: str, work: Path) -> None:
    """No process with the mark in its environment, and no working directory, in some seconds."""
    deadline = time.monotonic() + CLEAN_SECONDS
    while (left := marked(mark)) or list(work.glob("*")):
        assert time.monotonic() < deadline, (left, list(work.glob("*")))
        time.sleep(0.05)


def marked(mark: str) -> list[psutil.Process]:
    """Processes that were started with a mark in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("WALCRASH_TEST_MARK") == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


UNOPENED = {
    "RaisesInOpen": "refused: RuntimeError: cannot open this",
    "HangsInOpen": "hung: no progress within 0.7 seconds, then killed",
    "MalformedReplay": "a replay yields (offset, record); found 'one'",
    "NoneReplay": "TypeError: 'NoneType' object is not iterable",
    "EndlessReplay": "",
    "TextFromEnd": "an offset is an integer; found 'far away'",
    "OddState": "the checkpoint in state() is an integer; found 'here'",
    "OddOperations": "state() holds OperationState by id; found ('a', 1): OperationState(",
    "ListState": "state() returns a SubjectState; found []",
    "EatsMemory": "over-memory: MemoryError",
    "UnshowableError": "refused: Unshowable",
}
"""What cannot be opened in an empty directory, with what is said of it."""

WRONG_WITHOUT_A_CRASH = {
    "HangsInAppend": "during `append`, and no fault explains it: 'hung: no end within 0.7",
    "NoneFromAppend": "'append() returns an integer; found None'",
    "HugeOffset": "'append() returns an integer of 64 bits; found one of 19932'",
    "ExitsInAppend": "'died: exited with status 70'",
    "QuitsInAppend": "'died: exited with status 5'",
    "CrashesInAppend": "'memory-fault: died of signal 11",
    "PrintsForever": "during `append`, and no fault explains it: 'hung: ",
    "DeletesDirectory": "recovery shows nothing",
    "ClosesEverything": "during `append`, and no fault explains it",
    "KeepsElsewhere": "is there, and was never appended",
}
"""What has a finding that needs no crash, with what is said of it."""

QUICK = ["NoneFromAppend", "KeepsElsewhere"]

QUICK_UNOPENED = ["HangsInOpen", "MalformedReplay"]

HANG = {"HangsInOpen", "HangsInAppend", "EndlessReplay", "PrintsForever"}

HARMLESS = ["PrintsMalformedOutput", "WritesOutside", "RestlessThread", "MapsItsFile"]


def run_all(
    directory: Path, names: list[str], *, run: Run
) -> tuple[int, dict[str, dict[str, object]]]:
    """Run the subjects of these names; return the exit code and how each of them ended.

    What was said of findings that need no crash is under `plain`.
    """
    files = [
        write_scenario(directory, n, name=n.lower(), seconds=0.7 if n in HANG else 10)
        for n in names
    ]
    log = directory / "log"
    words = ("run", *files, "--seed", "1", "--jobs", "1" if run is run_here else "2")
    done = run(directory, *words, "--log", str(log))
    assert "Traceback" not in done.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    ended = {line["scenario"]: line for line in lines if line["line"] == "scenario-ended"}
    for line in lines:
        if line["line"] == "finding-reported" and line["finding"].get("is_plain"):
            told = str(ended[line["finding"]["scenario"]].get("plain", ""))
            broken = " ".join(each["message"] for each in line["finding"]["violations"])
            ended[line["finding"]["scenario"]]["plain"] = f"{told} {broken}"
    return done.returncode, {name: ended[name.lower()] for name in names}


@pytest.mark.parametrize(
    ("harmless", "unopened", "go"),
    [
        pytest.param([], QUICK_UNOPENED, run_here, id="two"),
        pytest.param(HARMLESS, list(UNOPENED), run, marks=pytest.mark.slow, id="all"),
    ],
)
def test_a_subject_that_cannot_be_opened_is_told_so_and_the_next_one_is_tested_as_ever(
    harmless: list[str], unopened: list[str], go: Run, tmp_path: Path
) -> None:
    code, ended = run_all(tmp_path, [*harmless, *unopened, "Right"], run=go)
    assert code == 4
    for name in [*harmless, "Right"]:
        assert (ended[name]["verdict"], ended[name]["cases"]) == ("pass", 3)
    for name in unopened:
        words = UNOPENED[name]
        line = ended[name]
        assert (line["verdict"], line["cases"]) == ("inconclusive", 0), line
        assert "cannot be opened in an empty directory: " in str(line["reason"])
        assert words in str(line["reason"])
        assert line["unopened"]


def assert_plain(ended: dict[str, dict[str, object]]) -> None:
    for name, line in ended.items():
        assert line["verdict"] == "fail", line
        assert WRONG_WITHOUT_A_CRASH[name] in str(line["plain"])


def test_a_subject_that_is_wrong_without_a_crash_has_a_plain_finding(tmp_path: Path) -> None:
    code, ended = run_all(tmp_path, QUICK, run=run_here)
    assert code == 1
    assert_plain(ended)
    assert "it writes outside its directory, to " in str(ended["KeepsElsewhere"]["reason"])


@pytest.mark.slow
def test_whatever_is_wrong_with_a_subject_without_a_crash_is_a_plain_finding(
    tmp_path: Path,
) -> None:
    names = [name for name in WRONG_WITHOUT_A_CRASH if name not in QUICK]
    code, ended = run_all(tmp_path, names, run=run)
    assert code == 1
    assert_plain(ended)


@pytest.mark.slow
def test_a_subject_whose_daemon_writes_on_is_in_doubt_and_not_accused(tmp_path: Path) -> None:
    """It depends on the machine's load in which case the daemon gets to write."""
    file = write_scenario(tmp_path, "LeavesADaemon", name="daemon", seconds=30)
    log = tmp_path / "log"
    done = run_here(tmp_path, "run", file, "--seed", "1", "--cases", "12", "--log", str(log))
    assert done.returncode == 4, done.stdout + done.stderr
    (ended,) = [
        line
        for line in map(json.loads, log.read_text().splitlines())
        if line["line"] == "scenario-ended"
    ]
    assert "unrecoverable showed in a shared process and not in a fresh one" in ended["reason"]


def test_an_adapter_of_before_the_package_was_renamed_is_told_what_to_write(tmp_path: Path) -> None:
    code = "from harness.subjects.adapter import Adapter\n"
    (tmp_path / "module.py").write_text(code, encoding="utf-8")
    done = run_here(tmp_path, "run", write_scenario(tmp_path, "module.py:Subject"))
    assert done.returncode == 2, done.stderr
    assert "No module named 'harness'" in done.stderr
    assert (
        "hint: the package is `walcrash` now: write `from walcrash import Adapter`" in done.stderr
    )


MODULES = {
    "exits": ("import sys; sys.exit('not today')", "SystemExit: not today"),
    "quits": ("import os; os._exit(3)", "loading ended the process"),
    "mistyped": ("def wal(:", "SyntaxError"),
    "closes": ("import os; os.closerange(0, 99)", "loading ended the process"),
    "empty": ("", "has no `Subject`"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_cannot_be_imported_is_a_scenario_error(name: str, tmp_path: Path) -> None:
    code, words = MODULES[name]
    (tmp_path / "module.py").write_text(code + "\n", encoding="utf-8")
    done = run_here(tmp_path, "run", write_scenario(tmp_path, "module.py:Subject"))
    assert done.returncode == 2, done.stderr
    assert "the subject's adapter" in done.stderr
    assert words in done.stderr
    assert "hint: " in done.stderr
    assert "walcrash/" not in done.stderr.replace(str(SUBJECTS), "")


@pytest.mark.parametrize(
    ("adapter", "words"),
    [
        ("NoAdapter", "is no subclass of Adapter"),
        ("Abstract", "define `append`, `close`, `end`, `open`, `replay` in the class"),
        ("RaisesInInit", 'raise RuntimeError("no licence")'),
        ("Missing", "has no `Missing`"),
        ("OddContract", "`contract` is a Contract; found 'everything'"),
        ("OddTears", "`atomic_bytes` is one of 1, 512, 4096; found 100"),
        ("OddSupports", "`supports` is a frozenset of texts; found None"),
        ("MistypedSupports", "`supports` lists 'compaction'; known: apply, checkpoint, compact"),
    ],
)
def test_a_class_that_is_no_adapter_is_a_scenario_error(
    adapter: str, words: str, tmp_path: Path
) -> None:
    done = run_here(tmp_path, "run", write_scenario(tmp_path, adapter))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "hint: " in done.stderr


def test_a_subject_that_kills_what_started_it_is_a_fault_with_a_hint(tmp_path: Path) -> None:
    done = run(tmp_path, "run", write_scenario(tmp_path, "KillsItsParents"))
    assert done.returncode == 3
    assert "the zygote is gone" in done.stderr
    assert "see also whether the subject kills other processes" in done.stderr
    assert "Traceback" not in done.stderr


def test_too_little_memory_for_a_worker_is_told(tmp_path: Path) -> None:
    done = run_here(tmp_path, "run", write_scenario(tmp_path, "NeedsMemory", memory_mb=1))
    assert done.returncode in (3, 4), done.stderr
    assert "Traceback" not in done.stderr
    assert "emory" in done.stdout + done.stderr


def test_a_working_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    for place in (str(tmp_path / "nowhere"), "/dev/null"):
        done = run_here(
            tmp_path, "run", write_scenario(tmp_path, "Right"),
            environment={"WALCRASH_WORK": place},
        )  # fmt: skip
        assert done.returncode == 3
        assert f"error: no working directory can be made in {place}" in done.stderr
        assert "hint: WALCRASH_WORK=" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("place", ["/dev/null/runs", "wrong.toml"])
def test_a_directory_for_runs_that_cannot_be_made_is_a_usage_error(
    place: str, tmp_path: Path
) -> None:
    done = run_here(tmp_path, "run", write_scenario(tmp_path, "Right"), "--runs", place)
    assert done.returncode == 2
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("size", ["40k", "200k"])
def test_a_full_working_directory_is_no_verdict_on_the_subject(size: str, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(small)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    if mounted.returncode:
        lacking(f"no small file system can be mounted: {mounted.stderr.strip()}")
    try:
        done = run_here(
            tmp_path, "run", write_scenario(tmp_path, "Fat", seconds=5), "--seed", "1",
            environment={"WALCRASH_WORK": str(small)},
        )  # fmt: skip
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.returncode == 3, done.stdout
    assert "No space left" in done.stderr or "no space left" in done.stderr
    assert "hint: WALCRASH_WORK=" in done.stderr
    assert "Traceback" not in done.stderr
