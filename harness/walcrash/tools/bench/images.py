"""Images a second: enumerated and built, and recovered and judged against plain verifiers.

The trace is one boot of the reference WAL with 100 synced records. An image is recovered once and
judged by the invariants about records, with isolation (a process for each recovery) and without.
The plain side is what anyone would write: put the same image into the same directory, start a
Python, open the WAL, replay, and compare the ids with those that were acknowledged.

Building the images is in neither side of that: both take them ready made.

Not here: how much is enumerated of traces that grow (`growth`).
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.case.recovery_runs import OPEN, RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.disk import Candidate, images
from walcrash.oracle import Judge
from walcrash.recorder.tree import restore
from walcrash.tools.bench.cases import AS_PLAIN
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import PersistenceModel
from walcrash.values.errors import HarnessFault
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootEnd, BootHistory, History, Outcome
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.verdict import Verdict

# limits
RECORDS: Final = 100
"""Records of the trace."""

POSITIONS_APART: Final = 3
"""Images are built at every third crash position, from the first to the last."""

IMAGES: Final = 5
"""Different images, spread evenly over the trace, that both sides judge."""

REPEATS: Final = 8
"""How often our side judges them in one sample, since it is the faster one."""

VERIFIER_SECONDS: Final = 60.0

TARGET: Final = 20.0

_MODELS: Final = (PersistenceModel.EXT4, PersistenceModel.POSIX)

_NO_OTHER_SIDE: Final = Series(name="", unit="", better=Better.HIGHER, missing="no other side")

_VERIFIER: Final = """
import sys
from pathlib import Path
from walcrash.wal import open_store
with open_store(Path(sys.argv[1])) as store:
    for _, record in store.replay():
        print(record.id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A trace of the reference WAL, the case that it comes from, and some of its images.

    Attributes:
        stored: the case.
        boot: its one boot.
        candidates: different images that a power loss may leave, in the order of the trace.
    """

    stored: StoredCase
    boot: RecordedBoot
    candidates: tuple[Candidate, ...]


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Measure building, then compare recovering and judging with plain verifiers."""
    with Sandbox() as sandbox:
        subject = record_subject(sandbox)
        built = take_turns(
            {model.value: partial(_build, subject.boot, model) for model in _MODELS},
            rounds,
            say,
            what="images built",
        )
        judged = take_turns(
            {
                "isolated": partial(_judge_all, sandbox, subject, is_fresh=True),
                "shared": partial(_judge_all, sandbox, subject, is_fresh=False),
                "plain": partial(_verify_all, sandbox, subject),
            },
            rounds,
            say,
            what="images judged",
        )
    return [*_built_rows(built), *_judged_rows(judged)], ()


def record_subject(sandbox: Sandbox) -> Subject:
    """Record the boot, and take images of it.

    Raises:
        Inconclusive: the kernel refuses interception.
        HarnessFault: the boot does not end as it should.
    """
    puts = [Record(RecordType.PUT, f"op-{n}", n + 1, b"x" * 100) for n in range(RECORDS)]
    appends = [Operation(OperationKind.APPEND, record) for record in puts]
    plan = BootPlan((OPEN, *appends, Operation(OperationKind.CLOSE)), PowerLoss(0, IMAGES))
    description = sandbox.load(AS_PLAIN.subject, AS_PLAIN.limits)
    stored = StoredCase(
        case=Case(AS_PLAIN.name, 0, 0, (plan,)),
        subject=AS_PLAIN.subject,
        contract=description.contract,
        supports=description.supports,
        invariants=AS_PLAIN.invariants,
        limits=AS_PLAIN.limits,
    )
    boots = CaseBoots(sandbox, stored)
    watched = boots.run(plan)
    if watched.history.end is not BootEnd.CLOSED or watched.recording.unmodelled:
        raise HarnessFault(
            f"the boot of the bench is {watched.history.end.value}, {watched.output}"
            f"{watched.recording.unmodelled}"
        )
    boot = boots.as_power_finds()
    return Subject(stored=stored, boot=boot, candidates=_spread(boot, description.contract.model))


def _spread(boot: RecordedBoot, model: PersistenceModel) -> tuple[Candidate, ...]:
    """Return images that differ from each other, evenly spread over the trace."""
    different: dict[str, Candidate] = {}
    for position, pending in boot.states():
        for candidate in images(pending, model, position):
            different.setdefault(candidate.digest, candidate)
    every = list(different.values())
    stride = len(every) // IMAGES
    return tuple(every[stride // 2 :: stride][:IMAGES])


# Building.


def _build(boot: RecordedBoot, model: PersistenceModel) -> float:
    count, began = 0, time.perf_counter()
    for index, (position, pending) in enumerate(boot.states()):
        if index % POSITIONS_APART == 0:
            count += sum(1 for _ in images(pending, model, position))
    return count / (time.perf_counter() - began)


def _built_rows(samples: dict[str, tuple[float, ...]]) -> list[Comparison]:
    return [
        Comparison(
            name=f"images-built-{model}",
            ours=_rate(f"images enumerated and built, {model}", taken),
            other=_NO_OTHER_SIDE,
        )
        for model, taken in samples.items()
    ]


# Recovering and judging.


def _judge_all(sandbox: Sandbox, subject: Subject, *, is_fresh: bool) -> float:
    stored = subject.stored
    runs = RecoveryRuns(sandbox, stored, is_fresh=is_fresh)
    oracle = Judge(stored.terms)
    began = time.perf_counter()
    for candidate in subject.candidates * REPEATS:
        recoveries = runs.restored(candidate.image)
        history = History((subject.boot.history_at(candidate.choice.position),), recoveries)
        judgement = oracle.judge(history)
        if judgement.verdict is not Verdict.PASS:
            raise HarnessFault(
                f"an image of the bench did not pass: {candidate.choice.position}, "
                f"{[violation.message for violation in judgement.violations]}"
            )
    return len(subject.candidates) * REPEATS / (time.perf_counter() - began)


def _verify_all(sandbox: Sandbox, subject: Subject) -> float:
    began = time.perf_counter()
    for candidate in subject.candidates:
        restore(candidate.image, sandbox.directory)
        acknowledged = _acknowledged(subject.boot.history_at(candidate.choice.position))
        if verify(sandbox.directory)[: len(acknowledged)] != acknowledged:
            raise HarnessFault(
                f"the plain verifier of the bench misses a record: {candidate.choice.position}"
            )
    return len(subject.candidates) / (time.perf_counter() - began)


def verify(directory: str) -> list[str]:
    """Start a Python that opens the reference WAL; return the ids that it replays."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", _VERIFIER, directory],
        capture_output=True,
        text=True,
        timeout=VERIFIER_SECONDS,
        check=False,
    )
    if done.returncode:
        raise HarnessFault(f"the plain verifier of the bench failed: {done.stderr[-500:]}")
    return done.stdout.split()


def _acknowledged(history: BootHistory) -> list[str]:
    return [
        call.operation.record.id
        for call in history.calls
        if call.operation.record is not None and call.outcome is Outcome.ACKNOWLEDGED
    ]


def _judged_rows(samples: dict[str, tuple[float, ...]]) -> list[Comparison]:
    plain = _rate("a new Python for each", samples["plain"])
    return [
        Comparison(
            name="images-judged-isolated",
            ours=_rate("images judged, isolated", samples["isolated"]),
            other=plain,
            target=TARGET,
        ),
        Comparison(
            name="images-judged-shared",
            ours=_rate("images judged, shared process", samples["shared"]),
            other=plain,
        ),
    ]


def _rate(name: str, samples: tuple[float, ...]) -> Series:
    return Series(name=name, unit="images/s", better=Better.HIGHER, samples=samples)
