"""A bundle that was written, as text: its path goes to stdout, the rest is talk."""

from pathlib import Path
from typing import Protocol

from walcrash.report.output import publish, talk
from walcrash.report.text import escape, shell_path
from walcrash.values.errors import ExitCode
from walcrash.values.finding import Finding


class Made(Protocol):
    """A bundle, as the campaign gives it."""

    @property
    def finding(self) -> Finding:
        """What is in it."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def size_bytes(self) -> int:
        """Its size."""

    @property
    def subject(self) -> str:
        """What has to be there to replay it."""

    @property
    def is_kept(self) -> bool:
        """Whether what is in it is a run that the campaign kept: it did not happen again."""


def bundle_command(path: str, subject: str) -> str:
    """Return the command that replays a bundle; `subject` is empty where none is named."""
    named = f" --subject {shell_path(subject)}" if subject else ""
    return f"walcrash replay {shell_path(path)}{named}"


def publish_bundle(made: Made) -> ExitCode:
    """Print the bundle's path, and say on stderr what is in it."""
    first = made.finding.worst
    talk(
        f"{escape(made.finding.id)}: {first.invariant.value} in {escape(made.finding.scenario)}, "
        f"{made.size_bytes:,} bytes; the subject is not in it: {escape(made.subject)}"
    )
    if made.is_kept:
        talk("it did not happen again just now: what is in it is the run that the campaign kept")
    publish(shell_path(str(made.path)))
    return ExitCode.PASSED
