"""What boots without a crash show of a subject's files: frames, scales, sizes of segments."""

import base64
from dataclasses import replace

import pytest

from walcrash.values.case import BootPlan
from walcrash.values.event import Event, EventKind
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.workload.file_end import FileEnd
from walcrash.workload.fit import SCALE, Fit
from walcrash.workload.operations import CLOSE, EPOCH_MS, OPEN

FRAME = 24
PUTS = [(RecordType.PUT, size) for size in (10, 16, 3000, 100, 4000, 2000, 40, 4000)]


def record(kind: RecordType, number: int, size: int) -> Record:
    return Record(kind, f"op-{number}", EPOCH_MS + number, b"p" * size)


class Log:
    """Writes frames to files; a file is left for a next one by the rule that is given."""

    def __init__(self, *, segment: int = 0, goes_beyond: bool = False, encode=len) -> None:
        self.segment, self.goes_beyond, self.encode = segment, goes_beyond, encode
        self.file = self.at = 0
        self.files = 0

    def boot(self, appends, *, is_new_file=False):
        operations, events = [OPEN], []
        if is_new_file or not self.files:
            self._begin(events, 0)
        for number, (kind, size) in enumerate(appends, start=1):
            made = record(kind, number, size)
            operations.append(Operation(OperationKind.APPEND, record=made))
            self._append(events, number, made)
        operations += [Operation(OperationKind.SYNC), CLOSE]
        return BootPlan(tuple(operations)), events

    def _begin(self, events, call):
        self.files += 1
        self.file, self.at = self.files, 0
        events.append(Event(kind=EventKind.CREATE, call=call, file=self.file))

    def _append(self, events, call, made):
        length = FRAME + len(made.id) + self.encode(made.payload)
        is_full = self.at >= self.segment
        does_not_fit = self.at + length > self.segment
        if self.segment and self.at and (is_full if self.goes_beyond else does_not_fit):
            self._begin(events, call)
        # The header and the rest are two calls, beside a write of a mark of one byte elsewhere.
        for offset, part in ((self.at, FRAME), (self.at + FRAME, length - FRAME)):
            events.append(
                Event(
                    kind=EventKind.WRITE, call=call, file=self.file, offset=offset, length=part,
                    result=part,
                )
            )  # fmt: skip
        events.append(Event(kind=EventKind.WRITE, call=call, file=99, offset=0, length=1, result=1))
        events.append(Event(kind=EventKind.REPLY, call=call))
        self.at += length


def test_a_record_takes_its_frame_its_id_and_its_payload():
    fit = Fit.of([[Log().boot([*PUTS, (RecordType.DONE, 0)])]])
    assert fit.frames == {RecordType.PUT: FRAME, RecordType.DONE: FRAME}
    assert fit.scale == SCALE
    assert fit.record_bytes(record(RecordType.PUT, 7, 50)) == FRAME + len("op-7") + 50
    assert fit.payload_for(512, "op-7") == 512 - FRAME - len("op-7")
    assert fit.payload_for(10, "op-7") < 0
    assert fit.segment_bytes == 0
    assert not fit.goes_beyond


