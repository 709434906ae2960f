"""What stands where a store of findings belongs: what is no store is never an empty one."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from bundles import small_bundle

from walcrash.cli import main
from walcrash.findings.store import NAME, Store
from walcrash.values.errors import ExitCode, HarnessFault, UsageError

BUNDLE = small_bundle()

PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "directory": (lambda path: path.mkdir(), "which is a directory"),
    "FIFO": (os.mkfifo, "which is a FIFO"),
    "loop": (lambda path: path.symlink_to(path.name), "a symbolic link that leads to no file"),
    "dangling": (lambda path: path.symlink_to("gone"), "a symbolic link that leads to no file"),
    "device": (lambda path: path.symlink_to("/dev/null"), "which is a device"),
}


@pytest.mark.parametrize("name", list(PLACES))
def test_what_is_no_file_is_told_by_every_way_to_the_findings(tmp_path: Path, name: str) -> None:
    make, why = PLACES[name]
    make(tmp_path / NAME)
    store = Store(tmp_path)
    for look in (
        store.all,
        store.check_usable,
        lambda: store.find("F-"),
        lambda: store.keep(BUNDLE.finding, BUNDLE.stored, BUNDLE.stored),
    ):
        with pytest.raises(UsageError, match=why) as refused:
            look()
        assert "ls -ld " in refused.value.hint
    assert os.listdir(tmp_path) == [NAME]


def test_a_file_in_the_place_of_the_runs_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    runs.write_text("no directory\n", encoding="ascii")
    assert main(["findings", "--runs", str(runs)]) == ExitCode.USAGE
    shown = capsys.readouterr()
    assert f"runs are kept in {runs}, which cannot be written to: it is a file" in shown.err
    assert "hint: name another directory with --runs DIR" in shown.err
    assert not shown.out


def test_a_directory_in_the_place_of_the_journal_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(BUNDLE.finding, BUNDLE.stored, BUNDLE.stored)
    (tmp_path / f"{NAME}-journal").mkdir()
    with pytest.raises(UsageError, match=f"{NAME}-journal, which is a directory") as refused:
        store.all()
    assert f"{NAME}-journal shows it; move it away" in refused.value.hint


def test_a_link_to_a_store_and_an_empty_file_are_stores(tmp_path: Path) -> None:
    """SQLite makes an empty file before anything is kept, and a kill may leave it."""
    kept, linked, empty = tmp_path / "kept", tmp_path / "linked", tmp_path / "empty"
    Store(kept).keep(BUNDLE.finding, BUNDLE.stored, BUNDLE.stored)
    for directory in (linked, empty):
        directory.mkdir()
    (linked / NAME).symlink_to(kept / NAME)
    (empty / NAME).touch()
    assert [each.id for each in Store(linked).all()] == [BUNDLE.finding.id]
    assert Store(empty).all() == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("pragma user_version = -1", "found format -1; allowed: 1 to 6"),
        ("update finding set id_scheme = 99", "the id scheme 99; allowed: 1 to 3"),
        ("update finding set id_scheme = 'x'", "the id scheme 'x'; allowed: 1 to 3"),
        ("update finding set id = 'F-ffffff'", "the id 'F-ffffff' .* of another finding"),
        ("update finding set scenario = 'z'", "the scenario 'z' of another finding"),
    ],
)
def test_a_row_that_does_not_fit_its_finding_is_damage(
    tmp_path: Path, change: str, why: str
) -> None:
    store = Store(tmp_path)
    store.keep(BUNDLE.finding, BUNDLE.stored, BUNDLE.stored)
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(HarnessFault, match=why) as refused:
        store.all()
    assert refused.value.hint


def test_a_kept_finding_with_a_name_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep(BUNDLE.finding, BUNDLE.stored, BUNDLE.stored)
    named = f'"scenario":"{BUNDLE.finding.scenario}"'
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(
            "update finding set finding = replace(finding, ?, ?)",
            (named, '"scenario":"b\\ud800"'),
        )
    connection.close()
    with pytest.raises(UsageError, match=r"a kept finding\.scenario: found .* lone surrogates"):
        store.all()
