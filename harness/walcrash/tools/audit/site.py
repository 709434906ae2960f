"""Auditing one boot: its images with all syncs, and those that the removal of one site adds.

The baseline comes first: the trace as it is has to pass. Then the events of one site are made
silent, and of the images that only this makes legal as many are judged as the budget allows: all
of them where they can be listed.

A failure counts when it shows again with each recovery in a process of its own. An image that
was legal with the sync as well is the baseline's failure, whatever was drawn there.

Not here: which images those are (`space`), how a boot is recorded (`case`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

from walcrash.case.power_loss import Judged, LossSearch
from walcrash.case.recorded_boot import RecordedBoot
from walcrash.disk import Candidate, count_states
from walcrash.tools.audit.sites import Site, without
from walcrash.tools.audit.space import (
    IMAGES_AT_A_POSITION,
    differing_positions,
    draw_positions,
    drawn_at,
    is_possible_with,
    list_added,
    side_by_side,
)
from walcrash.values.audit import Baseline, SiteAudit
from walcrash.values.audit_finding import AuditFinding
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
class SiteAuditor:
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
        failed_baseline: a failure that came up while a site was audited, and that is possible with
            its syncs as well.
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
    _messages: list[int] = field(init=False)

    def __post_init__(self) -> None:
        messages = (event.is_message for event in self.boot.events)
        self._messages = list(accumulate(messages, initial=0))

    def baseline(self) -> Baseline:
        """Judge the boot with all its syncs.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        search = self._search(self.boot)
        judged = search.explore(Prng(self.seed), self.images)
        confirmed = None
        if judged is not None:
            self.is_judged |= bool(judged.judgement.judged)
            if judged.judgement.verdict is Verdict.FAIL:
                confirmed = self._confirmed(judged)
        finding = self._found(confirmed, self.boot) if confirmed is not None else None
        coverage = search.coverage
        return Baseline(positions=coverage.positions, images=coverage.judged, finding=finding)

    def audit_without(self, site: Site) -> SiteAudit:
        """Judge the boot without the syncs of a site.

        Raises:
            NotModelled: the trace means something that the model has no rule for.
        """
        removed = replace(self.boot, events=without(self.boot.events, site.events))
        differing = differing_positions(self.boot, removed, self.model)
        audit = SiteAudit(site=site.name, differing=len(differing))
        if not differing:
            return audit
        added = list_added(
            self.boot, removed, self.model, differing, messages=self._messages, most=self.images
        )
        if added is not None:
            return self._judge_all(audit, removed, added)
        # Each site draws for itself, so that another one more or less changes nothing.
        prng = Prng(derive_seed(self.seed, site.name))
        return self._judge_some(audit, removed, differing, prng)

    def _judge_all(
        self, audit: SiteAudit, removed: RecordedBoot, added: Sequence[Candidate]
    ) -> SiteAudit:
        search = self._search(removed)
        for candidate in added:
            audit = self._judge_one(audit, search, removed, candidate)
            if audit.finding is not None or self.failed_baseline is not None:
                break
        return replace(audit, judged_positions=audit.differing, legal=len(added))

    def _judge_some(
        self,
        audit: SiteAudit,
        removed: RecordedBoot,
        differing: Sequence[CrashPosition],
        prng: Prng,
    ) -> SiteAudit:
        """Judge drawn images at drawn positions."""
        most = max(1, self.images // IMAGES_AT_A_POSITION)
        chosen = draw_positions(differing, self.boot, prng, most)
        at_each = max(1, self.images // len(chosen))
        search = self._search(removed)
        audit = replace(audit, is_exhaustive=False)
        seen: set[tuple[str, int]] = set()
        for sides in side_by_side(self.boot, removed):
            if sides.position not in chosen:
                continue
            less, more = (count_states(one, self.model) for one in (sides.kept, sides.removed))
            audit = replace(
                audit,
                judged_positions=audit.judged_positions + 1,
                legal=audit.legal + max(0, more.states - less.states),
                is_legal_counted=audit.is_legal_counted and less.is_counted and more.is_counted,
            )
            for candidate in drawn_at(sides, self.model, prng, at_each):
                key = (candidate.digest, self._messages_before(sides.position))
                if key in seen:
                    continue
                seen.add(key)
                audit = self._judge_one(audit, search, removed, candidate)
                if audit.finding is not None or self.failed_baseline is not None:
                    return audit
        return audit

    def _judge_one(
        self, audit: SiteAudit, search: LossSearch, removed: RecordedBoot, candidate: Candidate
    ) -> SiteAudit:
        judged = search.judge_image(candidate)
        self.is_judged |= bool(judged.judgement.judged)
        finding, unconfirmed = None, 0
        if judged.judgement.verdict is Verdict.FAIL:
            confirmed = self._confirmed(judged)
            if confirmed is None:
                unconfirmed = 1
            else:
                finding = self._needed_or_not(self._strictest(confirmed, search, removed), removed)
        return replace(
            audit,
            judged=audit.judged + 1,
            promised=audit.promised + self.has_promise(judged.history),
            unconfirmed=audit.unconfirmed + unconfirmed,
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

    def _strictest(self, failed: Judged, search: LossSearch, removed: RecordedBoot) -> Judged:
        """Return a failure of the same kind at the same position in the strictest model."""
        for position, pending in removed.states():
            if position == failed.candidate.choice.position:
                return search.strictest(failed, pending, most=STRICTER_IMAGES)
        return failed

    def _found(self, judged: Judged, boot: RecordedBoot) -> AuditFinding:
        choice = judged.candidate.choice
        landing = boot.landing(choice)
        if choice.policy is Policy.EXPLICIT and not choice.held:
            text = f"one of all images that are legal there; power lost {choice.position}"
            landing = replace(landing, loss=f"{text} ({choice.model.value})")
        return self.finding(judged, landing)

    def _search(self, boot: RecordedBoot) -> LossSearch:
        return LossSearch(boot, self.model, recover=self.recover, judge=self.judge)

    def _messages_before(self, position: CrashPosition) -> int:
        return self._messages[max(0, position.whole_events - self.boot.events_before)]
