"""Making a bundle: a kept finding's case is run once more, and what it leaves is written down."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from walcrash.campaign import jobs
from walcrash.campaign.pool import JobPool, MakeExecutor
from walcrash.case.outcome import count_operations
from walcrash.findings.bundle import SUFFIX, new_bundle, write_bundle
from walcrash.findings.evidence import Evidence, unpack
from walcrash.findings.evidence_job import gather
from walcrash.findings.store import KeptFinding
from walcrash.tools.doctor.facts import kernel, machine, psutil_version, python_version
from walcrash.tools.replay import find_kept
from walcrash.values.errors import Inconclusive
from walcrash.values.finding import Finding

# limits
RUNS: Final = 5
"""How often a case is run until it fails again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBundle:
    """A bundle that was written.

    Attributes:
        finding: what is in it.
        path: where it is.
        size_bytes: its size.
        subject: what has to be there to replay it.
        is_kept: it did not happen again, and what is in it is the run that the campaign kept.
    """

    finding: Finding
    path: Path
    size_bytes: int
    subject: str
    is_kept: bool = False


def make_bundle(
    reference: str,
    *,
    runs: Path,
    output: Path | None,
    subject: str | None = None,
    make_executor: MakeExecutor = jobs.make_executor,
) -> MadeBundle:
    """Write a kept finding to a new file.

    Raises:
        UsageError: there is no such finding, its subject is not where it was, or the file cannot
            be written.
        Inconclusive: the finding did not happen again.
        WalcrashError: as `Campaign.lines`.
    """
    kept = find_kept(reference, runs=runs, subject=subject)
    path = output or Path(f"{kept.id}{SUFFIX}")
    with JobPool(make_executor, 1) as pool:
        made = _failing(pool, kept)
    if made is None and not kept.evidence:
        raise Inconclusive(
            f"{kept.id} did not happen again in {RUNS} runs of its case, so there is no trace of "
            "it to write down; no bundle was written",
            hint=f"walcrash replay {kept.id} --times 100",
        )
    evidence = unpack(kept.evidence) if made is None else made
    run = evidence.run
    finding = replace(
        kept.finding,
        violations=run.judgement.violations,
        landings=run.landings,
        model=run.model,
        operations=count_operations(run.case),
    )
    write_bundle(path, new_bundle(finding, kept.stored, kept.origin, evidence, environment()))
    return MadeBundle(
        finding=finding,
        path=path,
        size_bytes=path.stat().st_size,
        subject=kept.stored.subject.name,
        is_kept=made is None,
    )


def environment() -> tuple[tuple[str, str], ...]:
    """Return what a reader of a bundle may want to know of this machine; no directory is in it."""
    return (
        ("machine", machine()),
        ("kernel", kernel().found),
        ("python", python_version()),
        ("psutil", psutil_version()),
    )


def _failing(pool: JobPool, kept: KeptFinding) -> Evidence | None:
    """Run the case until it fails again; None if it never does."""
    for _ in range(RUNS):
        evidence = pool.result(pool.submit(gather, kept.stored))
        assert evidence is not None, "nobody interrupts this but by an exception"
        if any(v.invariant is kept.invariant for v in evidence.run.judgement.violations):
            return evidence
    return None
