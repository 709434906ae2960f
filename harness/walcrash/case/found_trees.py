"""Found trees: what devices that cuts left show, by content and place.

Not here: which cuts are made (`plane_session`, `walcrash.tools.models.session`).
"""

from collections import Counter
from collections.abc import Iterable

from walcrash.blocks.cut_disk import CutDisk, NotMountable
from walcrash.blocks.cuts import Blocks
from walcrash.case.places import Place
from walcrash.recorder.tree import capture
from walcrash.values.image import Image
from walcrash.values.real_tree import RealTree


class FoundTrees:
    """The trees of a run.

    Attributes:
        cuts: how many were noted.
        mounts: how many devices were mounted.
        unmountable: how many of those the file system refused.
    """

    def __init__(self, directory: str) -> None:
        """Begin without any; `directory` is the subject's, from the root of the file system."""
        self._directory = directory
        self._images: dict[str, Image] = {}
        self._counts: dict[tuple[str, Place], Counter[str]] = {}
        self.cuts = 0
        self.mounts = 0
        self.unmountable = 0

    def mount(self, disk: CutDisk, device: Blocks) -> str | None:
        """Return which tree a device shows; None if it shows none."""
        self.mounts += 1
        try:
            with disk.shown(device) as target:
                image = capture(f"{target}/{self._directory}")
        except (NotMountable, OSError):
            self.unmountable += 1
            return None
        key = image.digest()
        self._images.setdefault(key, image)
        return key

    def note(self, key: str | None, places: Iterable[Place], kind: str) -> None:
        """Note that a cut of a kind showed a tree, which counts at these places."""
        self.cuts += 1
        if key is not None:
            for place in places:
                self._counts.setdefault((key, place), Counter())[kind] += 1

    def trees(self) -> tuple[RealTree, ...]:
        """Return the trees, in the order of their places."""
        ordered = sorted(self._counts, key=lambda each: (each[1].returned, each[1].begun, each[0]))
        return tuple(
            RealTree(
                image=self._images[key],
                returned=place.returned,
                begun=place.begun,
                cuts=dict(sorted(self._counts[key, place].items())),
            )
            for key, place in ordered
        )
