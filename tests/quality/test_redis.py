"""Redis is watched with its server: what each setting promises is kept, and no more."""

from pathlib import Path

import pytest
from needs import need_program

from harness.campaign.selftest import run_planted
from harness.values.contract import PersistenceModel
from harness.values.planted import Planted
from harness.values.verdict import Invariant


@pytest.fixture(autouse=True, scope="module")
def server() -> str:
    return need_program("redis-server")


SCENARIO = """
format = 1
name = "{name}"
summary = "Redis loses power."

[subject]
adapter = "redis"
options = {{ appendfsync = "{policy}" }}

[contract]
power = "{power}"
model = "{model}"

[workload]
operations = [3, 6]
payload_bytes = [0, 1, 100]

[workload.mix]
put = 5
done = 2

[[faults]]
kind = "{kind}"
{images}

[budget]
cases = 2
"""


@pytest.mark.parametrize(
    ("policy", "kind", "power", "model", "invariant"),
    [
        ("always", "power", "all", "ext4", None),
        ("always", "kill", "all", "ext4", None),
        ("no", "kill", "all", "ordered", None),
        ("no", "power", "prefix", "ordered", None),
        ("no", "power", "all", "ordered", Invariant.LOST_PUT),
    ],
)
def test_a_setting_keeps_what_it_promises_and_no_more(
    policy: str, kind: str, power: str, model: str, invariant: Invariant | None, tmp_path: Path
) -> None:
    path = tmp_path / "redis.toml"
    images = "images = 15" if kind == "power" else ""
    path.write_text(
        SCENARIO.format(
            name="redis", policy=policy, kind=kind, power=power, model=model, images=images
        )
    )
    expected = Planted(
        name="redis",
        invariant=invariant,
        needs="",
        within_cases=2,
        path=path,
        model=PersistenceModel.ORDERED if invariant else None,
    )
    (result,) = run_planted([expected], seeds=1, job_count=1)
    assert result.is_as_expected, result.runs
