"""Redis is watched with its server: what each setting promises is kept, and no more."""

import contextlib
import os
import signal
from pathlib import Path

import pytest
from command import InThisProcess
from needs import need_program

from walcrash.subjects.contract_suite import put
from walcrash.subjects.engines.redis import RedisAdapter
from walcrash.tools.selftest import run_planted
from walcrash.values.contract import PersistenceModel, Promise
from walcrash.values.planted import Planted
from walcrash.values.verdict import Invariant


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
        pytest.param("always", "power", "all", "ordered", None, marks=pytest.mark.slow),
        # Zeros at the end of its file are no truncated file, and it refuses them.
        pytest.param(
            "always", "power", "all", "ext4", Invariant.UNRECOVERABLE, marks=pytest.mark.slow
        ),
        ("always", "kill", "all", "ext4", None),
        pytest.param("no", "kill", "all", "ordered", None, marks=pytest.mark.slow),
        pytest.param("no", "power", "prefix", "ordered", None, marks=pytest.mark.slow),
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
    (result,) = run_planted([expected], seeds=1, job_count=1, make_executor=InThisProcess)
    assert result.is_as_expected, result.runs


SLOW_SYNCS = """#!/bin/sh
exec {strace} -qq -f -o /dev/null -e inject=fdatasync:delay_enter=700000 {server} "$@"
"""


def test_everysec_replies_before_it_writes_while_it_syncs(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why its contract promises a prefix after a kill, and not everything."""
    strace = need_program("strace")
    slow = tmp_path / "bin" / "redis-server"
    slow.parent.mkdir()
    slow.write_text(SLOW_SYNCS.format(strace=strace, server=server))
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=":")
    directory = tmp_path / "store"
    directory.mkdir()
    replied, reply = os.pipe()
    worker = os.fork()
    if worker == 0:
        try:
            os.setsid()
            subject = RedisAdapter(appendfsync="everysec")
            subject.open(directory, lambda _: None)
            for number in range(4):
                subject.append(put(f"id {number}", number + 1))
            os.write(reply, b"4")
            signal.pause()
        finally:
            os._exit(1)
    os.close(reply)
    try:
        assert os.read(replied, 1) == b"4"
    finally:
        os.close(replied)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker, signal.SIGKILL)  # and with it strace and the server
        os.waitpid(worker, 0)
        monkeypatch.undo()
    again = RedisAdapter(appendfsync="everysec")
    again.open(directory, lambda _: None)
    kept = [record.id for _, record in again.replay(0)]
    again.close()
    assert kept == [f"id {number}" for number in range(4)][: len(kept)]
    assert len(kept) < 4
    assert again.contract.kill is Promise.PREFIX
