"""Causes: what minimal cases have in common if they are one finding, as facts.

The id of a finding is made of these facts (`values.identity`), so none of them is a sentence.

Not here: which cause a case shows, and which failing cases are a group (`minimise.cause`).
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from walcrash.values.case import Landing
from walcrash.values.event import EventKind
from walcrash.values.fate import Fate, FateKind, Reading
from walcrash.values.forms import SPARSE
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
class FateSite:
    """What became of what a finding is about, as far as it is the same from seed to seed.

    Attributes:
        kind: what became of the record's bytes; None where the finding is about no record.
        path: the file that holds or held them, as `name_pattern` gives it.
        by: what took them, and the name that it acted on.
        detail: that recovery ended at a torn write, or whose sync is missing.
        found: for a recovery that failed, the names that were new or torn.
    """

    kind: FateKind | None = None
    path: str = ""
    by: tuple[EventKind, str] | None = None
    detail: str = ""
    found: tuple[str, ...] = ()


_LOSSES: Final = frozenset({Invariant.LOST_PUT, Invariant.LOST_MARK, Invariant.ORDER})
"""Rules that one bug breaks by turns, as the record that it loses is of this type or that.

A record that is missed by `order` is a hole: it was not promised, and what lies behind it is there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What a minimal case has in common with those of other crash points and seeds.

    Attributes:
        invariant: what it breaks first.
        is_power_loss: whether the power was lost in it; else its crashes are kills.
        crashes: how many kills it takes; 0 with a power loss, where that says little, and where
            it takes no crash at all.
        site: the event that the last crash fell on, with the operation if it is no event of a
            file. None where that event is not known, or where `lost` tells more.
        lost: the names from which a power loss took something, as `name_pattern` gives them,
            sorted.
        fate: what became of what was lost; None where the events do not decide it. The id does
            not depend on it, so that a finding of an earlier version keeps its own.
    """

    invariant: Invariant
    is_power_loss: bool = False
    crashes: int = 0
    site: CrashSite | None = None
    lost: tuple[str, ...] = ()
    fate: Annotated[FateSite | None, SPARSE] = None

    @property
    def is_plain(self) -> bool:
        """Whether it takes no crash."""
        return not self.is_power_loss and not self.crashes

    @property
    def facts(self) -> Facts:
        """The facts that ids are made of, in an order of their own that never changes."""
        site = None if self.site is None else self.site.facts
        return (self.invariant.value, self.is_power_loss, self.crashes, site, self.lost)

    def explains(self, other: "Cause") -> bool:
        """Whether the other is this one, lost what this one did and more, or has its fate."""
        if self._is_same_fate(other):
            return True
        if self.invariant is not other.invariant or not self.lost or not other.lost:
            return self.facts == other.facts
        return set(self.lost) <= set(other.lost)

    def _is_same_fate(self, other: "Cause") -> bool:
        is_alike = self.invariant is other.invariant or {self.invariant, other.invariant} <= _LOSSES
        # What needs no crash is another bug than what needs one, though they lose alike.
        is_alike = is_alike and self.is_plain == other.is_plain
        return is_alike and self.fate is not None and self.fate == other.fate


def fate_site(fate: Fate | None) -> FateSite | None:
    """Return of a fate what tells one bug from another; None where it is not known."""
    if fate is None:
        return None
    if fate.found is not None:
        refs = (*fate.found.new, *fate.found.torn)
        names = {name_pattern(ref.path_to or ref.path) for ref in refs}
        return FateSite(found=tuple(sorted(names))) if names else None
    if fate.record is None or not fate.record.is_missing:
        return None
    told = fate.record
    if not told.copies:
        return FateSite(kind=told.kind)
    copy = told.copies[0]
    by = None if copy.by is None else (copy.by.kind, name_pattern(copy.by.path))
    # How much else of the file was shown depends on what else there was.
    is_torn = told.reading is Reading.TORN
    detail = Reading.TORN.value if is_torn else name_pattern(copy.not_synced)
    return FateSite(kind=told.kind, path=name_pattern(copy.path), by=by, detail=detail)


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
