"""What an audit says: verdicts from looks, the text, and the JSON."""

import json

import pytest

from walcrash.report.audit_text import audit_json, audit_text, publish_audit
from walcrash.values.audit import (
    Audit,
    Baseline,
    Reason,
    SiteAudit,
    SiteVerdict,
    UnsyncedPromise,
)
from walcrash.values.audit_faults import CallAudit, DamageAudit, FaultAudit, Notice, Reaction
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.case import Landing
from walcrash.values.contract import PersistenceModel
from walcrash.values.damage import DamageKind
from walcrash.values.errors import ExitCode
from walcrash.values.event import EventKind
from walcrash.values.moments import Placement
from walcrash.values.operation import OperationKind
from walcrash.values.record import RecordType
from walcrash.values.verdict import Invariant, Violation

FINDING = AuditFinding(
    case_index=3,
    violations=(
        Violation(Invariant.LOST_PUT, "first recovery", "op-1 is gone", "op-1", "nothing"),
    ),
    landings=(
        Landing(
            boot=1,
            event_index=14,
            kind=EventKind.REPLY,
            placement=Placement.AFTER,
            operation=OperationKind.APPEND,
            record=RecordType.PUT,
            is_power_loss=True,
            loss="nothing kept that was not synced",
        ),
    ),
    model=PersistenceModel.ORDERED,
)

NEEDED = SiteAudit(
    site="append PutOperation: fsync log", calls=8, differing=4, legal=2, judged=1, finding=FINDING
)
COVERED = SiteAudit(site="open: fsync . (2nd)", calls=2, idle=2, covered=2)
NOT_NOTICED = SiteAudit(
    site="apply: fsync hint", calls=2, differing=9, judged_positions=3, legal=10**9, judged=18,
    promised=18,
    is_exhaustive=False, bytes_pending=1600, names_pending=1,
)  # fmt: skip
IDLE = SiteAudit(site="reopen: fsync log", calls=2, idle=2)


ASKED = "--cases 6 --images 60 --fault-cases 2"


def audit(*sites: SiteAudit, **other: object) -> Audit:
    fields = {
        "scenario": "mylog",
        "path": "mylog.toml",
        "subject": "mylog.py:MyLog",
        "seed": "7",
        "model": PersistenceModel.EXT4,
        "images": 60,
        "asked_cases": 6,
        "fault_cases": 2,
        "cases": 6,
        "boots": 12,
        "syncs": 40,
        "baseline": Baseline(positions=100, images=300),
        "sites": sites,
        **other,
    }
    return Audit(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("look", "reason", "verdict"),
    [
        (NEEDED, Reason.FAILS_WITHOUT, SiteVerdict.NEEDED),
        (COVERED, Reason.ADDS_NO_IMAGE, SiteVerdict.NOT_NEEDED),
        (NOT_NOTICED, Reason.NOT_NOTICED, SiteVerdict.NOT_NEEDED),
        (IDLE, Reason.NOTHING_PENDING, SiteVerdict.UNPROVEN),
        (SiteAudit(site="a", calls=1), Reason.ADDS_NO_IMAGE, SiteVerdict.NOT_NEEDED),
        (
            SiteAudit(site="a", calls=1, differing=2, legal=2, judged=2, promised=2),
            Reason.ALL_JUDGED,
            SiteVerdict.NOT_NEEDED,
        ),
        (
            SiteAudit(site="a", calls=1, differing=2, legal=2, judged=2),
            Reason.NO_PROMISE,
            SiteVerdict.UNPROVEN,
        ),
        (
            SiteAudit(site="a", calls=1, differing=2, is_exhaustive=False),
            Reason.NOT_JUDGED,
            SiteVerdict.UNPROVEN,
        ),
        (
            SiteAudit(site="a", calls=1, differing=2, judged=2, promised=2, unconfirmed=1),
            Reason.NOT_NOTICED,
            SiteVerdict.NOT_NEEDED,
        ),
    ],
)
def test_a_site_has_the_verdict_that_its_looks_allow(
    look: SiteAudit, reason: Reason, verdict: SiteVerdict
) -> None:
    assert (look.reason, look.verdict) == (reason, verdict)


def test_one_boot_that_misses_a_sync_makes_it_needed_and_one_that_was_sampled_unproves() -> None:
    other = SiteAudit(site=NEEDED.site, calls=2, differing=3, judged=5, is_exhaustive=False)
    both = other + NEEDED
    assert both.finding is FINDING
    assert (both.calls, both.differing, both.judged) == (10, 7, 6)
    assert not both.is_exhaustive


def test_the_text_has_a_row_for_each_site_and_says_what_is_proven() -> None:
    text = audit_text(audit(NEEDED, COVERED, NOT_NOTICED, IDLE))
    rows = [line.split("  ") for line in text.splitlines()[:5]]
    assert [next(cell for cell in row if cell).strip() for row in rows] == [
        "sync site",
        "append PutOperation: fsync log",
        "open: fsync . (2nd)",
        "apply: fsync hint",
        "reopen: fsync log",
    ]
    assert "needed  append PutOperation: fsync log · lost-put" in text
    assert "crash     boot 1, after event 14: reply   (ordered)" in text
    assert "proven for this workload: without it no image is possible" in text
    assert "not noticed, not proven: 18 images" in text
    assert "2 calls, 5.0 % of all syncs; 1,600 bytes and 1 name were pending" in text
    assert "nothing was pending when it was called" in text
    assert "walcrash audit mylog.toml --seed 7 --cases 6 --images 60 --fault-cases 2" in text


