"""The command line: arguments in, an exit code out."""

from walcrash.cli.commands import walcrash
from walcrash.cli.entry import main

__all__ = ["main", "walcrash"]
