"""Planted subjects without a crash: each behaves as if it had no bug."""

import importlib.util
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from walcrash.scenario.file import load_scenario
from walcrash.subjects.adapter import Adapter
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import OperationStatus
from walcrash.values.verdict import Invariant

PLANTED = Path(__file__).parents[2] / "scenarios" / "planted"
NAMES = sorted(path.stem for path in PLANTED.glob("*.toml") if path.stem != "expected")
TAKING_ALL = sorted(set(NAMES) - {"right-limits", "right-bounded"})
SENDING = sorted(set(TAKING_ALL) - {"overtaken-record"})
COMPACTING = sorted(set(SENDING) - {"right-side-marks"})
LATER_MS = 2_000_000_000_000


def expected() -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads((PLANTED / "expected.toml").read_text(encoding="utf-8"))


@contextmanager
def siblings() -> Iterator[None]:
    """Let a planted subject import the base that lies beside it."""
    sys.path.insert(0, str(PLANTED))
    try:
        yield
    finally:
        sys.path.remove(str(PLANTED))


def subject_class(name: str) -> type[Adapter]:
    path, _, attribute = load_scenario(PLANTED / f"{name}.toml").subject.adapter.rpartition(":")
    spec = importlib.util.spec_from_file_location(f"planted_under_test_{Path(path).stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with siblings():
        spec.loader.exec_module(module)
    return getattr(module, attribute)  # type: ignore[no-any-return]


def put(name: str, ts_ms: int, payload: bytes = b"") -> Record:
    return Record(RecordType.PUT, name, ts_ms, payload=payload)


def done(name: str, ts_ms: int) -> Record:
    return Record(RecordType.DONE, name, ts_ms)


def failed(name: str, ts_ms: int) -> Record:
    return Record(RecordType.FAILED, name, ts_ms, error="no route", next_retry_at_ms=ts_ms + 1000)


def opened(subject: type[Adapter], directory: Path, effects: list[str]) -> Adapter:
    adapter = subject()
    adapter.open(directory, effects.append)
    return adapter


def statuses(adapter: Adapter) -> dict[str, OperationStatus]:
    return {name: entry.status for name, entry in adapter.state().operations.items()}


FIRST_BOOT = (
    put("a", 1, bytes(range(256))),
    put("b", 2),
    put("c", 3, b"x" * 5000),
    failed("a", 4),
    done("b", 5),
)
SECOND_BOOT = (put("d", 6, b"y" * 100), done("c", 7), failed("a", 8), put("e", 9))


@pytest.mark.parametrize("name", TAKING_ALL)
def test_records_survive_clean_restarts_in_append_order(name: str, tmp_path: Path) -> None:
    subject, effects = subject_class(name), []
    appended: list[tuple[int, Record]] = []
    for records in (FIRST_BOOT, SECOND_BOOT):
        adapter = opened(subject, tmp_path, effects)
        appended += [(adapter.append(record), record) for record in records]
        assert list(adapter.replay(0)) == appended
        assert list(adapter.replay(appended[-2][0])) == appended[-2:]
        adapter.close()
    adapter = opened(subject, tmp_path, effects)
    assert list(adapter.replay(0)) == appended
    assert adapter.end() > appended[-1][0]
    adapter.close()


@pytest.mark.parametrize("name", TAKING_ALL)
def test_the_state_is_what_the_records_amount_to_after_clean_restarts(
    name: str, tmp_path: Path
) -> None:
    subject, effects = subject_class(name), []
    for records in (FIRST_BOOT, SECOND_BOOT):
        adapter = opened(subject, tmp_path, effects)
        for record in records:
            adapter.append(record)
            if record.type is RecordType.FAILED:
                assert adapter.apply() == adapter.end()
        adapter.close()
    adapter = opened(subject, tmp_path, effects)
    state = adapter.state()
    attempts_left = adapter.contract.max_attempts != 2
    failed_status = OperationStatus.FAILED if attempts_left else OperationStatus.PERMANENT_FAILED
    assert statuses(adapter) | {"d": OperationStatus.PENDING, "e": OperationStatus.PENDING} == {
        "a": failed_status,
        "b": OperationStatus.DONE,
        "c": OperationStatus.DONE,
        "d": OperationStatus.PENDING,
        "e": OperationStatus.PENDING,
    }
    assert state.operations["a"].error == "no route"
    assert state.checkpoint <= state.applied <= adapter.end()
    adapter.close()


@pytest.mark.parametrize("name", SENDING)
def test_operations_are_sent_until_they_are_done_and_not_after(name: str, tmp_path: Path) -> None:
    subject, effects = subject_class(name), []
    adapter = opened(subject, tmp_path, effects)
    for record in FIRST_BOOT:
        adapter.append(record)
    adapter.tick(LATER_MS)
    adapter.close()
    assert {"a", "c"} <= set(effects)
    effects.clear()
    adapter = opened(subject, tmp_path, effects)
    adapter.append(done("c", 10))
    adapter.tick(2 * LATER_MS)
    assert list(adapter.tick(2 * LATER_MS)) == []
    adapter.tick(3 * LATER_MS)
    assert effects == ["a", "a"]
    adapter.close()


@pytest.mark.parametrize("name", COMPACTING)
def test_compaction_drops_done_operations_only_and_offsets_still_grow(
    name: str, tmp_path: Path
) -> None:
    subject, effects = subject_class(name), []
    adapter = opened(subject, tmp_path, effects)
    last = [adapter.append(record) for record in FIRST_BOOT][-1]
    adapter.compact()
    kept = list(adapter.replay(0))
    assert adapter.append(SECOND_BOOT[0]) > last
    adapter.close()
    adapter = opened(subject, tmp_path, effects)
    recovered = [record for _, record in adapter.replay(0)]
    assert recovered == [*(record for _, record in kept), SECOND_BOOT[0]]
    assert [record for record in recovered if record.id in ("a", "c")] == [
        record for record in FIRST_BOOT if record.id in ("a", "c")
    ]
    assert statuses(adapter).get("b", OperationStatus.DONE) is OperationStatus.DONE
    adapter.close()


def test_every_planted_subject_has_a_scenario_and_an_expectation() -> None:
    modules = {path.stem.replace("_", "-") for path in PLANTED.glob("*.py")} - {"planted-base"}
    declared = expected()
    assert set(NAMES) == modules | {"right-plain", "right-short-payloads"}
    assert set(NAMES) == set(declared["planted"]) | set(declared["right"])


def test_there_is_a_planted_bug_for_every_invariant_that_a_kill_can_break() -> None:
    later = {Invariant.UNREPORTED_ERROR, Invariant.SILENT_ROT}
    meant = {Invariant(str(entry["invariant"])) for entry in expected()["planted"].values()}
    assert meant == set(Invariant) - later
