"""What the crashes of a case took, the most severe of it.

Not here: what became of the record that a finding is about (`fate_words`).
"""

from walcrash.values.moments import Placement
from walcrash.values.persistence import is_power_loss
from walcrash.values.rule import Taken
from walcrash.values.story import Aspect, Story, StoryCrash


def taken(story: Story) -> Taken | None:
    """Return what the crashes of a story took; None where it has none that is known."""
    found = {_taken(boot.crash) for boot in story.boots if boot.crash is not None}
    return next((each for each in Taken if each in found), None)


def _taken(crash: StoryCrash) -> Taken:
    if not is_power_loss(crash.model):
        is_torn = crash.placement is Placement.WITHIN
        return Taken.KILL_TORN if is_torn else Taken.KILL_NOTHING
    lost = [fate for fate in crash.fates if not fate.is_kept]
    if any(fate.is_stale for fate in lost):
        return Taken.STALE
    if any(fate.kept and fate.lost for fate in lost):
        return Taken.TORN
    if any(fate.aspect is not Aspect.NAME for fate in lost):
        return Taken.DATA
    return Taken.NAME if lost else Taken.POWER_NOTHING