def test_a_payload_that_is_written_as_base64_takes_a_third_more():
    log = Log(encode=lambda payload: len(base64.b64encode(payload)))
    fit = Fit.of([[log.boot(PUTS)]])
    assert abs(fit.scale - SCALE * 4 / 3) < SCALE / 50
    assert abs(fit.payload_for(4096, "op-1") - 3 * (4096 - FRAME - 4) // 4) < 100


@pytest.mark.parametrize("goes_beyond", [False, True])
@pytest.mark.parametrize("segment", [16_384, 10_000, 65_536])
def test_the_size_at_which_a_file_is_followed_is_the_roundest_that_fits(segment, goes_beyond):
    log = Log(segment=segment, goes_beyond=goes_beyond)
    fit = Fit.of([[log.boot([(RecordType.PUT, 900)] * 200)]])
    assert fit.segment_bytes == segment
    assert fit.goes_beyond is goes_beyond


def test_a_file_that_is_written_anew_as_a_whole_follows_none():
    operations, events, at = [OPEN], [], 0
    for number in range(1, 9):
        made = record(RecordType.PUT, number, 1000)
        operations.append(Operation(OperationKind.APPEND, record=made))
        at += 1000 + FRAME
        events += [
            Event(kind=EventKind.CREATE, call=number, file=number),
            Event(kind=EventKind.WRITE, call=number, file=number, length=at, result=at),
        ]
    assert Fit.of([[(BootPlan((*operations, CLOSE)), events)]]).segment_bytes == 0


def test_a_file_that_a_compaction_has_begun_follows_none():
    log = Log(segment=10_000)
    plan, events = log.boot([(RecordType.PUT, 900)] * 15)
    calls = list(plan.operations)
    assert Fit.of([[(plan, events)]]).segment_bytes == 10_000
    calls[11] = Operation(OperationKind.COMPACT)
    assert Fit.of([[(BootPlan(tuple(calls)), events)]]).segment_bytes == 0


def test_a_file_of_one_record_is_none_of_a_row_of_files():
    log = Log(segment=1)
    assert Fit.of([[log.boot([(RecordType.PUT, 500 - n) for n in range(20)])]]).segment_bytes == 0


def test_it_shows_whether_each_boot_begins_a_file_and_what_never_writes():
    log = Log()
    both = [log.boot(PUTS), log.boot(PUTS, is_new_file=True)]
    fit = Fit.of([both])
    assert fit.is_file_per_boot
    assert fit.idle == {OperationKind.SYNC}
    log = Log()
    assert not Fit.of([[log.boot(PUTS), log.boot(PUTS)]]).is_file_per_boot


def test_boots_that_write_nothing_show_nothing():
    assert Fit.of([[(BootPlan((OPEN, CLOSE)), [])]]) == Fit()


class Always:
    """A generator that fills with each put, and misses the end by nothing."""

    def below(self, _):
        return 0

    def choice(self, items):
        return items[0]


@pytest.mark.parametrize("used", range(100, 108))
@pytest.mark.parametrize(
    "encode", [base64.b64encode, bytes.hex, bytes], ids=["base 64", "hexadecimal", "as it is"]
)
def test_a_put_whose_payload_is_written_as_text_ends_where_its_file_does_to_the_byte(encode, used):
    log = Log(encode=lambda payload: len(encode(payload)))
    fit = Fit.of([[log.boot(PUTS)]])
    end = FileEnd(replace(fit, segment_bytes=4096), 100_000, used)
    id_, size = end.draw_put(Always(), "op-2")
    assert id_.startswith("op-2")
    assert used + FRAME + len(id_) + len(encode(bytes(size))) == 4096
    made = Record(RecordType.PUT, id_, EPOCH_MS, payload=bytes(size))
    assert fit.record_bytes(made) == 4096 - used


@pytest.mark.parametrize("goes_beyond", [False, True])
def test_a_put_that_is_to_fill_its_file_ends_where_the_file_does(goes_beyond):
    fit = Fit(frames={RecordType.PUT: FRAME}, segment_bytes=4096, goes_beyond=goes_beyond)
    end = FileEnd(fit, 100_000)
    end.note(record(RecordType.PUT, 1, 1000))
    used = FRAME + 4 + 1000
    id_, size = end.draw_put(Always(), "op-2")
    assert id_ == "op-2"
    assert used + FRAME + 4 + size == 4096
    end.note(record(RecordType.PUT, 2, size))
    assert end.used_bytes == 4096
    # The next one begins a file, by either rule.
    end.note(record(RecordType.PUT, 3, 10))
    assert end.used_bytes == FRAME + 4 + 10
    end.note(record(RecordType.PUT, 4, 5000))
    assert end.used_bytes == FRAME + 4 + 5000 + (FRAME + 4 + 10 if goes_beyond else 0)
    assert FileEnd(fit, 10).draw_put(Always(), "op-5") is None
