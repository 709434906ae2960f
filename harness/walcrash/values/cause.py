"""Causes: what minimal cases have in common if they are one finding, as facts.

The id of a finding is made of these facts (`values.identity`), so none of them is a sentence.

Not here: which cause a case shows, and which failing cases are a group (`minimise.cause`).
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Final

from walcrash.values.case import Landing
from walcrash.values.event import READS, EventKind
from walcrash.values.fate import (
    CopyFate,
    EventRef,
    Fate,
    FateKind,
    LostBeside,
    Reading,
    RecordFate,
)
from walcrash.values.forms import SPARSE
from walcrash.values.identity import Facts
from walcrash.values.io_error import IoError
from walcrash.values.operation import OperationKind
from walcrash.values.verdict import Invariant

_NUMBER: Final = re.compile(
    # Eight hexadecimal digits or more, of one case, that are a word of their own and have a digit.
    r"(?<![A-Za-z0-9])(?=[A-Fa-f]*\d)(?:[0-9a-f]{8,}|[0-9A-F]{8,})(?![A-Za-z0-9])|\d+"
)
_OWN_MARKS: Final = re.compile(r"[\\#]")

# limits
_PATTERNS: Final = 4_096
"""Names whose patterns are kept: each image of a case has the same ones."""


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
        path: the file that holds or held them, as `name_pattern` gives it; empty where `detail`
            names what was not synced, which decides.
        by: what took them, and the name that it acted on; None where they lie behind a torn write.
        detail: that they lie behind a torn write, or whose sync is missing.
        found: for a recovery that failed, the names that were new, torn, or lost in part.
        gone: for a recovery that failed and found none of these, the names that were gone.
        beside: for one that found new names and nothing torn or lost, the names that were gone as
            well. No id is made of it.
        is_shown: whether the record is shown, and is not to be, or not so.
        is_stale: whether it is shown from what was to be left behind, so that it is a phantom
            whichever rule it breaks. No id is made of it.
        is_left: whether a recovery opened and left what `found` has torn. No id is made of it.
        lacks: of the names in `found`, those whose missing sync a finding of a lost record may
            name. No id is made of it.
        others: of its other copies, where one is there and was not shown, the file, what took it
            there, and the name that this acted on: a copy that a crash left half-way may be right
            not to be shown. No id is made of it.
    """

    kind: FateKind | None = None
    path: str = ""
    by: tuple[EventKind, str] | None = None
    detail: str = ""
    found: tuple[str, ...] = ()
    gone: Annotated[tuple[str, ...], SPARSE] = ()
    others: Annotated[tuple[tuple[str, EventKind, str], ...], SPARSE] = ()
    beside: Annotated[tuple[str, ...], SPARSE] = ()
    is_shown: Annotated[bool, SPARSE] = False
    is_stale: Annotated[bool, SPARSE] = False
    is_left: Annotated[bool, SPARSE] = False
    lacks: Annotated[tuple[str, ...], SPARSE] = ()

    @property
    def facts(self) -> Facts:
        """The facts that ids are made of, in an order of their own that never changes."""
        kind = None if self.kind is None else self.kind.value
        by = None if self.by is None else (self.by[0].value, self.by[1])
        # The detail of a torn write is a sentence, which findings of earlier versions have too.
        is_torn = self.detail == Reading.TORN.value
        detail = "" if is_torn else self.detail
        facts = (kind, self.path, by, is_torn, detail, self.found, self.gone)
        return (*facts, "shown") if self.is_shown else facts

    def explains(self, other: "FateSite") -> bool:
        """Whether the other is this one, found what this one did and more, or lost a copy so.

        So it is where this one lacked names, and the other lacked them beside new ones; where this
        record lies behind a torn write in a file in which the other has left one; and where it was
        lost for a sync that is all that the other lacks.
        """
        if self.is_shown or other.is_shown:
            return self.facts == other.facts
        if other.is_left and self.detail == Reading.TORN.value and (self.path,) == other.found:
            return True
        if self.by is not None and (self.path, *self.by) in other.others:
            return True
        if self.gone and other.beside and set(self.gone) <= set(other.beside):
            return True
        if self.kind is FateKind.NOT_DURABLE and other.lacks:
            return other.found == other.lacks == (self.detail,)
        if not self.found or not other.found:
            return self.facts == other.facts
        return set(self.found) <= set(other.found)

    def facts_of(self, invariant: Invariant) -> Facts:
        """Return its facts together with what tells one bug from another beside them.

        A record that is not there is missed by one rule or the other, as it is a PutOperation or a
        mark, and as something was promised or not: it is one bug. A recovery that fails is
        told by its rule, and so is a record that is shown. What a recovery has left torn is the
        same bug as a record that is lost behind it, which a longer case shows.
        """
        if self.is_left and len(self.found) == 1:
            behind = FateSite(kind=FateKind.THERE, path=self.found[0], detail=Reading.TORN.value)
            return behind.facts_of(invariant)
        rule = self._rule(invariant).value
        return ("fate", None if self.is_about_missing else rule, self.facts)

    def has_rule_of(self, invariant: Invariant, other: "FateSite", others: Invariant) -> bool:
        """Whether the other, which breaks `others` first, is of the rule that this one is of.

        A record that comes in the wrong order may be a stale one that the events do not show to be.
        """
        rules = {self._rule(invariant), other._rule(others)}
        is_stale = self.is_stale or other.is_stale
        return len(rules) == 1 or (is_stale and rules <= _OF_WHAT_IS_STALE)

    def _rule(self, invariant: Invariant) -> Invariant:
        return Invariant.PHANTOM_RECORD if self.is_stale else invariant

    @property
    def is_about_missing(self) -> bool:
        """Whether it is that of a record that is not shown."""
        return self.kind is not None and not self.is_shown


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
        fate: what became of what was lost; None where the events do not decide it. Where they do,
            the id is made of it, since that is known before a case is minimised.
        error: the call that failed before it broke, where that was injected; else None. It alone
            decides then which cases have this cause, and a kill is left out.
        is_passed_over: whether the operation under that call was acknowledged all the same: then
            its file decides, and not which call on it failed.
        damaged: the file that was damaged at rest, as `name_pattern` gives it, where it broke for
            that; else empty. It alone decides then, and crashes are left out.
    """

    invariant: Invariant
    is_power_loss: bool = False
    crashes: int = 0
    site: CrashSite | None = None
    lost: tuple[str, ...] = ()
    fate: Annotated[FateSite | None, SPARSE] = None
    error: Annotated[CrashSite | None, SPARSE] = None
    is_passed_over: Annotated[bool, SPARSE] = False
    damaged: Annotated[str, SPARSE] = ""

    @property
    def is_plain(self) -> bool:
        """Whether it takes no crash, and no damage."""
        return not self.is_power_loss and not self.crashes and not self.damaged

    @property
    def facts(self) -> Facts:
        """The facts that ids are made of, in an order of their own that never changes."""
        if self.damaged:
            return damage_facts(self.invariant, self.damaged)
        if self.error is not None:
            return error_facts(self.invariant, self.error, is_passed_over=self.is_passed_over)
        if self.fate is None:
            return self.facts_of_crash
        facts = self.fate.facts_of(self.invariant)
        # What needs no crash is another bug than what needs one, though they lose alike; but for
        # what is shown from a stale place: whether a crash brings it back depends on the workload.
        return (facts, "plain") if self.is_plain and not self.fate.is_stale else facts

    @property
    def facts_of_crash(self) -> Facts:
        """The facts without the fate, which ids of earlier versions are made of."""
        site = None if self.site is None else self.site.facts
        return (self.invariant.value, self.is_power_loss, self.crashes, site, self.lost)

    def explains(self, other: "Cause") -> bool:
        """Whether the other is this one as well.

        It is where it has this fate. Where at most one of them has a fate, it is where its crash is
        the same, or took what this one did and more. Where a call failed, that call alone decides:
        what becomes of a record depends on how much of it was written, and on what came next.
        Where a file was damaged at rest, that file alone does.
        """
        if self.damaged or other.damaged:
            return self.damaged == other.damaged and self.invariant is other.invariant
        if self.error is not None or other.error is not None:
            is_same = self.error == other.error or self.facts == other.facts
            return is_same and self.invariant is other.invariant
        if self.fate is not None and other.fate is not None:
            # What a recovery has left torn breaks one at once, or the next one, or hides records.
            is_rule = (
                self.fate.is_about_missing
                or other.fate.is_left
                or self.fate.has_rule_of(self.invariant, other.fate, other.invariant)
            )
            return is_rule and self.is_plain == other.is_plain and self.fate.explains(other.fate)
        if self.invariant is not other.invariant or not self.lost or not other.lost:
            return self.facts_of_crash == other.facts_of_crash
        return set(self.lost) <= set(other.lost)


def error_facts(invariant: Invariant, error: CrashSite, *, is_passed_over: bool = False) -> Facts:
    """Return the facts that ids are made of where a call was made to fail.

    Of an error that was passed over the file is told, and not which call on it failed: what makes,
    writes, syncs and renames one file mostly stands under one hand that lets errors pass.
    """
    if is_passed_over:
        return ("error", invariant.value, "passed over", error.path)
    return ("error", invariant.value, error.facts)


def damage_facts(invariant: Invariant, damaged: str) -> Facts:
    """Return the facts that ids are made of where a file was damaged at rest.

    Which bytes went bad, and how, decides what is shown: one missing checksum gives records that
    are altered, and others that are gone.
    """
    return ("damage", invariant.value, damaged)


def error_site(error: IoError | None) -> CrashSite | None:
    """Return of an injected error what tells one bug from another; None where there was none.

    Which error it was says little, and so does whether it failed the call or cut it short. Nor does
    the file that was read: a program mostly reads all of its files by one routine.
    """
    if error is None:
        return None
    path = "" if error.kind in READS else name_pattern(error.path)
    return CrashSite(kind=error.kind, path=path, has_failed=True)


def is_passed_over(error: IoError | None) -> bool:
    """Whether a call returned an error, and the operation under it was acknowledged all the same.

    A call that moved a part has returned none: who does not go on with it has another bug. Where
    the disk was full then, the next call has returned one.
    """
    if error is None or not (error.errno or error.then_errno):
        return False
    return error.is_acknowledged


_OF_WHAT_IS_SHOWN: Final = frozenset(
    {Invariant.ORDER, Invariant.PHANTOM_RECORD, Invariant.ALTERED_RECORD}
)
"""Rules that a record breaks which is shown: where its bytes are tells one bug from another."""

_OF_WHAT_IS_STALE: Final = frozenset({Invariant.ORDER, Invariant.PHANTOM_RECORD})
"""Those of them that a record breaks which was to be left behind."""


def fate_site(fate: Fate | None, invariant: Invariant) -> FateSite | None:
    """Return of a fate what tells one bug from another; None where it is not known.

    Args:
        fate: what became of what a case is about.
        invariant: what the case breaks first.
    """
    if fate is None:
        return None
    if fate.found is not None:
        state = fate.found
        if state.unnamed:
            # As of a record: it is the sync of the directory that is missing.
            paths = [each.name for each in state.unnamed]
            unsynced = tuple(sorted({name_pattern(directory_of(path)) for path in paths}))
            return FateSite(found=unsynced, lacks=unsynced)
        emptied = () if state.emptied is None else (state.emptied,)
        cut = (*state.torn, *state.lost, *state.failed, *emptied)
        found = _names((*state.new, *cut, *state.half_done))
        gone = _names((*state.named, *state.gone))
        if not found:
            return FateSite(gone=gone) if gone else None
        is_new_only = not cut
        beside = gone if is_new_only else ()
        is_unsynced = state.is_over or state.outlived_by is not None
        lacks = _names((*state.lost, *(state.torn[-1:] if is_unsynced else ())))
        return FateSite(found=found, beside=beside, is_left=state.is_left, lacks=lacks)
    if fate.shown is not None:
        return _shown_site(fate.shown, is_stale=True)
    told = fate.record
    if told is None:
        return None
    if not told.is_missing:
        is_behind = invariant is Invariant.NOT_APPENDABLE
        is_stale = is_behind or (told.outlasted is not None and invariant is Invariant.ORDER)
        is_told = is_behind or invariant in _OF_WHAT_IS_SHOWN
        return _shown_site(told, is_stale=is_stale) if is_told else None
    if not told.copies:
        return FateSite(kind=told.kind)
    site = _copy_site(told, told.copies[0])
    if told.kind is not FateKind.THERE or site.detail:
        return site
    taken = {
        (name_pattern(copy.path), copy.by.kind, name_pattern(copy.by.path)): None
        for copy in told.copies[1:]
        if copy.kind is FateKind.REMOVED and copy.by is not None
    }
    return replace(site, others=tuple(taken))


def _shown_site(told: RecordFate, *, is_stale: bool) -> FateSite | None:
    if not told.copies:
        return None
    path = name_pattern(told.copies[0].path)
    return FateSite(kind=told.kind, path=path, is_shown=True, is_stale=is_stale)


def _copy_site(told: RecordFate, copy: CopyFate) -> FateSite:
    if copy.not_synced and not any(copy.was_after(each) for each in told.copies):
        # Whether the bytes or only a name of theirs were lost, it is this sync that is missing.
        return FateSite(kind=FateKind.NOT_DURABLE, detail=name_pattern(copy.not_synced))
    if told.beside is not None:
        return FateSite(kind=FateKind.NOT_DURABLE, detail=name_pattern(keeps_beside(told.beside)))
    path = name_pattern(copy.path)
    if told.over is not None:
        # Whether recovery leaves it or cuts it off.
        return FateSite(kind=FateKind.THERE, path=path)
    if copy.came_back is not None:
        # Whether recovery wrote over the record or cut it off, it did so for what came back.
        removed = (copy.came_back.kind, name_pattern(copy.came_back.path))
        return FateSite(kind=FateKind.REMOVED, path=path, by=removed)
    if _is_behind_torn(told, copy):
        return FateSite(kind=FateKind.THERE, path=path, detail=Reading.TORN.value)
    by = None if copy.by is None else (copy.by.kind, name_pattern(copy.by.path))
    return FateSite(kind=copy.kind, path=path, by=by)


def _is_behind_torn(told: RecordFate, copy: CopyFate) -> bool:
    """Whether recovery ended at a torn write before the record, and may have cut it off there."""
    if told.reading is Reading.TORN:
        return True
    is_cut = copy.by is not None and copy.by.kind is EventKind.TRUNCATE and copy.by.is_recovery
    return is_cut and told.torn is not None


def _names(refs: Iterable[EventRef]) -> tuple[str, ...]:
    return tuple(sorted({name_pattern(ref.name) for ref in refs}))


def site_of(landing: Landing, *, with_operation: bool) -> CrashSite:
    """Return the site of a landing; `with_operation` says whether the call belongs to it."""
    return CrashSite(
        kind=landing.kind,
        path=name_pattern(landing.path),
        path_to=name_pattern(landing.path_to),
        has_failed=landing.result < 0,
        operation=landing.operation if with_operation else None,
    )


def keeps_beside(lost: LostBeside) -> str:
    """Return what has to be synced to keep it: a file, or a directory with a slash at its end."""
    is_rename = lost.write.kind is EventKind.RENAME
    return directory_of(lost.write.path_to) if is_rename else lost.write.path


def directory_of(path: str) -> str:
    """Return the directory of a name, with a slash at its end."""
    parent, _, _ = path.rstrip("/").rpartition("/")
    return f"{parent}/" if parent else "./"


@functools.lru_cache(maxsize=_PATTERNS)
def name_pattern(path: str) -> str:
    r"""Return a name with `#` for each number: log files that are numbered are one kind.

    A number is a run of digits, or a word of eight or more hexadecimal ones: the segments of etcd
    and PostgreSQL are numbered so (`%016x`, `%08X%08X%08X`).
    A `#` or `\` of the name itself gets a `\` before it, so that two kinds are never one text.
    """
    return _NUMBER.sub("#", _OWN_MARKS.sub(r"\\\g<0>", path))
