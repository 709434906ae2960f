"""A red job is read at another place: its reports' commands, its store, a checkout that moved."""

import html
import os
import re
import shlex
import shutil
import sqlite3
from pathlib import Path

import pytest
from command import PLANTED, walcrash_here
from once import made_once

FILES = ("buffered-append.toml", "buffered_append.py", "planted_base.py")

REPORTS = ("github", "github-annotations", "junit", "sarif", "html")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, interception: None) -> Path:
    """What a job leaves: its checkout, with `crash` for its runs, and its event log."""
    return made_once(tmp_path_factory, "red-job", _run)


@pytest.fixture
def moved(job: Path, tmp_path: Path) -> Path:
    """A copy of that; what the job itself was run in is there too, and must not be run."""
    return Path(shutil.copytree(job, tmp_path / "moved"))


def _run(directory: Path) -> None:
    (directory / "sc").mkdir()
    for name in FILES:
        shutil.copy(PLANTED / name, directory / "sc" / name)
    words = ["--seed", "t", "--cases", "2", "--runs", "crash", "--log", "events.ndjson"]
    done = walcrash_here(directory, "run", "sc/buffered-append.toml", *words)
    assert done.returncode == 1, done.stdout + done.stderr


def repair(file: Path) -> None:
    text = file.read_text()
    file.write_text(text.replace("import BufferedLog", "import PlainLog as BufferedLog"))


def commands(text: str) -> list[str]:
    return re.findall(r"walcrash (?:replay|explain|run) [^\n<\"\\&%]+", text)


@pytest.mark.parametrize("form", REPORTS)
@pytest.mark.parametrize("log", ["events.ndjson", "RUN"])
def test_every_report_has_lines_that_name_the_runs_of_the_job(
    form: str, log: str, moved: Path
) -> None:
    (run,) = (path.parent for path in moved.glob("crash/*/events.ndjson"))
    named = log.replace("RUN", str(run.relative_to(moved)))
    done = walcrash_here(moved, "report", named, "--to", form, "-o", "-")
    assert done.returncode == 0, done.stderr
    lines = [line for line in commands(done.stdout) if " F-" in line or " sc/" in line]
    assert len(lines) >= 1
    assert all(" --runs crash" in line for line in lines), lines


def test_a_run_writes_its_pages_with_its_own_runs(moved: Path) -> None:
    for name in ("report.html", "report.md"):
        (page,) = moved.glob(f"crash/*/{name}")
        lines = commands(page.read_text())
        assert any(line.startswith("walcrash replay F-") for line in lines)
        assert all(" --runs crash" in line for line in lines if " F-" in line)


def test_a_log_that_is_far_from_its_runs_is_told_where_they_are(
    moved: Path, tmp_path: Path
) -> None:
    far = tmp_path / "far"
    far.mkdir()
    log = shutil.copy(moved / "events.ndjson", far)
    done = walcrash_here(far, "report", log, "--to", "github")
    assert "walcrash replay F-" in done.stdout
    assert "--runs" not in done.stdout
    done = walcrash_here(far, "report", log, "--to", "github", "--runs", "down loads/crash")
    assert re.search(r"walcrash replay F-\w+ --runs 'down loads/crash'\n", done.stdout)


def test_shards_name_each_their_own_runs(moved: Path) -> None:
    for shard in ("shard-1", "shard-2"):
        (moved / shard).mkdir()
        shutil.copy(moved / "events.ndjson", moved / shard)
    shutil.copytree(moved / "crash", moved / "shard-2" / "crash")
    shutil.move(moved / "crash", moved / "shard-1" / "crash")
    logs = ("shard-1/events.ndjson", "shard-2/events.ndjson")
    done = walcrash_here(moved, "report", *logs, "--to", "junit")
    assert re.search(r"walcrash replay F-\w+ --runs shard-1/crash\n", done.stdout)


