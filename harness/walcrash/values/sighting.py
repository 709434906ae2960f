"""Sightings: whether a real file system showed a finding, and on which kernel.

That it did not is no proof of anything: when blocks are written is the kernel's affair, and
another run may show it. So what was tried in vain and what was not tried are kept apart.

Not here: how one is tried (`walcrash.campaign.sightings`).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from walcrash.values.forms import SPARSE, Count, EncodableText


class Sight(Enum):
    """What came of trying a finding on a real file system."""

    SEEN = "seen"
    NOT_SEEN = "not-seen"
    NOT_TRIED = "not-tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A finding on a real file system.

    Attributes:
        sight: whether it was seen there.
        file_system: its name, such as `ext4`.
        kernel: the release that was running.
        trees: how many trees of that file system were judged, the one that shows it included.
        reason: why it was not tried, else empty.
    """

    sight: Sight
    file_system: EncodableText
    kernel: EncodableText
    trees: Count = 0
    reason: Annotated[EncodableText, SPARSE] = ""
