"""The pytest door, in a pytest of its own, over a made-up campaign.

One such pytest runs the tests that pass, one those that fail: each costs a second of imports.
"""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from unittest import mock

import pytest
import report_lines
from _pytest.config import PytestPluginManager
from command import ROOT
from report_lines import write_scenario

UNIT = Path(report_lines.__file__).parent

CONFTEST = """\
import sys
import report_lines
sys.modules["walcrash.campaign.campaign"] = report_lines.fake_module()
"""

PASSING = """\
def test_my_wal_keeps_its_promises(walcrash):
    result = walcrash("made-up.toml", cases=3)
    assert result.seed == "pytest"
    assert result.scenarios[0].cases == 3


def test_with_a_seed_of_its_own(walcrash):
    result = walcrash("made-up.toml", cases=3, seed=1)
    assert result.seed == "1"
    assert result.scenarios[0].cases == 3
"""

FAILING = """\
def test_with_a_finding(walcrash, monkeypatch):
    monkeypatch.setenv("FAIL_CASES", "1")
    walcrash("made-up.toml", cases=3)


def test_without_interception(walcrash, monkeypatch):
    monkeypatch.setenv("ERROR", "Inconclusive('interception is missing')")
    walcrash("made-up.toml", cases=3)


def test_beside_its_scenario(walcrash, monkeypatch):
    monkeypatch.setenv("FAIL_CASES", "1")
    walcrash("sc/other.toml", cases=2)


def test_in_another_directory(walcrash, monkeypatch, tmp_path):
    monkeypatch.setenv("FAIL_CASES", "1")
    monkeypatch.chdir(tmp_path)
    walcrash("sc/other.toml", cases=2)


def test_without_a_subject(walcrash, monkeypatch):
    monkeypatch.setenv("ERROR", "ScenarioError('no such subject')")
    walcrash("made-up.toml", cases=3)
"""

CHOSEN = """\
def test_my_wal_keeps_its_promises(walcrash):
    result = walcrash("made-up.toml", cases=3, seed=1)
    assert result.seed == "9"
    assert result.scenarios[0].cases == 3
"""


def run_pytest(directory: Path, test: str, *options: str) -> tuple[int, str]:
    write_scenario(directory)
    (directory / "in" / "sc").mkdir(parents=True)
    write_scenario(directory / "in" / "sc", "other")
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "in" / "test_it.py").write_text(test)
    plugins = ["-p", "no:cacheprovider", "-p", "walcrash.pytest_plugin"]
    # Of its own: where it shares ours, it takes the time to remove what earlier runs left there.
    plugins.append(f"--basetemp={directory / 'temporary'}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", *plugins, *options],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{UNIT.parents[1]}/harness:{UNIT}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """A directory, what pytest exited with there, and what it printed."""
    directory = tmp_path_factory.mktemp("passing")
    return directory, *run_pytest(directory, PASSING)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    return run_pytest(tmp_path_factory.mktemp("failing"), FAILING)


def failure(out: str, name: str) -> str:
    """Return what pytest printed of one test that failed."""
    _, _, after = out.partition(f" {name} ___")
    return after.partition("\n____")[0].partition("\n====")[0]


def test_a_scenario_that_passes_is_a_test_that_passes(passing: tuple[Path, int, str]) -> None:
    directory, code, out = passing
    assert code == 0, out
    assert "PASSED in/test_it.py::test_my_wal_keeps_its_promises" in out
    assert list(directory.glob("reports/runs/*/report.md"))


def test_findings_fail_the_test_with_their_text_and_no_traceback(failing: tuple[int, str]) -> None:
    code, out = failing
    assert code == 1
    assert "FAILED in/test_it.py::test_with_a_finding" in out
    told = failure(out, "test_with_a_finding")
    assert "FAIL  made-up · lost-put · F-7c1e" in told
    assert "walcrash replay F-7c1e" in told
    assert "walcrash run made-up.toml --cases 3 --seed pytest" in told
    assert "pytest_plugin.py" not in out


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test_without_interception", "interception is missing"),
        ("test_without_a_subject", "no such subject"),
    ],
)
def test_what_was_not_tested_fails_with_its_reason(
    name: str, reason: str, failing: tuple[int, str]
) -> None:
    code, out = failing
    assert code == 1
    assert f"FAILED in/test_it.py::{name}" in out
    # Once, and not as what came of another error.
    assert failure(out, name).count(reason) == 1
    assert "During handling" not in out
    assert "direct cause" not in out
    assert "skipped" not in out


def test_the_option_goes_before_the_seed_in_the_test(tmp_path: Path) -> None:
    code, out = run_pytest(tmp_path, CHOSEN, "--walcrash-seed", "9")
    assert code == 0, out


def test_the_seed_in_the_test_goes_before_the_default(passing: tuple[Path, int, str]) -> None:
    _, code, out = passing
    assert code == 0, out
    assert "PASSED in/test_it.py::test_with_a_seed_of_its_own" in out


@pytest.mark.parametrize("name", ["test_beside_its_scenario", "test_in_another_directory"])
def test_commands_name_the_scenario_as_seen_from_where_pytest_was_started(
    name: str, failing: tuple[int, str]
) -> None:
    told = failure(failing[1], name)
    path = r"\S+/" if name == "test_in_another_directory" else ""
    command = rf"  walcrash run {path}in/sc/other\.toml --cases 2 --seed pytest"
    assert re.search(command, told)
    if name == "test_in_another_directory":
        assert re.search(r"walcrash replay F-\w+ --runs /\S+/reports/runs\n", told)


def test_the_plugin_may_be_named_beside_the_one_that_is_installed() -> None:
    """As pytest does it: what `-p` names first, then what is installed."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        ((name, value),) = tomllib.load(file)["project"]["entry-points"]["pytest11"].items()
    manager = PytestPluginManager()
    manager.import_plugin("walcrash.pytest_plugin")
    entry = EntryPoint(name=name, value=value, group="pytest11")
    with mock.patch("importlib.metadata.distributions", return_value=[_Installed((entry,))]):
        assert manager.load_setuptools_entrypoints("pytest11") == 0
    manager.import_plugin("walcrash.pytest_plugin")


@dataclass
class _Installed:
    """A distribution as pluggy reads it."""

    entry_points: tuple[EntryPoint, ...]
