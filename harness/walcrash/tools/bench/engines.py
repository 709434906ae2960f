"""Engines: what recording costs each of them, and how many images a second are judged.

One boot of `PUTS` puts, recorded and bare, in turns: the whole boot is timed, with `open` and
`close`. Then one boot is recorded, and images that a power loss may leave are built, recovered in
a process each (in a shared one where the engine allows that) and judged by the invariants about
records; what fails is judged on, since an engine may lose what its setting says.

LevelDB's images come from 10 synced puts of 45 kB, the trace of which ALICE judged 1.9 states a
second; 100 a second are asked for, which is 10 ms an image.

A server is started anew for each image, so few of its images are judged.

Not here: drivers (`drivers`).
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.power_loss import LossSearch
from walcrash.case.recovery_runs import OPEN, RecoveryRuns
from walcrash.case.sandbox import Sandbox
from walcrash.oracle import Judge
from walcrash.subjects.loading import MissingPackage, find_adapter, make_adapter
from walcrash.tools.bench.cases import AS_PLAIN
from walcrash.tools.bench.rounds import Say, take_turns
from walcrash.values.benchmark import Better, Comparison, Limit, Series
from walcrash.values.case import BootPlan, Case
from walcrash.values.case_file import StoredCase
from walcrash.values.errors import HarnessFault
from walcrash.values.faults import PowerLoss
from walcrash.values.history import BootEnd, BootHistory, History, Outcome, Recoveries
from walcrash.values.operation import Operation, OperationKind
from walcrash.values.record import Record, RecordType
from walcrash.values.scenario import RecoveryLimits, SubjectSpec
from walcrash.values.seed import Prng
from walcrash.values.verdict import Judgement, Verdict

# limits
PUTS: Final = 1000
"""Puts of a boot that is timed."""

PUT_BYTES: Final = 100

IMAGE_PUTS: Final = 10
"""Puts of the boot whose images are judged."""

LARGE_PUT_BYTES: Final = 45_000
"""Payload of LevelDB's puts, as ALICE had them."""

IMAGES: Final = 64
"""Images that are judged in one sample."""

SERVER_IMAGES: Final = {"redis": 16, "postgresql": 3}
"""Images of servers that are judged in one sample, by subject."""

MOST_ROUNDS: Final = 3
"""Samples of each; there are many engines."""

LEVELDB_MS: Final = 10.0

SETTINGS: Final = {
    "sqlite": SubjectSpec("sqlite"),
    "lmdb": SubjectSpec("lmdb"),
    "leveldb": SubjectSpec("leveldb", {"sync": True}),
    "rocksdb": SubjectSpec("rocksdb", {"sync": True}),
    "duckdb": SubjectSpec("duckdb"),
    "gdbm": SubjectSpec("gdbm"),
    "dbm.dumb": SubjectSpec("dbm.dumb"),
    "zodb": SubjectSpec("zodb"),
    "redis": SubjectSpec("redis", {"appendfsync": "always"}),
    "postgresql": SubjectSpec("postgresql"),
}
ROOM: Final = RecoveryLimits(seconds=120.0, memory_mb=2048)
_CLOSE: Final = Operation(OperationKind.CLOSE)


def measure(rounds: int, say: Say) -> tuple[Sequence[Comparison], Sequence[Limit]]:
    """Measure each engine that is installed; the others have rows that say so."""
    comparisons: list[Comparison] = []
    limits: list[Limit] = []
    for name, subject in SETTINGS.items():
        missing = _missing(subject)
        recorded, bare, judged = _samples(name, subject, min(rounds, MOST_ROUNDS), say, missing)
        bare_side = _rate(f"{name}: bare", "puts/s", bare, missing)
        recorded_side = _rate(f"{name}: {PUTS} puts, recorded", "puts/s", recorded, missing)
        judged_side = _rate(
            f"{name}: images built, recovered and judged", "images/s", judged, missing
        )
        nothing = _rate("", "", (), missing or "no other side")
        comparisons += [
            Comparison(name=f"engine-recorded-{name}", ours=recorded_side, other=bare_side),
            Comparison(name=f"engine-images-{name}", ours=judged_side, other=nothing),
        ]
        if name == "leveldb":
            limits.append(_leveldb_limit(judged, missing))
    return comparisons, limits


def _rate(name: str, unit: str, samples: tuple[float, ...], missing: str) -> Series:
    return Series(name=name, unit=unit, better=Better.HIGHER, samples=samples, missing=missing)


