"""The pytest door, in a pytest of its own, over a made-up campaign."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import report_lines
from report_lines import write_scenario

UNIT = Path(report_lines.__file__).parent

CONFTEST = """\
import sys
import report_lines
sys.modules["walcrash.campaign.campaign"] = report_lines.fake_module()
"""

TEST = """\
def test_my_wal_keeps_its_promises(walcrash):
    result = walcrash("made-up.toml", cases=3{more})
    assert result.seed == {seed!r}
    assert result.scenarios[0].cases == 3
"""


def run_pytest(
    directory: Path, *options: str, seed: str = "pytest", more: str = "", **environment: str
) -> tuple[int, str]:
    write_scenario(directory)
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_it.py").write_text(TEST.format(seed=seed, more=more))
    plugins = ["-p", "no:cacheprovider", "-p", "walcrash.pytest_plugin"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, *options],
        cwd=directory,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{UNIT.parents[1]}/harness:{UNIT}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_scenario_that_passes_is_a_test_that_passes(tmp_path: Path) -> None:
    code, out = run_pytest(tmp_path)
    assert code == 0, out
    assert list(tmp_path.glob("reports/runs/*/report.md"))


def test_findings_fail_the_test_with_their_text_and_no_traceback(tmp_path: Path) -> None:
    code, out = run_pytest(tmp_path, FAIL_CASES="1")
    assert code == 1
    assert "FAIL  made-up · lost-put · F-7c1e" in out
    assert "walcrash replay F-7c1e" in out
    assert "walcrash run made-up.toml --cases 3 --seed pytest" in out
    assert "pytest_plugin.py" not in out


@pytest.mark.parametrize(
    "error", ["Inconclusive('interception is missing')", "ScenarioError('no such subject')"]
)
def test_what_was_not_tested_fails_with_its_reason(tmp_path: Path, error: str) -> None:
    code, out = run_pytest(tmp_path, ERROR=error)
    assert code == 1
    assert error.split("'")[1] in out
    assert "skipped" not in out


def test_the_option_goes_before_the_seed_in_the_test(tmp_path: Path) -> None:
    code, out = run_pytest(tmp_path, "--walcrash-seed", "9", seed="9", more=", seed=1")
    assert code == 0, out


def test_the_seed_in_the_test_goes_before_the_default(tmp_path: Path) -> None:
    code, out = run_pytest(tmp_path, seed="1", more=", seed=1")
    assert code == 0, out
