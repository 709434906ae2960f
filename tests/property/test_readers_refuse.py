"""Every reader on inputs that are almost right: it reads them, or says in a sentence why not.

A refusal is one of walcrash's own errors, with a hint and the exit code of its kind; in what a
subject says it is `MalformedOutput`, which a verdict or a check quotes. Nothing else may come out,
and nothing takes long. Seeds are fixed; the long ones are slow.
"""

import contextlib
import json
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bundles import small_bundle
from command import ROOT, walcrash_here
from mutations import changed, damaged, first_failure, inputs

from walcrash.campaign.state import NAME as STATE
from walcrash.campaign.state import CampaignState, Request
from walcrash.case.outcome import summarise
from walcrash.findings.bundle import read_bundle, write_bundle
from walcrash.findings.store import NAME as STORE
from walcrash.findings.store import Store
from walcrash.minimise.job import MinimalCase
from walcrash.report.formats import FORMATS
from walcrash.report.log_reader import read_log
from walcrash.report.ndjson import line_bytes
from walcrash.report.run_report import RunReport
from walcrash.scenario.file import load_scenario
from walcrash.subjects import driver_replies as replies
from walcrash.subjects import messages
from walcrash.subjects.messages import MalformedOutput
from walcrash.values.errors import ExitCode, WalcrashError
from walcrash.values.finding import FindingState
from walcrash.values.log import FindingReported, StopReason
from walcrash.values.record import Record, RecordType
from walcrash.values.recovery import Recovery, Resume, UndecodableRecord
from walcrash.values.version import VERSION
from walcrash.wal.vixw import encode_record
from walcrash.workload.draw import case_seed

FEW, MANY = 40, 1000
COUNTS = [FEW, pytest.param(MANY, marks=pytest.mark.slow)]

BUNDLE = small_bundle()

KEPT = ROOT / "tests" / "unit" / "kept" / "events-1.ndjson"
"""A log of format 1, with findings and stories."""

REFUSED = (ExitCode.USAGE, ExitCode.HARNESS_FAULT)


def refusing(read: Callable[[], object]) -> str:
    """Return what is wrong with how a reader took an input; empty where it took it well."""
    try:
        read()
    except WalcrashError as problem:
        if not problem.hint and "\n    hint: " not in problem.message:
            return f"a refusal without a hint: {problem.message}"
        if problem.exit_code not in REFUSED:
            return f"exit code {problem.exit_code}: {problem.message}"
        if not problem.message.strip() or len(problem.message) > 20_000:
            return f"{len(problem.message)} characters of message"
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ["power-compaction", "retry-after-markfailed"])
def test_scenarios(name: str, count: int, tmp_path: Path) -> None:
    file = tmp_path / "tried.toml"

    def read(data: bytes) -> str:
        file.write_bytes(data)
        return refusing(lambda: load_scenario(file))

    good = (ROOT / "scenarios" / f"{name}.toml").read_bytes()
    assert not first_failure(inputs(good, count), read)


