"""A time budget ends a run whatever the subject does, and the run says what took the time."""

from pathlib import Path

from command import walcrash_here
from test_bad_subjects import write_scenario

HOUR_SECONDS = 3600.0
"""How long the subject may hang by itself."""


def test_the_time_ends_a_run_whose_subject_hangs(tmp_path: Path) -> None:
    file = write_scenario(tmp_path, "HangsInOpen", seconds=HOUR_SECONDS)
    done = walcrash_here(tmp_path, "run", file, "--seed", "1", "--time", "1s", "--jobs", "1")
    assert done.returncode == 4, done.stdout
    assert "no case was run: the time was over after" in done.stdout
    assert "before the first of 3 cases without a crash had ended" in done.stdout
    assert "stopped   time budget used up, after" in done.stdout
    assert "hung" not in done.stdout
