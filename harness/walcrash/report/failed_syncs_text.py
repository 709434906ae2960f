"""What real file systems did after a failed sync, as text, Markdown and JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from walcrash.report.output import publish
from walcrash.report.text import table
from walcrash.values.errors import ExitCode
from walcrash.values.failed_sync import FailedSync

FORMAT = 1
"""Version of the JSON."""

_HEAD = ("file system", "kernel", "fsync", "memory", "fsync again", "fsync, new descriptor",
         "write, fsync", "read from disk", "after a power loss", "8 MB later",
         "written again, fsync", "after a power loss")  # fmt: skip


def publish_failed_syncs(found: Sequence[FailedSync], *, form: str) -> ExitCode:
    """Print what each file system did.

    Args:
        found: what was measured.
        form: `text`, `markdown` or `json`.
    """
    rows = [_row(each) for each in found]
    if form == "json":
        text = json.dumps({"format": FORMAT, "file_systems": [asdict(each) for each in found]})
    elif form == "markdown":
        lines = (_HEAD, ["---"] * len(_HEAD), *rows)
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    else:
        text = "\n".join(table(_HEAD, rows, left=len(_HEAD)))
    publish(text)
    return ExitCode.PASSED


def _row(each: FailedSync) -> tuple[str, ...]:
    return (
        each.file_system, each.kernel, each.first, ", ".join(each.memory), each.second,
        each.other, each.later, ", ".join(each.dropped), ", ".join(each.lost),
        ", ".join(each.worn_lost), each.again, ", ".join(each.again_lost),
    )  # fmt: skip
