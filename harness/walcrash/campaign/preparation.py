"""The preparation of a scenario: its control cases, what follows from them, and what is said of it.

The control cases run in all jobs at once. They are taken in by their order, so what follows is the
same for any number of jobs; where one of them ends it all, what came of those behind it is dropped.

Not here: what a job does for one of them (`control_work`), where the time was not enough
(`time_budget`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from walcrash.campaign.control_work import (
    CONTROL_CASES,
    ControlDone,
    ControlLate,
    ControlWork,
    run_control_work,
)
from walcrash.campaign.pool import JobPool
from walcrash.campaign.time_budget import Costs
from walcrash.campaign.work_ahead import WorkAhead
from walcrash.case.deadline import TimeOver
from walcrash.case.outcome import CaseOutcome
from walcrash.subjects.messages import Description
from walcrash.values.contract import Acknowledges, Contract
from walcrash.values.log import ScenarioStarted, Unopened
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict
from walcrash.workload.fit import Fit
from walcrash.workload.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A scenario that is ready: its subject's description, its profile, its control cases.

    `unopened` is how the subject failed to open in an empty directory, if it did: then there is
    nothing to test. Where the scenario states no workload, a long control
    (`fitting`) is among them, if it passed or failed for certain. `has_hung` says that no control
    came to its end, since each of them hung.
    `costs` is what this took; `is_late` says that the time was over before the last control.
    """

    description: Description
    profile: Profile
    controls: tuple[CaseOutcome, ...]
    unopened: Unopened | None = None
    has_hung: bool = False
    costs: Costs = field(default_factory=Costs)
    is_late: bool = False


def prepare(scenario: Scenario, master_seed: str) -> Prepared:
    """Run a scenario's control cases in this process, one after the other.

    Raises:
        WalcrashError: as `run_control_work`.
        TimeOver: there was no time left to load the subject.
    """
    controls = _Controls(scenario, master_seed)
    prepared = controls.prepared(map(run_control_work, controls.work()))
    assert prepared is not None, "nothing here is interrupted"
    return prepared


def prepare_in(
    pool: JobPool, scenario: Scenario, master_seed: str, *, jobs: int
) -> Prepared | None:
    """Run a scenario's control cases in all jobs; None after an interrupt.

    Where not all of them pass, they are run again one after the other, and that decides: what keeps
    a port or a path of its own meets itself in another job.

    Args:
        pool: where they run.
        scenario: it.
        master_seed: of the campaign.
        jobs: how many processes the pool has.

    Raises:
        WalcrashError: as `run_control_work`; or a job process has died.
        TimeOver: there was no time left to load the subject.
    """
    prepared = _prepare_in(pool, scenario, master_seed, jobs=jobs)
    if jobs == 1 or prepared is None or prepared.is_late or prepared.has_hung:
        return prepared
    if prepared.unopened is None and _have_passed(prepared.controls):
        return prepared
    return _prepare_in(pool, scenario, master_seed, jobs=1)


def _prepare_in(
    pool: JobPool, scenario: Scenario, master_seed: str, *, jobs: int
) -> Prepared | None:
    """Run control cases, so many at once."""
    controls = _Controls(scenario, master_seed)
    # No more than run at once: what waits for a job may turn out not to be needed.
    ahead = WorkAhead(pool, run_control_work, controls.work(), jobs=jobs, pieces_ahead=1)
    try:
        return controls.prepared(done for _, done in ahead)
    finally:
        ahead.stop()
        if jobs > 1 or pool.deadline.is_over:
            ahead.wait()


def _have_passed(controls: Iterable[CaseOutcome]) -> bool:
    """Whether all of some control cases have passed."""
    return all(each.verdict is Verdict.PASS for each in controls)


