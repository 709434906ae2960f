"""What an audit shows under faults: what the subject did, and which damage it noticed.

Not here: syncs (`audit_text`).
"""

from collections.abc import Sequence
from typing import Final

from walcrash.report.finding_text import landing_lines
from walcrash.report.text import block, counted, escape, listed, paragraph, shorten, table
from walcrash.values.audit_faults import CallAudit, DamageAudit, FaultAudit, Notice, Reaction
from walcrash.values.audit_finding import AuditFinding
from walcrash.values.contract import PersistenceModel
from walcrash.values.verdict import Violation

CALLS_HEAD: Final = ("call that fails", "error", "the subject", "then", "boots")

SLOW_HEAD: Final = ("sync that is slow", "the subject", "then", "boots")

BOOTS_HEAD: Final = ("boot with", "which", "the subject", "then", "boots")

DAMAGES_HEAD: Final = ("damaged", "kind", *(notice.value for notice in Notice))

# limits
NAMES_SHOWN: Final = 8
"""How many calls whose errors are ignored are named."""


def fault_parts(faults: FaultAudit, model: PersistenceModel, width: int) -> list[list[str]]:
    """Return the parts of the text about faults; none if none was tried."""
    return [
        table(CALLS_HEAD, [_call_row(each) for each in faults.calls], left=4)
        if faults.calls
        else [],
        _broken(faults.calls, model, width),
        _ignored(faults.calls, width),
        table(SLOW_HEAD, [_slow_row(each) for each in faults.slow], left=3) if faults.slow else [],
        _broken(faults.slow, model, width),
        table(BOOTS_HEAD, [_boot_row(each) for each in faults.boots], left=4)
        if faults.boots
        else [],
        _broken(faults.boots, model, width),
        table(DAMAGES_HEAD, [_damage_row(each) for each in faults.damages], left=2)
        if faults.damages
        else [],
        _silent(faults.damages, width),
    ]


def crash_lines(finding: AuditFinding, drawn_from: PersistenceModel, width: int) -> list[str]:
    """Return where the crashes fell; images before the last are of the contract's model."""
    lines: list[str] = []
    for number, landing in enumerate(finding.landings, start=1):
        is_last = number == len(finding.landings)
        model = finding.model if is_last else drawn_from
        lines += landing_lines(landing, model, width, is_first=number == 1)
    return lines


def _call_row(call: CallAudit) -> tuple[str, ...]:
    return escape(call.site), call.error, *_outcome(call)


def _slow_row(call: CallAudit) -> tuple[str, ...]:
    return escape(call.site), *_outcome(call)


def _boot_row(call: CallAudit) -> tuple[str, ...]:
    return call.error, call.site, *_outcome(call)


def _outcome(call: CallAudit) -> tuple[str, ...]:
    """Return what the subject did, whether its promise held, and in how many boots that was."""
    shown = " or ".join(reaction.value for reaction in _in_order(call.reactions))
    then = "held" if call.finding is None else call.finding.worst.invariant.value
    return shown, then, f"{len(call.reactions):,}"


def _in_order(reactions: Sequence[Reaction]) -> list[Reaction]:
    return [reaction for reaction in Reaction if reaction in reactions]


def _broken(calls: Sequence[CallAudit], model: PersistenceModel, width: int) -> list[str]:
    lines: list[str] = []
    for call in calls:
        if call.finding is not None:
            first = call.finding.worst
            lines += ["", f"harmful  {escape(call.site)} · {call.error} · {first.invariant.value}"]
            lines += paragraph(shorten(first.message), width=width)
            lines += crash_lines(call.finding, model, width)
    return lines[1:]


def _ignored(calls: Sequence[CallAudit], width: int) -> list[str]:
    """Return which errors made no difference to the subject, and broke nothing here."""
    names = dict.fromkeys(
        f"{escape(call.site)} ({call.error})"
        for call in calls
        if call.is_ignored and call.finding is None
    )
    if not names:
        return []
    text = (
        f"{counted(len(names), 'error')} made no difference to what the subject did, and broke "
        f"nothing in these boots: {listed(list(names), NAMES_SHOWN)}"
    )
    return block("ignored", text, width=width)


def _damage_row(damage: DamageAudit) -> tuple[str, ...]:
    counts = (f"{damage.count(notice):,}" for notice in Notice)
    return escape(damage.file), damage.kind.value, *counts


def _silent(damages: Sequence[DamageAudit], width: int) -> list[str]:
    """Return the first damage of each file that recovery did not notice."""
    lines: list[str] = []
    seen: set[str] = set()
    for damage in damages:
        if damage.violation is not None and damage.file not in seen:
            seen.add(damage.file)
            rule = damage.violation.invariant.value
            lines += ["", f"silent  {escape(damage.file)} · {damage.kind.value} · {rule}"]
            lines += paragraph(shorten(damage.violation.message), width=width)
    return lines[1:]


# JSON.


def faults_json(faults: FaultAudit) -> dict[str, object]:
    """Return what was shown under faults, as keys of the audit's JSON."""
    return {
        "failing_calls": [_call_json(call) for call in faults.calls],
        "slow_syncs": [_call_json(call) for call in faults.slow],
        "odd_boots": [_call_json(call) for call in faults.boots],
        "damage": [
            {
                "file": damage.file,
                "kind": damage.kind.value,
                "noticed": {notice.value: damage.count(notice) for notice in Notice},
                "violation": None if damage.violation is None else violation_json(damage.violation),
            }
            for damage in faults.damages
        ],
    }


def _call_json(call: CallAudit) -> dict[str, object]:
    return {
        "site": call.site,
        "error": call.error,
        "reactions": [reaction.value for reaction in call.reactions],
        "is_ignored": call.is_ignored,
        "runs": call.runs,
        "finding": finding_json(call.finding),
    }


def finding_json(finding: AuditFinding | None) -> dict[str, object] | None:
    """Return what broke; None where nothing did."""
    if finding is None:
        return None
    return {
        "case": finding.case_index,
        "model": finding.model.value,
        "is_plain": finding.is_plain,
        "landings": [{"text": str(each), "loss": each.loss} for each in finding.landings],
        "violations": [violation_json(each) for each in finding.violations],
    }


def violation_json(violation: Violation) -> dict[str, str]:
    """Return one violation."""
    return {
        "invariant": violation.invariant.value,
        "where": violation.where,
        "message": violation.message,
        "allowed": violation.allowed,
        "found": violation.found,
    }
