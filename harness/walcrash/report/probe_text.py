"""The probe as text and JSON: which promises held, and the strongest contract that they make."""

import json

from walcrash.report.finding_text import WIDTH, finding_text
from walcrash.report.output import publish
from walcrash.report.text import block, command, counted, escape, shell_path, shorten, table
from walcrash.values.contract import Acknowledges, Contract, Promise
from walcrash.values.errors import ExitCode
from walcrash.values.finding import Finding
from walcrash.values.log import LOG
from walcrash.values.persistence import is_power_loss
from walcrash.values.probe import FAULT_NAMES, Probe, ProbedCrash, ProbedFault, ProbedPromise
from walcrash.values.verdict import Verdict

FORMAT = 1
"""Version of the JSON."""

HEAD = ("acknowledged at", "survives", "promise", "held", "cases", "images", "broken by")

FAULTS_HEAD = ("what held, with", "held", "counts", "cases", "broken by")

_HELD = {Verdict.PASS: "yes", Verdict.FAIL: "no", Verdict.INCONCLUSIVE: "open"}

_EXIT_CODES = {
    Verdict.PASS: ExitCode.PASSED,
    Verdict.FAIL: ExitCode.FINDINGS,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
}


def publish_probe(probe: Probe, *, runs: str, as_json: bool) -> ExitCode:
    """Print a probe and return the exit code: whether the stated contract holds."""
    publish(json.dumps(probe_json(probe), indent=2) if as_json else probe_text(probe, runs=runs))
    return _EXIT_CODES[probe.verdict]


def probe_json(probe: Probe) -> dict[str, object]:
    """Return a probe as JSON, with a version."""
    strongest = {
        each.value: None if (found := probe.strongest(each)) is None else LOG.to_json(found)
        for each in Acknowledges
    }
    return {
        "format": FORMAT,
        "verdict": probe.verdict.value,
        "subject": probe.subject,
        "seed": probe.seed,
        "stated": LOG.to_json(probe.stated),
        "strongest": strongest,
        "is_cut_short": probe.is_cut_short,
        "plain": None if probe.plain is None else LOG.to_json(probe.plain),
        "promises": [LOG.to_json(each) for each in probe.promises],
        "held": None if probe.held is None else LOG.to_json(probe.held),
        "faults": [LOG.to_json(each) for each in probe.faults],
    }


