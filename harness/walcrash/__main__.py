"""`python -m walcrash` is `walcrash`: what a shell starts.

Not here: what becomes of a command line (`walcrash.cli.entry`).
"""

import signal
import sys


def main() -> int:
    """Run the command line of this process and return its exit code.

    Until the command line is loaded nothing has begun, so Ctrl-C ends the process as it ends any
    other; Python might lose it in the middle of an import.
    """
    is_interrupted_by_python = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_interrupted_by_python:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from walcrash.cli import main as run_command_line

    if is_interrupted_by_python:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return run_command_line()


if __name__ == "__main__":
    sys.exit(main())
