"""A log of any length is judged in the same memory."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from walcrash.values.record import Record, RecordType
from walcrash.wal.vixw import encode_record

ROOT = Path(__file__).parents[2]
MEGABYTES = 100
"""How much of a log is judged, at least."""
SECONDS = 240

MEASURED = """
import resource, sys
from walcrash.cli import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, code, file=sys.stderr)
"""


def kilobytes(path: Path, *words: str) -> tuple[int, int]:
    """Return the most memory that judging a file takes, KiB, and its length of output."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "verify", str(path), "--format", "vixw", *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "harness")},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    peak, code = done.stderr.split()
    assert code == "0"
    return int(peak), len(done.stdout)


def record(name: str, payload: bytes) -> bytes:
    return b"".join(encode_record(Record(RecordType.PUT, name, 1, payload)))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    small = tmp_path / "small.log"
    small.write_bytes(record("op-1", b"x"))
    large = tmp_path / "large.log"
    with large.open("wb") as file:
        # One record as long as half of the file, then many, all of them pending.
        file.write(record("whole", b"\1" * (MEGABYTES << 19)))
        for index in range(50_000):
            file.write(record(f"op-{index}", b"\1" * 1500))
    assert large.stat().st_size > MEGABYTES << 20
    few, _ = kilobytes(small)
    many, shown = kilobytes(large)
    assert many - few < 40 * 1024
    assert shown < 10_000
    listed, all_shown = kilobytes(large, "--records", "all", "--json")
    assert listed - few < 40 * 1024
    assert all_shown > 50_000 * 100


def test_a_sparse_file_of_zeros_does_not_have_to_fit(tmp_path: Path) -> None:
    path = tmp_path / "sparse.log"
    path.write_bytes(record("op-1", b"x"))
    os.truncate(path, 256 << 20)
    done = subprocess.run(
        [sys.executable, "-m", "walcrash", "verify", str(path), "--format", "vixw", "--json"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "harness")},
        capture_output=True,
        timeout=SECONDS,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20)),
    )
    verified = json.loads(done.stdout)
    assert verified["flaw_counts"]["torn-tail"] == 1
    assert verified["last_good_offset"] == len(record("op-1", b"x"))
