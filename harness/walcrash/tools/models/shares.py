"""Shares: which images of the enumeration a real file system showed.

The images are those of the weakest model that has to allow the run's trees, at each place of the
trace at which cuts fell and no call was under way; each content is counted once at a place, under
the policy that comes first. An image was seen if any cut of the run showed that tree, wherever it
fell: a cut elsewhere in the same run shows that a machine can leave it.

Not here: the enumeration (`disk.enumeration`).
"""

from collections import Counter
from itertools import islice
from typing import Final

from walcrash.disk import NotModelled, Pending, images
from walcrash.values.image_choice import Policy
from walcrash.values.moments import CrashPosition, Placement
from walcrash.values.persistence import weakest_of
from walcrash.values.real_tree import PolicyShare, RealRun

# limits
MOST_IMAGES: Final = 2_000
"""Images at one place that are counted, in the order of the enumeration."""


class Shares:
    """The counts of the runs that were added."""

    def __init__(self) -> None:
        self._images: Counter[Policy] = Counter()
        self._seen: Counter[Policy] = Counter()

    def add(self, run: RealRun) -> None:
        """Count the images of a run."""
        seen = {tree.image.digest() for tree in run.trees}
        places = sorted({tree.returned for tree in run.trees if tree.returned == tree.begun})
        pending = Pending(run.base, block_bytes=run.block_bytes)
        try:
            for returned in places:
                while pending.next_event < returned:
                    pending.apply(run.events[pending.next_event])
                self._count(run, pending, seen)
        except NotModelled:
            return

    def _count(self, run: RealRun, pending: Pending, seen: set[str]) -> None:
        position = CrashPosition(pending.next_event, Placement.BEFORE)
        candidates = images(pending, weakest_of(run.models), position)
        for candidate in islice(candidates, MOST_IMAGES):
            policy = candidate.choice.policy
            self._images[policy] += 1
            self._seen[policy] += candidate.digest in seen

    def result(self) -> dict[Policy, PolicyShare]:
        """Return the share of each policy that had images."""
        return {
            policy: PolicyShare(images=self._images[policy], seen=self._seen[policy])
            for policy in Policy
            if self._images[policy]
        }