@pytest.mark.parametrize("count", COUNTS)
def test_bundles(count: int, tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    write_bundle(good, BUNDLE)
    with zipfile.ZipFile(good) as archive:
        members = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    tried = tmp_path / "tried.zip"

    def read(data: bytes) -> str:
        tried.write_bytes(data)
        return refusing(lambda: read_bundle(tried))

    tries = inputs(good.read_bytes(), count // 2)
    for number in range(count // 2):
        tries.append(_with_a_change(members, number))
    assert not first_failure(tries, read)


def _with_a_change(members: dict[str, Any], number: int) -> bytes:
    prng = Random(f"bundle {number}")
    name = prng.choice(sorted(members))
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for each, value in members.items():
            text = json.dumps(changed(value, prng) if each == name else value)
            archive.writestr(each, text.encode())
    return made.getvalue()


@pytest.mark.parametrize("count", COUNTS)
def test_event_logs(count: int, tmp_path: Path) -> None:
    log = tmp_path / "tried.ndjson"

    def report() -> None:
        made = RunReport.of(read_log(str(log)))
        for each in FORMATS.values():
            each.render(made).encode("utf-8")

    def read(data: bytes) -> str:
        log.write_bytes(data)
        return refusing(report)

    older = KEPT.read_bytes()
    now = b"".join(map(line_bytes, read_log(str(KEPT))))
    for good in (older, now):
        assert not first_failure(inputs(good, count // 2, is_json=True), read)


@pytest.mark.parametrize("count", COUNTS)
def test_stores(count: int, tmp_path: Path) -> None:
    good = tmp_path / "good"
    Store(good).keep(BUNDLE.finding, BUNDLE.stored, BUNDLE.stored, evidence="!")
    runs = tmp_path / "runs"
    runs.mkdir()

    def look() -> None:
        store = Store(runs)
        store.check_usable()
        store.all()
        store.find("F-")

    def read(data: bytes) -> str:
        (runs / f"{STORE}-journal").unlink(missing_ok=True)
        (runs / STORE).write_bytes(data)
        return refusing(look)

    data = (good / STORE).read_bytes()
    tries = [*inputs(data, count // 2)]
    for number in range(count // 2):
        tries.append(_with_a_cell(data, "finding", number, tmp_path / "cell"))
    assert not first_failure(tries, read)


@pytest.mark.parametrize("count", COUNTS)
def test_states(count: int, tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.mkdir()
    _begin_state(str(good))
    run = tmp_path / "run"
    run.mkdir()

    def go_on() -> None:
        with contextlib.closing(CampaignState.resume(str(run))) as state:
            state.begin_scenario("a")
            state.judged("a", most=1)
            state.why_done("a")
            state.minimal("a", "G-1")
            state.reported(BUNDLE.finding.scenario, BUNDLE.finding.id)

    def read(data: bytes) -> str:
        (run / f"{STATE}-journal").unlink(missing_ok=True)
        (run / STATE).write_bytes(data)
        return refusing(go_on)

    data = (good / STATE).read_bytes()
    tries = [*inputs(data, count // 2)]
    for number in range(count // 2):
        tables = ("asked", "judged", "done", "minimal", "reported")
        tries.append(_with_a_cell(data, tables[number % 5], number, tmp_path / "cell"))
    assert not first_failure(tries, read)


def _begin_state(directory: str) -> None:
    request = Request(
        version=VERSION, directory=directory, names=("a",), seed="1", cases=1, seconds=None,
        digests=(("a", "b"), (BUNDLE.finding.scenario, "c")),
    )  # fmt: skip
    run = summarise(BUNDLE.evidence.run, BUNDLE.stored)
    outcome = replace(run, index=0, seed=case_seed("1", "a", 0), coverage=None)
    with contextlib.closing(CampaignState.begin(directory, request)) as state:
        state.begin_scenario("a")
        state.add_judged("a", 0, [outcome], 1.0)
        state.set_done("a", StopReason.CASES_DONE)
        state.add_minimal("a", "G-1", MinimalCase(outcome=outcome, tries=1, is_finished=True))
        state.add_reported(FindingReported(finding=BUNDLE.finding), FindingState.NEW)


def _with_a_cell(data: bytes, table: str, number: int, scratch: Path) -> bytes:
    """Return a database in which one cell of a table holds something else."""
    prng = Random(f"{table} {number}")
    scratch.write_bytes(data)
    with contextlib.closing(sqlite3.connect(scratch)) as connection, connection:
        columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
        column = prng.choice(columns)
        (cell,) = connection.execute(f"select {column} from {table}").fetchone()
        new: object = prng.choice((None, 7, 1.5, b"\xff\x00", "", "{}", "\u202e"))
        if isinstance(cell, str) and cell.startswith("{") and prng.random() < 0.7:
            new = json.dumps(changed(json.loads(cell), prng))
        with contextlib.suppress(sqlite3.IntegrityError):
            connection.execute(f"update {table} set {column} = ?", (new,))
        if prng.random() < 0.2:
            connection.execute(f"update {table} set {column} = cast(x'ff' as text)")
    return scratch.read_bytes()


@pytest.mark.parametrize("count", COUNTS)
def test_logs_after_an_incident(count: int, tmp_path: Path) -> None:
    """`walcrash verify`, whose exit codes are 0, 1 and 4 for what it finds."""
    put = Record(RecordType.PUT, "op-1", 1_000, b"payload")
    done = Record(RecordType.DONE, "op-1", 2_000)
    vixw = b"".join(piece for record in (put, done, put) for piece in encode_record(record))

    def read(data: bytes) -> str:
        (tmp_path / "wal.log").write_bytes(data)
        done = walcrash_here(tmp_path, "verify", "wal.log", "--format", "vixw", "--records", "all")
        if "Traceback" in done.stderr or done.returncode not in (0, 1, 2, 4):
            return f"{done.returncode}: {done.stderr}"
        return "" if done.returncode != 2 or "hint: " in done.stderr else done.stderr

    assert not first_failure(inputs(vixw, count // 4), read)


LINES: dict[str, tuple[object, Callable[[replies.Line, str], object]]] = {
    "open": (
        {"ok": True, "protocol": 1, "name": "x", "version": "1", "supports": ["sync", "apply"]},
        replies.read_introduction,
    ),
    "append": ({"ok": True, "offset": 17}, replies.read_offset),
    "apply": ({"ok": True, "checkpoint": 17}, replies.read_checkpoint),
    "end": ({"ok": True, "end": 17}, replies.read_end),
    "entry": (
        {"offset": 1, "record": {"id": "a", "type": "PutOperation", "ts_ms": 1, "payload": "eA=="}},
        replies.read_entry,
    ),
    "sent": ({"ok": True, "sent": ["a", "b"]}, replies.read_sent),
    "effect": ({"effect": "a"}, replies.read_effect),
    "state": (
        {"ok": True, "checkpoint": 1, "operations": {"a": {"status": "pending"}}},
        replies.read_state,
    ),
    "refusal": ({"ok": False, "error": "no"}, replies.read_ok),
}  # fmt: skip


def _malformed(read: Callable[[], object]) -> str:
    try:
        read()
    except MalformedOutput as problem:
        return "" if len(str(problem)) < 5_000 else f"{len(str(problem))} characters"
    except Exception as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", LINES)
def test_lines_of_drivers(name: str, count: int) -> None:
    good, reader = LINES[name]

    def read(data: bytes) -> str:
        return _malformed(lambda: reader(replies.read_line(data, "`x`"), "`x`"))

    line = json.dumps(good).encode()
    assert not first_failure(inputs(line, count, is_json=True), read)


@pytest.mark.parametrize("count", COUNTS)
def test_replies_of_workers(count: int) -> None:
    recovered = BUNDLE.evidence.run.history.recoveries.first
    fields = {"ok": True, "recovery": messages.recovery_to_json(recovered)}

    def everything(data: bytes) -> None:
        reply = messages.read_reply(data)
        messages.read_gone(reply)
        if isinstance(reply.get("recovery"), dict):
            messages.recovery_from_json(reply["recovery"])
        if isinstance(reply.get("resume"), list):
            messages.resume_from_json(reply["resume"])
        if isinstance(reply.get("contract"), dict):
            messages.read_description(reply)

    def read(data: bytes) -> str:
        return _malformed(lambda: everything(data))

    described = {
        "ok": True,
        "supports": ["sync"],
        "contract": {
            "acknowledges": "append", "kill": "all", "power": "prefix", "model": "ext4",
            "detects": [], "max_attempts": 3,
        },
    }  # fmt: skip
    assert isinstance(recovered, Recovery)
    undecodable = (UndecodableRecord(7, b"\xff\0", 0),)
    replayed = Resume(0, recovered.records, undecodable)
    resumed = {"ok": True, "resume": messages.resume_to_json(replayed)}
    for each in (fields, resumed, described, {"ok": False, "gone": "died", "error": "x"}):
        line = json.dumps(each).encode()
        assert not first_failure(inputs(line, count, is_json=True), read)


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert inputs(b"some text", 20) == inputs(b"some text", 20)
    assert damaged(b"some text", Random("1")) == damaged(b"some text", Random("1"))
