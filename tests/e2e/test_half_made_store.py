"""What breaks only before the first acknowledgement of a new store is labelled so."""

import json
import subprocess
from pathlib import Path

import pytest
from command import walcrash_here

pytestmark = pytest.mark.usefixtures("interception")

SUBJECT = """
from walcrash.subjects.reference import ReferenceAdapter

class TwoHalves(ReferenceAdapter):
    def open(self, directory, effect):
        mark = directory / "mark"
        if not mark.exists():
            with open(mark, "wb", buffering=0) as file:
                file.write(b"half")
                file.write(b"half")
        if mark.stat().st_size < 8:
            raise ValueError("the mark is cut short")
        super().open(directory, effect)
"""

SCENARIO = """
format = 1
name = "half-made"
summary = "Kills anywhere in the first boot."
[subject]
adapter = "subject.py:TwoHalves"
[workload]
operations = [2, 4]
[[faults]]
kind = "kill"
operations = ["open"]
event = "write"
[invariants]
check = ["unrecoverable", "lost-put"]
"""


def run(
    directory: Path, seed: str = "1"
) -> "tuple[subprocess.CompletedProcess[str], list[dict[str, object]]]":
    words = ("run", "half-made.toml", "--seed", seed, "--cases", "6", "--log", "log.ndjson")
    done = walcrash_here(directory, *words)
    lines = map(json.loads, (directory / "log.ndjson").read_text().splitlines())
    return done, [line["finding"] for line in lines if line["line"] == "finding-reported"]


def test_a_store_that_was_cut_off_while_it_was_made_is_labelled(tmp_path: Path) -> None:
    (tmp_path / "subject.py").write_text(SUBJECT)
    (tmp_path / "half-made.toml").write_text(SCENARIO)
    done, findings = run(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert [each["is_before_promise"] for each in findings] == [True]
    assert "A half-made store: no record had been acknowledged" in done.stdout


@pytest.mark.slow
def test_what_breaks_after_an_acknowledgement_too_is_not(tmp_path: Path) -> None:
    (tmp_path / "subject.py").write_text(SUBJECT)
    kills = SCENARIO.replace('operations = ["open"]\nevent = "write"\n', "")
    later = kills.replace("operations = [2, 4]\n", "operations = [2, 4]\nboots = [2, 2]\n")
    (tmp_path / "half-made.toml").write_text(later.replace("TwoHalves", "Cuts"))
    (tmp_path / "subject.py").write_text(
        SUBJECT + "\nclass Cuts(TwoHalves):\n"
        "    def append(self, record):\n"
        "        offset = super().append(record)\n"
        "        with open(self.mark, 'wb', buffering=0) as file:\n"
        "            file.write(b'half')\n"
        "            file.write(b'half')\n"
        "        return offset\n"
        "    def open(self, directory, effect):\n"
        "        self.mark = directory / 'mark'\n"
        "        super().open(directory, effect)\n"
    )
    done, findings = run(tmp_path, "3")
    assert done.returncode == 1, done.stdout + done.stderr
    assert findings
    assert not any(each["is_before_promise"] for each in findings)
