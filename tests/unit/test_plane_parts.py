"""The plane without a device: which cuts are mounted, what a real tree becomes, what is said."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from command import PLANTED, walcrash_here
from disk_events import DIRECTORY_SYNC, create, fsync, rename, truncate, write
from report_lines import finding

from walcrash.blocks import abilities
from walcrash.blocks.cuts import CutKind
from walcrash.blocks.log import BlockWrite
from walcrash.campaign import sightings
from walcrash.campaign.on_plane import on_plane
from walcrash.campaign.sightings import why_not_there
from walcrash.case.plane_search import PlaneSearch
from walcrash.case.plane_session import PlaneTask, chosen_cuts
from walcrash.case.real_choice import real_choice
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.disk import ImageBuilder, crash_states, every_state
from walcrash.report.finding_text import finding_text
from walcrash.report.sighting_text import sighting_text
from walcrash.scenario.file import load_scenario
from walcrash.values.case import BootPlan
from walcrash.values.case_file import CASES
from walcrash.values.event import Event, EventKind
from walcrash.values.faults.plan import FaultKind
from walcrash.values.history import BootEnd, BootHistory, Recoveries
from walcrash.values.image import DirectoryEntry, FileEntry, Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.persistence import PersistenceModel, power_models
from walcrash.values.real_tree import RealTree
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.seed import Prng
from walcrash.values.sighting import Sight, Sighting
from walcrash.values.verdict import Invariant, Judgement, Verdict, Violation

EXT4, POSIX = PersistenceModel.EXT4, PersistenceModel.POSIX
FINDING = finding(model=EXT4)
BASE = Image({"log": FileEntry(b"a" * 700), "d": DirectoryEntry()})

TRACE = (
    write("log", 0, 200, b"b" * 900),
    create("new", 1),
    write("new", 1, 0, b"c" * 600),
    truncate("log", 0, 600),
    rename("new", "log", 1),
    write("log", 1, 500, b"d" * 30),
    Event(kind=EventKind.ATTRIBUTE, path="log", file=1, mode=0o640),
)

# limits
STATES = 20
"""Crash states at one position that are taken for real trees."""

STRIDE = 37
"""Between two of these, in the order of the model."""


@pytest.mark.parametrize("model", [EXT4, POSIX])
def test_every_image_of_a_model_is_found_again_as_a_choice_of_it(model: PersistenceModel) -> None:
    explicit = 0
    for position, pending in crash_states(BASE, TRACE, is_within_writes=False):
        builder = ImageBuilder(pending)
        for state in islice(every_state(pending, model), 0, STATES * STRIDE, STRIDE):
            image = builder.build_state(state)
            found = real_choice(pending, model, position, image)
            assert found is not None, (position, image)
            assert found.image == image == builder.build(found.choice)
            assert found.choice.model is model
            explicit += found.choice.policy is Policy.EXPLICIT
    assert explicit, "some state is none of the enumeration"


def test_what_no_sync_forbids_is_no_choice_of_a_model_that_forbids_it() -> None:
    trace = (write("log", 0, 0, b"b" * 512), fsync("log", 0))
    *_, (position, pending) = crash_states(BASE, trace)
    assert real_choice(pending, EXT4, position, BASE) is None


def history(events: int) -> BootHistory:
    return BootHistory((), None, BootEnd.POWER_LOST)


def boot(trace: Sequence[Event]) -> RecordedBoot:
    return RecordedBoot(
        number=1, plan=BootPlan(()), base=BASE, earlier=(), events=tuple(trace),
        history_until=history,
    )  # fmt: skip


class Search:
    """A search in which every tree but the base fails."""

    def __init__(self, trace: Sequence[Event], *trees: RealTree) -> None:
        self.recovered: list[Image] = []
        self.search = PlaneSearch(
            boot(trace), trees, EXT4, recover=self.recover, judge=self.judge
        )  # fmt: skip

    def recover(self, image: Image) -> Recoveries:
        self.recovered.append(image)
        return Recoveries(first=None)  # type: ignore[arg-type]

    def judge(self, _: BootHistory, __: Recoveries) -> Judgement:
        if self.recovered[-1] == BASE:
            return Judgement(Verdict.PASS, (), frozenset(), ())
        broken = Violation(Invariant.LOST_PUT, "first recovery", "gone")
        return Judgement(Verdict.FAIL, (broken,), frozenset(), ())


def tree(image: Image, returned: int, begun: int | None = None) -> RealTree:
    begun = returned if begun is None else begun
    return RealTree(image=image, returned=returned, begun=begun, cuts={"prefix": 2})


def changed(**files: bytes) -> Image:
    return Image({**BASE.entries, **{name: FileEntry(data) for name, data in files.items()}})


def test_a_tree_is_placed_in_the_strictest_model_that_allows_it() -> None:
    trace = (write("log", 0, 0, b"b" * 512), write("log", 0, 512, b"c" * 188))
    first, last = changed(log=b"b" * 512 + b"a" * 188), changed(log=b"a" * 512 + b"c" * 188)
    ordered = Search(trace, tree(first, 2)).search.placed(tree(first, 2))
    assert ordered.choice.model is power_models()[0]
    assert Search(trace, tree(last, 2)).search.placed(tree(last, 2)).choice.model is EXT4


def test_a_call_under_way_may_be_in_memory_in_part_or_whole() -> None:
    trace = (write("log", 0, 0, b"b" * 512), fsync("log", 0), write("log", 0, 0, b"c" * 512))
    seen = tree(changed(log=b"c" * 512 + b"a" * 188), 2, 3)
    placed = Search(trace, seen).search.placed(seen)
    assert placed.choice.tree is None
    assert placed.choice.position.event_index == 2


def test_a_tree_that_no_model_allows_is_kept_itself_and_can_be_stored() -> None:
    trace = (write("log", 0, 0, b"b" * 512), fsync("log", 0))
    seen = tree(BASE, 2)
    placed = Search(trace, seen).search.placed(seen)
    assert placed.choice.tree == placed.image == BASE
    assert placed.choice.model is EXT4, "the model that has to allow what the file system leaves"
    assert "no model allows" in placed.choice.describe({})
    form = json.loads(json.dumps(CASES.to_json(placed.choice)))
    read = CASES.from_json(ImageChoice, form, "choice")
    assert read == placed.choice
    *_, (_, pending) = crash_states(BASE, trace)
    assert ImageBuilder(pending).build(read) == BASE


def test_a_failure_that_only_a_weaker_model_covers_is_no_failure_of_the_contract() -> None:
    trace = (create("new", 1), write("new", 1, 0, b"b"), fsync("new", 1), DIRECTORY_SYNC)
    nothing, empty = tree(BASE, 0), tree(changed(new=b""), 2)
    made = Search(trace, nothing, empty)
    result = made.search.explore(Prng(1), EXT4, most=8)
    assert result.own is not None
    assert result.own.judgement.verdict is Verdict.FAIL
    strict = Search(trace, nothing, tree(changed(new=b"\0"), 2))
    result = strict.search.explore(Prng(1), power_models()[0], most=8)
    assert result.own is not None
    assert result.own.judgement.verdict is Verdict.PASS
    assert result.weaker is not None
    assert result.weaker.candidate.choice.model is not power_models()[0]
    assert strict.search.coverage.judged == 2
    assert strict.search.coverage.generated == 4


def test_only_what_breaks_the_invariant_that_is_sought_is_a_failure_then() -> None:
    trace = (write("log", 0, 0, b"b"),)
    seen = tree(changed(log=b"b" + b"a" * 699), 1)
    for sought, verdict in ((Invariant.LOST_PUT, True), (Invariant.ORDER, False)):
        result = Search(trace, seen).search.explore(Prng(1), EXT4, most=8, sought=sought)
        assert result.own is not None
        shown = [violation.invariant for violation in result.own.judgement.violations]
        assert (sought in shown) is verdict


# Cuts.

FLUSH = BlockWrite(0, b"", is_flush=True)
LOG = tuple(
    entry
    for number in range(12)
    for entry in (
        BlockWrite(8192 * number, bytes([number + 1]) * 1024),
        BlockWrite(8192 * number + 4096, bytes([number + 1]) * 1024),
        FLUSH,
    )
)


def task(**more: object) -> PlaneTask:
    made = PlaneTask(
        variant="ext4", directory="", subject=SubjectSpec("a:B"), limits=RecoveryLimits(),
        base=BASE, boots=(), background="none", seed=1, drawn=4, mounts=30, is_torn=True,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def test_no_more_devices_are_mounted_than_asked_for_and_most_lost_nothing_that_arrived() -> None:
    chosen = list(chosen_cuts({}, LOG, task(), 0))
    assert len(chosen) == len({key for key, _ in chosen}) == 30
    whole = [any(cut.kind is CutKind.PREFIX for cut in same) for _, same in chosen]
    assert sum(whole) >= 22
    assert not all(whole)
    arrived = [same[0].arrived for _, same in chosen]
    assert arrived == sorted(arrived), "the devices are made in this order"


def test_cuts_fall_into_the_last_boot_and_tear_only_what_may_be_torn() -> None:
    every = [cut for _, same in chosen_cuts({}, LOG, task(mounts=500), 20) for cut in same]
    assert min(cut.arrived for cut in every) == 20
    assert CutKind.TORN in {cut.kind for cut in every}
    whole = [
        cut for _, same in chosen_cuts({}, LOG, task(mounts=500, is_torn=False), 0) for cut in same
    ]
    assert whole
    assert CutKind.TORN not in {cut.kind for cut in whole}


# What is asked for, and what is said.


def test_every_case_on_the_plane_ends_with_a_power_loss() -> None:
    kills = load_scenario(PLANTED.parent / "crash-mid-write.toml")
    assert {plan.kind for plan in kills.faults} == {FaultKind.KILL}
    assert [plan.kind for plan in on_plane(kills, "xfs").faults] == [FaultKind.POWER]
    losses = load_scenario(PLANTED / "power" / "never-synced.toml")
    assert on_plane(losses, "xfs").faults == losses.faults
    assert on_plane(losses, "xfs").origin.endswith("never-synced.toml --plane xfs")


def test_a_finding_that_was_not_seen_is_never_said_to_be_refuted() -> None:
    seen = Sighting(sight=Sight.SEEN, file_system="ext4", kernel="6.18.44-x", trees=3)
    assert sighting_text(seen) == "seen on ext4 6.18, in one of 3 real trees"
    vain = sighting_text(replace(seen, sight=Sight.NOT_SEEN))
    assert vain == "tried on ext4 6.18: none of 3 real trees shows it, which refutes nothing"
    untried = replace(seen, sight=Sight.NOT_TRIED, trees=0, reason="it needs root")
    assert sighting_text(untried) == "not tried on ext4 6.18: it needs root"


def test_a_finding_that_a_file_system_cannot_show_is_not_tried_there() -> None:
    weaker = replace(FINDING, model=POSIX)
    assert "only `posix` shows it" in why_not_there(weaker, "ext4")
    assert why_not_there(weaker, "xfs") == ""
    assert "torn inside a sector" in why_not_there(replace(FINDING, is_torn_inside=True), "xfs")
    assert why_not_there(FINDING, "ext4") == ""


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("lacking", ("it needs root", "sudo"), "it needs root"),
        ("lacking_for", ("there is no mkfs.xfs", ""), "there is no mkfs.xfs"),
        ("trial", "Operation not permitted", "Operation not permitted"),
    ],
)
def test_a_finding_is_not_tried_where_the_machine_cannot(
    name: str, given: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: dict[str, object] = {"lacking": ("", ""), "lacking_for": ("", ""), "trial": ""}
    for each, answer in {**answers, name: given}.items():
        monkeypatch.setattr(sightings, each, lambda *_, answer=answer: answer)
    tried = sightings.sight((), Invariant.LOST_PUT, "xfs")
    assert (tried.sight, tried.reason, tried.file_system) == (Sight.NOT_TRIED, reason, "xfs")


def test_a_finding_says_what_a_real_file_system_made_of_it() -> None:
    seen = Sighting(sight=Sight.SEEN, file_system="xfs", kernel="6.18.44", trees=1)
    text = finding_text(replace(FINDING, sighting=seen))
    assert "\n  real      seen on xfs 6.18, in one of 1 real tree\n" in text
    assert "real" not in finding_text(FINDING)


SCENARIO = str(PLANTED / "power" / "never-synced.toml")


def test_a_machine_without_real_file_systems_is_inconclusive_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abilities.os, "geteuid", lambda: 1000)
    done = walcrash_here(tmp_path, "run", SCENARIO, "--plane", "xfs")
    assert (done.returncode, done.stdout) == (4, "")
    assert "xfs: no real file system can be recorded here: it needs root" in done.stderr
    assert not (tmp_path / "reports").exists(), "nothing was begun"


@pytest.mark.parametrize("option", ["--plane", "--confirm"])
def test_a_file_system_that_is_none_is_a_usage_error(tmp_path: Path, option: str) -> None:
    done = walcrash_here(tmp_path, "run", SCENARIO, option, "zfs")
    assert done.returncode == 2
    assert "there is no plane `zfs`; allowed: ext4, xfs, btrfs" in done.stderr


def test_a_plane_and_a_confirmation_are_not_asked_for_at_once(tmp_path: Path) -> None:
    done = walcrash_here(tmp_path, "run", SCENARIO, "--plane", "xfs", "--confirm", "xfs")
    assert done.returncode == 2
    assert "both were given" in done.stderr
