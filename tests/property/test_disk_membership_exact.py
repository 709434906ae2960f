"""Whether a tree is an image of a model is decided exactly: it is one where the model lists it."""

from disk_traces import Operation, TinyDirectory, operations
from hypothesis import HealthCheck, assume, given, settings

from walcrash.disk import ImageBuilder, Pending, count_states, every_state, why_not
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event
from walcrash.values.image import FileEntry, Image

SECTOR = 4
BLOCK = 8
MOST_STATES = 600

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def small(events: list[Event]) -> Pending:
    pending = Pending(Image({}), sector_bytes=SECTOR, block_bytes=BLOCK)
    for event in events:
        pending.apply(event)
    space = count_states(pending, Model.POSIX)
    assume(space.states <= MOST_STATES and (space.is_counted or bool(pending.names.tied)))
    assume(len(pending.names.pending) < 6)
    return pending


def every_image(pending: Pending, model: Model) -> dict[str, Image]:
    builder = ImageBuilder(pending)
    found = (builder.build_state(state) for state in every_state(pending, model))
    return {image.digest(): image for image in found}


@few
@given(operations(most=9, is_failing=True))
def test_a_tree_is_an_image_where_the_model_lists_it_and_else_there_is_a_reason(
    steps: list[Operation],
) -> None:
    pending = small(TinyDirectory().run(steps).events)
    legal = {model: every_image(pending, model) for model in Model}
    for model in Model:
        for digest, image in legal[Model.POSIX].items():
            refusal = why_not(pending, model, image)
            assert (refusal is None) == (digest in legal[model])
            if refusal is not None:
                assert refusal.found not in refusal.allowed
                assert refusal.path


@few
@given(operations(most=9))
def test_a_tree_with_a_file_changed_by_one_byte_is_one_only_where_the_model_lists_it(
    steps: list[Operation],
) -> None:
    directory = TinyDirectory().run(steps)
    pending = small(directory.events)
    for path, entry in directory.image().entries.items():
        if isinstance(entry, FileEntry):
            changed = FileEntry(entry.content[:-1] + b"\xff", entry.mode)
            image = Image({**directory.image().entries, path: changed})
            for model in Model:
                is_legal = image.digest() in every_image(pending, model)
                assert (why_not(pending, model, image) is None) == is_legal
