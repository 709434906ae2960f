"""The store: what is kept comes back, states go their way, older files are brought up to date."""

import base64
import json
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from bundles import small_bundle
from old_forms import with_old_landings

from walcrash.findings.evidence import pack, unpack
from walcrash.findings.store import NAME, Store
from walcrash.findings.store_upgrade import FORMAT
from walcrash.values.case_file import stored_case_to_json
from walcrash.values.errors import UsageError
from walcrash.values.finding import Finding, FindingState
from walcrash.values.plain import to_plain
from walcrash.values.rules import RULES
from walcrash.values.verdict import Invariant

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
    assert kept.finding.violations[0].message == RULES[Invariant.ORDER].text
    assert (kept.finding.seen, kept.finding.cases, kept.finding.case_index) == (2, 9, 7)
    assert kept.stored == BUNDLE.stored
    assert Store(runs).keep(FINDING, STORED, STORED) is FindingState.NEW


def test_a_store_of_the_second_format_keeps_what_it_has(store: Store, tmp_path: Path) -> None:
    store.keep(FINDING, STORED, STORED)
    with sqlite3.connect(tmp_path / "runs" / NAME) as old:
        old.execute("alter table finding drop column evidence")
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
        finding = json.dumps(with_old_landings(to_plain(FINDING)))
        assert '"description": "reply"' in finding
        old.execute("update finding set finding = ?, evidence = ?", (finding, older))
        old.execute("pragma user_version = 3")
    old.close()
    kept = store.find(FINDING.id)
    assert kept.finding == FINDING
    assert unpack(kept.evidence) == BUNDLE.evidence


def test_a_finding_that_was_kept_without_a_cause_is_taken_over_once(store: Store) -> None:
    older = replace(FINDING, id="F-0ld000", cause="")
    store.keep(older, STORED, STORED)
    store.keep(replace(older, id="F-0ld111", is_portability=True), STORED, STORED)
    store.set_state(older.id, FindingState.FIXED)
    now = replace(FINDING, id="F-11aaaa", cause="lost-put, kill: 1 crash, append reply")
    assert store.keep(now, STORED, STORED) is FindingState.BACK
    assert [kept.id for kept in store.all()] == ["F-0ld111", now.id]
    other = replace(now, id="F-22bbbb", cause="lost-put, kill: 1 crash, unlink wal.log")
    assert store.keep(other, STORED, STORED) is FindingState.NEW
    assert store.keep(now, STORED, STORED) is FindingState.AGAIN


def test_a_newer_store_is_refused_by_name(store: Store, tmp_path: Path) -> None:
    store.keep(FINDING, STORED, STORED)
    with sqlite3.connect(tmp_path / "runs" / NAME) as newer:
        newer.execute(f"pragma user_version = {FORMAT + 1}")
    newer.close()
    with pytest.raises(UsageError, match=f"format {FORMAT + 1}; this walcrash reads"):
        store.find("F-")
