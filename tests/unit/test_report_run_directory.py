"""Run directories: found unwritable before anything runs, never half-written."""

import datetime
import os
from pathlib import Path

import pytest

from walcrash.report import run_directory
from walcrash.report.run_directory import RunDirectory, run_name, write_whole
from walcrash.values.errors import HarnessFault, UsageError

NOW = datetime.datetime(2026, 11, 23, 7, 48, 15, tzinfo=datetime.UTC)


def test_a_new_runs_directory_is_ignored_by_git(tmp_path: Path) -> None:
    runs = tmp_path / "reports" / "runs"
    directory = RunDirectory.create(str(runs), "3f9c2ab", now=NOW)
    assert Path(directory.path) == runs / "20261123T074815Z-3f9c2ab"
    assert (runs / ".gitignore").read_text() == "*\n"


def test_a_runs_directory_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    RunDirectory.create(str(tmp_path), "1", now=NOW)
    assert not (tmp_path / ".gitignore").exists()


def test_two_runs_in_one_second_get_two_directories(tmp_path: Path) -> None:
    one, other = (RunDirectory.create(str(tmp_path), "1", now=NOW).path for _ in range(2))
    assert other == f"{one}-2"


@pytest.mark.parametrize(
    ("seed", "slug"),
    [("../../etc", "etc"), ("a b/c", "a-b-c"), ("\x1b", "seed"), ("x" * 99, "x" * 40)],
)
def test_a_seed_cannot_lead_out_of_the_runs_directory(seed: str, slug: str) -> None:
    assert run_name(seed, NOW) == f"20261123T074815Z-{slug}"


def test_a_file_in_the_way_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError, match="cannot be written to") as caught:
        RunDirectory.create(str(tmp_path / "runs"), "1", now=NOW)
    assert "--runs" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission_is_a_usage_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(UsageError, match="Permission denied"):
        RunDirectory.create(str(tmp_path), "1", now=NOW)


def test_a_report_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory.create(str(tmp_path), "1", now=NOW)

    def fail(*_names: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_directory.os, "replace", fail)
    with pytest.raises(HarnessFault, match="No space left") as refused:
        write_whole(directory.report, "# report\n")
    assert refused.value.hint.startswith("free some space (df ")
    assert os.listdir(directory.path) == []
    monkeypatch.undo()
    write_whole(directory.report, "# report\n")
    assert Path(directory.report).read_text() == "# report\n"


def test_a_report_in_the_place_of_a_directory_is_told_and_nobody_has_to_free_space(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="it is a directory") as refused:
        write_whole(str(tmp_path), "# report\n")
    assert refused.value.hint == f"name a file: {tmp_path}/report"
    with pytest.raises(HarnessFault, match="No such file or directory") as failed:
        write_whole(str(tmp_path / "gone" / "report.md"), "# report\n")
    assert failed.value.hint.startswith(f"ls -ld {tmp_path}/gone shows whose it is")
    assert os.listdir(tmp_path) == []
