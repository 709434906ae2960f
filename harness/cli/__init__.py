"""The command line: arguments in, a campaign in the middle, an exit code out."""

from harness.cli.commands import walcrash
from harness.cli.entry import main

__all__ = ["main", "walcrash"]
