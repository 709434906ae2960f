"""What the doctor saw, as a table or as JSON."""

import json
import shutil
from collections.abc import Sequence

from walcrash.report.output import publish
from walcrash.report.text import block, command, escape
from walcrash.values.errors import ExitCode
from walcrash.values.machine import CheckState, MachineCheck, missing_for_kills

# limits
NARROWEST = 60
"""Columns that are used even on a narrower terminal."""

_NAME_WIDTH = 20
_STATE_WIDTH = 9


def publish_checks(checks: Sequence[MachineCheck], *, as_json: bool) -> ExitCode:
    """Print all checks; the exit code says whether exact kills work here."""
    width = max(NARROWEST, shutil.get_terminal_size((100, 0)).columns)
    publish(checks_json(checks) if as_json else checks_text(checks, width=width))
    return ExitCode.INCONCLUSIVE if missing_for_kills(checks) else ExitCode.PASSED


def checks_json(checks: Sequence[MachineCheck]) -> str:
    """Return the checks and what they come to, as JSON."""
    listed = [
        {
            "name": check.name,
            "state": check.state.value,
            "found": check.found,
            "follows": check.follows,
            "hint": check.hint,
            "needed": check.is_needed,
        }
        for check in checks
    ]
    return json.dumps({"exact_kills": not missing_for_kills(checks), "checks": listed}, indent=2)


def checks_text(checks: Sequence[MachineCheck], *, width: int) -> str:
    """Return the table and its last line."""
    lines = [line for check in checks for line in _lines(check, width)]
    return "\n".join([*lines, "", _conclusion(checks)])


def _lines(check: MachineCheck, width: int) -> list[str]:
    label_width = _STATE_WIDTH + _NAME_WIDTH
    label = f"{check.state.value:<{_STATE_WIDTH}}{check.name}"
    lines = block(label, escape(check.found), width=width, label_width=label_width)
    if check.follows:
        lines += block("", escape(check.follows), width=width, label_width=label_width)
    if check.hint:
        # Not wrapped: it is there to be pasted.
        lines.append(" " * (label_width + 2) + f"hint: {escape(check.hint)}")
    return lines


def _conclusion(checks: Sequence[MachineCheck]) -> str:
    missing = missing_for_kills(checks)
    limited = sum(check.state is CheckState.LIMITED for check in checks)
    if missing:
        names = ", ".join(check.name for check in missing)
        text = f"INCONCLUSIVE  only kills on a timer work here; missing: {names}"
        return "\n".join([text, command("try", "walcrash run random-kill")])
    return f"PASS  everything that exact kills need works; {limited} limited"
