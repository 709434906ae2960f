"""Persistence models: what each allows, over generated traces small enough to list everything."""

from disk_traces import Operation, TinyDirectory, name_operations, operations
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from walcrash.disk import (
    ImageBuilder,
    Pending,
    choices,
    count_states,
    every_state,
    images,
    kill_image,
    rebuild,
)
from walcrash.values.case_file import CASES
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event, EventKind
from walcrash.values.image import Image
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.persistence import stricter_than
from walcrash.values.seed import Prng

SECTOR = 4
BLOCK = 8
NAMED: list[Operation] = [("mkdir", "d"), ("open", 0, "d/a"), ("sync",)]
EMPTY = Image({})
MOST_STATES = 3000

SYNCS = frozenset({EventKind.FSYNC, EventKind.FDATASYNC, EventKind.SYNC_ALL, EventKind.MSYNC})

few = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def replay(
    events: list[Event], *, weakest: Model = Model.POSIX, block_bytes: int = 4096
) -> Pending:
    pending = Pending(EMPTY, sector_bytes=SECTOR, weakest=weakest, block_bytes=block_bytes)
    for event in events:
        pending.apply(event)
    return pending


def every_image(pending: Pending, model: Model) -> set[str]:
    builder = ImageBuilder(pending)
    return {builder.build_state(state).digest() for state in every_state(pending, model)}


def small(events: list[Event], *, block_bytes: int = 4096) -> Pending:
    pending = replay(events, block_bytes=block_bytes)
    space = count_states(pending, Model.POSIX)
    assume(space.states <= MOST_STATES and (space.is_counted or bool(pending.names.tied)))
    assume(len(pending.names.pending) < 7)
    return pending


@few
@given(operations(most=14))
def test_a_kill_leaves_what_memory_holds(steps: list[Operation]) -> None:
    for count in range(len(steps) + 1):
        directory = TinyDirectory().run(steps[:count])
        position = CrashPosition(len(directory.events), Placement.BEFORE)
        assert kill_image(EMPTY, directory.events, position) == directory.image()


@few
@given(st.booleans().flatmap(lambda fails: operations(most=9, is_failing=fails)))
@example([("open", 0, "a"), ("write", 0, 0, 9), ("fail", 0), ("fsync", 0), ("write", 0, 6, 3)])
@example([("open", 0, "a"), ("append", 0, 9), ("sync",), ("refill", 0, 9), ("close", 0)])
@example([("open", 0, "a"), ("write", 0, 0, 9), ("fail", 0), ("truncate", 0, 6), ("sync",)])
def test_every_image_of_a_stricter_model_is_one_of_the_weaker_ones(
    steps: list[Operation],
) -> None:
    assert_models_nest(steps)


@settings(few, max_examples=200)
@given(name_operations())
@example([*NAMED, ("rename", "d/a", "b"), ("fsync-directory", "."), ("unlink", "b")])
def test_every_arrangement_of_names_of_a_stricter_model_is_one_of_the_weaker_ones(
    steps: list[Operation],
) -> None:
    assert_models_nest(steps)


def assert_models_nest(steps: list[Operation]) -> None:
    pending = small(TinyDirectory().run(steps).events, block_bytes=BLOCK)
    legal = {model: every_image(pending, model) for model in Model}
    assert legal[Model.KILL] <= legal[Model.ORDERED] <= legal[Model.EXT4] <= legal[Model.POSIX]
    for model in Model:
        for stricter in stricter_than(model):
            assert legal[stricter] <= legal[model], (stricter, model)


