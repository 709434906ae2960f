"""Causes: what minimal cases have in common if they are one finding, as facts.

The id of a finding is made of these facts (`values.identity`), so none of them is a sentence.

Not here: which cause a case shows, and which failing cases are a group (`minimise.cause`).
"""

import re
from dataclasses import dataclass
from typing import Final

from walcrash.values.case import Landing
from walcrash.values.event import EventKind
from walcrash.values.identity import Facts
from walcrash.values.operation import OperationKind
from walcrash.values.verdict import Invariant

_DIGITS: Final = re.compile(r"\d+")
_OWN_MARKS: Final = re.compile(r"[\\#]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashSite:
    """The event that a crash fell on, as far as it is the same from seed to seed.

    Attributes:
        kind: the event's kind.
        path: the name that the event acted on, as `name_pattern` gives it; empty for a message.
        path_to: the new name of a rename or link, or the text of a symlink, in the same form.
        has_failed: whether the event's call failed.
        operation: what was called, where that tells two crashes apart; else None.
    """

    kind: EventKind
    path: str = ""
    path_to: str = ""
    has_failed: bool = False
    operation: OperationKind | None = None

    @property
    def facts(self) -> Facts:
        """The facts that ids are made of, in an order of their own that never changes."""
        operation = None if self.operation is None else self.operation.value
        return (self.kind.value, self.path, self.path_to, self.has_failed, operation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a minimal case has in common with those of other crash points and seeds.

    Attributes:
        invariant: what it breaks first.
        is_power_loss: whether the power was lost in it; else its crashes are kills.
        crashes: how many kills it takes; 0 with a power loss, where that says little.
        site: the event that the last crash fell on, with the operation if it is no event of a
            file. None where that event is not known, or where `lost` tells more.
        lost: the names from which a power loss took something, as `name_pattern` gives them,
            sorted.
    """

    invariant: Invariant
    is_power_loss: bool = False
    crashes: int = 0
    site: CrashSite | None = None
    lost: tuple[str, ...] = ()

    @property
    def facts(self) -> Facts:
        """The facts that ids are made of, in an order of their own that never changes."""
        site = None if self.site is None else self.site.facts
        return (self.invariant.value, self.is_power_loss, self.crashes, site, self.lost)

    def explains(self, other: "Cause") -> bool:
        """Whether the other is this one, or lost what this one did and more besides."""
        if self.invariant is not other.invariant or not self.lost or not other.lost:
            return self == other
        return set(self.lost) <= set(other.lost)


def site_of(landing: Landing, *, with_operation: bool) -> CrashSite:
    """Return the site of a landing; `with_operation` says whether the call belongs to it."""
    return CrashSite(
        kind=landing.kind,
        path=name_pattern(landing.path),
        path_to=name_pattern(landing.path_to),
        has_failed=landing.result < 0,
        operation=landing.operation if with_operation else None,
    )


def name_pattern(path: str) -> str:
    r"""Return a name with `#` for each run of digits: log files that are numbered are one kind.

    A `#` or `\` of the name itself gets a `\` before it, so that two kinds are never one text.
    """
    return _DIGITS.sub("#", _OWN_MARKS.sub(r"\\\g<0>", path))
