"""Errors: one root; its subclasses decide the exit code.

A message says what was asked, what was found, where, and what was done about it; `hint` is
something that can be pasted or done.
"""

from enum import IntEnum
from typing import Final

LIMITS_HINT: Final = (
    "ulimit -u shows how many processes you may have, ulimit -n how many open files"
)
"""What to look at where no process can be started."""


class ExitCode(IntEnum):
    """What the process ends with; fixed, since scripts depend on it."""

    PASSED = 0
    FINDINGS = 1
    USAGE = 2
    HARNESS_FAULT = 3
    INCONCLUSIVE = 4
    INTERRUPTED = 130


class WalcrashError(Exception):
    """The root of all errors that walcrash raises on purpose.

    Attributes:
        message: what was asked, what was found, where, and what was done about it.
        hint: what to type or to do about it; may be empty.
        exit_code: what the command ends with; the class decides it.
    """

    exit_code = ExitCode.HARNESS_FAULT

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the way back from a job process with the hint."""
        return (_rebuild, (type(self), self.message, self.hint))


def _rebuild(kind: type[WalcrashError], message: str, hint: str) -> WalcrashError:
    return kind(message, hint=hint)


class UsageError(WalcrashError):
    """The command line or an API call asked for something that does not exist or cannot be."""

    exit_code = ExitCode.USAGE


class ScenarioError(WalcrashError):
    """A scenario file is broken, or names a subject that cannot be loaded."""

    exit_code = ExitCode.USAGE


class HarnessFault(WalcrashError):
    """The harness itself could not do its work."""

    exit_code = ExitCode.HARNESS_FAULT


class Inconclusive(WalcrashError):
    """Nothing can be said: interception is missing, or the subject cannot be opened at all."""

    exit_code = ExitCode.INCONCLUSIVE


class SubjectUnopened(Inconclusive):
    """The subject cannot be started, or opened in an empty directory: nothing can be tested."""


class Interrupted(WalcrashError):
    """Somebody asked to stop."""

    exit_code = ExitCode.INTERRUPTED
