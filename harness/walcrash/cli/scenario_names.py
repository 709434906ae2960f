"""From the names on a command line to loaded scenarios."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from walcrash.values.errors import UsageError

if TYPE_CHECKING:
    from walcrash.values.scenario import Scenario


def load_scenarios(names: Sequence[str]) -> "tuple[Scenario, ...]":
    """Return the scenarios, each under the name or path that it was asked for by.

    Raises:
        UsageError: two of them have the same name.
        ScenarioError: one is missing or broken.
    """
    from dataclasses import replace

    from walcrash.scenario.file import find_scenarios, load_scenario

    # A shipped scenario goes by its name: its path is that of this installation only.
    words = dict.fromkeys(names) or [path.stem for path in find_scenarios(())]
    loaded = tuple(
        replace(load_scenario(path), path=word) for word in words for path in find_scenarios([word])
    )
    for scenario in loaded:
        alike = [other.path for other in loaded if other.name == scenario.name]
        if len(alike) > 1:
            raise UsageError(
                f"two scenarios are called {scenario.name}: {' and '.join(alike)}",
                hint="name each scenario once",
            )
    return loaded
