"""The store: what is kept comes back, states go their way, older files are brought up to date."""

import base64
import contextlib
import json
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import small_bundle
from old_forms import with_old_landings

from walcrash.findings import store as store_module
from walcrash.findings.evidence import pack, unpack
from walcrash.findings.former_ids import id_by_text
from walcrash.findings.store import NAME, Store
from walcrash.findings.store_errors import store_error
from walcrash.findings.store_upgrade import FORMAT
from walcrash.minimise.cause import cause_of
from walcrash.values.case_file import stored_case_to_json
from walcrash.values.cause import Cause, CrashSite, fate_site
from walcrash.values.errors import ExitCode, UsageError, WalcrashError
from walcrash.values.event import EventKind
from walcrash.values.fate import CopyFate, EventRef, Fate, FateKind, RecordFate
from walcrash.values.faults import PowerLoss
from walcrash.values.finding import Finding, FindingState
from walcrash.values.identity import finding_id
from walcrash.values.log import LOG
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant

KEPT = Path(__file__).with_name("kept")
BUNDLE = small_bundle()
FINDING: Finding = BUNDLE.finding
STORED = BUNDLE.stored
OTHER = replace(FINDING, id="F-9999aa", scenario="other")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def test_what_is_kept_comes_back(store: Store) -> None:
    origin = replace(BUNDLE.stored, case=replace(BUNDLE.stored.case, index=77))
    store.keep(FINDING, STORED, origin)
    kept = store.find("F-0")
    assert (kept.finding, kept.stored, kept.origin) == (FINDING, BUNDLE.stored, origin)
    assert kept.invariant is Invariant.LOST_PUT


def test_a_finding_is_new_then_again_then_fixed_then_back_then_again(store: Store) -> None:
    assert store.keep(FINDING, STORED, STORED) is FindingState.NEW
    assert store.keep(FINDING, STORED, STORED) is FindingState.AGAIN
    store.set_state(FINDING.id, FindingState.FIXED)
    assert store.find(FINDING.id).state is FindingState.FIXED
    assert store.keep(FINDING, STORED, STORED) is FindingState.BACK
    assert store.keep(FINDING, STORED, STORED) is FindingState.AGAIN


def test_findings_are_listed_by_scenario_and_id(store: Store) -> None:
    assert store.all() == []
    store.keep(OTHER, STORED, STORED)
    store.keep(FINDING, STORED, STORED)
    assert [kept.id for kept in store.all()] == [FINDING.id, OTHER.id]
    assert [kept.id for kept in store.all(scenario="other")] == [OTHER.id]


def test_looking_makes_no_file(store: Store, tmp_path: Path) -> None:
    assert store.all() == []
    with pytest.raises(UsageError, match="no finding"):
        store.find("F-")
    assert list(tmp_path.iterdir()) == []


def test_a_beginning_that_means_two_is_refused(store: Store) -> None:
    store.keep(OTHER, STORED, STORED)
    store.keep(FINDING, STORED, STORED)
    with pytest.raises(UsageError, match="more than one"):
        store.find("F-")


def test_a_store_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    with sqlite3.connect(runs / NAME) as old:
        old.execute(
            "create table finding (id text primary key, scenario text, scenario_path text, "
            "master_seed text, case_index integer, invariant text, seen integer, cases integer, "
            "stored text)"
        )
        old.execute(
            "insert into finding values ('F-1', 'made-up', 'm.toml', 's', 7, 'order', 2, 9, ?)",
            (json.dumps(stored_case_to_json(STORED)),),
        )
        old.execute("pragma user_version = 1")
    old.close()
    kept = Store(runs).find("F-1")
    assert kept.invariant is Invariant.ORDER
    assert kept.finding.worst.message == RULES[Invariant.ORDER].text
    assert (kept.finding.seen, kept.finding.cases, kept.finding.case_index) == (2, 9, 7)
    assert kept.stored == BUNDLE.stored
    assert Store(runs).keep(FINDING, STORED, STORED) is FindingState.NEW