def probe_text(probe: Probe, *, runs: str, width: int = WIDTH) -> str:
    """Return a probe in several parts, without a newline at the end."""
    parts = [
        table(HEAD, [_row(each) for each in probe.promises], left=4) if probe.promises else [],
        table(FAULTS_HEAD, [_fault_row(each) for each in probe.faults], left=3)
        if probe.faults
        else [],
        *(_broken(each, runs, width) for each in probe.promises if each.finding is not None),
        *(_broken_by_fault(each, runs, width) for each in probe.faults if each.finding is not None),
        *(_open(_crash_words(each), each.reason, width) for each in probe.promises if each.reason),
        *(
            _open(FAULT_NAMES[each.kind], each.reason, width)
            for each in probe.faults
            if each.reason
        ),
        *(
            block("note", shorten(f"{FAULT_NAMES[each.kind]}: {each.note}"), width=width)
            for each in probe.faults
            if each.note
        ),
        [] if probe.plain is None else [finding_text(probe.plain, width=width, runs=runs)],
        _end(probe, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _row(each: ProbedPromise) -> tuple[str, ...]:
    finding = each.finding
    return (
        each.acknowledges.value,
        _crash(each),
        each.promise.value,
        _HELD[each.verdict],
        f"{each.cases:,}",
        f"{each.images:,}" if each.crash is ProbedCrash.POWER else "-",
        "-" if finding is None else f"{finding.worst.invariant.value} ({finding.id})",
    )


def _fault_row(each: ProbedFault) -> tuple[str, ...]:
    finding = each.finding
    return (
        FAULT_NAMES[each.kind],
        _HELD[each.verdict],
        "yes" if each.is_counted else "no",
        f"{each.cases:,}",
        "-" if finding is None else f"{finding.worst.invariant.value} ({finding.id})",
    )


def _crash_words(each: ProbedPromise) -> str:
    return f"{each.promise.value} after {_crash(each)}"


def _crash(each: ProbedPromise) -> str:
    if each.crash is ProbedCrash.KILL:
        return "a kill"
    return f"a power loss, {each.model.value}"


def _broken(each: ProbedPromise, runs: str, width: int) -> list[str]:
    assert each.finding is not None
    what = f"{_crash_words(each)}, acknowledged at {each.acknowledges.value}"
    return _finding_lines(what, each.finding, runs, width)


def _broken_by_fault(each: ProbedFault, runs: str, width: int) -> list[str]:
    assert each.finding is not None
    name = FAULT_NAMES[each.kind]
    what = f"what held, with {name}" if each.is_fault_needed else f"what held, also without {name}"
    return _finding_lines(what, each.finding, runs, width)


def _finding_lines(what: str, finding: Finding, runs: str, width: int) -> list[str]:
    first = finding.worst
    # Only the default directory needs no word on the command line.
    where = "" if runs == "reports/runs" else f" --runs {shell_path(runs)}"
    lines = [
        f"not kept: {what} · {first.invariant.value} · {finding.id}",
        *block("", shorten(first.message), width=width, label_width=0),
    ]
    for landing in finding.landings:
        lines += block("crash", shorten(str(landing)), width=width)
        if landing.is_power_loss:
            lines += block("lost", shorten(landing.loss), width=width)
    return [*lines, command("replay", f"walcrash replay {finding.id}{where}")]


def _open(what: str, reason: str, width: int) -> list[str]:
    return block("open", shorten(f"{what}: {reason}"), width=width)


def _end(probe: Probe, width: int) -> list[str]:
    lines = []
    for acknowledges in Acknowledges:
        found = probe.strongest(acknowledges)
        if found is not None:
            lines += block("keeps", _contract(found), width=width)
    lines += block("states", _contract(probe.stated), width=width)
    lines += _with_faults(probe, width)
    words = {
        Verdict.PASS: "PASS  the stated contract was not broken",
        Verdict.FAIL: _failed(probe),
        Verdict.INCONCLUSIVE: "INCONCLUSIVE  whether the stated contract holds is open",
    }
    cases = sum(each.cases for each in probe.promises) + sum(each.cases for each in probe.faults)
    images = sum(each.images for each in probe.promises)
    late = "; time ran out first" if probe.is_cut_short else ""
    what = counted(len(probe.promises), "promise")
    if probe.faults:
        what += f" and {counted(len(probe.faults), 'kind')} of fault"
    tried = f"{what} in {counted(cases, 'case')}"
    lines += block("tried", f"{tried}, {counted(images, 'image')}{late}", width=width)
    lines += block("subject", escape(probe.subject), width=width)
    return [*lines, command("seed", escape(probe.seed)), "", words[probe.verdict]]


def _with_faults(probe: Probe, width: int) -> list[str]:
    """Return which contract was held under the kinds of faults, and whether that decides."""
    if probe.held is None:
        return []
    text = f"with these faults: {_contract(probe.held)}"
    broken = [each for each in probe.faults if each.verdict is Verdict.FAIL]
    if any(each.is_fault_needed and not each.is_counted for each in broken):
        text += (
            "; what broke under faults that neither the scenario nor its contract speaks of does "
            "not count against the contract"
        )
    return block("held", text, width=width)


def _failed(probe: Probe) -> str:
    if probe.plain is not None:
        return "FAIL  wrong without any crash, so that no further promise was tried"
    if probe.crash_verdict is Verdict.PASS:
        return "FAIL  the stated contract does not hold with these faults"
    return "FAIL  the stated contract does not hold"


def _contract(contract: Contract) -> str:
    parts = [
        f"acknowledged at {contract.acknowledges.value}",
        f"{contract.kill.value} after a kill",
        f"{contract.power.value} after a power loss",
    ]
    text = ", ".join(parts)
    if contract.power is Promise.NONE or not is_power_loss(contract.model):
        return text
    return f"{text} (up to {contract.model.value})"
