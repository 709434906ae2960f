"""A new model is an object, a name and a line: one is made up here, and everything works with it.

`late-names` reorders nothing, but names reach the disk late: files are as they were at one moment
since the last sync, names and modes at that moment or an earlier one. It is weaker than `ordered`
and stricter than `posix`; `ext4` and it allow images that the other forbids.
"""

from collections.abc import Iterator

import pytest
from disk_traces import Operation, TinyDirectory, operations
from hypothesis import HealthCheck, assume, given, settings

from walcrash.disk import (
    ImageBuilder,
    Pending,
    Space,
    change_fates,
    choices,
    count_states,
    every_state,
    images,
    outstanding,
)
from walcrash.disk.crash_state import FileState
from walcrash.disk.file_history import FileHistory
from walcrash.disk.file_system import FileSystem
from walcrash.disk.model import Sought
from walcrash.disk.models import MODELS
from walcrash.disk.one_moment import NamesAtOneMoment
from walcrash.disk.space import Arrangement, at_moments
from walcrash.values import persistence
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.image import FileEntry, Image
from walcrash.values.image_choice import Held, ImageChoice, Policy
from walcrash.values.moments import CrashPosition, Moment, Placement
from walcrash.values.persistence import ModelFacts, covers, strict_to_weak, stricter_than
from walcrash.values.seed import Prng

SECTOR = 4
EMPTY = Image({})
MOST_STATES = 1000

few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def made_up_name(value: str) -> Model:
    """Return what a new member of the enum would be."""
    member = object.__new__(Model)
    for attribute, text in (("_name_", value.upper()), ("_value_", value)):
        setattr(member, attribute, text)
    return member


LATE = made_up_name("late-names")


class LateNamesModel(NamesAtOneMoment):
    """The whole of a new model: what a file of its own would have."""

    name = LATE
    policies = (Policy.NOTHING, Policy.ALL, Policy.FILES_ONLY, Policy.PREFIX, Policy.TORN)
    needs = frozenset()
    tears_in_order = True

    def names_mark(self, pending: FileSystem) -> Moment:
        return pending.barrier

    def files_mark(self, pending: FileSystem) -> Moment:
        return pending.barrier

    def file_state(
        self, pending: FileSystem, choice: ImageChoice, file: FileHistory, held: list[Held]
    ) -> FileState:
        moment = min(max(choice.files, self.names_moment(pending, choice)), pending.now)
        return FileState(file.size_at(moment), moment)

    def count(self, pending: FileSystem) -> Space:
        moments = len(self.moments(pending))
        return Space.of(moments * (moments + 1) // 2)

    def arrangements(
        self, pending: FileSystem, *, is_sought: Sought | None = None
    ) -> Iterator[Arrangement]:
        moments = self.moments(pending)
        for names in moments:
            for reached in moments[moments.index(names) :]:
                yield at_moments(pending, names=names, files=reached)


FACTS = {
    **{model: persistence.FACTS[model] for model in (Model.KILL, Model.ORDERED, Model.EXT4)},
    LATE: ModelFacts(
        stricter=(Model.ORDERED,), summary="names come late", durable="durable by `late-names`"
    ),
    Model.POSIX: ModelFacts(
        stricter=(Model.EXT4, LATE),
        summary=persistence.FACTS[Model.POSIX].summary,
        durable=persistence.FACTS[Model.POSIX].durable,
    ),
}


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(persistence, "FACTS", FACTS)
        patch.setitem(MODELS, LATE, LateNamesModel())
        yield


def replay(events: list[Event], base: Image = EMPTY, weakest: Model = Model.POSIX) -> Pending:
    pending = Pending(base, sector_bytes=SECTOR, weakest=weakest)
    for event in events:
        pending.apply(event)
    return pending


def small(events: list[Event]) -> Pending:
    pending = replay(events)
    space = count_states(pending, Model.POSIX)
    assume(space.states <= MOST_STATES and (space.is_counted or bool(pending.names.tied)))
    assume(len(pending.names.pending) < 7)
    return pending


def every_image(pending: Pending, model: Model) -> set[str]:
    builder = ImageBuilder(pending)
    return {builder.build_state(state).digest() for state in every_state(pending, model)}


def test_the_order_has_the_new_model_between_those_that_it_names() -> None:
    assert strict_to_weak() == (Model.KILL, Model.ORDERED, Model.EXT4, LATE, Model.POSIX)
    assert stricter_than(LATE) == (Model.KILL, Model.ORDERED)
    assert covers(Model.POSIX, LATE)
    assert not covers(Model.EXT4, LATE)
    assert not covers(LATE, Model.EXT4)


@few
@given(operations(most=9, is_failing=True))
def test_every_image_of_a_stricter_model_is_one_of_the_weaker_ones(
    steps: list[Operation],
) -> None:
    pending = small(TinyDirectory().run(steps).events)
    legal = {model: every_image(pending, model) for model in strict_to_weak()}
    for model in strict_to_weak():
        for stricter in stricter_than(model):
            assert legal[stricter] <= legal[model], (stricter, model)


@few
@given(operations(most=9, is_failing=True))
def test_the_enumeration_has_legal_images_of_the_new_model_and_counts_its_crash_states(
    steps: list[Operation],
) -> None:
    events = TinyDirectory().run(steps).events
    pending, short = small(events), replay(events, weakest=LATE)
    position = CrashPosition(len(events), Placement.BEFORE)
    legal = every_image(pending, LATE)
    found = list(images(pending, LATE, position, prng=Prng(1), drawn=5))
    assert {one.digest for one in found} <= legal
    assert {one.choice.policy for one in found} <= set(LateNamesModel.policies)
    assert [one.digest for one in images(short, LATE, position)] == [one.digest for one in found]
    assert count_states(pending, LATE).states == sum(1 for _ in every_state(pending, LATE))
    for choice in choices(pending, LATE, position):
        assert all(fate.event >= 0 for fate in change_fates(pending, choice))
    if len(legal) == 1 and not outstanding(pending, LATE):
        assert every_image(pending, Model.KILL) == legal


def test_a_late_name_is_an_image_of_the_new_model_and_not_of_ext4() -> None:
    base = Image({"old": FileEntry(b"")})
    data = b"aaaa"
    events = [
        Event(kind=EventKind.RENAME, path="old", path_to="new", file=0),
        Event(
            kind=EventKind.WRITE, path="new", file=0, length=len(data), data=data, result=len(data)
        ),
    ]
    pending = replay(events, base)
    late = Image({"old": FileEntry(data)}).digest()
    unwritten = Image({"new": FileEntry(bytes(4))}).digest()
    assert late in every_image(pending, LATE) - every_image(pending, Model.EXT4)
    assert unwritten in every_image(pending, Model.EXT4) - every_image(pending, LATE)
    position = CrashPosition(len(events), Placement.BEFORE)
    assert late in {one.digest for one in images(pending, LATE, position)}
