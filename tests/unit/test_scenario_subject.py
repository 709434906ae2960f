"""The subject of a scenario file: a driver's words, and what is said where they make no sense."""

import re
from pathlib import Path

import pytest

from walcrash.scenario.file import load_scenario
from walcrash.values.errors import ScenarioError
from walcrash.values.scenario import SubjectSpec

SCENARIO = """\
format = 1
name = "small"
summary = "The least that a scenario with a driver says."
[subject]
{subject}
{contract}
[[faults]]
kind = "kill"
"""
CONTRACT = '[contract]\nkill = "all"'


def write(directory: Path, subject: str, contract: str = CONTRACT) -> Path:
    path = directory / "small.toml"
    path.write_text(SCENARIO.format(subject=subject, contract=contract), encoding="utf-8")
    return path


def program(directory: Path, name: str = "driver", mode: int = 0o755) -> str:
    (directory / name).write_text("#!/bin/sh\n", encoding="utf-8")
    (directory / name).chmod(mode)
    return str(directory / name)


def test_a_driver_is_found_beside_the_scenario_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = program(tmp_path)
    path = write(tmp_path, 'driver = ["./driver", "--sync=always", "./conf", "../up", "a/b", ""]')
    monkeypatch.chdir("/")
    subject = load_scenario(path).subject
    words = (found, "--sync=always", f"{tmp_path}/conf", f"{tmp_path.parent}/up", "a/b", "")
    assert subject == SubjectSpec.of_driver(words)
    assert subject.name == "driver --sync=always conf up a/b "


def test_a_program_without_a_slash_is_looked_up_when_it_runs(tmp_path: Path) -> None:
    subject = load_scenario(write(tmp_path, 'driver = ["node", "./wal.js"]')).subject
    assert subject.driver == ("node", f"{tmp_path}/wal.js")


@pytest.mark.parametrize(
    ("subject", "contract", "words"),
    [
        ('driver = ["./driver"]', "", ":5: `subject.driver`: what a driver promises is not its"),
        ('driver = ["./none"]', CONTRACT, r'found "./none"; \S*/none is not there'),
        ('driver = ["./plain"]', CONTRACT, r"which is not executable\n +hint: chmod \+x /"),
        ('driver = ["./"]', CONTRACT, r'found "./"; \S* is a directory'),
        ("driver = []", CONTRACT, "found []; allowed: at least 1 of them"),
        ('driver = ["", "a"]', CONTRACT, 'found "", which no program can be given'),
        ('driver = "./driver"', CONTRACT, 'found "./driver"; allowed: a list'),
        ('driver = ["./driver", 3]', CONTRACT, "found 3; allowed: text in quotes"),
        ('driver = ["./driver"]\nadapter = "reference"', CONTRACT, "or a driver; found both"),
        ('driver = ["./driver"]\noptions = {a = 1}', CONTRACT, "gets its options as words"),
        ("options = {a = 1}", CONTRACT, "found neither an `adapter` nor a `driver`"),
    ],
)
def test_a_subject_that_makes_no_sense_is_told(
    tmp_path: Path, subject: str, contract: str, words: str
) -> None:
    program(tmp_path)
    program(tmp_path, "plain", 0o644)
    with pytest.raises(ScenarioError) as refused:
        load_scenario(write(tmp_path, subject, contract))
    is_pattern = "\\" in words
    assert re.search(words if is_pattern else re.escape(words), str(refused.value))
    assert "hint: " in str(refused.value) or "allowed" in words or "given" in words
