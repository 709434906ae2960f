"""Searches among the images of a made-up boot: which ones, in which order, and when they end."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from disk_events import write
from made_up_subject import LOG, SYNC, boot_of, closed, judgement_of, put, recorded_boot

from walcrash.case.deadline import TimeOver
from walcrash.case.power_loss import BUILT_FOR_EACH, FIRST_IMAGES, LossSearch
from walcrash.case.power_search import position_rank, search_near, targeted
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.search_target import EventRef, PowerTarget, target_of
from walcrash.disk import Candidate, ImageBuilder, images, loss_of, pending_changes
from walcrash.values.contract import PersistenceModel
from walcrash.values.event import EventKind
from walcrash.values.history import BootHistory, Recoveries
from walcrash.values.image import FileEntry, Image
from walcrash.values.image_choice import ImageChoice, Policy
from walcrash.values.moments import SECTOR_BYTES, CrashPosition, Placement
from walcrash.values.persistence import FACTS
from walcrash.values.recovery import Recovery
from walcrash.values.seed import Prng
from walcrash.values.verdict import Invariant, Judgement

BOOT = recorded_boot([boot_of(1, closed(put(1), SYNC, put(2)))])
TWO_BOOTS = recorded_boot([boot_of(1, closed(put(7))), boot_of(2, closed(put(1), put(2)))])
STRICT_FIRST = [model for model in FACTS if model is not PersistenceModel.KILL]
ANYWHERE = PowerTarget(models=tuple(STRICT_FIRST), images=1000, is_anywhere=True)
LAST_WRITE = EventRef(3, EventKind.WRITE, 0)


def all_images(boot: RecordedBoot, model: PersistenceModel) -> list[Candidate]:
    return [
        candidate
        for position, pending in boot.states()
        for candidate in images(pending, model, position)
    ]


def log_of(image: Image) -> bytes | None:
    entry = image.entries.get(LOG)
    return entry.content if isinstance(entry, FileEntry) else None


# Which images.


@pytest.mark.parametrize("boot", [BOOT, TWO_BOOTS], ids=["one boot", "two boots"])
def test_everywhere_means_every_image_that_the_models_allow_and_each_once(
    boot: RecordedBoot,
) -> None:
    found = targeted(boot, ANYWHERE)
    keys = [(each.digest, each.choice.position.whole_events) for each in found]
    assert len(set(keys)) == len(keys)
    allowed = {
        (each.digest, each.choice.position.whole_events)
        for model in STRICT_FIRST
        for each in all_images(boot, model)
    }
    assert set(keys) == allowed
    assert len(keys) > 10


def test_a_stricter_model_comes_first_and_an_image_has_the_strictest_that_allows_it() -> None:
    found = targeted(BOOT, ANYWHERE)
    order = [STRICT_FIRST.index(each.choice.model) for each in found]
    assert order == sorted(order)
    strict = {
        (each.digest, each.choice.position.whole_events)
        for each in all_images(BOOT, STRICT_FIRST[0])
    }
    told = {
        (each.digest, each.choice.position.whole_events)
        for each in found
        if each.choice.model is STRICT_FIRST[0]
    }
    assert told == strict


def test_of_one_model_the_position_that_is_easiest_to_follow_comes_first_then_the_least_loss() -> (
    None
):
    found = [each for each in targeted(BOOT, ANYWHERE) if each.choice.model is STRICT_FIRST[0]]
    losses = {
        (position, choice.choice): loss_of(
            choice.choice, pending_changes(pending, choice.choice.model)
        )
        for position, pending in BOOT.states()
        for choice in found
        if choice.choice.position == position
    }
    order = [
        (position_rank(BOOT, each.choice.position), losses[each.choice.position, each.choice])
        for each in found
    ]
    assert order == sorted(order)


def test_a_position_is_ranked_by_how_hard_it_is_to_follow() -> None:
    kinds = [event.kind for event in BOOT.events]
    write, reply = kinds.index(EventKind.WRITE), kinds.index(EventKind.REPLY)
    assert position_rank(BOOT, CrashPosition(0, Placement.BEFORE)) == 0
    assert position_rank(BOOT, CrashPosition(reply, Placement.AFTER)) == 0
    assert position_rank(BOOT, CrashPosition(write, Placement.AFTER)) == 1
    assert position_rank(BOOT, CrashPosition(write, Placement.WITHIN, 1)) == 2


def test_a_target_at_an_event_finds_images_of_that_position_only() -> None:
    target = replace(ANYWHERE, at=LAST_WRITE, placement=Placement.AFTER, is_anywhere=False)
    found = targeted(BOOT, target)
    wanted = target.position(BOOT.events, 0)
    assert {each.choice.position for each in found} == {wanted}
    assert {log_of(each.image) for each in found} >= {
        b"PutOperation op-1\n",
        b"PutOperation op-1\nPutOperation op-2\n",
    }


def test_a_target_whose_event_is_not_there_finds_nothing() -> None:
    target = replace(ANYWHERE, at=EventRef(9, EventKind.WRITE, 0), is_anywhere=False)
    assert targeted(BOOT, target) == []


def test_some_are_passed_over_and_no_more_are_found_than_were_asked_for() -> None:
    every = targeted(BOOT, ANYWHERE)
    assert targeted(BOOT, replace(ANYWHERE, images=5)) == every[:5]
    assert targeted(BOOT, replace(ANYWHERE, images=5, skipped=2)) == every[2:5]
    assert targeted(BOOT, replace(ANYWHERE, images=5, skipped=5)) == []


def test_the_policy_that_was_meant_comes_first() -> None:
    target = replace(ANYWHERE, at=LAST_WRITE, placement=Placement.AFTER, is_anywhere=False)
    for policy in (Policy.NOTHING, Policy.ALL):
        first = targeted(BOOT, replace(target, policy=policy))[0]
        assert first.choice.policy is policy


# The very image.


@pytest.mark.parametrize("boot", [BOOT, TWO_BOOTS], ids=["one boot", "two boots"])
def test_the_target_of_an_image_finds_that_very_image_in_the_same_trace(boot: RecordedBoot) -> None:
    for candidate in all_images(boot, PersistenceModel.POSIX):
        target = target_of(candidate.choice, boot.events, boot.events_before, models=(), images=1)
        assert [(each.choice, each.image) for each in targeted(boot, target)] == [
            (candidate.choice, candidate.image)
        ]


def test_in_a_trace_of_another_shape_the_image_is_sought_by_what_it_fell_on() -> None:
    models = (PersistenceModel.POSIX,)
    for candidate in all_images(BOOT, PersistenceModel.POSIX):
        target = target_of(candidate.choice, BOOT.events, 0, models=models, images=100)
        other = recorded_boot([boot_of(1, closed(put(100), SYNC, put(2)))])
        found = targeted(other, target)
        wanted = target.position(other.events, 0)
        assert wanted is not None
        assert {each.choice.position for each in found} == {wanted}
        # A policy that this position has is tried first; a few are of other sectors only.
        policies = [each.choice.policy for each in found]
        assert candidate.choice.policy is policies[0] or candidate.choice.policy not in policies


# Until the rule breaks.


def search_until(
    broken: Callable[[Image, BootHistory], Invariant | None], meant: Invariant
) -> tuple[list[bytes | None], list[Invariant | None], Invariant | None]:
    """Search everywhere; return the logs that were recovered, what broke, and what was returned."""
    recovered: list[Image] = []
    told: list[Invariant | None] = []

    def recover(image: Image) -> Recoveries:
        recovered.append(image)
        return Recoveries(Recovery((), len(recovered) - 1, None))

    def judge(history: BootHistory, recoveries: Recoveries) -> Judgement:
        assert isinstance(recoveries.first, Recovery)
        told.append(broken(recovered[recoveries.first.end], history))
        return judgement_of(told[-1])

    search = LossSearch(BOOT, PersistenceModel.POSIX, recover=recover, judge=judge)
    judged = search_near(search, BOOT, ANYWHERE, meant)
    assert judged is not None
    assert search.coverage.judged == len(told)
    violations = judged.judgement.violations
    logs = [log_of(image) for image in recovered]
    return logs, told, violations[0].invariant if violations else None


def test_a_search_ends_with_the_first_image_that_breaks_what_is_meant() -> None:
    def broken(image: Image, history: BootHistory) -> Invariant | None:
        return Invariant.LOST_PUT if log_of(image) == b"PutOperation op-1\n" else None

    _, told, found = search_until(broken, Invariant.LOST_PUT)
    assert found is Invariant.LOST_PUT
    assert told[-1] is Invariant.LOST_PUT
    assert set(told[:-1]) == {None}


def test_a_search_goes_on_past_an_image_that_breaks_something_else() -> None:
    def broken(image: Image, history: BootHistory) -> Invariant | None:
        meant = log_of(image) == b"PutOperation op-1\n"
        return Invariant.LOST_PUT if meant else Invariant.ORDER

    _, told, found = search_until(broken, Invariant.LOST_PUT)
    assert found is Invariant.LOST_PUT
    assert Invariant.ORDER in told[:-1]


def test_a_search_that_finds_nothing_returns_the_last_that_it_judged() -> None:
    logs, told, found = search_until(lambda image, history: None, Invariant.LOST_PUT)
    assert found is None
    assert len(told) == len(targeted(BOOT, ANYWHERE))
    assert len(logs) < len(told), "an image of two positions is recovered once"


def test_a_search_with_no_image_judges_nothing() -> None:
    def refuse(*_: object) -> Judgement:
        raise AssertionError("nothing is judged")

    search = LossSearch(BOOT, PersistenceModel.POSIX, recover=refuse, judge=refuse)  # type: ignore[arg-type]
    nowhere = replace(ANYWHERE, at=EventRef(9, EventKind.WRITE, 0), is_anywhere=False)
    assert search_near(search, BOOT, nowhere, Invariant.LOST_PUT) is None
    assert search.coverage.judged == 0


def test_where_hundreds_of_choices_mean_one_image_other_positions_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A log that was made in advance is filled with zeros once more, then it gets a record."""
    base = Image({LOG: FileEntry(bytes(64 * SECTOR_BYTES))})
    fills = [write(LOG, 0, at * SECTOR_BYTES, bytes(SECTOR_BYTES)) for at in range(64)]
    boot = replace(BOOT, base=base, events=(*fills, write(LOG, 0, 0, b"record")))
    built: list[ImageChoice] = []
    build = ImageBuilder.build

    def count(builder: ImageBuilder, choice: ImageChoice) -> Image:
        built.append(choice)
        return build(builder, choice)

    monkeypatch.setattr(ImageBuilder, "build", count)
    recovered: list[Image] = []

    def recover(image: Image) -> Recoveries:
        recovered.append(image)
        return Recoveries(Recovery((), 0, None))

    search = LossSearch(
        boot, PersistenceModel.POSIX, recover=recover, judge=lambda *_: judgement_of(None)
    )
    assert search.explore(Prng(1), 4) is not None
    assert {log_of(image) for image in recovered} == {
        bytes(64 * SECTOR_BYTES),
        b"record" + bytes(64 * SECTOR_BYTES - 6),
    }
    assert len(built) <= len(boot.events) * FIRST_IMAGES * BUILT_FOR_EACH


@pytest.mark.parametrize("keeps_part", [True, False])
@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_search_that_the_time_is_over_for_has_what_it_has_judged_where_that_counts(
    most: int, keeps_part: bool
) -> None:
    recovered: list[Image] = []

    def recover(image: Image) -> Recoveries:
        if len(recovered) == most:
            raise TimeOver
        recovered.append(image)
        return Recoveries(Recovery((), 0, None))

    search = LossSearch(
        BOOT,
        PersistenceModel.POSIX,
        recover=recover,
        judge=lambda *_: judgement_of(None),
        keeps_part=keeps_part,
    )
    if most and keeps_part:
        judged = search.explore(Prng(1), 100)
        assert judged is not None
        assert judged.candidate.image == recovered[-1]
        assert (search.coverage.distinct, search.searched.is_exhausted) == (most + 1, False)
    else:
        with pytest.raises(TimeOver):
            search.explore(Prng(1), 100)
