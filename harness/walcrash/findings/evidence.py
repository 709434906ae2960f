"""Evidence: one run of a finding's case with all that it left, so that nobody has to run it again.

The images are what the last crash left, and what the first recovery made of it. A run that is
evidence may be judged again anywhere, since its trace and its history are in it; with the subject
at hand its image may be recovered again, also where the subject's threads make another trace now.
"""

import base64
import json
import zlib
from dataclasses import dataclass, replace

from walcrash.case.recovery_runs import OPEN
from walcrash.case.runner import CaseRun
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_target import Shape, shape_of
from walcrash.recorder.tree import capture, restore
from walcrash.values.case_file import StoredCase
from walcrash.values.facts_upgrade import upgrade_facts
from walcrash.values.image import Image
from walcrash.values.tagged_json import from_tagged, to_tagged


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run, and its images.

    Attributes:
        run: traces, history and judgement; how much was covered is left out.
        before: what the last crash left; None where the case ended before.
        after: what the first recovery left there; None where there was none.
    """

    run: CaseRun
    before: Image | None
    after: Image | None


def complete(sandbox: Sandbox, stored: StoredCase, run: CaseRun) -> Evidence:
    """Return a run as evidence: how its image looks after a recovery is seen now.

    Args:
        sandbox: where the subject is loaded; its directory is used.
        stored: the case.
        run: what it gave, in fresh processes.
    """
    after = None if run.image is None else _recovered(sandbox, stored, run.image)
    kept = replace(run, coverage=None, portability_failure=None)
    return Evidence(run=kept, before=run.image, after=after)


def _recovered(sandbox: Sandbox, stored: StoredCase, image: Image) -> Image:
    restore(image, sandbox.directory)
    sandbox.recover(stored.subject, (OPEN,), stored.limits, is_killed=True, is_forked=True)
    return capture(sandbox.directory)


def pack(evidence: Evidence) -> str:
    """Return evidence as a text that is short and can be kept."""
    return _packed(to_tagged(evidence))


def unpack(text: str) -> Evidence:
    """Return what `pack` was given, which was our own."""
    return from_tagged(Evidence, _unpacked(text), "evidence")


def upgrade_packed(text: str) -> str:
    """Return evidence that an older version packed, with the facts of its landings as fields."""
    return _packed(upgrade_facts(_unpacked(text)))


def _packed(form: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(form).encode())).decode("ascii")


def _unpacked(text: str) -> object:
    form: object = json.loads(zlib.decompress(base64.b64decode(text)))
    return form


def has_threads(run: CaseRun) -> bool:
    """Whether several threads acted on the files, so that another run may have another trace."""
    threads = {row[11] for boot in run.boots for row in boot.recording.rows}
    return len(threads) > 1


def has_same_trace(one: CaseRun, other: CaseRun) -> bool:
    """Whether two runs did the same, call by call."""
    return _shapes(one) == _shapes(other)


def _shapes(run: CaseRun) -> list[Shape]:
    return [shape_of(boot.events(), 0) for boot in run.boots]
