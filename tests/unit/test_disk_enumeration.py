"""Enumeration: the order of choices, what they say of themselves, and how many there are."""

from itertools import islice

import pytest

from walcrash.disk import (
    ImageBuilder,
    Pending,
    Space,
    choices,
    count_states,
    images,
    planned_choices,
    rebuild,
)
from walcrash.disk.likelihood import WEIGHTS, likely_first
from walcrash.values.case_file import CASES
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.errors import UsageError
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import CrashPosition, Placement, split
from walcrash.values.seed import Prng

K = EventKind
BASE = Image({"state": FileEntry(b"old")})
TRACE = [
    Event(kind=K.CREATE, path="tmp", file=0),
    Event(
        kind=K.WRITE, path="tmp", file=0, length=1200, data=bytes(range(200)) * 6, result=1200
    ),
    Event(kind=K.RENAME, path="tmp", path_to="state", file=0),
    Event(kind=K.REPLY, data=b"R", result=1),
]  # fmt: skip
END = CrashPosition(3)


def replayed(base: Image = BASE, events: list[Event] = TRACE) -> Pending:
    pending = Pending(base)
    for event in events:
        pending.apply(event)
    return pending


def policies(model: Model, *, drawn: int = 0) -> list[Policy]:
    found = choices(replayed(), model, END, prng=Prng(7), drawn=drawn)
    return list(dict.fromkeys(choice.policy for choice in found))


def test_each_model_has_its_policies_in_the_stated_order() -> None:
    assert policies(Model.KILL) == [Policy.ALL]
    assert policies(Model.ORDERED) == [Policy.NOTHING, Policy.ALL, Policy.PREFIX, Policy.TORN]
    stated = [policy for policy in Policy if policy is not Policy.EXPLICIT]
    assert policies(Model.POSIX, drawn=1) == stated
    not_ext4 = (Policy.GROWN_STALE, Policy.BOTH_NAMES)
    assert policies(Model.EXT4, drawn=1) == [p for p in stated if p not in not_ext4]


@pytest.mark.parametrize("model", [Model.KILL, Model.ORDERED, Model.EXT4, Model.POSIX])
def test_a_planned_choice_has_the_policy_of_what_it_makes(model: Model) -> None:
    disk = replayed()
    made = list(choices(disk, model, END, prng=Prng(7), drawn=3))
    planned = list(planned_choices(disk, model, END, prng=Prng(7), drawn=3))
    assert [each.policy for each in planned] == [choice.policy for choice in made]
    assert [each.make() for each in reversed(planned)] == made[::-1]


def test_a_builder_knows_contents_that_images_share_by_the_hash_that_they_have() -> None:
    disk = replayed(Image({**BASE.entries, "other": FileEntry(bytes(9000))}))
    builder = ImageBuilder(disk)
    made = [builder.build(choice) for choice in choices(disk, Model.POSIX, END)]
    assert [builder.digest(image) for image in made] == [image.digest() for image in made]
    assert len({image.digest() for image in made}) > 3


def test_writes_are_torn_at_the_ends_of_blocks_before_they_are_torn_inside() -> None:
    data = bytes(10_000)
    write = Event(kind=K.WRITE, path="state", file=0, offset=1024, length=len(data), data=data,
                  result=len(data))  # fmt: skip
    found = choices(replayed(BASE, [write]), Model.ORDERED, CrashPosition(0))
    parts = [split(choice.names)[1] for choice in found if choice.policy is Policy.TORN]
    assert parts[:2] == [6, 14], "at bytes 4,096 and 8,192 of the file"
    assert sorted(parts) == list(range(1, 20))


def test_every_choice_comes_once_and_likely_ones_tend_to_come_first() -> None:
    every = list(choices(replayed(), Model.POSIX, END, prng=Prng(7), drawn=8))
    places: dict[Policy, list[int]] = {}
    for seed in range(40):
        order = list(likely_first(every, Prng(seed)))
        assert order == list(likely_first(every, Prng(seed)))
        assert sorted(map(every.index, order)) == list(range(len(every)))
        for place, choice in enumerate(order):
            places.setdefault(choice.policy, []).append(place)
    mean = {policy: sum(found) / len(found) for policy, found in places.items()}
    assert mean[Policy.NAMES_ONLY] < mean[Policy.ALL_BUT_ONE] < mean[Policy.DRAWN]
    assert mean[Policy.PREFIX] < mean[Policy.TORN] < mean[Policy.ONE_ALONE]
    assert WEIGHTS.keys() == set(Policy) - {Policy.EXPLICIT}


def test_a_choice_says_in_one_line_what_it_keeps_and_loses() -> None:
    events = dict(enumerate(TRACE))
    said = {}
    for choice in choices(replayed(), Model.POSIX, END, prng=Prng(7), drawn=1):
        said.setdefault(choice.policy, choice.describe(events))
    write, rename = "write tmp, 1200 bytes at 0", "rename tmp to state"
    state = "; power lost after event 3 (posix)"
    assert said == {
        Policy.NOTHING: f"nothing kept that was not synced{state}",
        Policy.ALL: f"everything kept{state}",
        Policy.NAMES_ONLY: f"all names kept, no content that was not synced{state}",
        Policy.FILES_ONLY: f"all content kept, no names that were not synced{state}",
        Policy.PREFIX: f"everything kept up to event 0 (create tmp), nothing after it{state}",
        Policy.ALL_BUT_ONE: f"everything kept but event 0 (create tmp){state}",
        Policy.ONE_ALONE: f"nothing kept but event 0 (create tmp){state}",
        Policy.TORN: (
            f"event 1 ({write}) torn: its first 1 of 3 sectors kept, nothing after them{state}"
        ),
        Policy.BLOCK_LOST: f"everything kept but bytes 0-1535 since event 1 ({write}){state}",
        Policy.GROWN_ZEROS: (
            f"the file of event 1 ({write}) has its new size, and zeros in its new part{state}"
        ),
        Policy.GROWN_STALE: (
            f"the file of event 1 ({write}) has its new size, and stale bytes in it{state}"
        ),
        Policy.BOTH_NAMES: f"event 2 ({rename}) half done: the file has both names{state}",
        Policy.DRAWN: f"a part of the changes, drawn with seed {Prng(7).below(1 << 63)}{state}",
    }


