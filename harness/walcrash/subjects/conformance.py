"""Conformance checks: what a subject must do while nothing but a kill happens to it.

`adapter_checks` are the tests of the contract suite, for Python adapters and drivers alike;
`driver_checks` speak the protocol themselves and ask what the harness never does: unknown keys
and requests, other spellings of the same JSON, the end of stdin. A check fails by raising.

Not here: processes around the checks, time limits, words for the results (`tools.check`).

Source: `harness/walcrash/docs/reference/driver-protocol.md`, version 1.
"""

import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from walcrash.subjects import driver_replies as replies
from walcrash.subjects.adapter import Adapter
from walcrash.subjects.conformance_damage import judge_believed, silent_damage
from walcrash.subjects.contract_suite import SMALL_RECORDS, AdapterContract, put, takes
from walcrash.subjects.contract_words import Noted
from walcrash.subjects.driver import DriverAdapter
from walcrash.subjects.driver_family import kill_all, started_by
from walcrash.subjects.driver_process import Command, DriverProcess
from walcrash.subjects.driver_replies import Introduction
from walcrash.subjects.loading import find_adapter, make_adapter
from walcrash.values.limits import ID_BYTES
from walcrash.values.record import Record, RecordType, Undecodable

# limits
LARGE_PAYLOAD_BYTES: Final = 1 << 20
"""A payload that no pipe takes at once."""

LARGEST_JSON_INTEGER: Final = 2**53 - 1
"""Larger integers are not the same in every JSON library."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, the rule that it holds against a subject, a hint, and what it does."""

    name: str
    rule: str
    hint: str
    run: Callable[[Path], None]


_SUITE: Final = {
    "test_it_says_what_it_promises_and_supports": (
        "describes-itself",
        "It says what it promises and what it supports, in values that are known.",
        "compare `supports` with the table of requests in the protocol",
    ),
    "test_an_empty_directory_opens_as_an_empty_log": (
        "empty-directory",
        "On the first boot its directory is empty: it opens, and replays nothing.",
        "make what is missing when opening; do not expect an init step before",
    ),
    "test_records_come_back_equal_and_in_order_at_offsets_that_grow": (
        "records",
        "Records come back equal, byte for byte, in the order of their appends, at offsets that "
        "grow.",
        "ids and errors may hold quotes, newlines, NUL and any letter; payloads any byte",
    ),
    "test_a_replay_from_any_record_yields_it_and_what_follows": (
        "replay-from-the-middle",
        "A replay from a record's offset yields that record and all behind it; from `end`, none.",
        "take the record whose offset is `from` as the first one, not the one after it",
    ),
    "test_a_replay_that_is_given_up_does_no_harm": (
        "replay-then-append",
        "Appends go on at the end of the log after a replay.",
        "do not share one file position between reading and appending",
    ),
    "test_everything_is_there_after_a_close_and_appends_go_on_behind_it": (
        "close-and-reopen",
        "After a clean close everything is there, and appends go on behind it.",
        "see whether `close` writes what is still buffered, and how the end of the log is found",
    ),
    "test_a_sync_changes_nothing_that_is_seen": (
        "sync",
        "A sync changes nothing that a replay shows, also where nothing was appended.",
        "a sync with nothing to do is answered with `ok`",
    ),
    "test_the_state_is_what_the_records_amount_to": (
        "state",
        "The state has every operation with the status of its last record, before and after a "
        "reopen.",
        "the last record of an id wins",
    ),
    "test_an_apply_moves_the_checkpoint_to_a_record_boundary": (
        "apply",
        "Apply saves a checkpoint at a record's offset or at the end, and never behind the end; "
        "after a close and a reopen the state still has every operation.",
        "persist the applied state first, then the checkpoint",
    ),
    "test_a_tick_sends_what_is_due_and_nothing_that_is_done": (
        "tick",
        "A tick sends what is due, each once, and nothing that is done or waits for its time.",
        "each effect is a line of its own before the reply, and its id is in `sent`",
    ),
    "test_a_compaction_drops_records_of_done_operations_and_nothing_else": (
        "compact",
        "Compaction may leave out records of operations that were done, and nothing else; what "
        "is appended then comes behind what is there, and offsets and state outlast a close.",
        "an operation whose last record is no MarkDone keeps all its records",
    ),
    "test_two_directories_have_nothing_in_common": (
        "two-directories",
        "With `reopen` nothing is carried over from one directory to the next.",
        "reset everything in memory when a directory is opened",
    ),
}
"""Name, rule and hint of the contract suite's tests; its kill is a check of its own here."""


