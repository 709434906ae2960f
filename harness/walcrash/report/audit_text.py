"""The audit as text and JSON: a row for each sync site, and what follows from it.

"Not needed" is said of the contract's model and of the recorded workload, and whether it is
proven or only was not noticed is said next to it.
"""

import json
import math

from walcrash.report.audit_faults_text import (
    crash_lines,
    fault_parts,
    faults_json,
    finding_json,
)
from walcrash.report.finding_text import (
    NARROWEST,
    WIDTH,
    plain_lines,
    shown_lines,
)
from walcrash.report.output import publish
from walcrash.report.text import (
    block,
    command,
    counted,
    escape,
    paragraph,
    shell_path,
    shell_word,
    shorten,
    table,
)
from walcrash.values.audit import PROOFS, Audit, Reason, SiteAudit, SiteVerdict
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import ExitCode
from walcrash.values.verdict import Verdict

FORMAT = 1
"""Version of the JSON."""

HEAD = ("sync site", "verdict", "without it", "calls", "idle", "images", "of")

_SHORT = {
    Reason.ADDS_NO_IMAGE: "nothing changes (proven here)",
    Reason.ALL_JUDGED: "nothing breaks (proven here)",
    Reason.NOT_NOTICED: "nothing was noticed",
    Reason.NOTHING_PENDING: "nothing was pending",
    Reason.NO_PROMISE: "nothing was promised",
    Reason.NOT_JUDGED: "nothing was judged",
}


def publish_audit(audit: Audit, *, as_json: bool) -> ExitCode:
    """Print an audit and return the exit code: that of the baseline, not of the sites."""
    text = json.dumps(audit_json(audit), indent=2) if as_json else audit_text(audit)
    publish(text)
    return {
        Verdict.PASS: ExitCode.PASSED,
        Verdict.FAIL: ExitCode.FINDINGS,
        Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    }[audit.verdict]


