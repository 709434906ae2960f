"""`walcrash models check`: real trees held against the models, without a device, without root."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import walcrash_here

from walcrash.tools.models.check import Checker, answers
from walcrash.tools.models.files import excerpt, find_files, read_file, write_file
from walcrash.tools.models.litmus import LITMUS
from walcrash.values.codec import Refused
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import UsageError
from walcrash.values.event import MAPPED, Event, EventKind
from walcrash.values.image import DirectoryEntry, FileEntry, Image, LinkEntry, SymlinkEntry
from walcrash.values.image_choice import Policy
from walcrash.values.real_tree import RealRun, RealTree
from walcrash.values.real_tree_file import read_runs, write_runs

EXT4, POSIX = PersistenceModel.EXT4, PersistenceModel.POSIX
LENGTH = 9000

EVENTS = (
    Event(kind=EventKind.CREATE, path="log", file=0, mode=0o644),
    Event(
        kind=EventKind.WRITE, path="log", file=0, length=LENGTH, data=b"n" * LENGTH, result=LENGTH
    ),
    Event(kind=EventKind.FSYNC, path="log", file=0),
)


def tree(content: bytes | None, returned: int, begun: int | None = None) -> RealTree:
    entries = {} if content is None else {"log": FileEntry(content, 0o644)}
    return RealTree(
        image=Image(entries),
        returned=returned,
        begun=returned if begun is None else begun,
        cuts={"prefix": 1},
    )


def run_of(*trees: RealTree, events: tuple[Event, ...] = EVENTS) -> RealRun:
    return RealRun(
        file_system="ext4", kernel="6.18", models=(EXT4, POSIX), workload="made-up",
        base=Image({}), events=events, trees=trees, cuts=len(trees), mounts=len(trees),
    )  # fmt: skip


def refused(run: RealRun, model: PersistenceModel = POSIX) -> list[int]:
    return [index for index, answer in answers(run, model) if answer.reason]


def said(directory: Path, *words: str) -> tuple[int, str, str]:
    done = walcrash_here(directory, "models", *words)
    return done.returncode, done.stdout, done.stderr


def test_a_store_through_a_mapping_may_be_on_the_disk_before_it_is_found() -> None:
    synced = EVENTS
    stored = replace(synced[1], data=b"s" * LENGTH, flags=MAPPED)
    events = (*synced, Event(kind=EventKind.MAP, path="log", file=0), stored)
    run = run_of(tree(b"s" * LENGTH, 4), tree(b"s" * LENGTH, 3), events=events)
    assert refused(run) == [1]


def test_what_a_power_loss_may_leave_is_allowed_and_what_it_may_not_is_refused() -> None:
    run = run_of(
        tree(None, 2),
        tree(b"n" * LENGTH, 2),
        tree(b"", 2),
        tree(b"x" * LENGTH, 2),
        tree(b"n" * LENGTH, 3),
        tree(b"n" * 4096, 3),
    )
    assert refused(run) == [3, 5]


def test_a_call_under_way_may_be_in_memory_in_whole_pages_or_not_at_all() -> None:
    run = run_of(
        tree(None, 1, 2),
        tree(b"n" * 4096, 1, 2),
        tree(b"n" * LENGTH, 1, 2),
        tree(b"m" * LENGTH, 1, 2),
    )
    assert refused(run) == [3]


def test_a_sync_under_way_has_promised_nothing() -> None:
    assert refused(run_of(tree(None, 2, 3), tree(b"n" * LENGTH, 2, 3))) == []


def test_a_synchronous_write_under_way_has_promised_nothing() -> None:
    through = Event(
        kind=EventKind.WRITE, path="log", file=0, length=10, data=b"n" * 10, result=10,
        is_synchronous=True,
    )  # fmt: skip
    events = (*EVENTS[:1], Event(kind=EventKind.FSYNC, path=".", file=1), through)
    run = run_of(tree(b"", 2, 3), tree(b"n" * 10, 2, 3), tree(b"", 3), events=events)
    assert refused(run) == [2]


def test_a_refusal_says_where_and_what_and_exits_1(tmp_path: Path) -> None:
    path = tmp_path / "trees.json.gz"
    write_file(path, [run_of(tree(b"n" * LENGTH, 3), tree(b"x" * LENGTH, 3))])
    code, out, err = said(tmp_path, "check", str(path), "--refused", "bad.json")
    assert code == 1, err
    assert f"{path}, run 0, tree 1: refused by `posix`" in out
    assert "log, data at 0" in out
    assert "found x*512, allowed n*512" in out
    assert out.rstrip().endswith("FAIL  2 trees of 2 cuts, 1 refused")
    (bad,) = read_file(tmp_path / "bad.json")
    assert bad.models == (EXT4, POSIX)
    assert refused(bad) == [0]


def test_trees_that_are_allowed_pass_and_the_shares_say_what_was_seen(tmp_path: Path) -> None:
    write_file(tmp_path / "a.json", [run_of(tree(None, 2), tree(b"n" * LENGTH, 2))])
    code, out, err = said(tmp_path, "check", str(tmp_path), "--shares")
    assert code == 0, err
    assert "PASS  2 trees of 2 cuts, 0 refused" in out
    assert "100 % of 1" in next(line for line in out.splitlines() if "nothing" in line)
    code, out, _ = said(tmp_path, "check", "a.json", "--to", "json")
    assert code == 0
    assert json.loads(out)["file_systems"][0]["refused"] == {"ext4": 0, "posix": 0}


def test_shares_count_each_image_at_a_place_once() -> None:
    checker = Checker(with_shares=True)
    checker.add(run_of(tree(None, 2), tree(b"n" * LENGTH, 2)), "x", 0)
    (found,) = checker.result().file_systems
    assert found.shares[Policy.NOTHING].seen == found.shares[Policy.NOTHING].images == 1
    assert found.shares[Policy.TORN].images > found.shares[Policy.TORN].seen == 0


def test_outcomes_say_what_is_allowed_and_what_was_seen() -> None:
    name = "create-by-rename-no-sync"
    litmus = LITMUS[name]
    content = b"n" * 6000
    events = (
        Event(kind=EventKind.CREATE, path="tmp", file=0, mode=0o644),
        Event(kind=EventKind.WRITE, path="tmp", file=0, length=6000, data=content, result=6000),
        Event(kind=EventKind.RENAME, path="tmp", path_to="file", file=0),
    )
    seen = RealTree(
        image=Image({"file": FileEntry(b"", 0o644)}), returned=3, begun=3, cuts={"prefix": 2}
    )
    run = RealRun(
        file_system="xfs", models=(POSIX,), workload=name, base=Image(dict(litmus.base)),
        events=events, trees=(seen,),
    )  # fmt: skip
    checker = Checker(with_outcomes=True)
    checker.add(run, "x", 0)
    by_outcome = {each.outcome: each for each in checker.result().outcomes}
    assert by_outcome["empty"].seen == {"xfs": 2}
    assert POSIX in by_outcome["empty"].allowed
    assert by_outcome["missing"].seen == {}


def test_a_question_about_sizes_is_answered_with_size_and_content() -> None:
    outcome = LITMUS["size-truncate-up"].outcome
    content = b"o" * 100 + bytes(20) + b"n"
    assert outcome(Image({"file": FileEntry(content, 0o644)})) == "121 bytes of zeros, new, old"
    both = Image({"file": FileEntry(b"", 0o644), "other": FileEntry(b"x", 0o644)})
    assert outcome(both) == "0 bytes of nothing; other"
    assert outcome(Image({})) == "names: none"


def test_a_file_gives_back_its_runs_whatever_stands_in_a_tree(tmp_path: Path) -> None:
    image = Image(
        {
            "d": DirectoryEntry(0o755),
            "d/a\udcff": FileEntry(bytes(range(256)), 0o600),
            "d/b": LinkEntry("d/a\udcff"),
            "s": SymlinkEntry("nowhere"),
        }
    )
    run = run_of(RealTree(image=image, returned=0, begun=1, cuts={"torn": 2, "prefix": 1}))
    for name in ("one.json", "two.json.gz"):
        write_file(tmp_path / name, [run])
        assert read_file(tmp_path / name) == (run,)
    assert (tmp_path / "two.json.gz").read_bytes()[4:8] == bytes(4), "no time of writing"
    assert find_files([str(tmp_path)]) == [tmp_path / "one.json", tmp_path / "two.json.gz"]


def test_an_excerpt_has_one_tree_and_the_trace_up_to_it() -> None:
    cut = excerpt(run_of(tree(None, 1), tree(b"n", 1, 2)), 1, [POSIX])
    assert (len(cut.events), len(cut.trees), cut.models) == (2, 1, (POSIX,))


def test_the_form_of_before_is_read() -> None:
    case = {
        "fs": "ext4", "workload": "old", "background": "none", "model": "posix",
        "base": {"log": ["FileEntry", "6f6f", 420], "d": ["DirectoryEntry", 493]},
        "image": {"log": ["FileEntry", "6e6f", 420], "d": ["DirectoryEntry", 493]},
        "events": [
            {"kind": "write", "path": "log", "file": 0, "length": 1, "data": "6e", "result": 1}
        ],
    }  # fmt: skip
    (run,) = read_runs(json.dumps([case]), "old.json")
    assert run.models == (POSIX,)
    assert (run.trees[0].returned, run.trees[0].begun) == (1, 1)
    assert refused(run) == []
    with pytest.raises(Refused, match=r"old\.json: case 1 is no case"):
        read_runs(json.dumps([case, {}]), "old.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "this is no JSON"),
        ('{"format": 2, "runs": []}', "format 2 is newer than this walcrash"),
        ('{"format": 1}', "runs"),
        ('{"format": 1, "runs": [{"file_system": 3}]}', "runs"),
    ],
)
def test_what_is_no_file_of_real_trees_is_a_usage_error(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "x.json").write_text(text)
    code, out, err = said(tmp_path, "check", "x.json")
    assert (code, out) == (2, "")
    assert message in err
    assert "hint:" in err


def test_a_place_beyond_the_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"runs\[0\]\.trees\[0\].*the trace has 3"):
        read_runs(write_runs((run_of(tree(None, 1, 4)),)), "far.json")


def test_a_file_that_is_cut_off_or_missing_is_a_usage_error(tmp_path: Path) -> None:
    whole = gzip.compress(b'{"format": 1, "runs": []}')
    (tmp_path / "broken.json.gz").write_bytes(whole[:12])
    for name in ("broken.json.gz", "missing.json"):
        with pytest.raises(UsageError):
            read_file(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no files of real trees"):
        find_files([str(tmp_path / "empty")])


def test_no_trees_at_all_are_inconclusive(tmp_path: Path) -> None:
    write_file(tmp_path / "none.json", [run_of()])
    code, out, _ = said(tmp_path, "check", "none.json")
    assert code == 4
    assert "INCONCLUSIVE  0 trees" in out
