"""Every command line of the README and the pages runs as it is written, in a fresh directory.

A directory has what the pages take for granted: a log of one's own with its scenario, a kept
finding, a run, a bundle. The names that pages make up for these (`F-7c1e42`, `RUN`) stand for
them, and counts and times are cut so that a command ends soon; nothing else is changed.

Not here: commands that install, or that need root or a server (`ELSEWHERE` says where each of
these runs), and those of the reports, which take hours.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from bad_drivers import driver
from command import PLANTED, ROOT, walcrash_here
from command import walcrash as in_a_process
from how_to import DOCS
from once import made_once

from walcrash.cli.commands import walcrash
from walcrash.subjects.reference import ReferenceAdapter

PAGES: Final = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))

LANGUAGES: Final = "sh|console|bash|shell"

ELSEWHERE: Final = {
    "pip install . && walcrash run": "`.ci/run`, in a fresh environment",
    "pip install '.[test]' && pytest -n auto": "`.ci/run`, in a fresh environment",
    "pip install -e '.[check]'": "`.ci/run`",
    "pip install 'walcrash[engines]'": "`.ci/run`",
    "pip install 'walcrash[blocks]'": "`.ci/run`",
    "apt-get install libfuse3-3 e2fsprogs xfsprogs btrfs-progs": "`.ci/run`",
    ".ci/check": "`.ci/run`",
    "pytest -n auto": "`.ci/run`",
    "sudo walcrash models record --seed today --time 10m --into real-trees": (
        "`test_models_record.py`, where the machine has file systems to record"
    ),
    "sudo walcrash models failed-sync": (
        "`test_models_failed_sync.py`, where the machine has file systems to record"
    ),
    "sudo walcrash run my-log.toml --confirm ext4": (
        "`test_plane.py`, where the machine has file systems to record"
    ),
    "sudo walcrash run my-log.toml --plane ext4": (
        "`test_plane.py`, where the machine has file systems to record"
    ),
    "walcrash run my-log.toml --confirm ext4": (
        "`test_plane.py`, where the machine has file systems to record"
    ),
    "walcrash run my-log.toml --plane ext4": (
        "`test_plane.py`, where the machine has file systems to record"
    ),
    "walcrash selftest": "`.ci/run`",
    "walcrash validate": "`.ci/run`, the short table",
    "walcrash bench": "`.ci/run`",
    "walcrash bench search": "`.ci/run`, on one seed",
    "walcrash run": "`.ci/run`, by the README's first command",
    "walcrash run --resume reports/runs/RUN": "`test_resume.py`, on runs that were killed",
    "cp wal.log wal.log.evidence": "no command of walcrash's",
    "truncate --size 60 wal.log": "no command of walcrash's",
}
"""Command lines that are not run here, and where they are."""

STANDS_FOR: Final = {
    "A B": "sqlite sqlite,synchronous=off",
    '"$GITHUB_SHA"': "abc",
    "/var/lib/app/.vix/wal.log": "wal.log",
    "/var/lib/app/store": "store",
    "scenarios/my-scenario.toml": "my-log.toml",
    "scenarios/my-log.toml": "my-log.toml",
}
"""What a page makes up, and what the directory has for it."""

SHORTER: Final = {
    "run": ("--cases", "1", "--seed", "1"),
    "probe": ("--cases", "1", "--images", "4", "--seed", "1"),
    "compare": ("--cases", "1", "--seed", "1"),
    "audit": ("--cases", "1", "--images", "4", "--seed", "1"),
    "replay": ("--times", "1"),
}
"""What makes a command short, where the line does not say it itself."""

SLOW: Final = ("audit", "check", "compare", "doctor", "models", "probe", "replay", "run")

CODES: Final = {
    "run": {0, 1},
    "replay": {1},
    "probe": {0, 1},
    "compare": {0, 1},
    "audit": {0, 1, 4},
    "check": {0},
    "doctor": {0, 4},
}
"""What a command may end with here; 0 where it is not named. Never 2 and 3."""


def documented() -> Iterator[str]:
    """Yield every command line: those of blocks, and those that a table names."""
    for page in PAGES:
        if "decisions" in page.parts:
            continue
        text = page.read_text(encoding="utf-8")
        for body in re.findall(rf"^```(?:{LANGUAGES})\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            yield from (line.removeprefix("$ ") for line in body.splitlines() if line.strip())
        if page.name == "README.md":
            yield from re.findall(r"`((?:walcrash|pip install) [^`]*)`", _table(text))


def _table(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("| "))


EVERY: Final = sorted(set(documented()))
HERE: Final = [line for line in EVERY if line not in ELSEWHERE]


def _marked(line: str) -> object:
    is_slow = line.split()[1] in SLOW
    return pytest.param(line, marks=pytest.mark.slow) if is_slow else line


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, interception: None) -> Path:
    return made_once(tmp_path_factory, "documented-commands", _furnish)


def _furnish(directory: Path) -> None:
    for name in ("buffered_append.py", "planted_base.py"):
        shutil.copy(PLANTED / name, directory / name)
    text = (PLANTED / "buffered-append.toml").read_text(encoding="utf-8")
    text = text.replace('"buffered-append"', '"my-log"') + '\n[contract]\npower = "prefix"\n'
    (directory / "my-log.toml").write_text(text, encoding="utf-8")
    (directory / "scenarios").mkdir()
    shutil.copy(ROOT / "tests" / "transcripts" / "logs" / "sound.vixw", directory / "wal.log")
    shutil.copy(ROOT / "tests/unit/real_trees/ext4-1k.json.gz", directory / "trees.json.gz")
    (directory / "store").mkdir()
    reference = ReferenceAdapter()
    reference.open(directory / "store", [].append)
    reference.close()
    program = directory / "mywal-driver"
    # The directory comes last, behind the words of its own that the page gives to the driver.
    exec_right = f'exec {shlex.join(driver("right"))} "$directory"'
    program.write_text(f"#!/bin/sh\nfor directory; do :; done\n{exec_right}\n", encoding="ascii")
    program.chmod(0o755)
    done = walcrash_here(directory, "run", "my-log.toml", "--seed", "1", "--cases", "2")
    assert done.returncode == 1, done.stdout + done.stderr
    bundled = walcrash_here(directory, "bundle", "F-", "-o", "finding.zip")
    assert bundled.returncode == 0, bundled.stderr
    shutil.copytree(directory / "reports" / "runs", directory / "crash")
    for shard in ("shard-1", "shard-2"):
        shutil.copytree(next(_runs(directory)), directory / shard)


def _runs(directory: Path) -> Iterator[Path]:
    return (path.parent for path in directory.glob("reports/runs/*/events.ndjson"))


def _as_here(line: str, directory: Path) -> str:
    for made_up, here in STANDS_FOR.items():
        line = line.replace(made_up, here)
    (run,) = (path.name for path in _runs(directory))
    line = re.sub(r"reports/runs/\w[\w-]+", f"reports/runs/{run}", line)
    line = re.sub(r"\bF-[0-9a-f]+\.zip\b", "finding.zip", line)
    return re.sub(r"\bF-[0-9a-f]+\b", "F-", line)


def _shorter(words: list[str]) -> list[str]:
    given = SHORTER.get(words[1], ())
    pairs = zip(given[::2], given[1::2], strict=True)
    is_one = "--case" in words
    return [word for pair in pairs if pair[0] not in words and not is_one for word in pair]


def test_every_command_line_is_found_and_those_that_run_elsewhere_are_there() -> None:
    assert len(EVERY) > 40
    assert set(ELSEWHERE) - set(EVERY) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_a_sentence_names_is_one_that_there_is(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    for line in re.findall(r"`walcrash ([a-z][^`]*)`", text):
        command: click.Command = walcrash
        words = shlex.split(line)
        while words and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, line
            command = found
        options = {name for each in command.params for name in each.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, line


@pytest.mark.parametrize("line", [_marked(line) for line in HERE])
def test_a_command_line_of_the_pages_runs_as_it_is_written(
    line: str, desk: Path, tmp_path: Path
) -> None:
    directory = Path(shutil.copytree(desk, tmp_path / "desk"))
    words = shlex.split(_as_here(line, directory))
    assert words[0] == "walcrash", line
    words += _shorter(words)
    # A check looks for processes that are left behind, and the tests have some of their own.
    run = in_a_process if words[1] == "check" else walcrash_here
    done = run(directory, *words[1:])
    assert done.returncode in CODES.get(words[1], {0}), done.stdout + done.stderr
    assert done.stdout or done.stderr
    assert "Traceback" not in done.stderr
