"""Evidence as bundles of format 1 and 2, and stores up to format 3, kept it.

Fields were renamed, crashes and image choices are written as in stored cases, and a landing has
its facts as fields. What is no such evidence is left as it is, for the reader to refuse.

Not here: landings (`values.facts_upgrade`), cases (`values.case_upgrade`).
"""

from typing import Any, Final

from walcrash.values.case_upgrade import upgraded_choice_text
from walcrash.values.codec_shapes import TAG
from walcrash.values.facts_upgrade import upgrade_facts

_ALONE: Final = frozenset(
    {"CaseRun", "Coverage", "CrashLanding", "Image", "Landing", "OperationState", "Record",
     "Resume", "SubjectState"}
)  # fmt: skip
"""Classes that were named where a field may hold no other, but for null."""

_CRASHES: Final = {"CrashPoint": "kill", "KillTimer": "kill-timer", "PowerLoss": "power"}


def upgraded_evidence(form: object) -> Any:
    """Return evidence of an older version as this one has it.

    Raises:
        Mismatch: it has an image choice that is none.
        RecursionError: its values are nested too deeply.
    """
    made = _walk(upgrade_facts(form))
    if isinstance(made, dict) and isinstance(made.get("run"), dict):
        _rename(made["run"], "beside", "portability_failure")
        history = made["run"].get("history")
        if isinstance(history, dict) and isinstance(history.get("recoveries"), dict):
            _rename(history["recoveries"], "elsewhere", "perturbed")
    return made


def _rename(table: dict[str, Any], old: str, new: str) -> None:
    if old in table and new not in table:
        table[new] = table.pop(old)


def _walk(form: Any) -> Any:
    if isinstance(form, list):
        return [_walk(each) for each in form]
    if not isinstance(form, dict):
        return form
    made = {name: _walk(each) for name, each in form.items()}
    tag = made.get(TAG)
    if tag == "RecoveryFailure" and made.get("kind") == "rubbish":
        made["kind"] = "malformed-output"
    elif isinstance(tag, str) and tag in _ALONE:
        del made[TAG]
    elif isinstance(tag, str) and tag in _CRASHES:
        made[TAG] = _CRASHES[tag]
        if "choice" in made:
            made["choice"] = upgraded_choice_text(made["choice"])
    return made
