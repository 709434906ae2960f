"""A finding goes to another machine as one file, and is replayed there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command import PLANTED, ROOT, SOURCES, walcrash_here
from once import made_once

NOISY = """
from uncut_tail import Subject as Planted

class Noisy(Planted):
    def append(self, record):
        with open(self.directory / "noise", "ab", buffering=0) as noise:
            noise.write(b"something")
        return super().append(record)
"""

THREAD = 11
"""Where an event row says which thread it was."""


def walcrash(directory: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run `walcrash` where the planted subjects can be imported."""
    return walcrash_here(directory, *words, PYTHONPATH=f"{SOURCES}:{PLANTED}")


@pytest.fixture(scope="module")
def bundle(uncut_tail_found: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a planted bug, in a directory of its own."""

    def make(directory: Path) -> None:
        shutil.copytree(uncut_tail_found / "reports", directory / "reports")
        done = walcrash(directory, "bundle", "F-")
        assert done.returncode == 0, done.stderr
        assert str(uncut_tail_found) not in done.stdout
        assert (directory / done.stdout.strip()).is_file()

    (path,) = made_once(tmp_path_factory, "bundle", make).glob("*.zip")
    return path


def perturbed(bundle: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Replay a bundle in a directory that has nothing of the machine that it comes from."""
    (tmp_path / "sent.zip").write_bytes(bundle.read_bytes())
    done = walcrash(tmp_path, "replay", "sent.zip", "--times", "2", *words)
    assert not (tmp_path / "reports").exists()
    return done


@pytest.mark.slow
def test_a_bundle_replays_with_the_subject_of_a_scenario(bundle: Path, tmp_path: Path) -> None:
    done = perturbed(bundle, tmp_path, "--subject", str(PLANTED / "uncut-tail.toml"))
    assert done.returncode == 1, done.stderr
    assert "replayed 2 of 2" in done.stdout
    assert "own trace" not in done.stdout


def test_a_bundle_says_what_is_missing(bundle: Path, tmp_path: Path) -> None:
    done = perturbed(bundle, tmp_path)
    assert done.returncode == 2
    assert "the subject of sent.zip is `uncut_tail.py:Subject`" in done.stderr
    assert "hint: walcrash replay sent.zip --subject" in done.stderr
    done = perturbed(bundle, tmp_path, "--subject", "no_such.py:Subject")
    assert done.returncode == 2
    assert "no_such.py" in done.stderr


def test_a_subject_that_does_other_things_is_judged_by_what_it_does(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    done = perturbed(bundle, tmp_path, "--subject", "noisy.py:Noisy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the subject's trace is not the bundle's" in done.stdout


def test_a_subject_with_threads_is_judged_by_the_trace_of_the_bundle(
    bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    threaded = tmp_path / "threaded.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(threaded, "w") as new:
        for name in old.namelist():
            value = json.loads(old.read(name))
            if name == "evidence.json":
                value["run"]["boots"][0]["recording"]["rows"][-1][THREAD] = 1
            new.writestr(name, json.dumps(value))
    done = perturbed(threaded, tmp_path, "--subject", "noisy.py:Noisy")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the image is that of the bundle's trace" in done.stdout
    assert "the same again (the subject's threads made another trace" in done.stderr


def test_a_repaired_subject_passes(bundle: Path, tmp_path: Path) -> None:
    done = perturbed(bundle, tmp_path, "--subject", str(PLANTED / "right-plain.toml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "it did not happen again in 2 replays" in done.stdout


def test_a_bundle_holds_no_code_and_no_directory_of_the_machine(
    bundle: Path, uncut_tail_found: Path
) -> None:
    with zipfile.ZipFile(bundle) as archive:
        assert all(name.endswith(".json") for name in archive.namelist())
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert str(ROOT).encode() not in text
    assert str(bundle.parent).encode() not in text
    assert str(uncut_tail_found).encode() not in text
    assert os.path.dirname(sys.executable).encode() not in text


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sent.zip").write_bytes(b"PK\x03\x04 and so on")
    done = walcrash(tmp_path, "replay", "sent.zip")
    assert done.returncode == 2
    assert "error: the bundle sent.zip is refused" in done.stderr
    done = walcrash(tmp_path, "replay", "missing.zip")
    assert done.returncode == 2
    assert "the bundle missing.zip cannot be read: No such file" in done.stderr


def test_a_bundle_is_explained_without_its_subject(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "sent.zip").write_bytes(bundle.read_bytes())
    done = walcrash(tmp_path, "explain", "sent.zip")
    assert done.returncode == 0, done.stderr
    assert "lost-put" in done.stdout
    assert os.listdir(tmp_path) == ["sent.zip"]
