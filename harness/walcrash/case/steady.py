"""A failing case whose clock went back, run with a steady one: does it need that?

Not here: where the clock goes back (`recovery_runs`), in which cases (`workload.draw`).
"""

from dataclasses import replace

from walcrash.case.case_run import CaseRun
from walcrash.case.runner import run_case
from walcrash.case.sandbox import Sandbox
from walcrash.values.case_file import StoredCase
from walcrash.values.verdict import Verdict


def with_steady_clock(
    sandbox: Sandbox, stored: StoredCase, run: CaseRun
) -> tuple[StoredCase, CaseRun]:
    """Return a case and its run, both with a steady clock where that breaks the same.

    Args:
        sandbox: where it runs.
        stored: the case.
        run: what it gave.

    Raises:
        WalcrashError: as `run_case`.
    """
    if not run.case.is_clock_back or run.verdict is not Verdict.FAIL:
        return stored, run
    steady = replace(stored, case=replace(run.case, is_clock_back=False))
    other = run_case(sandbox, steady)
    broken = {violation.invariant for violation in other.judgement.violations}
    return (steady, other) if run.judgement.worst.invariant in broken else (stored, run)
