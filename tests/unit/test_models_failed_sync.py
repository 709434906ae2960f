"""`walcrash models failed-sync`: what real file systems say after an fsync that failed."""

import json
from pathlib import Path

import pytest
from command import walcrash_here
from needs import need_real_file_systems

from walcrash.blocks import abilities
from walcrash.report.failed_syncs_text import publish_failed_syncs
from walcrash.tools.models.failed_syncs import measure_failed_syncs
from walcrash.values.errors import UsageError
from walcrash.values.failed_sync import FailedSync

FOUND = FailedSync(
    file_system="xfs",
    kernel="6.18",
    first="EIO",
    memory=("new", "old"),
    second="0",
    other="0",
    later="0",
    dropped=("old", "zeros"),
    lost=("old",),
    worn_lost=("old",),
    again="0",
    again_lost=("old", "later"),
)


def test_what_ext4_does_is_what_the_page_of_the_model_says() -> None:
    """Rules 15 and 16 of `ext4`: nothing is durable, and no later sync writes it."""
    need_real_file_systems()
    (found,) = measure_failed_syncs(["ext4"])
    assert (found.first, found.second, found.other, found.later) == ("EIO", "0", "0", "0")
    assert found.memory == ("new", "old", "old", "new")
    assert found.dropped == found.lost == ("old", "old", "later", "zeros")
    # What the last block is then is a fault of some kernels, and no rule.
    assert (found.again, found.again_lost[:3]) == ("0", ("old", "old", "old"))


def test_what_journalled_data_lost_is_in_the_journal_until_that_has_gone_round() -> None:
    need_real_file_systems()
    (found,) = measure_failed_syncs(["ext4-journal"])
    assert (found.first, found.lost) == ("EIO", ("new", "old", "later", "new"))
    assert found.worn_lost == found.dropped == ("old", "old", "later", "zeros")


def test_a_file_system_that_there_is_not_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="there is no `ext9`; allowed: ext4, "):
        measure_failed_syncs(["ext9"])


def test_a_machine_that_cannot_record_is_inconclusive_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abilities.os, "geteuid", lambda: 1000)
    done = walcrash_here(tmp_path, "models", "failed-sync")
    assert (done.returncode, done.stdout) == (4, "")
    assert "it needs root" in done.stderr


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_what_was_found_is_printed(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert publish_failed_syncs([FOUND], form=form) == 0
    said = capsys.readouterr().out
    if form == "json":
        table = json.loads(said)
        assert table["format"] == 1
        assert table["file_systems"][0]["memory"] == ["new", "old"]
    else:
        assert "new, old" in said
        assert "EIO" in said
        assert said.startswith("| file system | kernel |") is (form == "markdown")
