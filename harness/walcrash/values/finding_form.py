"""What a finding in a format has to be, beyond the types of its fields.

A finding comes from event logs, bundles and stores, which strangers make. Its id becomes a file's
name and a word of a command line, so it is nothing but letters and digits behind `F-`.

Not here: the fields (`finding`, `fate`), and how they are read (`codec`).
"""

import re
from collections.abc import Mapping
from typing import Final

from walcrash.values.codec_scalars import Mismatch, found
from walcrash.values.codec_shapes import Check
from walcrash.values.fate import FateKind, RecordFate
from walcrash.values.finding import Finding

_ID: Final = re.compile(r"F-[0-9a-z]{1,64}", re.ASCII)


def _check_finding(finding: Finding) -> None:
    if not _ID.fullmatch(finding.id):
        raise found(finding.id, "`F-` and 1 to 64 digits", place=".id")
    if not finding.violations:
        raise Mismatch("found []; a finding breaks at least one invariant", place=".violations")
    if finding.replays_alike > finding.replays:
        allowed = f"a whole number, 0 to {finding.replays}, the number of replays"
        raise found(finding.replays_alike, allowed, place=".replays_alike")


def _check_record_fate(fate: RecordFate) -> None:
    if not fate.copies and fate.kind is not FateKind.NEVER_WRITTEN:
        raise Mismatch(
            f"found []; allowed where the kind is `{FateKind.NEVER_WRITTEN.value}` alone",
            place=".copies",
        )


FINDING_CHECKS: Final[Mapping[type, Check]] = {
    Finding: _check_finding,
    RecordFate: _check_record_fate,
}
"""What the types of a finding's fields cannot say."""