def test_a_store_of_the_second_format_keeps_what_it_has(store: Store, tmp_path: Path) -> None:
    store.keep(FINDING, STORED, STORED)
    with sqlite3.connect(tmp_path / "runs" / NAME) as old:
        for column in ("evidence", "former", "id_scheme"):
            old.execute(f"alter table finding drop column {column}")
        old.execute("pragma user_version = 2")
    old.close()
    kept = store.find(FINDING.id)
    assert (kept.finding, kept.evidence) == (FINDING, "")
    store.keep(FINDING, STORED, STORED, evidence="packed")
    assert store.find(FINDING.id).evidence == "packed"


def test_a_store_of_the_third_format_is_read_with_its_landings_and_its_evidence(
    store: Store, tmp_path: Path
) -> None:
    packed = pack(BUNDLE.evidence)
    store.keep(FINDING, STORED, STORED, evidence=packed)
    form = with_old_landings(json.loads(zlib.decompress(base64.b64decode(packed))))
    older = base64.b64encode(zlib.compress(json.dumps(form).encode())).decode("ascii")
    assert older != packed
    with sqlite3.connect(tmp_path / "runs" / NAME) as old:
        finding = json.dumps(with_old_landings(LOG.to_json(FINDING)))
        assert '"description": "reply"' in finding
        old.execute("update finding set finding = ?, evidence = ?", (finding, older))
        for column in ("former", "id_scheme"):
            old.execute(f"alter table finding drop column {column}")
        old.execute("pragma user_version = 3")
    old.close()
    kept = store.find(FINDING.id)
    assert kept.finding == FINDING
    assert unpack(kept.evidence) == BUNDLE.evidence


def in_format_3(directory: Path, id_: str, cause: str, **changes: object) -> None:
    """Put a finding into a store as version 3 of it kept one: with texts, and under that id."""
    form = with_old_landings(LOG.to_json(replace(FINDING, id=id_, **changes)))  # type: ignore[arg-type]
    assert isinstance(form, dict)
    stored = json.dumps(stored_case_to_json(STORED))
    with sqlite3.connect(directory / NAME) as old:
        old.execute(
            "create table if not exists finding (id text primary key, scenario text not null, "
            "state text not null, finding text not null, stored text not null, "
            "origin text not null, evidence text not null default '')"
        )
        old.execute(
            "insert into finding values (?, 'made-up', 'again', ?, ?, ?, '')",
            (id_, json.dumps({**form, "cause": cause}), stored, stored),
        )
        old.execute("pragma user_version = 3")
    old.close()


AT_REPLY = cause_of(Invariant.LOST_PUT, FINDING.landings)
AT_WRITE = replace(AT_REPLY, site=CrashSite(kind=EventKind.WRITE, path="data,wal"))
SUBJECT = BUNDLE.stored.subject


def now(cause: Cause) -> Finding:
    """Return the finding as this version tells it."""
    return replace(FINDING, id=finding_id("made-up", SUBJECT, cause.facts), cause=cause)


def test_a_finding_with_an_id_of_its_sentence_is_found_replayed_and_known_again(
    tmp_path: Path,
) -> None:
    former = id_by_text("made-up", SUBJECT, AT_REPLY, is_portability=False)
    in_format_3(tmp_path, former, "lost-put, kill: 1 crash, append reply")
    store = Store(tmp_path)
    assert store.find(former).stored == BUNDLE.stored
    assert (store.find(former).id, store.find(former).former_ids) == (former, ())
    found = now(AT_REPLY)
    assert found.id != former
    assert store.keep(found, STORED, STORED) is FindingState.AGAIN
    (kept,) = store.all()
    assert (kept.id, kept.former_ids) == (found.id, (former,))
    assert store.find(former) == store.find(found.id) == kept
    assert store.keep(found, STORED, STORED) is FindingState.AGAIN
    assert store.find(former[:5]).former_ids == (former,)