def test_a_name_of_ext4_is_not_lost_or_kept_alone() -> None:
    """It is kept with all names before it and lost with all after it."""
    alone = (Policy.ONE_ALONE, Policy.ALL_BUT_ONE)
    about = {
        model: {each.about for each in choices(replayed(), model, END) if each.policy in alone}
        for model in (Model.EXT4, Model.POSIX)
    }
    assert about == {Model.EXT4: {1}, Model.POSIX: {0, 1, 2}}


def test_the_same_seed_draws_the_same_choices_and_images() -> None:
    runs = [list(images(replayed(), Model.POSIX, END, prng=Prng(3), drawn=20)) for _ in range(2)]
    assert runs[0] == runs[1]
    assert any(found.choice.policy is Policy.DRAWN for found in runs[0])


def test_each_content_comes_once() -> None:
    found = [one.image for one in images(replayed(), Model.EXT4, END)]
    assert all(image not in found[:index] for index, image in enumerate(found))


def test_images_of_a_large_write_are_made_only_as_they_are_asked_for() -> None:
    data = bytes(8 << 20)
    trace = [Event(kind=K.WRITE, path="state", file=0, length=len(data), data=data,
                   result=len(data))]  # fmt: skip
    pending = replayed(BASE, trace)
    found = list(islice(images(pending, Model.POSIX, CrashPosition(0)), 3))
    assert [one.choice.policy for one in found[:2]] == [Policy.NOTHING, Policy.ALL]
    space = count_states(pending, Model.POSIX)
    assert space == Space(10**18, is_counted=False)
    assert str(space) == "at least 1000000000000000000"


def test_small_spaces_are_counted() -> None:
    assert str(count_states(replayed(), Model.ORDERED)) == "6"
    assert count_states(replayed(), Model.KILL) == Space(1, is_counted=True)
    # Before the rename: the file has 4 sizes, and each of its 3 sectors is there or not.
    # After it, the size is there, and each sector or zeros in its place. Before the creation,
    # and at each part of the write, no name differs; sizes later than the names are not there.
    ext4 = count_states(replayed(), Model.EXT4)
    assert ext4 == Space((1 + 1 + 2 + 3 + 4) * 8 + 8, is_counted=True)
    # tmp is absent, there or moved away; state is old or new; not gone and not there.
    posix = count_states(replayed(), Model.POSIX)
    assert posix == Space((3 * 2 - 1) * 4 * 3**3, is_counted=True)


def test_a_choice_within_a_write_rebuilds_alone() -> None:
    pending = replayed(BASE, TRACE[:1])
    position = CrashPosition(1, Placement.WITHIN, 700)
    with pending.torn(TRACE[1], 700):
        found = list(images(pending, Model.POSIX, position))
    for one in found:
        assert rebuild(one.choice, BASE, TRACE) == one.image
    sizes = {len(one.image.entries["tmp"].content) for one in found if "tmp" in one.image.entries}  # type: ignore[union-attr]
    assert sizes == {0, 512, 700}


def test_the_image_of_the_strictest_policy_is_the_same_in_every_model() -> None:
    pending = replayed()
    builder = ImageBuilder(pending)
    kept = [
        builder.build(choice)
        for model in Model
        for choice in choices(pending, model, END)
        if choice.policy is Policy.ALL
    ]
    assert len(kept) == len(Model)
    assert all(image == kept[0] for image in kept)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "ext5"},
        {"names": 3},
        {"names": [1, "2"]},
        {"names": None},
        {"names": [1, 1 << 40]},
        {"held": [["sectors"]]},
        {"held": {}},
        {"held": [["size", 1, None]]},
        {"held": [["sectors", -1, None]]},
        {"policy": "drawn", "seed": None},
        {"position": {"event_index": True, "placement": "after", "kept_bytes": 0}},
        {"position": {"event_index": -1, "placement": "after", "kept_bytes": 0}},
        {"about": -2},
        {"sector_bytes": 0},
        {"seed": "x"},
    ],
)
def test_a_broken_choice_is_refused(change: dict[str, object]) -> None:
    choice = next(choices(replayed(), Model.POSIX, END))
    assert isinstance(choice, ImageChoice)
    stored = CASES.to_json(choice)
    with pytest.raises(UsageError, match=r"^the choice(\.[a-z_]+|\[\d\])+: found "):
        CASES.from_json(ImageChoice, {**stored, **change}, "the choice")
    with pytest.raises(UsageError, match="an object"):
        CASES.from_json(ImageChoice, [stored], "the choice")
    for missing in ("held", "policy"):
        rest = {name: value for name, value in stored.items() if name != missing}
        with pytest.raises(UsageError, match=f"the key `{missing}` is missing"):
            CASES.from_json(ImageChoice, rest, "the choice")