def adapter_checks(make: Callable[[], Adapter]) -> list[Check]:
    """Return the checks that any adapter can pass."""

    class Suite(AdapterContract):
        adapter: ClassVar[str] = ""

        def make(self) -> Adapter:
            return make()

    suite = Suite()
    checks = [
        Check(*words, _with_directory(getattr(suite, test))) for test, words in _SUITE.items()
    ]
    return [*checks, _odd_records_check(make)]


def _with_directory(test: Callable[..., None]) -> Callable[[Path], None]:
    """Return a test that takes the directory, whether it needs one or not."""
    needs_directory = bool(inspect.signature(test).parameters)
    return lambda directory: test(directory) if needs_directory else test()


def python_maker(
    name: str, options: Mapping[str, str | int | float | bool]
) -> Callable[[], Adapter]:
    """Return what makes a Python adapter by its name.

    Raises:
        NotAnAdapter: there is none of that name.
        Exception: what its module raises.
    """
    kind = find_adapter(name)
    return lambda: make_adapter(kind, options)


def driver_maker(
    words: tuple[str, ...], seconds: float, introduction: Introduction
) -> Callable[[], Adapter]:
    """Return what makes a driver's adapter, which knows what the driver has said of itself."""

    def make() -> Adapter:
        made = DriverAdapter(command=words, seconds=seconds)
        made.assume(introduction)
        return made

    return make


def introduce(
    words: tuple[str, ...], seconds: float, memory_mb: int, scratch: Path
) -> Introduction:
    """Open and close a driver once, in an empty directory.

    Raises:
        Exception: it cannot be opened; the message says why.
    """
    adapter = DriverAdapter(command=words, seconds=seconds)
    adapter.introduce(scratch, memory_mb)
    return adapter.introduction


