"""Causes: which failing cases are minimised together, and which minimal cases are one finding.

Failing cases of one scenario are a group if the same became of what they lost, wherever their
crashes fell; where the events do not decide that, if they break the same invariant first and their
last crash fell on the same kind of place. Each group is minimised. Minimal cases have the same
cause if the same became of what was lost; or if they break the same invariant and, after a kill,
have as many crashes and the last one fell on the same kind of event; where there was a power loss,
if the last one took from the same files, or from those of the other and more, or if all that it
took waited for one sync. Where the crash fell says nothing of what other surroundings change, nor
of what is not sent again though the log has it. What needs no crash is never one with what needs
one. Where a call was made to fail, that call decides, whatever became of what was lost; where the
operation under it was acknowledged all the same, its file decides: who passes over one error passes
over others. Where a file was damaged at rest, that file decides.

Nothing here proves that two cases have one bug behind them: it is what a reader would compare
first.

Not here: how a case is made small (`minimise.search`), what a cause holds (`values.cause`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from walcrash.values.case import Landing
from walcrash.values.cause import (
    Cause,
    CrashSite,
    FateSite,
    damage_facts,
    directory_of,
    error_facts,
    error_site,
    is_passed_over,
    name_pattern,
    site_of,
)
from walcrash.values.event import MESSAGES
from walcrash.values.fate import FateKind
from walcrash.values.identity import Facts
from walcrash.values.io_error import IoError
from walcrash.values.persistence import is_power_loss
from walcrash.values.story import Aspect, Story
from walcrash.values.verdict import Invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """What the failing cases have in common that are minimised as one.

    Attributes:
        invariant: what they break first.
        is_power_loss: whether their last crash was a power loss; else it was a kill.
        site: the event that it fell on, with the operation; None where it was not recorded, as
            after a kill on a timer without interception.
        is_plain: whether they had no crash.
        fate: what became of what they lost; None where the events do not decide it. Where they do,
            the crash is not told: `is_power_loss` and `site` are not set.
        error: the call that failed first, where that was injected; nothing else is told then.
        is_passed_over: whether the operation under that call was acknowledged all the same.
        damaged: the file that was damaged at rest; nothing else is told then.
    """

    invariant: Invariant
    is_power_loss: bool = False
    site: CrashSite | None = None
    is_plain: bool = False
    fate: FateSite | None = None
    error: CrashSite | None = None
    is_passed_over: bool = False
    damaged: str = ""

    @property
    def facts(self) -> Facts:
        """The facts that ids are made of, in an order of their own that never changes."""
        site = None if self.site is None else self.site.facts
        facts: Facts = (self.invariant.value, self.is_power_loss, site)
        if self.fate is not None:
            facts = self.fate.facts_of(self.invariant)
        if self.error is not None:
            facts = error_facts(self.invariant, self.error, is_passed_over=self.is_passed_over)
        if self.damaged:
            facts = damage_facts(self.invariant, self.damaged)
        return (facts, "plain") if self.is_plain else facts


def group_of(
    invariant: Invariant,
    landings: Sequence[Landing],
    fate: FateSite | None = None,
    *,
    is_plain: bool = False,
    error: IoError | None = None,
    damaged: str = "",
) -> FailureGroup:
    """Return the group that a failing case belongs to.

    Args:
        invariant: what it breaks first.
        landings: where its crashes landed, in order.
        fate: what its events say of that, where they decide it.
        is_plain: whether it is a control.
        error: the first error that was injected into it, if there was one.
        damaged: the file that was damaged at rest, if it failed for that.
    """
    if damaged:
        return FailureGroup(invariant=invariant, damaged=name_pattern(damaged))
    if error is not None:
        is_passed = is_passed_over(error)
        site = error_site(error)
        return FailureGroup(invariant=invariant, error=site, is_passed_over=is_passed)
    if fate is not None or not landings:
        return FailureGroup(invariant=invariant, is_plain=is_plain, fate=fate)
    if invariant in _WHEREVER_IT_CRASHED:
        return FailureGroup(invariant=invariant)
    last = landings[-1]
    return FailureGroup(
        invariant=invariant,
        is_power_loss=last.is_power_loss,
        site=site_of(last, with_operation=True),
    )


def cause_of(
    invariant: Invariant,
    landings: Sequence[Landing],
    story: Story | None = None,
    fate: FateSite | None = None,
    *,
    is_plain: bool = False,
    error: IoError | None = None,
    damaged: str = "",
) -> Cause:
    """Return the cause that a case shows.

    Args:
        invariant: what it breaks first.
        landings: where its crashes landed, in order.
        story: what happened in it, where that is known.
        fate: what its events say of what it breaks first, where they decide it.
        is_plain: whether it is a control, which has no crash.
        error: the first error that was injected into it, if there was one.
        damaged: the file that was damaged at rest, if it failed for that.
    """
    if damaged:
        return Cause(invariant=invariant, damaged=name_pattern(damaged))
    failed, is_passed = error_site(error), is_passed_over(error)
    has_power_loss = any(landing.is_power_loss for landing in landings)
    if not landings or (failed is not None and not has_power_loss):
        crashes = 0 if is_plain else 1
        return Cause(
            invariant=invariant,
            crashes=crashes,
            fate=fate,
            error=failed,
            is_passed_over=is_passed,
        )
    if invariant in _WHEREVER_IT_CRASHED and failed is None:
        return Cause(invariant=invariant, crashes=1, fate=fate)
    last = landings[-1]
    site = site_of(last, with_operation=last.kind in MESSAGES)
    if not has_power_loss:
        return Cause(invariant=invariant, crashes=len(landings), site=site, fate=fate)
    taken = () if story is None else _taken(story)
    lost = tuple(sorted({name_pattern(path) for path, _ in taken}))
    if fate is None and invariant in _OF_WHAT_IS_DURABLE:
        fate = _one_missing_sync(taken)
    # Where everything was kept, in the wrong order or with something between, the site decides.
    return Cause(
        invariant=invariant,
        is_power_loss=True,
        site=None if lost else site,
        lost=lost,
        fate=fate,
        error=failed,
        is_passed_over=is_passed,
    )


_WHEREVER_IT_CRASHED: Final = frozenset(
    {Invariant.DETERMINISM, Invariant.SILENT_ROT, Invariant.REQUEUE}
)
"""Rules that break by what is done to an image: other surroundings, damage at rest; and by what is
made of a log that is there as it was written, wherever the crash fell that it is read behind."""

_OF_WHAT_IS_DURABLE: Final = frozenset(
    {
        Invariant.LOST_PUT,
        Invariant.LOST_MARK,
        Invariant.ORDER,
        Invariant.CHECKPOINT_AHEAD,
        Invariant.CHECKPOINT_STATE,
    }
)
"""Rules that break where one thing is durable and another is not. A record that is altered or
not refused, a recovery that fails, and an effect have another cause than what was not synced."""


def _one_missing_sync(taken: Sequence[tuple[str, Aspect]]) -> FateSite | None:
    """Return whose sync is missing, where all that a power loss took waited for one."""
    missing = {
        directory_of(path) if aspect is Aspect.NAME else path
        for path, aspect in taken
        if aspect is not Aspect.MODE
    }
    if len(missing) != 1:
        return None
    return FateSite(kind=FateKind.NOT_DURABLE, detail=name_pattern(missing.pop()))


def _taken(story: Story) -> list[tuple[str, Aspect]]:
    """Return the names from which the last power loss took something, and what of them."""
    crashes = [boot.crash for boot in story.boots if boot.crash is not None]
    losses = [crash for crash in crashes if is_power_loss(crash.model)]
    return [
        (story.paths[fate.path], fate.aspect)
        for crash in losses[-1:]
        for fate in crash.fates
        if fate.path >= 0 and (fate.is_stale or not fate.is_kept)
    ]