def _leveldb_limit(judged: tuple[float, ...], missing: str) -> Limit:
    return Limit(
        name="engine-image-ms-leveldb",
        series=Series(
            name="leveldb: an image of 10 synced puts of 45 kB",
            unit="ms",
            better=Better.LOWER,
            samples=tuple(1000 / rate for rate in judged),
            missing=missing,
        ),
        bound=LEVELDB_MS,
    )


def _missing(subject: SubjectSpec) -> str:
    """Return why an engine cannot be measured here; empty if it can."""
    try:
        make_adapter(find_adapter(subject.adapter), subject.options)
    except MissingPackage as missing:
        return f"not installed: {missing.hint}"
    return ""


def _samples(
    name: str, subject: SubjectSpec, rounds: int, say: Say, missing: str
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Return puts a second recorded and bare, and images a second."""
    if missing:
        return (), (), ()
    with Sandbox() as sandbox:
        sandbox.load(subject, ROOM)
        puts = take_turns(
            {
                "recorded": partial(recorded_puts, sandbox, subject),
                "bare": partial(bare_puts, sandbox, subject),
            },
            rounds,
            say,
            what=f"{name}, puts recorded and bare",
        )
        judged = take_turns(
            {"images": partial(_images, sandbox, subject)},
            rounds,
            say,
            what=f"{name}, images judged",
        )
    return puts["recorded"], puts["bare"], judged["images"]


def _plan(count: int, payload_bytes: int) -> BootPlan:
    prng = Prng(1)
    puts = [
        Record(RecordType.PUT, f"op-{n}", n + 1, prng.data(payload_bytes)) for n in range(count)
    ]
    appends = [Operation(OperationKind.APPEND, record) for record in puts]
    return BootPlan((OPEN, *appends, _CLOSE), PowerLoss(0, IMAGES))


def recorded_puts(sandbox: Sandbox, subject: SubjectSpec) -> float:
    """Return how many puts a second one recorded boot makes; `sandbox` has loaded the subject.

    Raises:
        HarnessFault: the boot did not go well.
    """
    plan = _plan(PUTS, PUT_BYTES)
    sandbox.clear()
    began = time.perf_counter()
    watched = sandbox.boot(subject, plan.operations, plan.crash, ROOM)
    seconds = time.perf_counter() - began
    if watched.status != 0 or watched.recording.unmodelled:
        raise HarnessFault(f"{subject.name}: {watched.output}{watched.recording.unmodelled}")
    return PUTS / seconds


def bare_puts(sandbox: Sandbox, subject: SubjectSpec) -> float:
    """Return how many puts a second the same boot makes in a process that nobody watches.

    Raises:
        HarnessFault: the boot did not go well.
    """
    sandbox.clear()
    began = time.perf_counter()
    history = sandbox.recover(subject, _plan(PUTS, PUT_BYTES).operations, ROOM, is_forked=True)
    seconds = time.perf_counter() - began
    if any(call.outcome is not Outcome.ACKNOWLEDGED for call in history.calls):
        raise HarnessFault(f"{subject.name}: {history.calls[-1].error}")
    return PUTS / seconds


def _images(sandbox: Sandbox, subject: SubjectSpec) -> float:
    size = LARGE_PUT_BYTES if subject.adapter == "leveldb" else PUT_BYTES
    plan = _plan(IMAGE_PUTS, size)
    description = sandbox.load(subject, ROOM)
    stored = StoredCase(
        case=Case(subject.adapter, 0, 0, (plan,)),
        subject=subject,
        contract=description.contract,
        supports=description.supports,
        invariants=AS_PLAIN.invariants,
        limits=ROOM,
    )
    sandbox.clear()
    boots = CaseBoots(sandbox, stored)
    watched = boots.run(plan)
    if watched.history.end is not BootEnd.CLOSED or watched.recording.unmodelled:
        raise HarnessFault(f"{subject.adapter}: {watched.output}{watched.recording.unmodelled}")

    oracle = Judge(stored.terms)

    def judged(history: BootHistory, recoveries: Recoveries) -> Judgement:
        # What fails does not end the sample.
        return replace(oracle.judge(History((history,), recoveries)), verdict=Verdict.PASS)

    runs = RecoveryRuns(sandbox, stored, is_fresh=False)
    search = LossSearch(
        boots.as_power_finds(), stored.contract.model, recover=runs.restored, judge=judged
    )
    began = time.perf_counter()
    search.explore(Prng(2), SERVER_IMAGES.get(subject.adapter, IMAGES))
    return search.coverage.judged / (time.perf_counter() - began)
