"""Of planted bugs: what their finding says became of the record is the planted cause.

`expected.toml` has the marks that a finding may have. It may be silent; it may say nothing else.
`walcrash selftest --fates` holds all bugs to that.
"""

import json
from pathlib import Path

import pytest
from command import walcrash_here

HELD = (
    "buffered-append",
    "uncut-tail",
    "adopted-temporary",
    "early-acknowledgement",
    "unsynced-temporary",
    "state-before-log",
)
"""One bug for each way in which a record goes, and for each that is told otherwise."""


@pytest.mark.slow
def test_what_became_of_the_record_is_the_planted_cause(tmp_path: Path) -> None:
    done = walcrash_here(tmp_path, "selftest", "--fates", "--json", *HELD)
    found = json.loads(done.stdout)
    assert [each["name"] for each in found] == list(HELD)
    wrong = {each["name"]: each["findings"] for each in found if not each["is_right"]}
    assert wrong == {}
    assert done.returncode == 0
    silent = [
        each["name"]
        for each in found
        for finding in each["findings"]
        if finding["verdict"] == "silent"
    ]
    assert silent == []
