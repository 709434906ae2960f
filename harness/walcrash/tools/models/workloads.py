"""The workloads that are recorded, by name, and how each is run under watch.

`drawn` draws its steps from the seed; a name of `litmus` is one of those; all else is the name of
a shipped scenario, of whose subject one boot is recorded.

Not here: what the steps are (`litmus`, `drawn`).
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from walcrash.case.subject_requests import LOAD, RUN_WATCHED, load_request, watched_request
from walcrash.recorder.recording import Recording, WatchEnd
from walcrash.recorder.watch import watch
from walcrash.recorder.watch_plan import WatchPlan
from walcrash.recorder.zygote import Zygote
from walcrash.scenario.file import load_scenario, shipped_directory, shipped_scenarios
from walcrash.subjects.messages import read_description, read_reply
from walcrash.tools.models.drawn import BASE, draw_steps
from walcrash.tools.models.litmus import LITMUS
from walcrash.tools.models.steps import ENTRY, Step, packed
from walcrash.values.errors import HarnessFault, UsageError
from walcrash.values.image import Entry
from walcrash.values.seed import Prng
from walcrash.workload.draw import draw_control

DRAWN: Final = "drawn"

SCENARIOS: Final = (
    "quickstart",
    "power-compaction",
    "sqlite-wal-full-power",
    "sqlite-wal-normal-power-loss",
    "sqlite-delete-extra-power",
    "atomic-file-power",
    "atomic-file-no-directory-sync-power-loss",
    "vixw-unsynced",
    "zodb-power",
    "lmdb-power",
)
"""Shipped scenarios whose subjects are recorded where nobody names others."""

MEMORY_MB: Final = 1024
_SECONDS_PER_CALL: Final = 60.0


def known_workloads() -> tuple[str, ...]:
    """Return every name that can be recorded."""
    return (DRAWN, *LITMUS, *_scenarios())


def _scenarios() -> dict[str, Path]:
    """Return the shipped scenarios by name, those of engines among them."""
    engines = (shipped_directory() / "engines").glob("*.toml")
    validated = "validation"
    found = {path.stem: path for path in sorted(engines) if path.stem != validated}
    return {**shipped_scenarios(), **found}


def no_workload(name: str) -> UsageError:
    """Return what a name is answered that means nothing."""
    near = difflib.get_close_matches(name, known_workloads(), n=1)
    return UsageError(
        f"there is no workload `{name}`, and no shipped scenario of that name",
        hint=f"walcrash models record {near[0]}" if near else "walcrash models record --list",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A workload that is ready to run: what is there at its start, and what the worker gets."""

    base: Mapping[str, Entry]
    entry: str
    payload: bytes


def prepare(name: str, seed: int, directory: str, zygote: Zygote) -> Prepared:
    """Return a workload of this seed that works in a directory.

    Raises:
        UsageError: there is none of this name.
        HarnessFault: the scenario's subject cannot be loaded here.
    """
    if name == DRAWN:
        return _of_steps(BASE, draw_steps(Prng(seed)), directory)
    if name in LITMUS:
        return _of_steps(LITMUS[name].base, LITMUS[name].steps, directory)
    path = _scenarios().get(name)
    if path is None:
        raise no_workload(name)
    scenario = load_scenario(path)
    subject, limits = scenario.subject, scenario.limits
    scratch = f"{directory}.scratch"
    os.mkdir(scratch)
    reply = read_reply(zygote.load(LOAD, load_request(subject, limits, scratch)))
    if not reply["ok"]:
        raise HarnessFault(f"the subject of {name} cannot be loaded: {reply.get('error')}")
    supports = read_description(reply).supports
    operations = draw_control(scenario, supports, seed, 0).boots[0].operations
    payload = watched_request(subject, limits, directory, operations)
    return Prepared(base={}, entry=RUN_WATCHED, payload=payload)


def _of_steps(base: Mapping[str, Entry], steps: tuple[Step, ...], directory: str) -> Prepared:
    return Prepared(base=base, entry=ENTRY, payload=packed(directory, steps))


def run_prepared(zygote: Zygote, prepared: Prepared, directory: str, plan: WatchPlan) -> Recording:
    """Run a workload under watch.

    Raises:
        HarnessFault: it did not end by itself, or its trace is not complete.
    """
    watched = watch(
        zygote,
        prepared.entry,
        prepared.payload,
        directory=directory,
        plan=plan,
        memory_mb=MEMORY_MB,
    )
    recording = watched.recording
    if recording.end is not WatchEnd.EXITED or watched.status or recording.unmodelled:
        raise HarnessFault(
            f"a workload ended with {watched.status} ({recording.end.value}); it said: "
            f"{watched.output.strip() or 'nothing'}; not modelled: "
            f"{', '.join(recording.unmodelled) or 'nothing'}"
        )
    return recording


def watch_plan(device_count: Callable[[], int], sync_all: Callable[[], object]) -> WatchPlan:
    """Return a plan without a crash, for a device that counts."""
    return WatchPlan(
        crash=None, seconds_per_call=_SECONDS_PER_CALL, count=device_count, sync_all=sync_all
    )
