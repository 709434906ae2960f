"""One run of a case whose files go bad between two boots.

Not here: the boots themselves (`one_run`), which damages are tried (`rot_between`).
"""

from dataclasses import replace

from walcrash.case.case_run import CaseRun
from walcrash.case.one_run import OneRun
from walcrash.case.rot_between import damages_between, rot_between, with_damage_between
from walcrash.case.rot_search import versions_of
from walcrash.recorder.tree import capture
from walcrash.values.case import Case
from walcrash.values.contract import Damage
from walcrash.values.fault_matrix import NO_FAULTS, FaultMatrix
from walcrash.values.faults import Rot
from walcrash.values.recovery import Recovery
from walcrash.values.verdict import Verdict


def kind_of_run(case: Case) -> type[OneRun]:
    """Return the class that runs a case."""
    return OneRun if rot_between(case) is None else DamagedRun


class DamagedRun(OneRun):
    """One run of such a case; the boots behind the damage are run once for each that is tried."""

    def run(self) -> CaseRun:
        """Run the boots in order with the damage between them, and judge what the last one left.

        Raises:
            Inconclusive: the kernel refuses interception.
            HarnessFault: the harness could not do its work.
            ScenarioError: the subject cannot be loaded.
            OSError: the working directory cannot be used.
        """
        fault = rot_between(self._stored.case)
        assert fault is not None, "another class runs what is not damaged"
        # The boots behind a damage begin on files that are no crash state of a trace.
        self._search_plan = None
        before = fault.boot + 1
        ended = self._run_boots(1, before)
        if ended is not None:
            return ended
        if len(self._boots.watched) < before or not self._boots.watched[-1].can_go_on:
            return self._concluded()
        return self._run_behind(fault)

    def _run_behind(self, fault: Rot) -> CaseRun:
        """Damage what is there in one way after the other, and run the other boots on that."""
        own, image = self._boots, capture(self._sandbox.directory)
        is_judged = Damage.ROT in self._stored.contract.detects
        run, damaged = None, NO_FAULTS

        def undamaged() -> Recovery | None:
            shown = self._recovery_runs.damaged(image, None).first
            return shown if isinstance(shown, Recovery) else None

        for found in damages_between(fault, image, versions_of(own)):
            self._boots = own.damaged(found)
            run = self._run_boots(fault.boot + 2) or self._concluded()
            run = with_damage_between(
                run, fault, found.rotted.damage, recover=undamaged, is_judged=is_judged
            )
            damaged = FaultMatrix.sum([damaged, run.damaged])
            if run.verdict is Verdict.FAIL:
                break
        if run is None and fault.damage is not None:
            return self._not_judged("the damage changes nothing")
        if run is None:
            return self._run_boots(fault.boot + 2) or self._concluded()
        if run.verdict is not Verdict.FAIL:
            # Later boots would go on with one of the damages, and its case names none.
            self._left = None
        return replace(run, damaged=damaged)
