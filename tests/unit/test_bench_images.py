"""The bench's rows for power losses: what they count and compare; no test depends on a time."""

import pytest

from walcrash.case.sandbox import Sandbox
from walcrash.disk import crash_states
from walcrash.tools.bench import growth as bench_growth
from walcrash.tools.bench import images as bench_images
from walcrash.tools.bench.positions import go_through, work
from walcrash.values.errors import HarnessFault
from walcrash.values.event import EventKind
from walcrash.values.image import Image
from walcrash.values.moments import Placement


def silent(_: str) -> None:
    pass


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_images, "RECORDS", 6)
    monkeypatch.setattr(bench_images, "IMAGES", 3)
    monkeypatch.setattr(bench_images, "REPEATS", 1)
    monkeypatch.setattr(bench_growth, "SIZES", (100, 300))
    monkeypatch.setattr(bench_growth, "TORN_SIZES", (100, 200))
    monkeypatch.setattr(bench_growth, "EVENTS_A_SAMPLE", 300)


@pytest.mark.usefixtures("small")
def test_both_sides_are_given_different_images_from_all_over_the_trace() -> None:
    with Sandbox() as sandbox:
        subject = bench_images.record_subject(sandbox)
    assert len({candidate.digest for candidate in subject.candidates}) == 3
    cuts = [candidate.choice.position.whole_events for candidate in subject.candidates]
    assert cuts == sorted(cuts)
    assert cuts[-1] - cuts[0] > len(subject.boot.events) // 3


@pytest.mark.usefixtures("small")
def test_images_are_compared_with_the_same_plain_samples_with_and_without_isolation() -> None:
    rows, limits = bench_images.measure(1, silent)
    assert [row.name for row in rows] == [
        "images-built-ext4",
        "images-built-posix",
        "images-judged-isolated",
        "images-judged-shared",
    ]
    assert [row.target for row in rows] == [None, None, 20.0, None]
    assert [row.ratio is None for row in rows] == [True, True, False, False]
    assert rows[2].other is rows[3].other
    assert not limits


@pytest.mark.usefixtures("small")
def test_a_plain_verifier_that_misses_a_record_is_a_fault_of_the_bench(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_images, "verify", lambda _directory: [])
    with pytest.raises(HarnessFault, match="misses a record"):
        bench_images.measure(1, silent)


@pytest.mark.usefixtures("small")
def test_growth_holds_each_size_against_the_smallest() -> None:
    rows, limits = bench_growth.measure(1, silent)
    assert [row.name for row in rows] == ["positions-300", "cut-positions-200"]
    assert [row.target for row in rows] == [bench_growth.TARGET, None]
    assert all(row.ours.median and row.other.median for row in rows)
    assert [limit.name for limit in limits] == ["positions-memory", "cut-positions-memory"]
    assert all(len(limit.series.samples) == 1 for limit in limits)


def test_growth_says_how_few_samples_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_growth, "_sample", lambda *_args, **_options: 1.0)
    rows, _ = bench_growth.measure(7, silent)
    whole = [row for row in rows if not row.name.startswith("cut-")]
    cut = [row for row in rows if row.name.startswith("cut-")]
    assert {len(row.ours.samples) for row in whole} == {3}
    assert all("(3 samples)" in row.ours.name for row in whole)
    assert {len(row.ours.samples) for row in cut} == {1}
    assert all("(1 sample)" in row.ours.name for row in cut)


def test_a_long_trace_has_so_many_events_and_little_that_is_live() -> None:
    events = list(work(2_000))
    assert len(events) == 2_000
    assert {event.kind for event in events} > {EventKind.RENAME, EventKind.UNLINK, EventKind.REPLY}
    assert all(len(pending.nodes) < 8 for _, pending in crash_states(Image({}), iter(events)))


def test_cutting_writes_adds_positions_within_them() -> None:
    whole = go_through(1_000, 1, is_within_writes=False)
    cut = go_through(1_000, 1, is_within_writes=True)
    within = [
        position
        for position, _ in crash_states(Image({}), work(1_000))
        if position.placement is Placement.WITHIN
    ]
    assert cut.positions - whole.positions == len(within) > 0
