"""Scenarios on the plane: every case ends with a power loss of a real file system.

Not here: the file systems (`walcrash.blocks.file_systems`), one case there (`case.plane_run`).
"""

import shlex
from dataclasses import replace

from walcrash.values.faults.plan import BootSelector, FaultKind, FaultPlan
from walcrash.values.scenario import Scenario


def on_plane(scenario: Scenario, name: str) -> Scenario:
    """Return a scenario whose faults are its power losses, or one power loss if it has none.

    They may fall into any boot: what ends the last one has to be one of them. Its origin is the
    command that asks for the plane.
    """
    losses = [
        replace(plan, boots=BootSelector.ANY)
        for plan in scenario.faults
        if plan.kind is FaultKind.POWER
    ]
    return replace(
        scenario,
        faults=tuple(losses) or (FaultPlan(kind=FaultKind.POWER),),
        origin=f"run {shlex.quote(scenario.path)} --plane {name}",
    )
