"""What the preparation of a scenario says: its first line, and why no case of it can be run.

Not here: how it is prepared (`jobs`), where the time was not enough for it (`time_budget`).
"""

from walcrash.campaign.jobs import Prepared
from walcrash.case.outcome import CaseOutcome
from walcrash.values.log import ScenarioStarted
from walcrash.values.scenario import Scenario
from walcrash.values.verdict import Verdict


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
