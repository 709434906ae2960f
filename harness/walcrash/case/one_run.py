"""One run of one case: its boots under watch, every recovery of the last image, a judgement.

Not here: running a failing case again (`runner`), how an image is recovered (`recovery_runs`),
which images a power loss leaves (`power_loss`), how payloads grow (`grown_boot`), files that
go bad between two boots (`damaged_run`).
"""

from dataclasses import replace
from typing import Final

from walcrash.case.boots import CaseBoots
from walcrash.case.branches import branch_after_power
from walcrash.case.case_run import CaseRun, SearchTargets
from walcrash.case.coverage import Coverage
from walcrash.case.deadline import TimeOver
from walcrash.case.drawn import Drawn
from walcrash.case.frontier import SearchOrder
from walcrash.case.full_directory import emptied_if_full, too_large
from walcrash.case.grown_boot import run_grown
from walcrash.case.judging import CaseJudge
from walcrash.case.killed_cases import search_kills
from walcrash.case.plane import Plane
from walcrash.case.plane_run import PlaneTrees, run_on_plane
from walcrash.case.plane_search import PlaneSearch
from walcrash.case.power_loss import FIRST_OF_FEW, IMAGES_AT_A_POSITION, Judged, LossSearch
from walcrash.case.power_search import search_near, targeted
from walcrash.case.recorded_boot import NoSuchPosition, RecordedBoot
from walcrash.case.recovery_runs import RecoveryRuns
from walcrash.case.replayed import is_promised
from walcrash.case.rot_search import rot_of, search_rot, versions_of, with_damage
from walcrash.case.sandbox import Sandbox
from walcrash.case.search_plan import BRANCH_SHARE, IMAGES_OF_A_BRANCH
from walcrash.case.search_target import PowerTarget
from walcrash.case.watched_boot import WatchedBoot
from walcrash.disk import NotModelled
from walcrash.oracle import with_refusals
from walcrash.recorder.tree import capture
from walcrash.values.case import BootPlan
from walcrash.values.case_file import StoredCase
from walcrash.values.contract import Damage, PersistenceModel
from walcrash.values.faults import PowerLoss, Rot
from walcrash.values.further_recoveries import FurtherRecoveries
from walcrash.values.history import BootHistory, History, Recoveries
from walcrash.values.image import Image
from walcrash.values.limits import BYTES_PER_CASE
from walcrash.values.persistence import WEAKEST, power_models
from walcrash.values.recovery import FailureKind, RecoveryFailure
from walcrash.values.seed import Prng, derive_seed
from walcrash.values.tears import ANY_BYTE
from walcrash.values.verdict import Invariant, Judgement, Verdict

# limits
PORTABILITY_SHARE: Final = 4
"""For each so many images under the contract's model, one is judged under the weakest."""


