"""`python -m walcrash` is `walcrash`."""

import sys

from walcrash.cli import main

if __name__ == "__main__":
    sys.exit(main())
