"""Every adapter that ships passes the contract suite, and so do the right planted ones."""

from pathlib import Path

from walcrash.subjects.contract_suite import AdapterContract

PLANTED = Path(__file__).parents[2] / "scenarios" / "planted"


class TestReference(AdapterContract):
    adapter = "reference"


class TestReferenceWithGroupedSyncs(AdapterContract):
    adapter = "reference"
    options = {"sync": "group"}  # noqa: RUF012


class TestReferenceWithoutSyncs(AdapterContract):
    adapter = "reference"
    options = {"sync": "none"}  # noqa: RUF012


class TestRightGroupCommit(AdapterContract):
    adapter = f"{PLANTED}/right_group_commit.py:Subject"


class TestRightPlain(AdapterContract):
    adapter = f"{PLANTED}/planted_base.py:PlainLog"


class TestRightSegments(AdapterContract):
    adapter = f"{PLANTED}/right_segments.py:Subject"


class TestRightSideMarks(AdapterContract):
    adapter = f"{PLANTED}/right_side_marks.py:Subject"


class TestVixw(AdapterContract):
    adapter = "vixw"


class TestVixwWithItsFsyncOnWrite(AdapterContract):
    adapter = "vixw"
    options = {"fsync_on_write": True}  # noqa: RUF012