def test_a_finding_that_was_fixed_under_its_former_id_is_back_under_its_new_one(
    tmp_path: Path,
) -> None:
    former = id_by_text("made-up", SUBJECT, AT_REPLY, is_portability=False)
    in_format_3(tmp_path, former, "lost-put, kill: 1 crash, append reply")
    Store(tmp_path).set_state(former, FindingState.FIXED)
    assert Store(tmp_path).keep(now(AT_REPLY), STORED, STORED) is FindingState.BACK


def test_of_two_findings_that_were_one_sentence_the_first_takes_it_over(tmp_path: Path) -> None:
    other = replace(AT_WRITE, site=CrashSite(kind=EventKind.WRITE, path="data,checkpoint"))
    former = id_by_text("made-up", SUBJECT, AT_WRITE, is_portability=False)
    assert former == id_by_text("made-up", SUBJECT, other, is_portability=False)
    in_format_3(tmp_path, former, "lost-put, kill: 1 crash, write data")
    store = Store(tmp_path)
    assert store.keep(now(other), STORED, STORED) is FindingState.AGAIN
    assert store.keep(now(AT_WRITE), STORED, STORED) is FindingState.NEW
    assert {kept.id for kept in store.all()} == {now(other).id, now(AT_WRITE).id}


UNLINKED = EventRef(boot=1, event=9, kind=EventKind.UNLINK, path="wal.3")
GONE = CopyFate(kind=FateKind.REMOVED, path="wal.3", start=0, end=9, written=UNLINKED, by=UNLINKED)
REMOVED = Fate(record=RecordFate(record="", is_missing=True, kind=FateKind.REMOVED, copies=(GONE,)))


def by_crash(cause: Cause, fate: Fate) -> Finding:
    """Return a finding as the last version kept it, under an id of its crash alone."""
    id_ = finding_id("made-up", SUBJECT, cause.facts_of_crash)
    return replace(
        FINDING,
        id=id_,
        cause=replace(cause, fate=fate_site(fate, FINDING.worst.invariant)),
        fate=fate,
    )


