"""A campaign on the blocks of a real ext4: what fails there, what is right there, what is kept."""

import json
import os
from pathlib import Path

import pytest
from command import PLANTED, walcrash, walcrash_here
from needs import lacking, need_real_file_systems

from walcrash.blocks import abilities
from walcrash.blocks.file_systems import VARIANTS

POWER = PLANTED / "power"


def scenario(directory: Path, name: str, *, images: int = 12) -> str:
    """Write a scenario of a planted log, with few operations and few images; return its name."""
    text = (POWER / f"{name}.toml").read_text(encoding="utf-8")
    for old, new in (
        ('adapter = "', f'adapter = "{POWER}/'),
        ('kind = "power"', f'kind = "power"\nimages = {images}'),
        ("operations = [4, 12]", "operations = [3, 4]"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (directory / f"{name}.toml").write_text(text, encoding="utf-8")
    return f"{name}.toml"


def finding(log: str) -> dict[str, object]:
    lines = [json.loads(line) for line in log.splitlines()]
    (found,) = (line["finding"] for line in lines if line["line"] == "finding-reported")
    return dict(found)


@pytest.mark.slow
def test_what_a_real_ext4_loses_is_found_and_replayed_without_it(tmp_path: Path) -> None:
    need_real_file_systems()
    name = scenario(tmp_path, "never-synced")
    words = ("--seed", "1", "--cases", "1", "--jobs", "1", "--log", "-")
    done = walcrash(tmp_path, "run", name, *words, "--plane", "ext4", PATH=os.environ["PATH"])
    assert done.returncode == 1, done.stdout + done.stderr
    found = finding(done.stdout)
    assert found["violations"][0]["invariant"] == "lost-put"  # type: ignore[index]
    sighting = found["sighting"]
    assert isinstance(sighting, dict)
    assert (sighting["sight"], sighting["kernel"]) == ("seen", os.uname().release)
    assert json.loads(done.stdout.splitlines()[0])["plane"] == f"ext4 {os.uname().release}"
    assert found["replays"] == found["replays_alike"] == 5
    version = ".".join(os.uname().release.split(".")[:2])
    assert f"seen on ext4 {version}" in done.stderr
    again = walcrash_here(tmp_path, "replay", str(found["id"]))
    assert again.returncode == 1, again.stdout + again.stderr


@pytest.mark.slow
def test_a_finding_of_the_model_is_seen_on_a_real_ext4(tmp_path: Path) -> None:
    need_real_file_systems()
    name = scenario(tmp_path, "never-synced", images=100)
    words = ("--seed", "1", "--cases", "2", "--jobs", "1", "--log", "-", "--confirm", "ext4")
    done = walcrash(tmp_path, "run", name, *words, PATH=os.environ["PATH"])
    assert done.returncode == 1, done.stdout + done.stderr
    sighting = finding(done.stdout)["sighting"]
    assert isinstance(sighting, dict)
    assert sighting["sight"] == "seen"
    assert sighting["trees"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("plane", ["ext4", "xfs"])
def test_a_right_log_passes_on_a_real_file_system(tmp_path: Path, plane: str) -> None:
    need_real_file_systems()
    found, hint = abilities.lacking_for(VARIANTS[plane])
    if found:
        lacking(f"{found}; {hint}")
    words = ("--seed", "1", "--cases", "1", "--jobs", "1", "--plane", plane)
    name = scenario(tmp_path, "right-record-files")
    done = walcrash(tmp_path, "run", name, *words, PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_finding_is_not_tried_where_the_machine_cannot_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abilities.os, "geteuid", lambda: 1000)
    name = scenario(tmp_path, "never-synced", images=100)
    words = ("--seed", "1", "--cases", "2", "--confirm", "ext4")
    done = walcrash_here(tmp_path, "run", name, *words)
    assert done.returncode == 1, done.stdout + done.stderr
    version = ".".join(os.uname().release.split(".")[:2])
    assert f"  real      not tried on ext4 {version}: it needs root\n" in done.stdout
