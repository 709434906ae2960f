"""Looking at one boot: its images with all syncs, and those that the loss of one site adds.

The baseline comes first: the trace as it is has to pass. Then the events of one site are made
silent, and of the images that only this makes legal as many are judged as the budget allows: all
of them where they can be listed.

A failure counts when it shows again with each recovery in a process of its own. An image that
was legal with the sync as well is the baseline's failure, whatever was drawn there.

Not here: which images those are (`audit_space`), how a boot is recorded (`audit_case`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from typing import Final

from walcrash.case.power_loss import Judged, PowerCut, RecordedBoot
from walcrash.disk import Candidate, count_cuts, images
from walcrash.tools.audit.sites import Site, without
from walcrash.tools.audit.space import (
    IMAGES_AT_A_POSITION,
    draw_positions,
    drawn_at,
    is_possible_with,
    list_added,
    side_by_side,
    telling_positions,
)
from walcrash.values.audit import AuditFinding, Baseline, SiteLook
from walcrash.values.case import Landing
from walcrash.values.contract import PersistenceModel
from walcrash.values.history import BootHistory, Recoveries
from walcrash.values.image import Image
from walcrash.values.image_choice import Policy
from walcrash.values.moments import CrashPosition
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.verdict import Judgement, Verdict

# limits
STRICTER_IMAGES: Final = 24
"""Images of each stricter model that are tried when one of the contract's has failed."""


