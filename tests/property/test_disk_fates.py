"""What is told of an image is what the image is: fates and standing, over generated traces."""

from itertools import islice

from disk_traces import Operation, TinyDirectory, operations
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from walcrash.disk import ChangeFate, ImageBuilder, Pending, change_fates, choices, name_states
from walcrash.disk.file_history import FileHistory
from walcrash.values.contract import PersistenceModel as Model
from walcrash.values.event import Event
from walcrash.values.image import DirectoryEntry, FileEntry, Image, LinkEntry
from walcrash.values.image_choice import ImageChoice
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.seed import Prng
from walcrash.values.story import Aspect, Durability

SECTOR = 4
EMPTY = Image({})

few = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def replay(events: list[Event], weakest: Model = Model.POSIX) -> Pending:
    pending = Pending(EMPTY, sector_bytes=SECTOR, weakest=weakest)
    for event in events:
        pending.apply(event)
    return pending


def some_choices(pending: Pending, model: Model) -> list[ImageChoice]:
    position = CrashPosition(pending.next_event, Placement.BEFORE)
    return list(islice(choices(pending, model, position, prng=Prng(1), drawn=8), 60))


def contents(image: Image) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path, named in image.entries.items():
        entry = image.entries[named.first_name] if isinstance(named, LinkEntry) else named
        if isinstance(entry, FileEntry):
            found[path] = entry.content
    return found


@few
@given(operations(most=12), st.sampled_from([Model.ORDERED, Model.EXT4, Model.POSIX]))
def test_an_image_of_which_nothing_is_lost_is_what_memory_held(
    steps: list[Operation], model: Model
) -> None:
    directory = TinyDirectory().run(steps)
    pending = replay(directory.events)
    for choice in some_choices(pending, model):
        if all(fate.is_kept for fate in change_fates(pending, choice)):
            assert ImageBuilder(pending).build(choice) == directory.image(), choice


# A cut whose zeros reached the disk without its size, and one that the file has grown over since.
CUT: list[Operation] = [("open", 0, "a"), ("sync",), ("append", 0, 1), ("truncate", 0, 0)]


@few
@given(operations(most=12), st.sampled_from([Model.ORDERED, Model.EXT4, Model.POSIX]))
@example(CUT, Model.POSIX)
@example([*CUT, ("truncate", 0, 5)], Model.POSIX)
def test_bytes_that_are_told_to_be_kept_are_in_the_image_unless_changed_later(
    steps: list[Operation], model: Model
) -> None:
    directory = TinyDirectory().run(steps)
    pending = replay(directory.events)
    for choice in some_choices(pending, model):
        image = contents(ImageBuilder(pending).build(choice))
        fates = change_fates(pending, choice)
        assert all(fate.is_kept or fate.lost or fate.aspect is not Aspect.DATA for fate in fates)
        for (path, at), (number, is_kept) in last_word(fates).items():
            event, key = directory.events[number], pending.names.place(path)
            # Only where the name leads to the same file in memory and on the disk.
            if is_kept and event.data and path in image and key not in pending.names.pending:
                assert image[path][at] == event.data[at - event.offset]


def last_word(fates: list[ChangeFate]) -> dict[tuple[str, int], tuple[int, bool]]:
    """Return, for each byte that was written, the last event that did so, and if it was kept."""
    last: dict[tuple[str, int], tuple[int, bool]] = {}
    for fate in fates:
        for ranges, is_kept in ((fate.lost, False), (fate.kept, True)):
            for start, end in ranges:
                last.update(dict.fromkeys(bytes_at(fate, start, end), (fate.event, is_kept)))
    return last


def bytes_at(fate: ChangeFate, start: int, end: int) -> list[tuple[str, int]]:
    return [(fate.path, at) for at in range(start, end)]


@few
@given(operations(most=14), st.sampled_from([Model.EXT4, Model.POSIX]))
def test_the_standing_of_names_is_that_of_memory_and_of_the_disk(
    steps: list[Operation], weakest: Model
) -> None:
    directory = TinyDirectory().run(steps)
    pending = replay(directory.events, weakest)
    states = name_states(pending)
    memory = directory.image().entries
    shown = {
        path.rstrip("/")
        for path, state in states.items()
        if state.durability is not Durability.REMOVED
    }
    # Under a directory that is gone in memory but not on the disk, names stand as it does.
    assert set(memory) <= shown
    for path, entry in memory.items():
        assert (f"{path}/" if isinstance(entry, DirectoryEntry) else path) in states
    for path, content in contents(directory.image()).items():
        assert states[path].size == len(content)
        assert all(0 <= start < end for start, end in states[path].pending)
        if not states[path].pending and states[path].durable_size == len(content):
            number = pending.names.find(path)
            assert number is not None
            file = pending.nodes[number]
            assert isinstance(file, FileHistory)
            assert bytes(file.base[: len(content)]).ljust(len(content), b"\0") == content


@few
@given(operations(most=14))
def test_after_a_sync_of_everything_nothing_is_pending(steps: list[Operation]) -> None:
    pending = replay(TinyDirectory().run([*steps, ("sync",)]).events)
    for state in name_states(pending).values():
        assert state.durability is Durability.DURABLE
        assert state.size == state.durable_size
        assert state.pending == ()