@pytest.mark.parametrize("words", ["replay F- --times 1", "explain F-", "bundle F-"])
def test_a_checkout_that_was_moved_runs_its_own_subject(words: str, moved: Path) -> None:
    # The place of the job is there still, with the bug in it.
    repair(moved / "sc" / "buffered_append.py")
    done = walcrash_here(moved, *words.split(), "--runs", "crash")
    assert "did not happen again" in done.stdout + done.stderr


def test_a_store_that_was_downloaded_finds_the_subject_by_its_scenario(
    moved: Path, tmp_path: Path
) -> None:
    """The store alone lies elsewhere, and its job's machine is not there."""
    checkout, download = tmp_path / "checkout", tmp_path / "down" / "loads" / "crash"
    shutil.copytree(moved / "sc", checkout / "sc")
    shutil.copytree(moved / "crash", download)
    _forget_the_place(download)
    done = walcrash_here(checkout, "replay", "F-", "--times", "1", "--runs", str(download))
    assert done.returncode == 1, done.stderr
    assert "replay 1 of 1: lost-put, the same again" in done.stderr


def test_a_subject_that_is_nowhere_is_asked_for_and_can_be_named(
    moved: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    shutil.copytree(moved / "crash", away / "crash")
    _forget_the_place(away / "crash")
    for command in ("replay", "explain", "bundle"):
        done = walcrash_here(away, command, "F-", "--runs", "crash")
        assert done.returncode == 2, done.stdout
        assert "buffered_append.py:Subject` in /no/where, which is not there" in done.stderr
        (hint,) = re.findall(r"^hint: (walcrash replay F-.*--runs crash --subject \S+\.toml)",
                             done.stderr, re.MULTILINE)  # fmt: skip
    scenario = str(moved / "sc" / "buffered-append.toml")
    words = shlex.split(hint.replace("SCENARIO.toml", shlex.quote(scenario)))[1:]
    done = walcrash_here(away, *words, "--times", "1")
    assert done.returncode == 1, done.stderr
    adapter = str(moved / "sc" / "buffered_append.py") + ":Subject"
    done = walcrash_here(away, "explain", "F-", "--runs", "crash", "--subject", adapter)
    assert done.returncode == 0, done.stderr
    assert "BOOT 1" in done.stdout
    done = walcrash_here(away, "bundle", "F-", "--runs", "crash", "--subject", scenario)
    assert done.returncode == 0, done.stderr
    assert os.path.isfile(away / done.stdout.strip())


def _forget_the_place(runs: Path) -> None:
    """Let a store be one from a machine whose directories are not here."""
    with sqlite3.connect(runs / "walcrash.sqlite") as store:
        for column in ("stored", "origin"):
            (text,) = store.execute(f"select {column} from finding").fetchone()
            adapter = re.sub(r'"adapter":\s*"[^"]*/', '"adapter":"/no/where/', text)
            assert adapter != text
            store.execute(f"update finding set {column} = ?, place = '/no/runs'", (adapter,))
    store.close()


def test_a_bundle_is_explained_replayed_and_shown_by_its_own_name(moved: Path) -> None:
    done = walcrash_here(moved, "bundle", "F-", "--runs", "crash", "-o", "sent one.zip")
    assert done.returncode == 0, done.stderr
    again = "walcrash replay 'sent one.zip' --subject sc/buffered-append.toml"
    done = walcrash_here(moved, "explain", "sent one.zip")
    assert f"  replay    {again}\n" in done.stdout
    done = walcrash_here(moved, *shlex.split(again)[1:], "--times", "1")
    assert done.returncode == 1, done.stderr
    assert f"  replay    {again}\n" in done.stdout
    done = walcrash_here(moved, "report", "sent one.zip", "--to", "html")
    assert done.returncode == 0, done.stderr
    page = html.unescape((moved / "sent one.html").read_text())
    assert again in page
    assert "walcrash explain 'sent one.zip'" in page
    assert "PutOperation op-1" in page
    done = walcrash_here(moved, "report", "sent one.zip", "--to", "junit")
    assert done.returncode == 2
    assert "hint: walcrash report 'sent one.zip' --to html" in done.stderr
