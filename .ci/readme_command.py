"""Print the n-th command line of README.md: CI runs what a newcomer would type."""

import re
import sys
from pathlib import Path

readme = Path(__file__).parent.parent / "README.md"
blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
sys.stdout.write(blocks[int(sys.argv[1]) - 1])
