"""What users write passes their type checkers, and what is wrong there does not.

mypy and pyright each check one directory with all the Python of the how-to pages in it, and with
a right and a wrong use of the fixture. What a page builds on (`mylog`) is typed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from how_to import DOCS, MYLOG, ROOT, blocks
from needs import lacking, need_program

SECONDS = 300.0
"""Longest time that a type checker may take."""

RIGHT = """\
from pathlib import Path

from walcrash import ExitCode, RunResult, WalcrashFixture


def test_it(walcrash: WalcrashFixture) -> None:
    result: RunResult = walcrash(Path("x.toml"), seed=1, cases=2, seconds=3.5, jobs=4)
    code: ExitCode = result.exit_code
    names: list[str] = [finding.violations[0].invariant.value for finding in result.findings]
    assert (code, names) == (ExitCode.PASSED, [])
    walcrash("x.toml", seed="abc")
"""

WRONG = """\
import walcrash as package
from walcrash import WalcrashFixture


def test_it(walcrash: WalcrashFixture) -> None:
    walcrash("x.toml", casez=2)
    walcrash("x.toml", cases="2")
    walcrash("x.toml", 2)
    package.run("x.toml", casez=2)
    package.Scenario
"""

WRONG_LINES = [6, 7, 8, 9, 10]

PAGES = [*sorted((DOCS / "how-to").glob("*.md")), ROOT / "tests" / "README.md"]

Problems = Mapping[str, list[int]]
"""The lines with an error, by the name of the file."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every block of Python in the how-to pages, as a file of somebody's project."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "mylog.py").write_text(MYLOG)
    (directory / "right.py").write_text(RIGHT)
    (directory / "wrong.py").write_text(WRONG)
    for page in PAGES:
        for number, text in enumerate(blocks(page, "python")):
            (directory / f"{page.stem.replace('-', '_')}_{number}.py").write_text(text)
    return directory


@pytest.fixture(scope="module")
def mypy(project: Path) -> Problems:
    """What `mypy --strict` says of the project; `.ci/check` asks it of walcrash itself."""
    if find_spec("mypy") is None:
        lacking("mypy is not installed; pip install '.[check]'")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary",
         "--output=json", "."],
        cwd=project,
        env={"PATH": os.environ["PATH"], "MYPYPATH": str(ROOT / "harness")},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return _by_file((each["file"], each["line"]) for each in found if each["severity"] == "error")


@pytest.fixture(scope="module")
def pyright(project: Path) -> Problems:
    """What pyright, as strict as it gets, says of the project."""
    program = need_program("pyright", install="npm install pyright, and its .bin on the PATH")
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT / "harness")]}
    (project / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [program, "--outputjson", "--pythonpath", sys.executable],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    return _by_file(
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in found
        if each["severity"] == "error"
    )


def _by_file(places: Iterable[tuple[str, int]]) -> Problems:
    found: dict[str, set[int]] = {}
    for name, line in places:
        found.setdefault(name, set()).add(line)
    return {name: sorted(lines) for name, lines in found.items()}


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_the_python_of_the_pages_is_right_and_a_wrong_call_is_an_error(
    checker: str, request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue(checker) == {"wrong.py": WRONG_LINES}


def test_the_pages_have_python_that_is_checked(project: Path) -> None:
    texts = {path.name: path.read_text() for path in project.glob("*.py")}
    assert sum("class MyLog(Adapter)" in text for text in texts.values()) == 1
    assert sum("(AdapterContract)" in text for text in texts.values()) == 2
    assert sum("WalcrashFixture" in text for text in texts.values()) == 3
