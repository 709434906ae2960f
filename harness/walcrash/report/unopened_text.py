"""A subject that could not be opened in an empty directory: what it did, and what it printed.

Not here: the sentence that says so, which is the reason of its scenario.
"""

from walcrash.report.explain_text import boot_lines
from walcrash.report.finding_text import WIDTH
from walcrash.report.text import INDENT, escape
from walcrash.values.log import ScenarioEnded


def unopened_lines(scenario: ScenarioEnded, *, width: int = WIDTH) -> list[str]:
    """Return the lines for one scenario; none where its subject was opened."""
    unopened = scenario.unopened
    if unopened is None:
        return []
    lines = [
        line
        for number, boot in enumerate(unopened.story.boots[:1], start=1)
        for line in boot_lines(unopened.story, number, boot, width)
    ]
    printed = unopened.output.split("\n") if unopened.output else ["nothing"]
    return [*lines, "PRINTED", *(f"{INDENT}{escape(line)}" for line in printed)]
