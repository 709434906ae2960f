"""The driver adapter: what a driver does wrong is told apart, with the end of its stderr."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bad_drivers
import pytest

from walcrash.subjects import conformance, messages
from walcrash.subjects import driver_replies as replies
from walcrash.subjects.adapter import SubjectGone
from walcrash.subjects.conformance_damage import silent_damage
from walcrash.subjects.driver import DriverAdapter, Refused
from walcrash.subjects.driver_process import Command, DriverProcess
from walcrash.subjects.messages import MalformedOutput
from walcrash.values.record import Record, RecordType, Undecodable
from walcrash.values.recovery import FailureKind, Recovery

PATIENT_SECONDS = 60.0
HASTY_SECONDS = 1.5


def driver(way: str, *, seconds: float = PATIENT_SECONDS) -> DriverAdapter:
    return DriverAdapter(command=bad_drivers.driver(way), seconds=seconds)


def put(name: str) -> Record:
    return Record(RecordType.PUT, name, 1, bytes(range(256)))


def work(adapter: DriverAdapter, directory: Path) -> None:
    """Open, append two records, replay, close."""
    adapter.open(directory, lambda _: None)
    assert list(adapter.replay(0)) == []
    offsets = [adapter.append(put("a")), adapter.append(put("b\u00e9\n\0"))]
    adapter.sync()
    expected = list(zip(offsets, [put("a"), put("b\u00e9\n\0")], strict=True))
    assert list(adapter.replay(0)) == expected
    assert list(adapter.replay(offsets[1])) == expected[1:]
    assert adapter.end() > offsets[1]
    adapter.close()


def test_a_right_driver_works_and_is_there_again_after_a_close(tmp_path: Path) -> None:
    work(driver("right"), tmp_path)
    again = driver("right")
    again.open(tmp_path, lambda _: None)
    assert [record.id for _, record in again.replay(0)] == ["a", "b\u00e9\n\0"]
    again.close()
    assert again.supports == {"sync"}


def test_what_it_supports_is_known_after_one_open_on_a_scratch_directory(tmp_path: Path) -> None:
    adapter = driver("right")
    adapter.introduce(tmp_path, 512)
    assert adapter.supports == {"sync"}
    assert adapter.introduction.name == "small"


def test_a_driver_that_can_reopen_is_one_process_for_all_boots(tmp_path: Path) -> None:
    pids = set()
    for name in ("one", "other"):
        directory = tmp_path / name
        directory.mkdir()
        adapter = driver("reopens")
        adapter.open(directory, lambda _: None)
        assert list(adapter.replay(0)) == []
        adapter.append(put(name))
        assert adapter._process is not None
        pids.add(adapter._process.pid)
        adapter.close()
    assert len(pids) == 1
    adapter._end_process()


STARTS = {
    "missing": "there is no file ",
    "missing-on-the-path": "there is no program walcrash-none on the PATH",
    "directory": " is a directory",
    "not-executable": " is not executable (chmod +x)",
    "no-interpreter": "names an interpreter that is not there: b'#!/no/such/interpreter'",
    "not-a-program": "is neither a program for this machine nor begins with #!",
}


@pytest.mark.parametrize("name", STARTS)
def test_a_driver_that_cannot_be_started_is_told_why(name: str, tmp_path: Path) -> None:
    program = tmp_path / "driver"
    if name == "directory":
        program.mkdir()
    elif name != "missing":
        text = "#!/no/such/interpreter\n" if name == "no-interpreter" else "neither\n"
        program.write_text(text, encoding="utf-8")
        program.chmod(0o644 if name == "not-executable" else 0o755)
    word = "walcrash-none" if name == "missing-on-the-path" else str(program)
    with pytest.raises(SubjectGone) as gone:
        DriverAdapter(command=(word,)).open(tmp_path, lambda _: None)
    assert "it cannot be started: " in str(gone.value)
    assert STARTS[name] in str(gone.value)


DIED, HUNG, MALFORMED = FailureKind.DIED, FailureKind.HUNG, FailureKind.MALFORMED
FAULT = FailureKind.MEMORY_FAULT

WRONG = {
    "exits": (DIED, "it exited with status 7 ", "stderr ends: no licence | for this machine"),
    "banner": (MALFORMED, "its reply to `open` is no JSON: b'welcome to mywal'", ""),
    "version": (MALFORMED, "speaks version 2 of the driver protocol; this walcrash speaks", ""),
    "capability": (MALFORMED, '`supports` lists "compaction"; known: apply, checkpoint', ""),
    "utf8": (MALFORMED, "its reply to `open` is not UTF-8: b'{", "byte 22"),
    "listener": (MALFORMED, "it listens on 0.0.0.0 port ", "a loopback address"),
    "dies": (DIED, "it exited with status 3 in `append`", "assertion failed: flushed <= end"),
    "killed": (
        FailureKind.MEMORY_FAULT,
        "it died of signal 11 (SIGSEGV) in `append`",
        "its stderr is empty",
    ),
    "nojson": (MALFORMED, "its reply to `append` is no JSON: b'OK 17'", ""),
    "list": (MALFORMED, "its reply to `append` is no JSON object: b'[true]'", ""),
    "nothing": (MALFORMED, "its reply to `append` is no JSON: b''", ""),
    "without": (MALFORMED, "its reply to `append` has no `offset`; found `ok`", ""),
    "text": (MALFORMED, '`offset` in its reply to `append` is an integer; found "0"', ""),
    "truth": (MALFORMED, '`ok` in its reply to `append` is true or false; found "yes"', ""),
    "huge": (MALFORMED, "is an integer of 64 bits; found one of 71", ""),
    "twice": (MALFORMED, "it wrote more lines than it was asked for: b'{", "before `append`"),
    "stdout": (DIED, "it closed its stdout in `append`, then killed", ""),
    "unexplained": (MALFORMED, "its reply to `append` has no `error`; found `ok`", ""),
    "norecord": (MALFORMED, "what its reply to `replay` has as a record is none: the key", ""),
    "status": (DIED, "it exited with status 9 after `close`, not 0", ""),
    "talks": (MALFORMED, "after its reply to `close` it wrote b'good bye\\n'", ""),
}


@pytest.mark.parametrize("way", WRONG)
def test_a_driver_that_is_wrong_ends_the_boot_with_a_sentence(way: str, tmp_path: Path) -> None:
    kind, *words = WRONG[way]
    with pytest.raises(SubjectGone) as gone:
        work(driver(way), tmp_path)
    assert gone.value.kind is kind
    for each in words:
        assert each in str(gone.value)


SILENT = {
    "silent": "no reply to `open` within 1.35 seconds, then killed; its stderr is empty",
    "half": 'no reply to `append` within 1.35 seconds, then killed; a line had begun: b\'{"ok"',
    "stays": "it does not exit after `close`, then killed",
}


@pytest.mark.parametrize("way", SILENT)
def test_a_driver_that_is_silent_is_told_apart(way: str, tmp_path: Path) -> None:
    with pytest.raises(SubjectGone) as gone:
        work(driver(way, seconds=HASTY_SECONDS), tmp_path)
    assert gone.value.kind is HUNG
    assert SILENT[way] in str(gone.value)


def test_a_line_that_does_not_end_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("walcrash.subjects.driver_process.LINE_BYTES", 1 << 20)
    with pytest.raises(SubjectGone, match=r"a line of more than 1[0-9]{6} bytes") as gone:
        work(driver("endless"), tmp_path)
    assert gone.value.kind is MALFORMED


def test_a_refusal_says_whether_it_is_definite(tmp_path: Path) -> None:
    adapter = driver("refuses")
    with pytest.raises(Refused, match="this is no log of mine"):
        adapter.open(tmp_path, lambda _: None)
    adapter._end_process()
    other = driver("space")
    other.open(tmp_path, lambda _: None)
    with pytest.raises(Refused, match="no space left on device"):
        other.append(put("a"))
    other.close()


def test_a_driver_may_listen_on_a_loopback_address(tmp_path: Path) -> None:
    work(driver("loopback"), tmp_path)


def test_a_driver_whose_owner_is_killed_does_not_see_the_end_of_its_stdin(tmp_path: Path) -> None:
    """It is killed with it: what it does at the end of stdin, here a mark, never happens."""
    script = (
        "import sys, os\n"
        "print(os.getpid(), file=sys.stderr, flush=True)\n"
        "sys.stdin.read()\n"
        "open(os.path.join(sys.argv[1], 'closed'), 'w').close()\n"
    )
    (tmp_path / "driver.py").write_text(script, encoding="utf-8")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(writing, 2)
            command = Command((sys.executable, str(tmp_path / "driver.py")))
            process = DriverProcess.start(command, tmp_path)
            process.receive(what="", silence="", deadline=time.monotonic() + 0.5)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as said:
        driver_pid = int(said.readline())
    os.waitpid(pid, 0)
    deadline = time.monotonic() + 20
    while os.path.exists(f"/proc/{driver_pid}") and time.monotonic() < deadline:
        if "\nState:\tZ" in Path(f"/proc/{driver_pid}/status").read_text(encoding="ascii"):
            break
        time.sleep(0.01)
    assert not (tmp_path / "closed").exists()


def test_what_a_driver_cannot_decode_is_read_and_passed_on_in_its_place() -> None:
    line = {"undecodable": "/wA=", "offset": 12}
    assert replies.read_entry(line, "`replay`") == (12, Undecodable(b"\xff\0"))
    taken = messages.collect(0, [(3, put("a")), (12, Undecodable(b"\xff\0")), (20, put("b"))])
    assert [each.record.id for each in taken.records] == ["a", "b"]
    (bad,) = taken.undecodable
    assert (bad.offset, bad.data, bad.before) == (12, b"\xff\0", 1)
    said = json.loads(json.dumps(messages.resume_to_json(taken)))
    assert messages.resume_from_json(said) == taken
    recovery = Recovery(taken.records, 30, None, (taken,), taken.undecodable)
    said = json.loads(json.dumps(messages.recovery_to_json(recovery)))
    assert messages.recovery_from_json(said) == recovery
    with pytest.raises(MalformedOutput, match="`undecodable` in its reply to `replay` is base64"):
        replies.read_entry({**line, "undecodable": "*"}, "`replay`")


def test_a_flipped_bit_that_nobody_speaks_of_is_told_and_an_answer_is_enough(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    records = [put("a"), put("b"), put("c")]
    (store / "log").write_bytes(bytes(30))

    def replays(*lines: dict[str, object]) -> Callable[[Path], list[dict[str, object]]]:
        return lambda _: [*lines, {"ok": True, "end": 30}]

    def shown(*some: Record) -> list[dict[str, object]]:
        return [{"record": record.to_json(), "offset": at} for at, record in enumerate(some)]

    answer = {"undecodable": "/wA=", "offset": 12}
    assert not silent_damage(store, records, replays(*shown(put("a")), answer))
    assert not silent_damage(store, records, replays(*shown(put("a"), put("b"))))
    assert not silent_damage(store, records, lambda _: [{"ok": False, "error": "damaged"}])
    assert silent_damage(store, records, replays(*shown(put("a")))) == (
        "with bit 0 of byte 6 of log (30 bytes) flipped its replay ends after 1 of 3 records "
        "without a word"
    )
    assert "never appended" in silent_damage(store, records, replays(*shown(put("x"))))
    no_type = {"record": {**records[0].to_json(), "type": "PutOpdration"}, "offset": 0}
    assert "`type` is a record type" in silent_damage(store, records, replays(no_type))
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_kill_in_a_check_takes_the_server_that_the_driver_had_started(tmp_path: Path) -> None:
    words = bad_drivers.driver("serves")
    conformance._Talks(words, PATIENT_SECONDS, frozenset({"sync"}), None).kill_and_reopen(tmp_path)
    with open(tmp_path / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