FAILING = FaultAudit(
    calls=(
        CallAudit(site="append: fsync log", error="EIO", reactions=(Reaction.REFUSED,), runs=2),
        CallAudit(site="apply: fsync .", error="EIO", reactions=(Reaction.IGNORED,) * 2, runs=4),
        CallAudit(
            site="append: write log", error="short",
            reactions=(Reaction.IGNORED, Reaction.OTHER), runs=3, finding=FINDING,
        ),
    ),
    slow=(
        CallAudit(site="append: fsync log", error="slow", reactions=(Reaction.WAITED,), runs=2),
        CallAudit(
            site="append: fsync hint", error="slow",
            reactions=(Reaction.ANSWERED,), runs=3, finding=FINDING,
        ),
    ),
    boots=(
        CallAudit(
            site="later boot", error="clock days behind", reactions=(Reaction.ALIKE,) * 2, runs=4
        ),
    ),
    damages=(
        DamageAudit(
            file="log", kind=DamageKind.BIT, notices=(Notice.REPORTED, Notice.SILENT),
            violation=Violation(Invariant.SILENT_ROT, "first recovery", "op-1 is gone", "", ""),
        ),
    ),
)  # fmt: skip


def test_a_call_whose_error_makes_no_difference_is_named() -> None:
    text = audit_text(audit(NEEDED, faults=FAILING))
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "append: fsync log EIO refused held 1" in rows
    assert "append: write log short made other calls or went on as without it lost-put 2" in rows
    assert "harmful append: write log · short · lost-put" in rows
    ignored = next(row for row in rows if row.startswith("ignored"))
    assert "1 error made no difference to what the subject did" in ignored
    assert "apply: fsync . (EIO)" in text
    assert "log bit 1 0 0 1" in rows
    assert "silent log · bit · silent-rot" in rows


def test_slow_syncs_and_boots_with_another_clock_have_tables_of_their_own() -> None:
    text = audit_text(audit(NEEDED, faults=FAILING))
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "append: fsync log waited held 1" in rows
    assert "append: fsync hint answered before it returned lost-put 1" in rows
    assert "harmful append: fsync hint · slow · lost-put" in rows
    assert "clock days behind later boot made the same calls held 2" in rows
    both = FAILING + FAILING
    assert [len(each.reactions) for each in (*both.slow, *both.boots)] == [2, 2, 4]
    assert json.loads(json.dumps(audit_json(audit(NEEDED, faults=FAILING))))["odd_boots"]


def test_the_json_counts_what_recoveries_made_of_damage() -> None:
    found = json.loads(json.dumps(audit_json(audit(NEEDED, faults=FAILING))))
    (damage,) = found["damage"]
    assert (damage["noticed"]["reported"], damage["noticed"]["silent"]) == (1, 1)
    assert [each["is_ignored"] for each in found["failing_calls"]] == [False, True, False]


def test_a_failed_baseline_is_shown_and_fails() -> None:
    failed = audit(
        baseline=Baseline(positions=1, images=2, finding=FINDING),
        unsynced=(UnsyncedPromise(operation="append MarkDone", unsynced=3, calls=4),),
    )
    text = audit_text(failed)
    assert text.startswith("FAIL  with all its syncs · lost-put\n  op-1 is gone\n")
    assert "no sync   append MarkDone: 3 of 4 acknowledged" in text
    assert publish_audit(failed, as_json=False) is ExitCode.FINDINGS


def test_unneeded_syncs_are_no_failure_and_nothing_to_judge_is_none_either() -> None:
    assert publish_audit(audit(NOT_NOTICED), as_json=True) is ExitCode.PASSED
    broken = audit(broken="no invariant applied to any image")
    assert publish_audit(broken, as_json=False) is ExitCode.INCONCLUSIVE
    assert "INCONCLUSIVE  no invariant applied to any image" in audit_text(broken)


def test_sites_that_cover_for_each_other_are_told_of() -> None:
    together = SiteAudit(site="all of them", calls=4, differing=2, judged=1, finding=FINDING)
    text = audit_text(audit(COVERED, COVERED, together=together))
    assert "all 2 of them removed at once" in text
    assert "lost-put: they cover for each other, so take one away and audit again" in text


def test_the_json_has_everything_and_is_valid() -> None:
    whole = audit(NEEDED, NOT_NOTICED, together=COVERED, doubts=("calls that are not modelled",))
    found = json.loads(json.dumps(audit_json(whole)))
    needed, other = found["sites"]
    assert (needed["verdict"], needed["reason"]) == ("needed", "a promise breaks without it")
    assert needed["finding"]["violations"][0]["invariant"] == "lost-put"
    assert (other["is_proven"], other["share"], other["finding"]) == (False, 0.05, None)
    assert found["doubts"] == ["calls that are not modelled"]
    assert found["again"] == f"walcrash audit mylog.toml --seed 7 {ASKED}"
