"""Evidence: one run of a finding's case with all that it left, so that nobody has to run it again.

The images are what the last crash left, and what the first recovery made of it. A run that is
evidence may be judged again anywhere, since its trace and its history are in it; with the subject
at hand its image may be recovered again, also where the subject's threads make another trace now.
"""

import base64
import zlib
from dataclasses import dataclass, replace
from typing import Final

from walcrash.case.case_run import CaseRun
from walcrash.case.deadline import TimeOver
from walcrash.case.recovery_runs import CLOSE, OPEN
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_target import Shape, shape_of
from walcrash.findings.evidence_upgrade import upgraded_evidence
from walcrash.recorder.tree import capture, restore
from walcrash.values.case_file import CASE_CHECKS, StoredCase
from walcrash.values.codec import Codec, Refused, dumps
from walcrash.values.finding_form import FINDING_CHECKS
from walcrash.values.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run, and its images.

    Attributes:
        run: traces, history and judgement; how much was covered is left out.
        before: what the last crash left; None where the case ended before.
        after: what the first recovery left there; None where there was none, or no time to see.
    """

    run: CaseRun
    before: Image | None
    after: Image | None


# limits
EVIDENCE_BYTES: Final = 64 << 20
"""Most bytes of written data and images that are kept: to pack so much takes a second or two and
five times the memory. A case that left more has to be run again to be seen again."""

EVIDENCE: Final = Codec(
    hint="ask whoever made it for the file again",
    takes_surrogates=True,
    checks={**CASE_CHECKS, **FINDING_CHECKS},
)
"""How evidence is written and read; it holds what the subject said, whatever that is."""


def complete(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Evidence:
    """Return a run as evidence: how its image looks after a recovery is seen now.

    Args:
        sandbox: where the subject is loaded; its directory is used.
        stored: the case.
        run: what it gave, in fresh processes.
    """
    found = without_recovery(run)
    if run.image is None:
        return found
    try:
        return replace(found, after=_recovered(sandbox, stored, run.image))
    except TimeOver:
        return found


def without_recovery(run: CaseRun) -> Evidence:
    """Return a run as evidence that does not tell how its image looks after a recovery."""
    kept = replace(run, coverage=None, portability_failure=None)
    return Evidence(run=kept, before=run.image, after=None)


def _recovered(sandbox: Sandbox, stored: StoredCase, image: Image) -> Image:
    restore(image, sandbox.directory)
    operations = (OPEN, CLOSE) if stored.case.is_control else (OPEN,)
    sandbox.recover(stored.subject, operations, stored.limits, is_killed=True, is_forked=True)
    return capture(sandbox.directory)


def pack(evidence: Evidence) -> str:
    """Return evidence as a text that is short and can be kept; an empty one where it is too much.

    See `EVIDENCE_BYTES`.
    """
    return _packed(EVIDENCE.to_json(evidence)) if _size(evidence) <= EVIDENCE_BYTES else ""


def _size(evidence: Evidence) -> int:
    traced = sum(len(row.data) for boot in evidence.run.boots for row in boot.recording.rows)
    images = (each for each in (evidence.before, evidence.after) if each is not None)
    return traced + sum(image.written_bytes() for image in images)


def unpack(text: str) -> Evidence:
    """Return what `pack` was given, which was our own."""
    return EVIDENCE.from_json(Evidence, _unpacked(text), "evidence")


def upgrade_packed(text: str) -> str:
    """Return evidence that an older version packed as this one packs it.

    Raises:
        Refused: it is no evidence; the message says what and where.
    """
    form = EVIDENCE.upgraded(upgraded_evidence, _unpacked(text), "evidence")
    return pack(EVIDENCE.from_json(Evidence, form, "evidence"))


def _packed(form: object) -> str:
    return base64.b64encode(zlib.compress(dumps(form).encode())).decode("ascii")


def _unpacked(text: str) -> object:
    try:
        data = zlib.decompress(base64.b64decode(text, validate=True))
    except (ValueError, zlib.error) as problem:
        raise Refused(f"evidence: it is not packed: {problem}", hint=EVIDENCE.hint) from None
    return EVIDENCE.loads(data, "evidence")


def has_threads(run: CaseRun) -> bool:
    """Whether several threads acted on the files, so that another run may have another trace."""
    threads = {row.thread for boot in run.boots for row in boot.recording.rows}
    return len(threads) > 1


def has_same_trace(one: CaseRun, other: CaseRun) -> bool:
    """Whether two runs did the same, call by call."""
    return _shapes(one) == _shapes(other)


def _shapes(run: CaseRun) -> list[Shape]:
    return [shape_of(boot.events(), 0) for boot in run.boots]
