"""Trees that real file systems left are images of the models, checked without root.

The files in `real_trees/` are in the format of `walcrash.values.real_tree_file`, and were made on
Linux 6.18 by `walcrash models record` with the workloads about sizes, and with drawn ones: cuts at
block writes and flushes of ext4 with blocks of 4 KiB and 1 KiB, and of XFS.

`repaired.json.gz` holds one of each kind that was refused when 10,000 such trees were held against
the models for the first time.

Not here: the smallest case of each rule (`test_disk_ext4_rules`).
"""

from pathlib import Path

import pytest

from walcrash.tools.models.check import Answer, answers
from walcrash.tools.models.files import read_file
from walcrash.tools.models.grounds import REUSED
from walcrash.values.contract import PersistenceModel as Model

PLACE = Path(__file__).parent / "real_trees"


@pytest.mark.parametrize("name", ["ext4", "ext4-1k", "xfs"])
def test_every_tree_that_a_real_file_system_left_is_an_image(name: str) -> None:
    runs = read_file(PLACE / f"{name}.json.gz")
    assert len(runs) >= 14
    wanted = {Model.POSIX} if name == "xfs" else {Model.EXT4, Model.POSIX}
    for run in runs:
        assert set(run.models) == wanted
        for model in run.models:
            refused = [(index, answer.reason) for index, answer in answers(run, model)
                       if answer.reason or not answer.is_decided]  # fmt: skip
            assert not refused, (run.workload, run.background, model)


@pytest.mark.parametrize(
    ("number", "file_system", "not_judged"),
    [(0, "ext4-1k", ""), (1, "btrfs", ""), (2, "btrfs", ""), (3, "ext4-writeback", REUSED)],
)
def test_trees_that_were_refused_once_are_images_or_are_not_judged(
    number: int, file_system: str, not_judged: str
) -> None:
    run = read_file(PLACE / "repaired.json.gz")[number]
    assert run.file_system == file_system
    for model in run.models:
        assert [answer for _, answer in answers(run, model)] == [Answer("", not_judged=not_judged)]
