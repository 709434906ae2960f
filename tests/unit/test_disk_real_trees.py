"""Trees that real file systems left are images of the models, checked without root.

The files in `real_trees/` are in the format of `walcrash.values.real_tree_file`, and were made on
Linux 6.18 by `walcrash models record` with the workloads about sizes, and with drawn ones: cuts at
block writes and flushes of ext4 with blocks of 4 KiB and 1 KiB, and of XFS.

Not here: the smallest case of each rule (`test_disk_ext4_rules`).
"""

from pathlib import Path

import pytest

from walcrash.tools.models.check import answers
from walcrash.tools.models.files import read_file
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