@few
@given(operations(most=12, is_failing=True))
def test_ordered_images_are_the_kill_images_since_the_last_sync_cut_at_sectors(
    steps: list[Operation],
) -> None:
    events = TinyDirectory().run(steps).events
    syncs = [
        n for n, e in enumerate(events) if e.result >= 0 and (e.kind in SYNCS or e.is_synchronous)
    ]
    first = syncs[-1] + 1 if syncs else 0
    positions = [CrashPosition(index, Placement.BEFORE) for index in range(first, len(events) + 1)]
    for index in range(first, len(events)):
        event = events[index]
        if event.kind is EventKind.WRITE:
            boundary = SECTOR - event.offset % SECTOR
            for kept in range(boundary, event.length, SECTOR):
                positions.append(CrashPosition(index, Placement.WITHIN, kept))
    expected = {kill_image(EMPTY, events, position).digest() for position in positions}
    assert every_image(replay(events), Model.ORDERED) == expected


@few
@given(operations(most=9, is_failing=True))
def test_every_enumerated_image_is_legal_and_rebuilds_alone(steps: list[Operation]) -> None:
    events = TinyDirectory().run(steps).events
    pending = small(events)
    position = CrashPosition(len(events), Placement.BEFORE)
    for model in Model:
        legal = every_image(pending, model)
        found = list(images(pending, model, position, prng=Prng(1), drawn=5))
        assert len({one.digest for one in found}) == len(found) <= len(legal)
        for one in found:
            assert one.digest in legal
            stored = CASES.from_json(ImageChoice, CASES.to_json(one.choice), "choice")
            assert stored == one.choice
            assert rebuild(stored, EMPTY, events) == one.image
            assert one.choice.describe(dict(enumerate(events)))


@few
@given(operations(most=9, is_failing=True))
def test_no_more_images_than_counted_cuts(steps: list[Operation]) -> None:
    pending = small(TinyDirectory().run(steps).events)
    for model in Model:
        states = sum(1 for _ in every_state(pending, model))
        space = count_states(pending, model)
        assert space.states == states if space.is_counted else space.states <= states


@few
@given(operations(most=9, is_failing=True))
def test_a_model_that_forgets_for_ext4_gives_the_same_images_of_ext4(
    steps: list[Operation],
) -> None:
    events = TinyDirectory().run(steps).events
    position = CrashPosition(len(events), Placement.BEFORE)
    for model in (Model.KILL, Model.ORDERED, Model.EXT4):
        whole, short = replay(events), replay(events, weakest=model)
        assert _digests(whole, model, position) == _digests(short, model, position)


def _digests(pending: Pending, model: Model, position: CrashPosition) -> set[str]:
    builder = ImageBuilder(pending)
    return {builder.build(c).digest() for c in choices(pending, model, position)}


@few
@given(operations(most=14))
def test_after_a_sync_of_everything_there_is_one_image(steps: list[Operation]) -> None:
    directory = TinyDirectory().run([*steps, ("sync",)])
    pending = replay(directory.events)
    for model in Model:
        assert every_image(pending, model) == {directory.image().digest()}


@few
@given(operations(most=12, is_failing=True))
def test_a_torn_write_is_forgotten_when_the_position_is_left(steps: list[Operation]) -> None:
    events = TinyDirectory().run(steps).events
    torn, plain = replay([]), replay([])
    for event in events:
        if event.kind is EventKind.WRITE and event.length > 1:
            with torn.torn(event, event.length - 1):
                pass
        torn.apply(event)
        plain.apply(event)
    position = CrashPosition(len(events), Placement.BEFORE)
    assert _digests(torn, Model.POSIX, position) == _digests(plain, Model.POSIX, position)


@few
@given(operations(most=10))
def test_a_failed_sync_takes_nothing_away_and_a_later_one_gives_no_more_than_without_it(
    steps: list[Operation],
) -> None:
    plain = small(TinyDirectory().run([*steps, ("fsync", 0)]).events, block_bytes=BLOCK)
    failed = small(
        TinyDirectory().run([*steps, ("fail", 0), ("fsync", 0)]).events, block_bytes=BLOCK
    )
    assert every_image(plain, Model.ORDERED) == every_image(failed, Model.ORDERED)
    for model in (Model.EXT4, Model.POSIX):
        assert every_image(plain, model) <= every_image(failed, model)
