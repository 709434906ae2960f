"""A time budget ends a run whatever the subject does, and the run says what took the time."""

import re
from pathlib import Path

import pytest
from command import walcrash_here
from test_bad_subjects import write_scenario

HOUR_SECONDS = 3600.0
"""How long the subject may hang by itself."""


def test_the_time_ends_a_run_whose_subject_hangs(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, "HangsInOpen", seconds=HOUR_SECONDS)
    done = walcrash_here(tmp_path, "run", file, "--seed", "1", "--time", "1s", "--jobs", "1")
    assert done.returncode == 4, done.stdout
    # Why a run says nothing stands below its verdict.
    why = " ".join(done.stdout.partition("INCONCLUSIVE  no findings in 0 cases")[2].split())
    assert "wrong: no case was run: the time was over after" in why
    assert "before the first of 3 cases without a crash had ended" in why
    assert "stopped   time budget used up, after" in done.stdout
    assert "hung" not in done.stdout


def test_a_run_of_few_cases_says_so_and_what_came_in_none_of_them(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, "Right")
    text = re.sub(
        r"(?ms)^\[(workload|budget).*?(?=^\[(?!workload|budget)|\Z)",
        "",
        (tmp_path / file).read_text(),
    )
    (tmp_path / file).write_text(text + '\n[[faults]]\nkind = "power"\nweight = 1\n')
    asked = ("run", file, "--seed", "1", "--jobs", "1", "--log", "events.ndjson")
    done = walcrash_here(tmp_path, *asked, "--cases", "1")
    assert done.returncode == 0, done.stdout
    told = " ".join(done.stdout.split())
    assert "not tested: 29 of the 30 cases that a run should have" in told
    log = (tmp_path / "events.ndjson").read_text()
    assert '"few":{"done":1,"of":30}' in log
    assert '"power"]' in re.search(r'"faults":\[[^]]*\]', log).group()
    alone = walcrash_here(tmp_path, *asked, "--case", "0")
    assert "cases that a run should have" not in alone.stdout


@pytest.mark.slow
def test_until_quiet_goes_on_past_the_stated_cases_and_ends_when_nothing_new_comes(
    tmp_path: Path,
) -> None:
    file = write_scenario(tmp_path, "Right")
    text = (tmp_path / file).read_text()
    assert re.search(r"^cases = \d+$", text, re.MULTILINE)
    (tmp_path / file).write_text(re.sub(r"(?m)^cases = \d+$", "cases = 1", text))
    asked = ("run", file, "--seed", "1", "--until-quiet", "1s", "--jobs", "1")
    done = walcrash_here(tmp_path, *asked, "--log", "events.ndjson")
    assert done.returncode == 0, done.stdout
    assert "stopped   nothing new came for as long as was asked, after" in done.stdout
    assert f"again     walcrash run {file} --until-quiet 1 --seed 1" in done.stdout
    cases = (tmp_path / "events.ndjson").read_text().count('"line":"case-judged"')
    assert cases > 1
    refused = walcrash_here(tmp_path, "run", "--resume", "any", "--until-quiet", "1s")
    assert refused.returncode == 2
    assert "--until-quiet" in refused.stderr