class OneRun:
    """One run of one case; the image that a boot finds depends on all boots before it.

    The arguments are those of `runner.run_case` and `runner.run_case_fresh`; with `is_fresh` every
    recovery has a process of its own. With a `plane` the images of power losses that name none are
    the trees of a real file system; where one invariant is `sought` there, other failures are none.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        stored: StoredCase,
        *,
        is_fresh: bool,
        shown: Judgement | None = None,
        targets: SearchTargets | None = None,
        drawn: Drawn | None = None,
        plane: Plane | None = None,
        sought: Invariant | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._search_plan = None if drawn is None else drawn.search
        self._recorded: list[RecordedBoot] = []
        self._plane = plane
        self._sought = sought
        self._targets = targets
        aligned = drawn if targets is None else targets
        self._alignment = None if aligned is None else aligned.alignment
        self._is_fresh = is_fresh
        self._rot = rot_of(stored.case)
        self._left: Image | None = None
        self._image_before: Image | None = None
        self._stored = stored
        self._shown = shown
        self._recovery_runs = RecoveryRuns(sandbox, stored, is_fresh=is_fresh)
        self._boots = CaseBoots(sandbox, stored)
        self._oracle = CaseJudge(sandbox, stored)
        self._judged: set[Invariant] = set()

    def run(self) -> CaseRun:
        """Run the boots in order, and recover and judge what the last one left.

        Raises:
            Inconclusive: the kernel refuses interception.
            HarnessFault: the harness could not do its work.
            ScenarioError: the subject cannot be loaded.
            OSError: the working directory cannot be used.
        """
        return self._run_boots(1) or self._concluded()

    def _run_boots(self, first: int, last: int | None = None) -> CaseRun | None:
        """Run some boots, counted from 1; return the run where one of them ends it."""
        stored, written_bytes = self._stored, 0
        for number, plan in enumerate(stored.case.boots[first - 1 : last], start=first):
            self._image_before = None
            is_cut_short = plan.crash is not None and len(plan.operations) == 1
            # A recovery that met an error may have given up something that nobody was promised.
            if number > 1 and is_cut_short and not stored.case.faults_in(number - 1):
                self._image_before = capture(self._sandbox.directory)
            if written_bytes > BYTES_PER_CASE:
                return self._not_judged(too_large(number - 1, written_bytes))
            boot = self._run_boot(plan, number)
            written_bytes += boot.recording.written_bytes()
            if self._search_plan is not None:
                self._recorded.append(self._boots.as_power_finds())
            if not boot.can_go_on:
                break
            if not isinstance(plan.crash, PowerLoss):
                continue
            try:
                is_last = number == len(stored.case.boots)
                if is_last and self._rot is None:
                    return self._explore(plan.crash)
                if not self._go_on_without_power(plan.crash):
                    return self._not_judged(f"boot {number} has no such image")
            except (NotModelled, NoSuchPosition) as problem:
                return self._not_judged(str(problem))
        return None

    def _concluded(self) -> CaseRun:
        """Return the run where its last boot was killed or closed, or could not go on."""
        run = self._conclude(self._image_before)
        # What is damaged is no crash state of the traces.
        if self._search_plan is None or self._rot is not None or run.verdict is not Verdict.PASS:
            return run
        try:
            return search_kills(
                run,
                self._boots,
                self._recorded,
                self._search_plan,
                stored=self._stored,
                left=self._left,
                runs=self._recovery_runs,
                judge=self._oracle.judge,
                directory=self._sandbox.directory,
            )
        except TimeOver:
            # The case itself was judged.
            return run

    def _run_boot(self, plan: BootPlan, number: int) -> WatchedBoot:
        return run_grown(
            self._boots,
            plan,
            number,
            stored=self._stored,
            alignment=self._alignment,
            is_sought=self._targets is not None,
            directory=self._sandbox.directory,
        )

    # The last boot was killed or closed.

    def _conclude(self, image_before: Image | None) -> CaseRun:
        last = self._boots.watched[-1].history
        is_whole = len(self._boots.watched) == len(self._stored.case.boots)
        if self._rot is not None and is_whole and not isinstance(last.recovery, RecoveryFailure):
            rotten = self._conclude_rotten(self._rot)
            if rotten is not None:
                return rotten
        if isinstance(last.recovery, RecoveryFailure) and not last.gave_up:
            recoveries = Recoveries(first=last.recovery)
        else:
            self._left = capture(self._sandbox.directory)
            recoveries = self._recovery_runs.here(self._left, before=image_before)
        history = self._history(recoveries)
        if doubt := self._space_doubt(history):
            return self._not_judged(doubt)
        judgement = self._oracle.judge(history)
        if self._stored.case.is_control:
            judgement = with_refusals(self._stored.terms, judgement, history)
        return self._case_run(history, judgement, self._doubt(judgement))

    def _conclude_rotten(self, fault: Rot) -> CaseRun | None:
        """Damage what the last boot left, in one way after the other, and judge each of them.

        Returns:
            None where nothing was left that could be damaged.
        """
        found = search_rot(
            fault,
            capture(self._sandbox.directory),
            versions_of(self._boots),
            recover=self._recovery_runs.damaged,
            judge=lambda recoveries: self._oracle.judge(self._history(recoveries)),
            is_judged=Damage.ROT in self._stored.contract.detects,
        )
        if found is None:
            is_named = fault.damage is not None
            return self._not_judged("the damage changes nothing") if is_named else None
        judgement = found.judgement
        # Other boots do not go on with what was damaged and recovered.
        self._left = found.image if judgement.verdict is Verdict.FAIL else None
        run = self._case_run(self._history(found.recoveries), judgement, self._doubt(judgement))
        return with_damage(run, found)

    def _space_doubt(self, history: History) -> str:
        recordings = (boot.recording for boot in self._boots.watched)
        return emptied_if_full(recordings, history, self._sandbox.directory)

    # The power was lost.

    def _go_on_without_power(self, loss: PowerLoss) -> bool:
        """Lose the power in a boot that others follow: they find one of the images.

        Returns whether there was one.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
        """
        recorded = self._as_found()
        search = LossSearch(
            recorded,
            self._stored.contract.model,
            recover=self._recovery_runs.restored,
            judge=_unjudged,
        )
        target = self._target()
        if target is not None:
            found = targeted(recorded, target)
            if not found:
                return False
            candidate = found[0]
        elif self._plane is not None and loss.choice is None:
            trees = self._real_trees(self._plane, loss, mounts=IMAGES_AT_A_POSITION)
            if trees.doubt:
                return False
            recorded, plane_search = self._plane_search(self._plane, trees)
            candidate = plane_search.draw(Prng(loss.seed))
        else:
            candidate = (
                search.draw(Prng(loss.seed)) if loss.choice is None else search.exactly(loss.choice)
            )
        self._boots.go_on_from(recorded, candidate)
        return True

    def _as_found(self) -> RecordedBoot:
        """Return the last boot as a power loss finds it; in a search that is known already."""
        return self._recorded[-1] if self._recorded else self._boots.as_power_finds()

    def _target(self) -> PowerTarget | None:
        """Return the target of the boot that has just been run, if it has one."""
        return None if self._targets is None else self._targets.power.get(len(self._boots.watched))

    def _explore(self, loss: PowerLoss) -> CaseRun:
        """Lose the power in the last boot, and judge the images that this may leave.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
        """
        if unmodelled := self._boots.unmodelled():
            return self._not_judged(unmodelled)
        if self._plane is not None and loss.choice is None:
            return self._explore_plane(self._plane, loss)
        recorded = self._as_found()
        model = self._stored.contract.model
        search = self._search(recorded, model)
        target = self._target()
        if target is not None and self._targets is not None:
            nearest = search_near(search, recorded, target, self._targets.target_invariant)
            if nearest is None:
                return self._not_judged("there is no such image")
            return self._powered_run(recorded, nearest, search.coverage)
        if loss.choice is not None:
            judged = search.judge_image(search.exactly(loss.choice))
            return self._powered_run(recorded, judged, search.coverage)
        behind = loss.images // BRANCH_SHARE if self._is_branched() else 0
        best = search.explore(Prng(loss.seed), loss.images - behind)
        if best is None:
            return self._not_judged("no image was left to judge")
        run = self._powered_run(recorded, best, search.coverage)
        run = replace(run, search=search.searched.totals())
        own, left = self._boots, self._left
        try:
            if behind and run.judgement.verdict is Verdict.PASS:
                run = self._branched_losses(run, search, loss, behind)
            if run.judgement.verdict is not Verdict.PASS:
                return run
            return self._with_weaker(run, recorded, loss, search)
        except TimeOver:
            if self._search_plan is None:
                raise
            # What was judged of a case that was drawn counts.
            self._boots, self._left = own, left
            return replace(run, search=search.searched.totals())

    def _with_weaker(
        self, run: CaseRun, recorded: RecordedBoot, loss: PowerLoss, search: LossSearch
    ) -> CaseRun:
        """Return a case that passed with a failure that is beyond its contract, if one is found."""
        contract, left = self._stored.contract, self._left
        weaker = [self._under_weakest] if contract.model is not WEAKEST else []
        weaker += [self._torn_inside] if contract.atomic_bytes != ANY_BYTE else []
        # Of one case no more than one of them is told, so a case tries one.
        few = max(1, loss.images // PORTABILITY_SHARE)
        found = weaker[loss.seed % len(weaker)](recorded, loss.seed, few) if weaker else None
        if found is None:
            return run
        is_torn = found.atomic_bytes != contract.atomic_bytes
        if not is_torn and is_promised(found.boots, contract.model):
            # It was sought under the weakest model, but the contract's own shows it as well.
            return replace(found, coverage=search.coverage)
        # What the case left is what it passed with, and not what it failed with beside that.
        self._left = left
        return replace(run, portability_failure=found)

    def _is_branched(self) -> bool:
        """Whether the last boot is run again behind another power loss of the one before it."""
        boots = self._stored.case.boots
        is_lost = len(boots) > 1 and isinstance(boots[-2].crash, PowerLoss)
        return is_lost and self._search_plan is not None

    def _branched_losses(
        self, run: CaseRun, search: LossSearch, loss: PowerLoss, most: int
    ) -> CaseRun:
        """Judge images behind other power losses of the boot before; keep a failure, else the run.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
        """
        prng = Prng(derive_seed(loss.seed, "branch"))
        model, before = self._stored.contract.model, self._recorded[-2]
        own, images = self._boots, self._search(before, model)
        first, step = search.coverage.judged, min(most, IMAGES_OF_A_BRANCH)
        for until in range(step, most + 1, step):
            self._boots = branch_after_power(own, before, images, prng) or own
            if self._boots is own:
                continue
            recorded = self._boots.as_power_finds()
            behind = self._search(recorded, model)
            behind.coverage, behind.searched = search.coverage, search.searched
            found = behind.explore(prng, first + until)
            if found is not None and found.judgement.verdict is Verdict.FAIL:
                run = self._powered_run(recorded, found, search.coverage)
                break
            self._boots = own
        return replace(run, search=search.searched.totals())

    def _search(self, recorded: RecordedBoot, model: PersistenceModel) -> LossSearch:
        """Return a search of the last boot's images under a model; what it judges is noted."""
        plan = self._search_plan
        return LossSearch(
            recorded,
            model,
            recover=self._recovery_runs.restored,
            judge=self._judge_boot,
            recover_new=self._recovery_runs.recoverer(self._targets),
            order=SearchOrder.NOVEL if plan is None else plan.order,
            keeps_part=plan is not None,
        )

    def _judge_boot(self, history: BootHistory, recoveries: Recoveries) -> Judgement:
        judgement = self._oracle.judge(self._history(recoveries, history))
        self._judged.update(judgement.judged)
        return judgement

    def _under_weakest(self, recorded: RecordedBoot, seed: int, most_images: int) -> CaseRun | None:
        """Return a failure under the weakest model; the contract's is stricter."""
        search = self._search(recorded, WEAKEST)
        other = search.explore(Prng(seed + 1), most_images, first_images=FIRST_OF_FEW)
        if other is None or other.judgement.verdict is not Verdict.FAIL:
            return None
        return self._powered_run(recorded, other, search.coverage)

    def _torn_inside(self, recorded: RecordedBoot, seed: int, most_images: int) -> CaseRun | None:
        """Return a failure that needs a write torn inside a sector; the contract has none."""
        torn = replace(recorded, atomic_bytes=ANY_BYTE)
        search = self._search(torn, power_models()[0])
        other = search.byte_torn(Prng(seed + 1), most_images)
        if other is None:
            return None
        run = self._powered_run(torn, other, search.coverage)
        return replace(run, atomic_bytes=ANY_BYTE)

    # The power was lost on the plane.

    def _real_trees(self, plane: Plane, loss: PowerLoss, *, mounts: int) -> PlaneTrees:
        directory = self._sandbox.directory
        return run_on_plane(
            plane, self._boots, self._stored, directory, seed=loss.seed, mounts=mounts
        )

    def _plane_search(self, plane: Plane, trees: PlaneTrees) -> tuple[RecordedBoot, PlaneSearch]:
        """Return the last boot as the plane recorded it, and a search of what it left there."""
        recorded = self._boots.as_power_finds()
        search = PlaneSearch(
            recorded,
            trees.trees,
            plane.variant.models[0],
            recover=self._recovery_runs.restored,
            judge=self._judge_boot,
        )
        return recorded, search

    def _explore_plane(self, plane: Plane, loss: PowerLoss) -> CaseRun:
        """Lose the power of a real file system in the last boot, and judge what cuts leave.

        Raises:
            NotModelled: the trace means something that the models have no rule for.
        """
        trees = self._real_trees(plane, loss, mounts=loss.images)
        if trees.doubt:
            return self._not_judged(trees.doubt)
        recorded, search = self._plane_search(plane, trees)
        model = self._stored.contract.model
        result = search.explore(Prng(loss.seed), model, most=loss.images, sought=self._sought)
        if result.own is None:
            doubt = "every tree was one that only a weaker model covers"
            run = replace(self._not_judged(doubt), coverage=search.coverage)
        else:
            run = self._powered_run(recorded, result.own, search.coverage)
        if result.weaker is None:
            return run
        weaker = self._powered_run(recorded, result.weaker, search.coverage)
        return replace(run, portability_failure=weaker)

    def _powered_run(
        self,
        recorded: RecordedBoot,
        judged: Judged,
        coverage: Coverage,
    ) -> CaseRun:
        """Return the run of a case that ends with one image of its last boot."""
        self._boots.end_without_power(recorded, judged.candidate.choice)
        if doubt := self._space_doubt(self._history(judged.recoveries)):
            return replace(self._not_judged(doubt), coverage=coverage)
        self._left = judged.candidate.image
        judgement = replace(judged.judgement, judged=frozenset(self._judged))
        run = self._case_run(self._history(judged.recoveries), judgement, self._doubt(judgement))
        return replace(run, coverage=coverage)

    # What comes of it.

    def _history(self, recoveries: Recoveries, last: BootHistory | None = None) -> History:
        return History(self._boots.histories(last), recoveries)

    def _not_judged(self, doubt: str) -> CaseRun:
        nothing = Recoveries(first=RecoveryFailure(FailureKind.DIED, "it was not tried"))
        judgement = Judgement(Verdict.INCONCLUSIVE, (), frozenset(), ())
        return self._case_run(self._history(nothing), judgement, doubt)

    def _case_run(self, history: History, judgement: Judgement, doubt: str) -> CaseRun:
        watched = tuple(self._boots.watched)
        plans = tuple(boot.plan for boot in watched)
        stored = self._stored
        rest = stored.case.boots[len(plans) :]
        return CaseRun(
            case=replace(stored.case, boots=plans + rest),
            boots=watched,
            history=self._oracle.noted(history),
            judgement=judgement,
            recoveries=self._recovery_runs.recoveries + len(watched) - 1,
            doubt=doubt,
            model=self._boots.model(),
            image=self._left if self._is_fresh or judgement.verdict is Verdict.FAIL else None,
            atomic_bytes=stored.contract.atomic_bytes,
        )

    @property
    def left(self) -> Image | None:
        """What the last crash left, as far as that was judged last."""
        return self._left

    @property
    def further(self) -> FurtherRecoveries:
        """How the images that were judged so far were recovered beside the first time."""
        return self._recovery_runs.further

    def _doubt(self, judgement: Judgement) -> str:
        if unmodelled := self._boots.unmodelled():
            return unmodelled
        if self._shown is not None and judgement.verdict is Verdict.PASS:
            names = ", ".join(sorted({v.invariant.value for v in self._shown.violations}))
            return f"{names} showed in a shared process and not in a fresh one"
        return self._boots.cut_short()


def _unjudged(_: BootHistory, __: Recoveries) -> Judgement:
    raise AssertionError("an image that other boots go on from is not judged")
