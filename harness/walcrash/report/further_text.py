"""What was made of images beside their first recovery, and what was left out: the words for it."""

from typing import Final

from walcrash.report.run_report import RunReport
from walcrash.report.text import counted
from walcrash.values.further_recoveries import FurtherRecoveries
from walcrash.values.history import RecoveryName

_NAMES: Final = {
    RecoveryName.AGAIN: "again",
    RecoveryName.AFTER: "after new records",
    RecoveryName.PERTURBED: "in other surroundings",
}


def further_words(report: RunReport) -> str:
    """Return how many images were recovered in which ways; empty where none was left out of any."""
    further = FurtherRecoveries.sum(scenario.further for scenario in report.scenarios)
    parts = []
    if further.left_out:
        shown = [
            f"{further.made.get(name.value, 0):,} of "
            f"{further.made.get(name.value, 0) + further.left_out.get(name.value, 0):,} {words}"
            for name, words in _NAMES.items()
            if further.left_out.get(name.value)
        ]
        parts.append(f"images recovered {', '.join(shown)}; the others had nothing new")
    if further.later_boots:
        parts.append(f"{counted(further.later_boots, 'boot')} behind those of cases that passed")
    return "; ".join(parts)
