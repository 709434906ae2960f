"""The reference log for any records: what goes in comes out, from every boundary."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walcrash.values.record import Record, RecordType
from walcrash.wal import NotABoundary, Outbox, RetryPolicy, SyncPolicy, open_store
from walcrash.wal.layout import LOG_HEADER_BYTES
from walcrash.wal.outbox import OutboxEntry
from walcrash.wal.state import SavedState, decode_state, encode_state

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
ANY_RECORD = st.builds(
    Record,
    type=st.sampled_from(RecordType),
    id=st.sampled_from(["a", "b", "c"]) | ANY_TEXT,
    ts_ms=INT64,
    payload=st.binary(max_size=300),
    error=ANY_TEXT,
    next_retry_at_ms=INT64,
)
ANY_RECORDS = st.lists(ANY_RECORD, max_size=8)
EXAMPLES = settings(max_examples=60, deadline=None)


@EXAMPLES
@given(records=ANY_RECORDS, policy=st.sampled_from(SyncPolicy))
def test_replay_yields_what_was_appended_from_every_boundary_and_refuses_all_else(
    records: list[Record], policy: SyncPolicy
) -> None:
    with tempfile.TemporaryDirectory() as name:
        with open_store(Path(name), sync=policy) as store:
            offsets = [store.append(record) for record in records]
        with open_store(Path(name)) as store:
            expected = list(zip(offsets, records, strict=True))
            assert list(store.replay()) == expected
            for index, offset in enumerate(offsets):
                assert list(store.replay(offset)) == expected[index:]
            for offset in set(range(1, store.end_offset)) - set(offsets):
                with pytest.raises(NotABoundary):
                    store.replay(offset)


@EXAMPLES
@given(records=ANY_RECORDS, data=st.data())
def test_a_log_cut_at_any_byte_gives_the_records_that_are_whole(
    records: list[Record], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        with open_store(Path(name)) as store:
            offsets = [store.append(record) for record in records]
            ends = [*offsets[1:], store.end_offset]
        log = Path(name) / "wal.log"
        whole = log.read_bytes()
        length = data.draw(st.integers(LOG_HEADER_BYTES, len(whole)))
        log.write_bytes(whole[:length])
        kept = sum(end <= length - LOG_HEADER_BYTES for end in ends[: len(records)])
        with open_store(Path(name)) as store:
            assert [record for _, record in store.replay()] == records[:kept]


@EXAMPLES
@given(parts=st.lists(st.tuples(ANY_RECORDS, st.booleans(), st.booleans()), max_size=4))
def test_state_and_replay_equal_the_fold_from_the_start_after_any_applies_and_compactions(
    parts: list[tuple[list[Record], bool, bool]],
) -> None:
    retry = RetryPolicy(max_attempts=2)
    with tempfile.TemporaryDirectory() as name:
        for records, is_applied, is_compacted in parts:
            with open_store(Path(name), retry=retry) as store:
                for record in records:
                    store.append(record)
                if is_applied:
                    store.apply()
                if is_compacted:
                    store.compact()
                now = store.outbox.states()
            with open_store(Path(name), retry=retry) as store:
                folded = Outbox(retry)
                for offset, record in store.replay():
                    folded.fold(offset, record)
                assert store.outbox.states() == folded.states() == now
                assert list(now) == list(folded.states()) == list(store.outbox.states())


@EXAMPLES
@given(
    entries=st.lists(
        st.builds(
            OutboxEntry,
            id=ANY_TEXT,
            payload=st.binary(max_size=50),
            ts_ms=INT64,
            last=st.sampled_from(RecordType),
            last_offset=st.integers(0, 1 << 62),
            attempts=st.integers(0, 1000),
            error=ANY_TEXT,
            next_retry_at_ms=INT64,
            in_flight_since_ms=st.none() | INT64,
        ),
        max_size=5,
    ),
    applied=st.integers(0, 1 << 62),
    latest_ms=INT64,
)
def test_a_saved_state_comes_back_as_it_was(
    entries: list[OutboxEntry], applied: int, latest_ms: int
) -> None:
    state = SavedState(applied, latest_ms, tuple(entries))
    assert decode_state(encode_state(state), path="outbox.state") == state
