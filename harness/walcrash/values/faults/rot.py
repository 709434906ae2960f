"""Rot: what a boot left is damaged at rest, before it is recovered.

It is what the last boot of a case left, or with `between_boots` what one left that others follow:
these go on working on it.

A case that is drawn names no damage: many are tried, one after the other, each on the image that
the last boot left, and each recovered once; between
boots only a few. A case that is kept names the one that showed.

Not here: which damage there can be in an image (`walcrash.disk.rot`), bytes that are read wrongly
once and right the next time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Self

from walcrash.values.damage import DamageAtRest, DamageKind
from walcrash.values.event import Event
from walcrash.values.faults.base import Draft, Injectable
from walcrash.values.faults.injected import FAULTS, OutsideCalls
from walcrash.values.faults.plan import FaultKind, FaultPlan
from walcrash.values.faults.power_loss import IMAGES
from walcrash.values.forms import SPARSE, EncodableText, Most, Whole
from walcrash.values.limits import ID_BYTES, SEEDS

_SIMPLEST_FIRST: Final = tuple(DamageKind)


@FAULTS.add("rot")
@dataclass(frozen=True, slots=True, kw_only=True)
class Rot(OutsideCalls):
    """Damage to what a boot left: to what the last one did, or between two.

    Attributes:
        seed: what the damage is drawn from.
        images: how many damaged images are judged at most, where no damage is named.
        damages: the kinds that are drawn; empty for any.
        files: only files whose name matches this pattern; empty for any.
        damage: the one damage that is done; None to draw.
    """

    seed: Annotated[int, Whole(0, SEEDS - 1)]
    images: Annotated[int, Whole(1, IMAGES)] = 100
    damages: Annotated[tuple[DamageKind, ...], Most(len(DamageKind)), SPARSE] = ()
    files: Annotated[EncodableText, Most(ID_BYTES), SPARSE] = ""
    damage: Annotated[DamageAtRest | None, SPARSE] = None

    def sought(self) -> "Rot":
        """Return the fault without its damage: one of that kind in that file is sought anew."""
        if self.damage is None:
            return self
        kinds, files = (self.damage.kind,), self.damage.path
        return replace(self, damage=None, damages=kinds, files=files)

    def simpler(self, events: Sequence[Event]) -> Iterator[Self]:
        """Yield the fault with simpler kinds of damage, simplest first.

        Args:
            events: the trace of its boot, as far as it went.
        """
        del events
        kinds = (self.damage.kind,) if self.damage is not None else self.damages
        if len(kinds) == 1:
            before = _SIMPLEST_FIRST[: _SIMPLEST_FIRST.index(kinds[0])]
            yield from (replace(self, damage=None, damages=(kind,)) for kind in before)

    def __str__(self) -> str:
        """Return the form that reports use: `rot after boot 1: wal.log is cut to 9 bytes`."""
        if self.damage is not None:
            return f"rot after boot {self.boot + 1}: {self.damage}"
        files = f" of {self.files}" if self.files else ""
        kinds = f" ({', '.join(kind.value for kind in self.damages)})" if self.damages else ""
        return f"rot after boot {self.boot + 1}{files}{kinds}"


class Rots(Injectable):
    """Damage at rest, as a scenario asks for it."""

    kind = FaultKind.ROT
    keys = frozenset({"damages", "files", "images", "between_boots"})
    falls = "at rest"
    is_at_rest = True

    def draw(self, plan: FaultPlan, draft: Draft) -> Rot:
        """Return damage to what the boot leaves."""
        return Rot(
            boot=draft.boot,
            call=0,
            seed=draft.prng.below(1 << 63),
            images=plan.most_images,
            damages=plan.damages,
            files=plan.files,
        )