def audit_text(audit: Audit, *, width: int = WIDTH) -> str:
    """Return an audit in several parts, without a newline at the end."""
    width = max(width, NARROWEST)
    parts = [
        _table(audit),
        _baseline(audit, width),
        _needed(audit, width),
        _not_needed(audit, width),
        _unproven(audit, width),
        _unsynced(audit, width),
        *fault_parts(audit.faults, audit.model, width),
        _strength(audit, width),
        _end(audit, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _table(audit: Audit) -> list[str]:
    rows = [
        (
            escape(site.site),
            site.verdict.value,
            _without(site),
            f"{site.calls:,}",
            f"{site.idle:,}",
            f"{site.judged:,}",
            _legal(site),
        )
        for site in audit.sites
    ]
    return table(HEAD, rows, left=3) if rows else []


def _without(site: SiteAudit) -> str:
    if site.finding is not None:
        return f"{site.finding.worst.invariant.value} ({site.finding.model.value})"
    return _SHORT[site.reason]


def _legal(site: SiteAudit) -> str:
    """Return how many images only its loss allows, at the positions that were judged."""
    if site.is_exhaustive:
        return f"{site.legal:,}"
    number = f"{site.legal:,}" if site.legal < 10**6 else f"10^{int(math.log10(site.legal))}"
    return f"{'up to' if site.is_legal_counted else 'over'} {number}"


def _baseline(audit: Audit, width: int) -> list[str]:
    finding = audit.baseline.finding
    if finding is None:
        return []
    first = finding.worst
    if finding.is_plain:
        head = f"FAIL  without any crash · {first.invariant.value} · plain"
        run = f"walcrash run {shell_path(audit.path)} --seed {shell_word(audit.seed)}"
        return plain_lines(head, first, run, width)
    return [
        f"FAIL  with all its syncs · {first.invariant.value}",
        *paragraph(shorten(first.message), width=width),
        "",
        *crash_lines(finding, audit.model, width),
        *shown_lines(first, width),
    ]


def _of(audit: Audit, verdict: SiteVerdict) -> list[SiteAudit]:
    return [site for site in audit.sites if site.verdict is verdict]


def _needed(audit: Audit, width: int) -> list[str]:
    lines: list[str] = []
    for site in _of(audit, SiteVerdict.NEEDED):
        assert site.finding is not None
        first = site.finding.worst
        lines += ["", f"needed  {escape(site.site)} · {first.invariant.value}"]
        lines += paragraph(shorten(first.message), width=width)
        lines += crash_lines(site.finding, audit.model, width)
    return lines[1:]


def _not_needed(audit: Audit, width: int) -> list[str]:
    lines: list[str] = []
    for site in _of(audit, SiteVerdict.NOT_NEEDED):
        lines += ["", f"not needed under {audit.model.value}  {escape(site.site)}"]
        lines += paragraph(_why_not_needed(site), width=width)
        lines += block("costs", _cost(site, audit.syncs), width=width)
    if audit.together is not None:
        lines += ["", f"all {audit.count(SiteVerdict.NOT_NEEDED)} of them removed at once"]
        lines += _together(audit.together, audit.model, width)
    return lines[1:]


def _why_not_needed(site: SiteAudit) -> str:
    positions = counted(site.differing, "position")
    if site.reason is Reason.ADDS_NO_IMAGE:
        why = (
            f"what it leaves pending at {positions} is on the disk already"
            if site.differing
            else "other syncs make the same durable, so it is a waste as long as they stay"
        )
        return (
            "proven for this workload: without it no image is possible that was not possible "
            f"with it; {why}"
        )
    if site.reason is Reason.ALL_JUDGED:
        return (
            f"proven for this workload: its loss adds {counted(site.judged, 'image')} at "
            f"{positions}, all were judged, none fails; a waste, as far as this workload goes"
        )
    return (
        f"not noticed, not proven: {counted(site.judged, 'image')} of those that its loss adds "
        f"were judged, at {site.judged_positions:,} of {positions}, and none fails; a waste in the "
        "subject or a gap in the workload"
    )


def _cost(site: SiteAudit, syncs: int) -> str:
    share = 100 * site.calls / max(1, syncs)
    idle = f"; {site.idle:,} had nothing to do" if site.idle else ""
    return (
        f"{counted(site.calls, 'call')}, {share:.1f} % of all syncs; "
        f"{counted(site.bytes_pending, 'byte')} and {counted(site.names_pending, 'name')} were "
        f"pending when it was called{idle}"
    )


def _together(together: SiteAudit, model: PersistenceModel, width: int) -> list[str]:
    if together.finding is None:
        kind = "all that this adds" if together.is_exhaustive else "of those that this adds"
        text = f"no finding either, in {counted(together.judged, 'image')}, {kind}"
        return paragraph(text, width=width)
    first = together.finding.worst
    return [
        *paragraph(
            f"{first.invariant.value}: they cover for each other, so take one away and audit "
            f"again; {shorten(first.message)}",
            width=width,
        ),
        *crash_lines(together.finding, model, width),
    ]


def _unproven(audit: Audit, width: int) -> list[str]:
    lines: list[str] = []
    for site in _of(audit, SiteVerdict.UNPROVEN):
        lines += ["", f"unproven  {escape(site.site)}"]
        lines += paragraph(f"{site.reason.value}; {_advice(site)}", width=width)
    return lines[1:]


def _advice(site: SiteAudit) -> str:
    if site.reason is Reason.NOTHING_PENDING:
        return (
            f"all {counted(site.calls, 'call')} had nothing to do, so this workload cannot show "
            "it; a scenario with kills before power losses leaves more pending for recovery"
        )
    if site.reason is Reason.NO_PROMISE:
        return "a workload that appends before it comes here can show more"
    return "more images can show more: --images"


def _unsynced(audit: Audit, width: int) -> list[str]:
    lines: list[str] = []
    for one in audit.unsynced:
        if one.unsynced:
            text = (
                f"{escape(one.operation)}: {one.unsynced:,} of {one.calls:,} acknowledged with no "
                "sync behind their last change"
            )
            lines += block("no sync", text, width=width)
    return lines


def _strength(audit: Audit, width: int) -> list[str]:
    if not audit.sites:
        return []
    spare = _of(audit, SiteVerdict.NOT_NEEDED)
    proven = sum(site.reason in PROOFS for site in spare)
    text = (
        f"{counted(audit.count(SiteVerdict.NEEDED), 'site')} of {len(audit.sites)} would be "
        f"missed; {counted(proven, 'site')} proven to change nothing here; "
        f"{counted(len(spare) - proven, 'site')} whose loss was not noticed, "
        f"{audit.count(SiteVerdict.UNPROVEN)} that this workload does not reach with anything "
        "at stake"
    )
    lines = block("strength", text, width=width)
    if not audit.has_kills:
        text = (
            "none before a power loss in this workload, so recovery never found what was in "
            "memory only; its syncs can be judged by a scenario that has both faults"
        )
        lines += block("kills", text, width=width)
    unconfirmed = sum(site.unconfirmed for site in audit.sites)
    if unconfirmed:
        text = f"{counted(unconfirmed, 'failure')} did not show again in fresh processes"
        lines += block("unstable", text, width=width)
    return lines


def _end(audit: Audit, width: int) -> list[str]:
    failed = "with all its syncs the subject fails"
    if audit.is_plain:
        failed = "the subject fails without any crash"
    said = {
        Verdict.PASS: "with all its syncs the subject passes",
        Verdict.FAIL: f"{failed}, so no sync was taken away",
        Verdict.INCONCLUSIVE: shorten(audit.broken),
    }[audit.verdict]
    lines = [f"{audit.verdict.value.upper()}  {said}"]
    lines += block("baseline", _covered(audit), width=width)
    for doubt in audit.doubts:
        lines += block("not", f"a case was not audited to its end: {shorten(doubt)}", width=width)
    lines += block("subject", f"{escape(audit.subject)}, under {audit.model.value}", width=width)
    return [*lines, command("seed", shell_word(audit.seed)), command("again", again(audit))]


def _covered(audit: Audit) -> str:
    return (
        f"{counted(audit.baseline.images, 'image')} judged at "
        f"{counted(audit.baseline.positions, 'position')} of {counted(audit.boots, 'boot')} in "
        f"{counted(audit.cases, 'case')}, with {counted(audit.syncs, 'sync')}"
    )


def again(audit: Audit) -> str:
    """Return the command that makes the same audit again."""
    asked = f" --cases {audit.asked_cases} --images {audit.images}"
    asked += f" --fault-cases {audit.fault_cases}"
    return f"walcrash audit {shell_path(audit.path)} --seed {shell_word(audit.seed)}{asked}"


# JSON.


def audit_json(audit: Audit) -> dict[str, object]:
    """Return an audit as JSON values."""
    return {
        "format": FORMAT,
        "verdict": audit.verdict.value,
        "reason": audit.broken,
        "scenario": audit.scenario,
        "subject": audit.subject,
        "seed": audit.seed,
        "model": audit.model.value,
        "cases": audit.cases,
        "images_a_site": audit.images,
        "boots": audit.boots,
        "syncs": audit.syncs,
        "has_kills": audit.has_kills,
        "doubts": list(audit.doubts),
        "baseline": {
            "positions": audit.baseline.positions,
            "images": audit.baseline.images,
            "finding": finding_json(audit.baseline.finding),
        },
        "sites": [_site_json(site, audit.syncs) for site in audit.sites],
        "together": None if audit.together is None else _audit_json(audit.together),
        "without_sync": [
            {"operation": one.operation, "unsynced": one.unsynced, "calls": one.calls}
            for one in audit.unsynced
        ],
        **faults_json(audit.faults),
        "again": again(audit),
    }


def _site_json(site: SiteAudit, syncs: int) -> dict[str, object]:
    return {
        "site": site.site,
        "verdict": site.verdict.value,
        "reason": site.reason.value,
        "is_proven": site.reason in PROOFS,
        "share": round(site.calls / max(1, syncs), 4),
        **_audit_json(site),
    }


def _audit_json(together: SiteAudit) -> dict[str, object]:
    return {
        "calls": together.calls,
        "idle": together.idle,
        "covered": together.covered,
        "bytes_pending": together.bytes_pending,
        "names_pending": together.names_pending,
        "positions": together.differing,
        "positions_looked_at": together.judged_positions,
        "legal": together.legal,
        "is_legal_counted": together.is_legal_counted,
        "is_exhaustive": together.is_exhaustive,
        "judged": together.judged,
        "judged_with_a_promise": together.promised,
        "unconfirmed": together.unconfirmed,
        "finding": finding_json(together.finding),
    }
