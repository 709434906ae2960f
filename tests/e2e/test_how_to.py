"""The how-to page works as it is written: all of its Python and its scenario, on a small log."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import walcrash_here
from how_to import MYLOG, PAGE, ROOT, block

ADAPTER = block(PAGE, "python", "class MyLog(")
SCENARIO = block(PAGE, "toml", "format = 1")
TEST = block(PAGE, "python", "def test_mylog_keeps_its_promise")
SUITE = block(PAGE, "python", "class TestMyLog(")
PROGRAM = block(PAGE, "python", "walcrash.run(")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The log, its adapter and its scenario."""
    (tmp_path / "mylog.py").write_text(MYLOG)
    (tmp_path / "mylog_adapter.py").write_text(ADAPTER)
    (tmp_path / "mylog.toml").write_text(SCENARIO)
    return tmp_path


def run_python(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "harness"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_adapter_and_the_scenario_of_the_how_to_pass(directory: Path) -> None:
    done = walcrash_here(directory, "run", "mylog.toml", "--seed", "1", "--cases", "15")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS  no findings in 15 cases" in done.stdout


@pytest.mark.slow
def test_the_suite_of_the_how_to_passes_and_a_finding_fails_its_test(directory: Path) -> None:
    (directory / "mylog.py").write_text(MYLOG.replace("if self.size < len(data)", "if False"))
    (directory / "test_mylog.py").write_text(TEST.replace("cases=200", "cases=8"))
    (directory / "test_suite.py").write_text(SUITE)
    plugins = ["-p", "no:cacheprovider", "-p", "walcrash.pytest_plugin"]
    done = run_python(directory, "-m", "pytest", "-q", *plugins)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL  mylog" in done.stdout
    assert "walcrash replay F-" in done.stdout
    assert "1 failed, 8 passed, 5 skipped" in done.stdout


@pytest.mark.slow
def test_the_program_of_the_how_to_runs_once_and_ends_with_the_exit_code(directory: Path) -> None:
    # Its jobs are processes, and none of them may run the program again.
    program = "print('begun')\n" + PROGRAM.replace("cases=200", "cases=5")
    (directory / "crash_mylog.py").write_text(program)
    done = run_python(directory, "crash_mylog.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("begun") == 1
    assert "PASS  no findings in 5 cases" in done.stdout
    assert done.stderr == ""
