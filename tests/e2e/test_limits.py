"""Limits of processes and open files that are too low: a sentence, exit 3, and nothing is left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import environment
from needs import lacking
from test_bad_subjects import nothing_left

RUN = [sys.executable, "-m", "walcrash", "run", "quickstart", "--cases", "1", "--jobs", "1"]

NOBODY = 64_321
"""A user without any other process, whose processes are counted."""


def run_limited(directory: Path, limit: str, *before: str) -> None:
    with nothing_left(directory) as variables:
        done = subprocess.run(
            [*before, "bash", "-c", f'ulimit {limit}; exec "$@"', "bash", *RUN],
            cwd=directory,
            env=environment(**variables, PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 3, (limit, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert "\nhint: ulimit -u shows how many processes you may have" in done.stderr


@pytest.mark.parametrize(
    "files", [9, *(pytest.param(each, marks=pytest.mark.slow) for each in (5, 14))]
)
def test_too_few_open_files_are_told(files: int, tmp_path: Path) -> None:
    run_limited(tmp_path, f"-n {files}")


@pytest.mark.parametrize(
    "processes", [3, *(pytest.param(each, marks=pytest.mark.slow) for each in (1, 5))]
)
def test_too_few_processes_are_told(processes: int, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        lacking("setpriv(1) as root, for a user whose processes are counted alone")
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o777)
    # The sources and Python itself may belong to somebody else: what may be read stays so.
    capabilities = "+dac_override,+dac_read_search"
    who = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    who += ["--inh-caps", capabilities, "--ambient-caps", capabilities]
    run_limited(tmp_path, f"-u {processes}", *who)