def _odd_records_check(make: Callable[[], Adapter]) -> Check:
    odd = [
        Record(RecordType.PUT, "", 0),
        Record(RecordType.PUT, "x" * ID_BYTES, LARGEST_JSON_INTEGER, b"\n"),
        Record(RecordType.PUT, '"\\\t\r\n\0\x7f\u2028/{}[],:', 1, b'"}\n{"ok":true}\n'),
        Record(RecordType.PUT, "large", -1, bytes(range(256)) * (LARGE_PAYLOAD_BYTES // 256)),
        Record(RecordType.FAILED, "", 2, error="\U0001f4a5" * 1000, next_retry_at_ms=0),
        Record(RecordType.DONE, "large", 3),
    ]

    def run(directory: Path) -> None:
        records: list[Record] = []
        for boot in range(2):
            subject = make()
            subject.open(directory, lambda _: None)
            if not boot:
                records = [record for record in odd if takes(subject, record)]
            found = [record for _, record in subject.replay(0)]
            for position, (expected, shown) in enumerate(zip(records, found, strict=False)):
                what = f"record {position} of boot {boot + 1} ({expected.type.value})"
                assert shown == expected, (
                    f"{what} came back changed: {_difference(expected, shown)}"
                )
            assert len(found) == len(records), f"{len(found)} of {len(records)} records came back"
            subject.close()

    return Check(
        "odd-records",
        "An id may be empty, have 64 KiB, or hold any letter; a payload may be empty, have a "
        "megabyte, or be JSON itself; times may be negative.",
        "store lengths and not separators, and read a line of any length",
        run,
    )


def _difference(expected: Record, found: Record | Undecodable) -> str:
    if isinstance(found, Undecodable):
        return _undecodable(found)
    keys = ("type", "id", "ts_ms", "payload", "error", "next_retry_at_ms")
    wrong = [key for key in keys if getattr(expected, key) != getattr(found, key)]
    shown = [
        f"`{key}` was {getattr(expected, key)!r:.60}, now {getattr(found, key)!r:.60}"
        for key in wrong
    ]
    return "; ".join(shown)


def driver_checks(
    words: tuple[str, ...],
    seconds: float,
    supports: frozenset[str],
    *,
    detects_rot: bool | None = None,
) -> list[Check]:
    """Return the checks that speak the protocol themselves.

    `detects_rot` says whether the contract has `rot` in `detects`; None where none is known.
    """
    talks = _Talks(words, seconds, supports, detects_rot)
    return [
        Check(
            "capabilities",
            "What `supports` lists is there: its requests are answered with `ok`.",
            "list only what the driver answers",
            talks.capabilities,
        ),
        Check(
            "unknown-request",
            "An unknown `do` is answered with `ok: false`, and the driver goes on.",
            "answer every line that you read with one line",
            talks.unknown_request,
        ),
        Check(
            "unknown-keys",
            "Unknown keys in a request are ignored.",
            "look the keys up by name, and let the others be",
            talks.unknown_keys,
        ),
        Check(
            "spelling",
            "A request is JSON in UTF-8: spaces, the order of the keys and escapes may differ.",
            "use a JSON library, or allow for spaces and for letters that are not escaped",
            talks.spelling,
        ),
        Check(
            "close",
            "After its reply to `close` the driver exits with 0; with `reopen` it waits.",
            "write the reply, flush it, then exit",
            talks.close,
        ),
        Check(
            "end-of-stdin",
            "The driver exits when its stdin ends, also without a `close`.",
            "leave the loop when reading a line returns nothing",
            talks.end_of_stdin,
        ),
        Check(
            "kill-and-reopen",
            "After a kill it opens again; it shows a prefix of what was appended.",
            "recovery truncates what is not whole, and never refuses what a kill left",
            talks.kill_and_reopen,
        ),
        Check(
            "kill-in-open",
            "A kill while it recovers does no harm to the next recovery.",
            "recovery may end anywhere: replace files by rename, truncate tails in place",
            talks.kill_in_open,
        ),
        Check(
            "damage",
            "After one flipped bit it refuses, answers `undecodable` for that record, or the "
            'contract does not have "rot" in `detects`.',
            "a checksum over the whole record, its position included, shows it",
            talks.damage,
        ),
    ]


def _undecodable(found: Undecodable) -> str:
    return f"it is answered as undecodable ({found.data!r:.60}), and nothing was damaged"


class _Talk:
    """One conversation in raw lines."""

    def __init__(self, words: tuple[str, ...], seconds: float, directory: Path) -> None:
        self.process = DriverProcess.start(Command(words), directory, sees_end_of_stdin=True)
        self.seconds = seconds

    def kill(self) -> None:
        """Kill the driver with all that it started, as a campaign does."""
        started = list(started_by(self.process.pid))
        self.process.kill()
        kill_all(started)

    def ask(self, request: Mapping[str, object]) -> list[dict[str, Any]]:
        return self.ask_line(json.dumps(request).encode() + b"\n", f"`{request.get('do')}`")

    def ask_line(self, line: bytes, what: str) -> list[dict[str, Any]]:
        """Send a line and return all lines up to the one with `ok`."""
        self.say(line, what)
        deadline = time.monotonic() + self.seconds
        silence = f"no reply to {what} within {self.seconds:g} seconds"
        lines = [self._read(what, silence, deadline)]
        while "ok" not in lines[-1]:
            lines.append(self._read(what, silence, deadline))
        return lines

    def _read(self, what: str, silence: str, deadline: float) -> dict[str, Any]:
        line = self.process.receive(what=what, silence=silence, deadline=deadline)
        return replies.read_line(line, what)

    def say(self, line: bytes, what: str) -> None:
        self.process.send(line, what=what, deadline=time.monotonic() + self.seconds)

    def ask_well(self, **request: object) -> list[dict[str, Any]]:
        lines = self.ask(request)
        what = f"`{request['do']}`"
        if not replies.read_ok(lines[-1], what):
            raise AssertionError(f"{what} was refused: {lines[-1]['error']}")
        return lines

    def records(self) -> list[Record]:
        lines = self.ask_well(do="replay", **{"from": 0})
        replies.read_end(lines[-1], "`replay`")
        entries = [replies.read_entry(line, "`replay`")[1] for line in lines[:-1]]
        wrong = next((each for each in entries if isinstance(each, Undecodable)), None)
        assert wrong is None, _undecodable(wrong)
        return [each for each in entries if not isinstance(each, Undecodable)]


@dataclass(frozen=True, slots=True)
class _Talks:
    words: tuple[str, ...]
    seconds: float
    supports: frozenset[str]
    detects_rot: bool | None

    def _start(self, directory: Path) -> _Talk:
        return _Talk(self.words, self.seconds, directory)

    def capabilities(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_well(do="open")
        for record in SMALL_RECORDS:
            talk.ask_well(do="append", record=record.to_json())
        if "sync" in self.supports:
            talk.ask_well(do="sync")
        if "apply" in self.supports:
            replies.read_checkpoint(talk.ask_well(do="apply")[-1], "`apply`")
        if "checkpoint" in self.supports:
            replies.read_state(talk.ask_well(do="state")[-1], "`state`")
        if "effects" in self.supports:
            lines = talk.ask_well(do="tick", now_ms=LARGEST_JSON_INTEGER)
            effects = [replies.read_effect(line, "`tick`") for line in lines[:-1]]
            sent = replies.read_sent(lines[-1], "`tick`")
            assert sent == effects, f"`sent` is {sent}, the effects before it were {effects}"
        if "compact" in self.supports:
            talk.ask_well(do="compact")
        talk.kill()

    def unknown_request(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_well(do="open")
        for request in ({"do": "frobnicate", "x": [1]}, {"do": "APPEND", "record": {}}):
            reply = talk.ask(request)[-1]
            assert not replies.read_ok(reply, "an unknown request"), f"{request} was answered ok"
        talk.ask_well(do="append", record=SMALL_RECORDS[0].to_json())
        assert talk.records() == [SMALL_RECORDS[0]], "after an unknown request appends are lost"
        talk.kill()

    def unknown_keys(self, directory: Path) -> None:
        talk = self._start(directory)
        other: dict[str, object] = {"future": {"do": "close", "record": None, "from": [9]}}
        talk.ask_well(**other, do="open")
        talk.ask_well(**other, do="append", record=SMALL_RECORDS[0].to_json(), offset=7)
        talk.ask_well(do="append", record=SMALL_RECORDS[1].to_json(), **other)
        lines = talk.ask_well(**other, do="replay", **{"from": 0})
        found = [replies.read_entry(line, "`replay`")[1] for line in lines[:-1]]
        assert found == [*SMALL_RECORDS[:2]], "with unknown keys other records come back"
        talk.kill()

    def spelling(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_line(b' { "do" : "open" } \n', "`open`")
        record = put("\u00fcbel \u2028 \U0001f4be / \\u0041", 5, b"\xff\0")
        fields = dict(reversed(record.to_json().items()))
        spaced = json.dumps({"record": fields, "do": "append"}, ensure_ascii=False, indent=1)
        lines = talk.ask_line(spaced.replace("\n", " ").encode() + b"\n", "`append`")
        assert lines[-1]["ok"] is True, f"`append` was refused: {lines[-1]}"
        escaped = json.dumps({"do": "append", "record": put("/", 6).to_json()})
        talk.ask_line(escaped.replace('"/"', '"\\/"').encode() + b"\n", "`append`")
        found = talk.records()
        assert found == [record, put("/", 6)], f"other records came back: {found!r:.200}"
        talk.kill()

    def close(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_well(do="open")
        talk.ask_well(do="append", record=SMALL_RECORDS[0].to_json())
        talk.ask_well(do="close")
        if "reopen" in self.supports:
            talk.ask_well(do="open", dir=str(directory))
            assert talk.records() == [SMALL_RECORDS[0]], "what was closed is not there again"
            talk.kill()
            return
        deadline = time.monotonic() + self.seconds
        status = talk.process.exit_status(what="`close`", deadline=deadline)
        assert status == 0, f"it ended with status {status}"

    def end_of_stdin(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_well(do="open")
        talk.process.hang_up()
        deadline = time.monotonic() + self.seconds
        talk.process.exit_status(what="the end of its stdin", deadline=deadline)

    def kill_and_reopen(self, directory: Path) -> None:
        shown: list[Record] = []
        promised: list[Record] = []
        for boot in range(3):
            talk = self._start(directory)
            talk.ask_well(do="open")
            found = talk.records()
            assert found == promised[: len(found)], (
                f"boot {boot + 1} shows no prefix of what was appended: {found!r:.200}"
            )
            promised = found
            for number in range(5):
                promised.append(put(f"{boot}-{number}", 10 * boot + number, b"\xff\n" * number))
                talk.ask_well(do="append", record=promised[-1].to_json())
            if "sync" in self.supports:
                talk.ask_well(do="sync")
            talk.kill()
            shown = found
        expected = 10
        if len(shown) < expected:
            raise Noted(
                f"{expected - len(shown)} of {expected} records that were "
                f"{'synced' if 'sync' in self.supports else 'appended'} before a kill are gone: "
                'state `kill = "prefix"` or "none" in [contract], or find out why'
            )

    def damage(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_well(do="open")
        for record in SMALL_RECORDS:
            talk.ask_well(do="append", record=record.to_json())
        talk.ask_well(do="close")
        talk.kill()
        believed = silent_damage(directory, SMALL_RECORDS, self._opened_and_replayed)
        judge_believed(believed, detects_rot=self.detects_rot)

    def _opened_and_replayed(self, directory: Path) -> list[dict[str, Any]]:
        talk = self._start(directory)
        try:
            lines = talk.ask({"do": "open"})
            return talk.ask({"do": "replay", "from": 0}) if lines[-1].get("ok") is True else lines
        finally:
            talk.kill()

    def kill_in_open(self, directory: Path) -> None:
        talk = self._start(directory)
        talk.ask_well(do="open")
        for record in SMALL_RECORDS:
            talk.ask_well(do="append", record=record.to_json())
        before = len(talk.records())
        talk.ask_well(do="close")
        talk.kill()
        for _ in range(5):
            talk = self._start(directory)
            talk.say(b'{"do":"open"}\n', "`open`")
            time.sleep(0.01)
            talk.kill()
        talk = self._start(directory)
        talk.ask_well(do="open")
        found = len(talk.records())
        assert found == before, f"{found} of {before} records are there after kills in `open`"
        talk.kill()
