"""A finding that never happens again is shown as unstable, with its trace, and has a bundle."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command import PLANTED, SECONDS, environment, walcrash_here

SUBJECT = '''\
"""Loses its last record after a kill, as long as the file `weather` is beside it."""

from pathlib import Path

from planted_base import PlainLog

WEATHER = Path(__file__).with_name("weather")


class Subject(PlainLog):
    def open_log(self) -> None:
        super().open_log()
        if self.entries and not (self.directory / "state").exists() and WEATHER.exists():
            self.entries.pop()
'''

SCENARIO = """\
format = 1
name = "unstable"
summary = "Fails for a reason that is not in the case."

[subject]
adapter = "unstable.py:Subject"

[workload]
boots = 1
operations = [2, 6]
payload_bytes = [0, 10]

[workload.mix]
put = 1

[[faults]]
kind = "kill"
operations = ["append"]
event = "reply"

[invariants]
check = ["lost-put"]

[budget]
cases = 60
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign in which the weather changed as soon as a case had failed."""
    made = tmp_path_factory.mktemp("unstable")
    shutil.copy(PLANTED / "planted_base.py", made)
    (made / "unstable.py").write_text(SUBJECT)
    (made / "unstable.toml").write_text(SCENARIO)
    (made / "weather").touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "walcrash", "run", "unstable.toml", "--seed", "1", "--jobs", "1",
         "--log", "log.ndjson"],
        cwd=made,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + SECONDS
    log = made / "log.ndjson"
    while not (log.exists() and '"verdict":"fail"' in log.read_text().replace(" ", "")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (made / "weather").unlink()
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1, err
    (made / "out.txt").write_text(out)
    return made


def reported(directory: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (directory / "log.ndjson").read_text().splitlines()]
    (line,) = (line for line in lines if line["line"] == "finding-reported")
    return dict(line)


def test_it_is_shown_as_unstable_with_its_trace(directory: Path) -> None:
    line = reported(directory)
    finding = line["finding"]
    assert (finding["replays"], finding["replays_alike"]) == (5, 0)
    assert finding["violations"][0]["invariant"] == "lost-put"
    assert finding["operations"] == finding["operations_before"]
    assert not finding["is_minimal"]
    assert "unstable" in (directory / "out.txt").read_text()
    steps = [step for boot in line["story"]["boots"] for step in boot["steps"]]
    assert len(steps) > 5
    (page,) = directory.glob("reports/runs/*/report.html")
    assert "unstable" in page.read_text()


def test_what_is_explained_is_the_run_that_the_campaign_kept(directory: Path) -> None:
    finding = reported(directory)["finding"]
    done = walcrash_here(directory, "explain", finding["id"])
    assert done.returncode == 4
    assert "this is the run that the campaign kept" in done.stderr
    assert finding["violations"][0]["message"].split(",")[0] in done.stdout
    assert ">> killed" in done.stdout


def test_it_has_a_bundle_that_tells_the_same(directory: Path, tmp_path: Path) -> None:
    finding = reported(directory)["finding"]
    bundle = tmp_path / "unstable.zip"
    done = walcrash_here(directory, "bundle", finding["id"], "-o", str(bundle))
    assert done.returncode == 0, done.stderr
    assert "what is in it is the run that the campaign kept" in done.stderr
    told = walcrash_here(tmp_path, "explain", str(bundle))
    assert told.returncode == 0, told.stderr
    assert finding["violations"][0]["message"].split(",")[0] in told.stdout


def test_that_it_passes_once_does_not_make_it_fixed(directory: Path) -> None:
    done = walcrash_here(directory, "run", "unstable.toml", "--seed", "2", "--cases", "4")
    assert done.returncode == 0, done.stdout
    assert "fixed" not in done.stdout
    rows = json.loads(walcrash_here(directory, "findings", "--json").stdout)
    assert [row["state"] for row in rows] == ["new"]