@dataclass(slots=True, kw_only=True)
class Looker:
    """Judges the images of one boot, as it is and without one site.

    Attributes:
        boot: as it was recorded.
        model: the contract's persistence model.
        images: most images that are judged for one site.
        seed: what positions and images are drawn from.
        recover: recovers an image.
        recover_fresh: the same with each recovery in a process of its own.
        judge: holds recoveries against what had been promised.
        has_promise: whether anything had been promised in a history.
        finding: makes a finding of a failure and its landing.
        is_judged: whether any invariant has applied to any image so far.
        failed_baseline: a failure that came up while a site was looked at, and is not its.
    """

    boot: RecordedBoot
    model: PersistenceModel
    images: int
    seed: int
    recover: Callable[[Image], Recoveries]
    recover_fresh: Callable[[Image], Recoveries]
    judge: Callable[[BootHistory, Recoveries], Judgement]
    has_promise: Callable[[BootHistory], bool]
    finding: Callable[[Judged, Landing], AuditFinding]
    is_judged: bool = False
    failed_baseline: AuditFinding | None = None
    _said: list[int] = field(init=False)

    def __post_init__(self) -> None:
        spoken = (event.is_message for event in self.boot.events)
        self._said = list(accumulate(spoken, initial=0))

    def baseline(self) -> Baseline:
        """Judge the boot with all its syncs.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        cut = self._cut(self.boot)
        judged = cut.explore(Prng(self.seed), self.images)
        confirmed = None
        if judged is not None:
            self.is_judged |= bool(judged.judgement.judged)
            if judged.judgement.verdict is Verdict.FAIL:
                confirmed = self._confirmed(judged)
        finding = self._found(confirmed, self.boot) if confirmed is not None else None
        coverage = cut.coverage
        return Baseline(positions=coverage.positions, images=coverage.judged, finding=finding)

    def look_without(self, site: Site) -> SiteLook:
        """Judge the boot without the syncs of a site.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        removed = replace(self.boot, events=without(self.boot.events, site.events))
        telling = telling_positions(self.boot, removed, self.model)
        look = SiteLook(site=site.name, telling=len(telling))
        if not telling:
            return look
        added = list_added(
            self.boot, removed, self.model, telling, said=self._said, most=self.images
        )
        if added is not None:
            return self._judge_all(look, removed, added)
        # Each site draws for itself, so that another one more or less changes nothing.
        prng = Prng(derive_seed(self.seed, site.name))
        return self._judge_some(look, removed, telling, prng)

    def _judge_all(
        self, look: SiteLook, removed: RecordedBoot, added: Sequence[Candidate]
    ) -> SiteLook:
        cut = self._cut(removed)
        for candidate in added:
            look = self._judge_one(look, cut, removed, candidate)
            if look.finding is not None or self.failed_baseline is not None:
                break
        return replace(look, looked=look.telling, legal=len(added))

    def _judge_some(
        self,
        look: SiteLook,
        removed: RecordedBoot,
        telling: Sequence[CrashPosition],
        prng: Prng,
    ) -> SiteLook:
        """Judge drawn images at drawn positions."""
        most = max(1, self.images // IMAGES_AT_A_POSITION)
        chosen = draw_positions(telling, self.boot, prng, most)
        at_each = max(1, self.images // len(chosen))
        cut = self._cut(removed)
        look = replace(look, is_exhaustive=False)
        seen: set[tuple[str, int]] = set()
        for sides in side_by_side(self.boot, removed):
            if sides.position not in chosen:
                continue
            less, more = (count_cuts(one, self.model) for one in (sides.kept, sides.removed))
            look = replace(
                look,
                looked=look.looked + 1,
                legal=look.legal + max(0, more.cuts - less.cuts),
                is_legal_counted=look.is_legal_counted and less.is_counted and more.is_counted,
            )
            for candidate in drawn_at(sides, self.model, prng, at_each):
                key = (candidate.digest, self._said_at(sides.position))
                if key in seen:
                    continue
                seen.add(key)
                look = self._judge_one(look, cut, removed, candidate)
                if look.finding is not None or self.failed_baseline is not None:
                    return look
        return look

    def _judge_one(
        self, look: SiteLook, cut: PowerCut, removed: RecordedBoot, candidate: Candidate
    ) -> SiteLook:
        judged = cut.look(candidate)
        self.is_judged |= bool(judged.judgement.judged)
        finding, unconfirmed = None, 0
        if judged.judgement.verdict is Verdict.FAIL:
            confirmed = self._confirmed(judged)
            if confirmed is None:
                unconfirmed = 1
            else:
                finding = self._needed_or_not(self._strictest(confirmed, cut, removed), removed)
        return replace(
            look,
            judged=look.judged + 1,
            promised=look.promised + self.has_promise(judged.history),
            unconfirmed=look.unconfirmed + unconfirmed,
            finding=finding,
        )

    def _needed_or_not(self, judged: Judged, removed: RecordedBoot) -> AuditFinding | None:
        """Return what breaks without a site, unless it could have broken with it as well."""
        candidate = judged.candidate
        if is_possible_with(self.boot, candidate, self.model):
            self.failed_baseline = self._found(judged, self.boot)
            return None
        return self._found(judged, removed)

    def _confirmed(self, judged: Judged) -> Judged | None:
        """Return a failure as it shows in fresh processes; None if it does not."""
        recoveries = self.recover_fresh(judged.candidate.image)
        judgement = self.judge(judged.history, recoveries)
        if judgement.verdict is not Verdict.FAIL:
            return None
        return replace(judged, recoveries=recoveries, judgement=judgement)

    def _strictest(self, failed: Judged, cut: PowerCut, removed: RecordedBoot) -> Judged:
        """Return a failure of the same kind at the same position in the strictest model."""
        meant = failed.judgement.violations[0].invariant
        for position, pending in removed.states():
            if position != failed.candidate.choice.position:
                continue
            for model in PersistenceModel:
                if model is PersistenceModel.KILL:
                    continue
                if model is self.model:
                    break
                for candidate in islice(images(pending, model, position), STRICTER_IMAGES):
                    judged = cut.look(candidate)
                    violations = judged.judgement.violations
                    if violations and violations[0].invariant is meant:
                        return judged
            break
        return failed

    def _found(self, judged: Judged, boot: RecordedBoot) -> AuditFinding:
        choice = judged.candidate.choice
        landing = boot.landing(choice)
        if choice.policy is Policy.EXPLICIT and not choice.held:
            text = f"one of all images that are legal there; cut {choice.position}"
            landing = replace(landing, loss=f"{text} ({choice.model.value})")
        return self.finding(judged, landing)

    def _cut(self, boot: RecordedBoot) -> PowerCut:
        return PowerCut(boot, self.model, recover=self.recover, judge=self.judge)

    def _said_at(self, position: CrashPosition) -> int:
        return self._said[max(0, position.whole_events - self.boot.events_before)]
