"""What an installation brings: the package `walcrash`, its data, and no other name.

The distributions are built without a network by the build backend itself, and installed into
virtual environments that borrow everything else from the environment of the tests.
"""

import importlib.util
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from needs import lacking

import walcrash

ROOT = Path(__file__).parents[2]

SECONDS = 120.0
"""Longest time of one command."""

OWN_PACKAGE = """\
from pathlib import Path

import pytest

{import_it}
from walcrash import WalcrashFixture


def test_the_harness_that_is_imported_is_our_own() -> None:
    assert Path(ours.__file__).is_relative_to(Path(__file__).parent)
    assert ours.ANSWER == 42


def test_the_fixture_is_there(walcrash: WalcrashFixture) -> None:
    with pytest.raises(pytest.fail.Exception, match='there is no scenario "missing.toml"'):
        walcrash("missing.toml")
"""

PROJECTS: Mapping[str, Mapping[str, str]] = {
    "a package harness": {
        "harness/__init__.py": "ANSWER = 42\n",
        "test_ours.py": OWN_PACKAGE.format(import_it="import harness as ours"),
    },
    "a directory tests/harness": {
        "tests/harness/util.py": "ANSWER = 42\n",
        "tests/test_ours.py": OWN_PACKAGE.format(import_it="from harness import util as ours"),
    },
}
"""Files of somebody's project, by what it has of the name `harness`."""


@dataclass(frozen=True, slots=True)
class Built:
    """The distributions; `wheel` is from the checkout, `wheel_of_sdist` from the sdist."""

    sdist: Path
    wheel: Path
    wheel_of_sdist: Path
    editable: Path


def run(
    directory: Path, *words: str | Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words,
        cwd=directory,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def build(source: Path, target: str, directory: Path) -> Path:
    """Build one distribution as pip does, with the backend that `pyproject.toml` names."""
    if importlib.util.find_spec("hatchling") is None:
        lacking("hatchling is not installed; pip install '.[test]'")
    words = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(directory)]
    done = run(source, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = directory.iterdir()
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    top = tmp_path_factory.mktemp("built")
    sdist = build(ROOT, "sdist", top / "sdist")
    with tarfile.open(sdist) as archive:
        # Filters are there since Python 3.11.4; what is unpacked here was packed here.
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(top / "unpacked")
    (unpacked,) = (top / "unpacked").iterdir()
    packages = unpacked / "scenarios" / "drivers" / "classic_level" / "node_modules" / "some"
    packages.mkdir(parents=True)
    (packages / "index.js").write_text("// npm install was run here\n")
    return Built(
        sdist=sdist,
        wheel=build(ROOT, "wheel", top / "wheel"),
        wheel_of_sdist=build(unpacked, "wheel", top / "wheel-of-sdist"),
        editable=build(ROOT, "wheel:editable", top / "editable"),
    )


def make_environment(directory: Path) -> tuple[Path, Path]:
    """Make an empty environment; return its Python and its `site-packages`."""
    made = run(directory, sys.executable, "-m", "venv", "--without-pip", "venv")
    assert made.returncode == 0, made.stderr
    (site,) = (directory / "venv").glob("lib/python*/site-packages")
    return directory / "venv" / "bin" / "python", site


def borrow_the_rest(site: Path) -> None:
    """Let an environment have what the tests' own has, behind what was installed into it.

    Not before: pip installs nothing that is there already, and walcrash may be.
    """
    paths = dict.fromkeys(sysconfig.get_path(key) for key in ("purelib", "platlib"))
    (site / "zz-borrowed.pth").write_text("\n".join(paths) + "\n")


@pytest.fixture(scope="module")
def python(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which pip installed the wheel."""
    if importlib.util.find_spec("pip") is None:
        lacking("pip is not installed; python -m ensurepip")
    directory = tmp_path_factory.mktemp("installed")
    made, site = make_environment(directory)
    pip = [sys.executable, "-m", "pip", "--python", str(made), "install", "--no-compile"]
    done = run(directory, *pip, "--quiet", "--no-deps", "--no-index", str(built.wheel))
    assert done.returncode == 0, done.stdout + done.stderr
    borrow_the_rest(site)
    return made


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_the_package_and_all_that_it_reads(built: Built) -> None:
    names = names_in(built.wheel)
    assert {name.partition("/")[0] for name in names} == {
        "walcrash",
        f"walcrash-{walcrash.__version__}.dist-info",
    }
    package = ROOT / "harness" / "walcrash"
    ours = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= names
    assert {
        "walcrash/py.typed",
        "walcrash/docs/index.md",
        "walcrash/report/templates/report.html",
        "walcrash/_scenarios/quickstart.toml",
        "walcrash/_scenarios/planted/expected.toml",
        "walcrash/_scenarios/drivers/classic_level/driver.js",
    } <= names
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]


def test_the_sdist_builds_the_same_wheel_also_where_npm_install_was_run(built: Built) -> None:
    assert names_in(built.wheel_of_sdist) == names_in(built.wheel)


NAMES = """\
import importlib.util, walcrash
print(walcrash.__file__, *map(importlib.util.find_spec, ("harness", "scenarios", "tests")))
"""


def test_no_name_but_walcrash_is_importable_after_an_installation(
    python: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, str(python), "-c", NAMES)
    path, *others = done.stdout.split()
    assert Path(path).is_relative_to(python.parents[1])
    assert others == ["None"] * 3


def test_no_name_but_walcrash_is_importable_after_an_editable_installation(
    built: Built, tmp_path: Path
) -> None:
    python, site = make_environment(tmp_path)
    # All that pip does with it: the wheel has a path and metadata.
    zipfile.ZipFile(built.editable).extractall(site)
    borrow_the_rest(site)
    done = run(tmp_path, str(python), "-c", NAMES)
    path, *others = done.stdout.split()
    assert Path(path) == ROOT / "harness" / "walcrash" / "__init__.py"
    assert others == ["None"] * 3


@pytest.mark.parametrize(
    "way", ["pytest", pytest.param("python -m pytest", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("project", PROJECTS)
def test_a_project_with_a_harness_of_its_own_runs_its_tests(
    python: Path, tmp_path: Path, project: str, way: str
) -> None:
    for name, text in PROJECTS[project].items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    # The script has its own directory on the path, `-m` has the current one.
    script = Path(sysconfig.get_path("scripts")) / "pytest"
    start = [str(script)] if way == "pytest" else ["-m", "pytest"]
    # Plugins that the project has no use for only take time.
    without = [f"-pno:{name}" for name in ("cacheprovider", "hypothesispytest", "xdist")]
    done = run(tmp_path, str(python), *start, "-q", *without)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_installed_command_says_its_version_by_both_of_its_names(
    python: Path, tmp_path: Path
) -> None:
    for words in ([str(python.with_name("walcrash"))], [str(python), "-m", "walcrash"]):
        done = run(tmp_path, *words, "--version")
        assert done.stdout == f"walcrash {walcrash.__version__}\n"


def test_the_installed_command_runs_a_scenario_that_ships(
    interception: None, python: Path, tmp_path: Path
) -> None:
    command = str(python.with_name("walcrash"))
    done = run(tmp_path, command, "run", "quickstart", "--cases", "2", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS  no findings in 2 cases" in done.stdout
