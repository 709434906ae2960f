"""The harness tests itself: a derived kill image is what a real SIGKILL there leaves.

Operations are drawn, run in a worker under the recorder, and killed at some of their events;
the directory that is left is compared with the image derived from the trace, byte for byte, name
for name and mode for mode.
"""

import contextlib
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from disk_traces import Operation, TinyDirectory, operations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needs import lacking

from walcrash.disk import kill_image
from walcrash.recorder import abi, tree
from walcrash.recorder.environment import HERE
from walcrash.recorder.recording import Recording, WatchEnd
from walcrash.recorder.watch import watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import Zygote
from walcrash.values.errors import Inconclusive
from walcrash.values.event import EventKind
from walcrash.values.faults import CrashPoint
from walcrash.values.image import Image
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.tears import ATOMIC_BYTES, PAGE_BYTES

MOST_OPERATIONS = 14
LARGE_BYTES = 6000
"""Writes that reach over sectors of 512 bytes, and over pages."""

real = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Bench:
    """A zygote and a directory in which operations are run."""

    def __init__(self, zygote: Zygote, directory: str) -> None:
        self.zygote = zygote
        self.directory = directory

    def run(
        self,
        base: Image,
        steps: list[Operation],
        crash: CrashPoint | None,
        tear_bytes: int = PAGE_BYTES,
    ) -> Recording:
        tree.restore(base, self.directory)
        watched = watch(
            self.zygote,
            "disk_traces:perform",
            pickle.dumps((self.directory, steps, abi.MESSAGE_FD)),
            directory=self.directory,
            plan=WatchPlan(crash=crash, seconds_per_call=20, tear_bytes=tear_bytes),
            memory_mb=512,
        )
        assert watched.recording.end in (WatchEnd.EXITED, WatchEnd.KILLED)
        assert not watched.recording.unmodelled, watched.recording.unmodelled
        assert watched.status in (0, 9), watched.output
        return watched.recording

    def left(self) -> Image:
        return tree.capture(self.directory)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    workspace = tempfile.mkdtemp(prefix="walcrash-disk-")
    directory = Path(workspace) / "subject"
    directory.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        zygote = Zygote(HERE, workspace)
    with contextlib.closing(zygote):
        bench = Bench(zygote, str(directory))
        try:
            bench.run(Image({}), [], None)
        except Inconclusive as problem:
            lacking(str(problem))
        yield bench


def landed(recording: Recording) -> CrashPosition:
    crash = recording.crash
    assert crash is not None
    return CrashPosition(crash.event_index, crash.placement, crash.kept_bytes)


def test_a_file_that_was_made_without_a_name_gets_one(bench: Bench) -> None:
    """Errors of drawn operations are passed over, so that this one is done is looked at here."""
    steps: list[Operation] = [("nameless", 0), ("write", 0, 0, 9), ("name", 0, "a"), ("fsync", 0)]
    recording = bench.run(Image({}), steps, None)
    kinds = [event.kind for event in recording.events() if not event.is_message]
    assert kinds == [EventKind.CREATE, EventKind.WRITE, EventKind.LINK, EventKind.FSYNC]
    assert bench.left() == TinyDirectory().run(steps).image()


def test_a_second_name_of_a_symbolic_link_is_what_a_real_link_call_makes(bench: Bench) -> None:
    steps: list[Operation] = [("symlink", "a", "b"), ("link", "b", "d"), ("unlink", "b")]
    recording = bench.run(Image({}), steps, None)
    end = CrashPosition(len(recording.rows), Placement.BEFORE)
    derived = kill_image(Image({}), recording.events(), end)
    assert derived == bench.left()
    assert set(derived.entries) == {"d"}


@real
@given(st.data(), st.sampled_from((9, LARGE_BYTES)))
def test_a_derived_kill_image_is_what_a_real_kill_leaves(
    bench: Bench, data: st.DataObject, most_bytes: int
) -> None:
    drawn = operations(most=MOST_OPERATIONS, most_bytes=most_bytes)
    first, second = data.draw(drawn), data.draw(drawn)
    bench.run(Image({}), first, None)
    base = bench.left()
    whole = bench.run(base, second, None)
    everything = CrashPosition(len(whole.rows), Placement.BEFORE)
    assert kill_image(base, whole.events(), everything) == bench.left()

    made = sum(1 for row in whole.rows if row.call == 0)
    for _ in range(3):
        point = CrashPoint(
            call=0,
            ordinal=data.draw(st.integers(0, max(0, made - 1))),
            placement=data.draw(st.sampled_from(list(Placement))),
            kept=data.draw(st.integers(0, (1 << 16) - 1)),
        )
        recording = bench.run(base, second, point, data.draw(st.sampled_from(ATOMIC_BYTES)))
        assert recording.end is WatchEnd.KILLED
        derived = kill_image(base, recording.events(), landed(recording))
        assert derived == bench.left()
        # The trace of the uninterrupted run tells the same.
        assert derived == kill_image(base, whole.events(), landed(recording))