def test_findings_that_were_one_for_each_place_are_one_now_with_all_their_ids(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    older = [by_crash(AT_REPLY, REMOVED), by_crash(AT_WRITE, REMOVED)]
    for each in older:
        store.keep(each, STORED, STORED)
    store.set_state(older[0].id, FindingState.FIXED)
    other = now(replace(AT_REPLY, invariant=Invariant.ORDER))
    store.keep(other, STORED, STORED)
    found = replace(
        now(replace(AT_REPLY, fate=fate_site(REMOVED, Invariant.LOST_PUT))), fate=REMOVED
    )
    assert store.keep(found, STORED, STORED) is FindingState.AGAIN
    assert {kept.id for kept in store.all()} == {found.id, other.id}
    for each in older:
        assert store.find(each.id).id == found.id
    assert set(store.find(found.id).former_ids) == {each.id for each in older}
    assert store.keep(found, STORED, STORED) is FindingState.AGAIN


@pytest.mark.parametrize("rule", [Invariant.DETERMINISM, Invariant.REQUEUE])
def test_what_surroundings_change_or_is_not_sent_again_is_known_again_wherever_its_crash_fell(
    tmp_path: Path, rule: Invariant
) -> None:
    store = Store(tmp_path)
    was = replace(AT_WRITE, invariant=rule)
    older = replace(FINDING, id=finding_id("made-up", SUBJECT, was.facts), cause=was)
    store.keep(older, STORED, STORED)
    found = now(cause_of(rule, FINDING.landings))
    assert found.id != older.id
    assert store.keep(found, STORED, STORED) is FindingState.AGAIN
    assert store.find(older.id).id == found.id
    assert len(store.all()) == 1


def test_a_finding_whose_record_went_another_way_is_left_where_it_is(tmp_path: Path) -> None:
    store = Store(tmp_path)
    cut = replace(GONE, by=replace(UNLINKED, kind=EventKind.TRUNCATE))
    older = by_crash(AT_WRITE, replace(REMOVED, record=replace(REMOVED.record, copies=(cut,))))
    store.keep(older, STORED, STORED)
    found = replace(
        now(replace(AT_REPLY, fate=fate_site(REMOVED, Invariant.LOST_PUT))), fate=REMOVED
    )
    assert store.keep(found, STORED, STORED) is FindingState.NEW
    assert {kept.id for kept in store.all()} == {found.id, older.id}
    note = replace(found, id="F-000001", is_portability=True)
    assert store.keep(note, STORED, STORED) is FindingState.NEW


def test_a_finding_with_another_sentence_is_left_where_it_is(tmp_path: Path) -> None:
    former = id_by_text("made-up", SUBJECT, AT_WRITE, is_portability=False)
    in_format_3(tmp_path, former, "lost-put, kill: 1 crash, write data")
    store = Store(tmp_path)
    assert store.keep(now(AT_REPLY), STORED, STORED) is FindingState.NEW
    assert {kept.id for kept in store.all()} == {former, now(AT_REPLY).id}


def test_a_finding_that_was_kept_without_a_cause_is_taken_over_once(tmp_path: Path) -> None:
    in_format_3(tmp_path, "F-0ld000", "")
    in_format_3(tmp_path, "F-0ld111", "", is_portability=True)
    store = Store(tmp_path)
    store.set_state("F-0ld000", FindingState.FIXED)
    assert store.keep(now(AT_REPLY), STORED, STORED) is FindingState.BACK
    assert {kept.id for kept in store.all()} == {"F-0ld111", now(AT_REPLY).id}
    assert store.find("F-0ld000").id == now(AT_REPLY).id
    assert store.keep(now(AT_WRITE), STORED, STORED) is FindingState.NEW
    assert store.keep(now(AT_REPLY), STORED, STORED) is FindingState.AGAIN


def test_a_newer_store_is_refused_by_name(store: Store, tmp_path: Path) -> None:
    store.keep(FINDING, STORED, STORED)
    with sqlite3.connect(tmp_path / "runs" / NAME) as newer:
        newer.execute(f"pragma user_version = {FORMAT + 1}")
    newer.close()
    with pytest.raises(UsageError, match=f"format {FORMAT + 1}; this walcrash reads"):
        store.find("F-")


def refusal(store: Store) -> WalcrashError:
    """Return why a campaign that would keep findings there does not begin."""
    with pytest.raises(WalcrashError) as caught:
        store.check_usable()
    assert "mv" not in caught.value.hint or "damaged" in caught.value.message
    return caught.value


def test_a_store_that_is_well_or_not_there_is_left_alone(store: Store, tmp_path: Path) -> None:
    store.check_usable()
    assert list(tmp_path.iterdir()) == []
    store.keep(FINDING, STORED, STORED)
    before = (tmp_path / "runs" / NAME).read_bytes()
    store.check_usable()
    assert (tmp_path / "runs" / NAME).read_bytes() == before


@pytest.mark.parametrize("where", [0, 4096 + 8], ids=["its head", "a page"])
def test_a_damaged_store_is_our_fault_and_told_before_a_campaign(
    where: int, store: Store, tmp_path: Path
) -> None:
    store.keep(FINDING, STORED, STORED)
    with (tmp_path / "runs" / NAME).open("r+b") as file:
        file.seek(where)
        file.write(b"\xa5" * 512)
    refused = refusal(store)
    assert "are damaged, or the file is no store" in refused.message
    assert refused.exit_code is ExitCode.HARNESS_FAULT
    assert f"mv {tmp_path}/runs/{NAME} " in refused.hint


def test_a_locked_store_is_waited_for_and_never_moved_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep(FINDING, STORED, STORED)
    monkeypatch.setattr(store_module, "_CHECK_SECONDS", 0.05)
    with contextlib.closing(sqlite3.connect(tmp_path / "runs" / NAME)) as other:
        other.execute("begin exclusive")
        refused = refusal(store)
    assert "locked by another process" in refused.message
    assert refused.exit_code is ExitCode.HARNESS_FAULT
    assert "fuser -v" in refused.hint


def test_a_full_disk_and_a_file_that_may_not_be_written_have_their_own_sentences(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a store"
    with contextlib.closing(sqlite3.connect(path)) as full:
        full.execute("pragma max_page_count = 2")
        with pytest.raises(sqlite3.Error) as problem:
            full.execute("create table t as select zeroblob(100000)")
    told = store_error(path, problem.value)
    assert "the disk is full" in told.message
    assert told.exit_code is ExitCode.HARNESS_FAULT
    with (
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as read_only,
        pytest.raises(sqlite3.Error) as problem,
    ):
        read_only.execute("create table t (a)")
    for each in (problem.value, PermissionError(13, "Permission denied")):
        told = store_error(path, each)
        assert "may not be read and written" in told.message
        assert told.exit_code is ExitCode.USAGE
        assert f"ls -l '{path}'" in told.hint
    told = store_error(path, OSError(5, "Input/output error"))
    assert told.exit_code is ExitCode.HARNESS_FAULT
    assert "dmesg" in told.hint


def test_a_place_for_findings_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert refusal(Store(tmp_path)).exit_code is ExitCode.USAGE


def made_before(tmp_path: Path, change: str = "") -> Store:
    """Return a store that the walcrash of format 3 has written, with a change to it."""
    runs = tmp_path / "runs"
    runs.mkdir()
    connection = sqlite3.connect(runs / NAME)
    connection.executescript((KEPT / "store-3.sql").read_text(encoding="utf-8") + change)
    connection.close()
    return Store(runs)


def test_a_store_that_the_walcrash_of_format_3_has_written_is_read(tmp_path: Path) -> None:
    store = made_before(tmp_path)
    kept = {each.id: each for each in store.all()}
    assert sorted(kept) == ["F-0123ab", "F-142cfc", "F-f970bc"]
    assert kept["F-0123ab"].state is FindingState.FIXED
    assert [str(each) for each in kept["F-142cfc"].finding.landings] == [
        "boot 1, within event 4: write wal.log, 121 bytes at 16, bytes 0-0 kept",
        "boot 2, after event 2: reply",
    ]
    crash = kept["F-f970bc"].stored.case.boots[0].crash
    assert isinstance(crash, PowerLoss)
    assert crash.choice is not None
    assert crash.choice.position.event_index == 23
    subject = kept["F-0123ab"].stored.subject
    assert subject.adapter == "walcrash.subjects.engines.sqlite:SqliteAdapter"
    run = unpack(kept["F-0123ab"].evidence).run
    assert run.case == kept["F-0123ab"].stored.case
    assert run.history.recoveries.perturbed == run.history.recoveries.first
    assert {each.id: each for each in store.all()} == kept


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("set stored = '{'", "stored case: this is no JSON"),
        ("set origin = '{}'", "stored case: the key `format` is missing"),
        ("set finding = '[]'", r"finding: found \[\]; allowed: an object"),
        ("set finding = replace(finding, 'kill', 'krill')", "krill"),
    ],
)
def test_a_kept_finding_that_cannot_be_read_is_told_alone(
    tmp_path: Path, change: str, why: str
) -> None:
    store = made_before(tmp_path, f"update finding {change} where id = 'F-142cfc';")
    assert [each.id for each in store.all()] == ["F-f970bc", "F-0123ab"]
    with pytest.raises(UsageError, match=why) as caught:
        store.find("F-142")
    assert "F-142cfc" in caught.value.message
    assert "walcrash run" in caught.value.hint


def test_evidence_that_cannot_be_read_is_dropped_and_its_finding_kept(tmp_path: Path) -> None:
    for number, text in enumerate(("", "!", "eA==", "eJwDAAAAAAE=")):
        directory = tmp_path / str(number)
        directory.mkdir()
        store = made_before(
            directory, f"update finding set evidence = '{text}' where id = 'F-0123ab';"
        )
        assert store.find("F-0123ab").evidence == ""