class _Controls:
    """The control cases of one scenario, taken in one after the other."""

    def __init__(self, scenario: Scenario, master_seed: str) -> None:
        self._scenario = scenario
        self._master_seed = master_seed
        self._done: list[ControlDone] = []

    def work(self) -> Iterator[ControlWork]:
        """Yield what is to be run; the long one only where no other is known to have failed."""
        scenario, seed = self._scenario, self._master_seed
        for index in range(CONTROL_CASES):
            yield ControlWork(scenario=scenario, master_seed=seed, index=index)
        if scenario.workload.is_fitted and self._are_passed:
            yield ControlWork(scenario=scenario, master_seed=seed, index=None)

    def prepared(self, controls: Iterable[ControlDone | ControlLate | None]) -> Prepared | None:
        """Take in what came of the work, as far as it is needed, and return what follows.

        Args:
            controls: in the order of the work; None after an interrupt.

        Raises:
            TimeOver: the time was over before the subject was loaded.
        """
        late: ControlLate | None = None
        is_late = False
        try:
            for each in controls:
                if each is None:
                    return None
                if isinstance(each, ControlLate):
                    late = each
                    break
                if each.unopened is not None:
                    return _unopened(each)
                self._done.append(each)
                if self._is_enough:
                    break
        except TimeOver:
            is_late = True
        if not self._done:
            if late is None:
                raise TimeOver
            return _late(late)
        return self._together(is_late=is_late or late is not None)

    @property
    def _are_passed(self) -> bool:
        return _have_passed(each.outcome for each in self._done)

    @property
    def _is_enough(self) -> bool:
        """Whether no other control is needed, by what came of the last one."""
        is_in_doubt = self._done[-1].outcome.verdict is Verdict.INCONCLUSIVE
        return is_in_doubt or (len(self._done) >= CONTROL_CASES and not self._are_passed)

    def _together(self, *, is_late: bool) -> Prepared:
        usual = [each for each in self._done if each.long is None]
        long = [each for each in self._done if each.long is not None and each.long.is_decided]
        are_passed = _have_passed(each.outcome for each in usual)
        contract = self._scenario.contract or usual[0].description.contract
        fit = fit_of(self._done, contract) if are_passed and not is_late else Fit()
        return Prepared(
            description=usual[0].description,
            profile=replace(Profile.merged([each.profile for each in usual]), fit=fit),
            controls=tuple(each.outcome for each in (*usual, *long)),
            has_hung=all(each.has_hung for each in usual),
            costs=_costs(self._done),
            is_late=is_late,
        )


def fit_of(controls: Sequence[ControlDone], contract: Contract) -> Fit:
    """Return what control cases show; the long one, where there is one, is the last.

    Args:
        controls: in order.
        contract: what the subject promises.
    """
    is_promised_by_sync = contract.acknowledges is Acknowledges.SYNC
    facts = [each.facts for each in controls]
    fit = replace(Fit.merged(facts), is_promised_by_sync=is_promised_by_sync)
    long = controls[-1].long
    if long is None:
        return fit
    longest_bytes = max(each.longest_bytes for each in controls)
    return replace(
        fit,
        takes_second_mark=long.takes_second_mark,
        most_payload_bytes=longest_bytes if long.is_limited else 0,
        room_bytes=long.room_bytes,
    )


def _costs(controls: Sequence[ControlDone]) -> Costs:
    each = [control.costs for control in controls]
    return Costs(
        load_seconds=each[0].load_seconds,
        control_seconds=max(done.ended for done in controls) - min(done.began for done in controls),
        job_seconds=sum(costs.job_seconds for costs in each),
        controls=sum(costs.controls for costs in each),
        starts=sum(costs.starts for costs in each),
        recoveries=sum(costs.recoveries for costs in each),
    )


def _unopened(control: ControlDone) -> Prepared:
    return Prepared(
        description=control.description,
        profile=Profile(),
        controls=(control.outcome,),
        unopened=control.unopened,
    )


def _late(control: ControlLate) -> Prepared:
    return Prepared(
        description=control.description,
        profile=Profile(),
        controls=(),
        costs=Costs(load_seconds=control.load_seconds),
        is_late=True,
    )


def started(scenario: Scenario, prepared: Prepared) -> ScenarioStarted:
    """Return the first line of a scenario that could be prepared."""
    return ScenarioStarted(
        scenario=scenario.name,
        subject=name_subject(scenario),
        contract=scenario.contract or prepared.description.contract,
        supports=tuple(sorted(prepared.description.supports)),
        unjudged=prepared.controls[0].unjudged,
        control_cases=len(prepared.controls),
        path=scenario.path,
        faults=tuple(dict.fromkeys(plan.kind.value for plan in scenario.faults)),
    )


def name_subject(scenario: Scenario) -> str:
    """Return the subject as reports name it, without the machine's directories."""
    name = scenario.subject.name
    options = ", ".join(f"{key}={value}" for key, value in scenario.subject.options.items())
    return f"{name} ({options})" if options else name


def why_untested(prepared: Prepared) -> str:
    """Return why no case can be run; empty where cases can."""
    unopened = prepared.unopened
    if unopened is not None:
        return (
            "the subject cannot be opened in an empty directory: "
            f"{unopened.kind.value}: {unopened.message}"
        )
    if prepared.has_hung:
        return "each case without any crash hung, so no other case was run"
    for outcome in prepared.controls:
        if outcome.refused:
            return f"the subject is broken without a crash: {outcome.refused}"
        if outcome.verdict is Verdict.INCONCLUSIVE:
            return f"already without a crash: {outcome.doubt or 'nothing could be judged'}"
    return ""


def plain_failure(prepared: Prepared) -> CaseOutcome | None:
    """Return the first control case that failed, if any: what it shows needs no crash."""
    if prepared.unopened is not None:
        return None
    failed = (each for each in prepared.controls if each.verdict is Verdict.FAIL)
    return next(failed, None)
