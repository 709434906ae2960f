"""A campaign that several modules start from: made once for all workers of a run of the tests."""

import shutil
from pathlib import Path

import pytest
from command import PLANTED, walcrash_here
from once import UNCUT_TAIL, made_once


@pytest.fixture(scope="session")
def uncut_tail_found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the scenario, its subject and a kept finding; copy it, do not change it.

    What the campaign printed is in `printed.txt`.
    """

    def make(directory: Path) -> None:
        for name in UNCUT_TAIL:
            shutil.copy(PLANTED / name, directory / name)
        words = ("run", "uncut-tail.toml", "--seed", "abc", "--cases", "2")
        done = walcrash_here(directory, *words)
        assert done.returncode == 1, done.stderr
        (directory / "printed.txt").write_text(done.stdout, encoding="utf-8")

    return made_once(tmp_path_factory, "uncut-tail-found", make)


@pytest.fixture
def found(uncut_tail_found: Path, tmp_path: Path) -> Path:
    """A copy of that directory, to change."""
    return Path(shutil.copytree(uncut_tail_found, tmp_path / "copy"))
