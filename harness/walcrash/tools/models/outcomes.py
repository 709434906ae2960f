"""Outcomes of litmus workloads: what each model allows, and what was seen.

A model allows an outcome if one of the images that its enumeration has at any place of the trace
is one of that outcome; what was seen, and which model refuses it, is the business of `check`.

Not here: the workloads and their questions (`litmus`).
"""

from collections import Counter
from itertools import islice
from typing import Final

from walcrash.disk import NotModelled, Pending, images
from walcrash.tools.models.litmus import LITMUS
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.persistence import PersistenceModel
from walcrash.values.real_tree import LitmusOutcome, RealRun

MODELS: Final = (PersistenceModel.ORDERED, PersistenceModel.EXT4, PersistenceModel.POSIX)

# limits
MOST_IMAGES: Final = 1_000
"""Images of one model at one place, in the order of the enumeration."""


class Outcomes:
    """The outcomes of the runs that were added."""

    def __init__(self) -> None:
        self._allowed: dict[tuple[str, str], dict[PersistenceModel, None]] = {}
        self._seen: dict[tuple[str, str], Counter[str]] = {}
        self._traces: set[tuple[str, tuple[object, ...], int]] = set()

    def add(self, run: RealRun) -> None:
        """Count what a run showed, if it is of a litmus workload."""
        if run.workload not in LITMUS:
            return
        outcome = LITMUS[run.workload].outcome
        for tree in run.trees:
            key = (run.workload, outcome(tree.image))
            seen = self._seen.setdefault(key, Counter())
            seen[run.file_system] += sum(tree.cuts.values())
        trace = (run.workload, run.events, run.block_bytes)
        if trace not in self._traces:
            self._traces.add(trace)
            for model in MODELS:
                self._enumerate(run, model)

    def _enumerate(self, run: RealRun, model: PersistenceModel) -> None:
        outcome = LITMUS[run.workload].outcome
        pending = Pending(run.base, block_bytes=run.block_bytes)
        try:
            for number in range(len(run.events) + 1):
                position = CrashPosition(number, Placement.BEFORE)
                found = images(pending, model, position)
                for candidate in islice(found, MOST_IMAGES):
                    key = (run.workload, outcome(candidate.image))
                    self._allowed.setdefault(key, {})[model] = None
                if number < len(run.events):
                    pending.apply(run.events[number])
        except NotModelled:
            return

    def result(self) -> tuple[LitmusOutcome, ...]:
        """Return every outcome that was seen or is allowed, by workload."""
        names = list(LITMUS)
        keys = sorted(
            self._allowed.keys() | self._seen.keys(), key=lambda key: (names.index(key[0]), key[1])
        )
        return tuple(
            LitmusOutcome(
                workload=workload,
                outcome=outcome,
                allowed=tuple(self._allowed.get((workload, outcome), {})),
                seen=dict(sorted(self._seen.get((workload, outcome), Counter()).items())),
            )
            for workload, outcome in keys
        )
