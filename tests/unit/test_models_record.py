"""`walcrash models record`: which runs there are, and one small recording on real file systems."""

import json
import os
from pathlib import Path

import pytest
from command import walcrash, walcrash_here
from needs import need_real_file_systems

from walcrash.blocks import abilities
from walcrash.blocks.background import BACKGROUNDS, FAILING, HELD, USUAL
from walcrash.blocks.file_systems import VARIANTS
from walcrash.recorder.tree import restore
from walcrash.tools.models.drawn import draw_steps
from walcrash.tools.models.files import find_files, read_file
from walcrash.tools.models.litmus import LITMUS
from walcrash.tools.models.record import RecordPlan, tasks_of
from walcrash.tools.models.steps import ON_FILES, ON_NAMES, Step, packed, perform
from walcrash.tools.models.workloads import SCENARIOS, known_workloads
from walcrash.values.errors import UsageError
from walcrash.values.event import EventKind
from walcrash.values.image import Image
from walcrash.values.seed import Prng


def plan(**changed: object) -> RecordPlan:
    chosen: dict[str, object] = {
        "workloads": ("drawn", "overwrite-block"), "file_systems": ("ext4", "xfs"),
        "backgrounds": BACKGROUNDS, "rounds": 2, "subsets": 4, "mounts": 9, "master_seed": "s",
        "directory": Path("nowhere"), "jobs": 1, "seconds": None, **changed,
    }  # fmt: skip
    return RecordPlan(**chosen)  # type: ignore[arg-type]


def test_one_seed_gives_the_same_runs_and_no_two_runs_have_one_seed() -> None:
    tasks = tasks_of(plan())
    assert tasks == tasks_of(plan())
    assert len({task.seed for task in tasks}) == len(tasks) == 8
    assert {task.background for task in tasks} == {"none", "slow", "commit"}


def test_what_the_device_does_to_data_is_recorded_where_it_is_asked_for() -> None:
    assert set(BACKGROUNDS) - set(USUAL) == {HELD, FAILING}


@pytest.mark.parametrize("key", ["workloads", "file_systems", "backgrounds"])
def test_a_name_that_means_nothing_is_a_usage_error(key: str) -> None:
    with pytest.raises(UsageError, match="no-such"):
        tasks_of(plan(**{key: ("no-such",)}))


def test_every_workload_that_is_recorded_by_default_is_there() -> None:
    assert set(SCENARIOS) <= set(known_workloads())


def made(steps: tuple[Step, ...], directory: Path) -> list[str]:
    """Make steps here, one after the other; return those that the system refuses."""
    refusals, files, before = [], {}, Path.cwd()
    os.chdir(directory)
    try:
        for name, *arguments in steps:
            try:
                if name in ON_FILES:
                    ON_FILES[str(name)](files, *arguments)
                elif name != "sync":
                    ON_NAMES[str(name)](*arguments)
            except OSError as problem:
                refusals.append(f"{name} {arguments}: {problem}")
    finally:
        for fd in files.values():
            os.close(fd)
        os.chdir(before)
    return refusals


@pytest.mark.parametrize("name", LITMUS)
def test_no_step_of_a_litmus_workload_is_refused(name: str, tmp_path: Path) -> None:
    restore(Image(dict(LITMUS[name].base)), str(tmp_path))
    assert made(LITMUS[name].steps, tmp_path) == []


def test_drawn_steps_are_known_and_follow_from_the_seed(tmp_path: Path) -> None:
    names = set()
    for seed in range(60):
        steps = draw_steps(Prng(seed))
        assert steps == draw_steps(Prng(seed))
        names |= {name for name, *_ in steps}
    assert names == ON_FILES.keys() | ON_NAMES.keys()


def test_a_step_that_is_refused_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    perform(packed(str(tmp_path), (("unlink", "gone"), ("fsync", 7), ("mkdir", "d"))))
    assert (tmp_path / "d").is_dir()


def test_a_machine_that_cannot_record_is_inconclusive_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abilities.os, "geteuid", lambda: 1000)
    done = walcrash_here(tmp_path, "models", "record", "overwrite-block")
    assert (done.returncode, done.stdout) == (4, "")
    assert "no real file system can be recorded here: it needs root" in done.stderr
    assert not (tmp_path / "real-trees").exists()


def test_the_names_are_listed(tmp_path: Path) -> None:
    done = walcrash_here(tmp_path, "models", "record", "--list")
    assert done.returncode == 0
    for name in (*VARIANTS, *BACKGROUNDS, *LITMUS, "drawn", "sqlite-wal-full-power"):
        assert f"  {name}\n" in done.stdout + "\n"


@pytest.mark.slow
def test_real_trees_are_recorded_kept_and_allowed(tmp_path: Path) -> None:
    need_real_file_systems()
    words = ("--seed", "small", "--subsets", "1", "--mounts", "25", "--to", "json", "--shares")
    done = walcrash(
        tmp_path, "models", "record", "replace-by-rename-fsync", *words, "--into", "trees",
        PATH=os.environ["PATH"],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    there = [name for name in VARIANTS if not abilities.lacking_for(VARIANTS[name])[0]]
    assert [each["file_system"] for each in said["file_systems"]] == sorted(there)
    for each in said["file_systems"]:
        assert each["trees"] > 2, each
        assert each["cuts"] >= each["mounts"] > 5, each
        assert each["shares"]["nothing"]["seen"] > 0, each
    assert said["missing"] == []
    paths = find_files([str(tmp_path / "trees")])
    assert len(paths) == len(there)
    assert all(read_file(path)[0].trees for path in paths)
    assert walcrash_here(tmp_path, "models", "check", "trees").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("background", [HELD, FAILING])
def test_trees_of_data_that_is_late_or_lost_are_allowed(background: str, tmp_path: Path) -> None:
    """No block is written again after a failed sync here: ext4 loses it, and no model says so."""
    need_real_file_systems()
    words = ("--file-system", "ext4", "--mounts", "25", "--seed", "small", "--subsets", "1")
    workloads = ("create-by-rename-no-sync", "replace-by-rename-fsync")
    done = walcrash(
        tmp_path, "models", "record", *workloads, "--background", background, *words,
        PATH=os.environ["PATH"],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [read_file(path)[0] for path in find_files([str(tmp_path / "real-trees")])]
    assert [run.background for run in runs] == [background] * 2
    assert all(run.trees for run in runs)


@pytest.mark.slow
def test_a_subject_that_ships_is_recorded_with_its_messages(tmp_path: Path) -> None:
    need_real_file_systems()
    words = ("--file-system", "ext4", "--background", "none", "--mounts", "25", "--seed", "small")
    done = walcrash(tmp_path, "models", "record", "quickstart", *words, PATH=os.environ["PATH"])
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = find_files([str(tmp_path / "real-trees")])
    (run,) = read_file(path)
    kinds = {event.kind for event in run.events}
    assert {EventKind.REPLY, EventKind.WRITE, EventKind.FSYNC} <= kinds
    assert max(tree.returned for tree in run.trees) > 0
