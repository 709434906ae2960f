"""The plain loop that anyone would write to test a WAL against kills: the bench compares with it.

Start a Python that appends with the reference WAL and says so line by line; kill it after some
lines; start a Python that replays; see whether all is there that was said. It is a program:
`append DIRECTORY COUNT` and `replay DIRECTORY` are its two halves.
"""

import subprocess
import sys
import time
from pathlib import Path

from walcrash.values.record import Record, RecordType
from walcrash.wal import open_store

PAYLOAD = b"x" * 100


def append(directory: Path, count: int) -> None:
    """Append, and say the id of each record when it is acknowledged."""
    store = open_store(directory)
    for number in range(count):
        store.append(Record(RecordType.PUT, f"op-{number}", number + 1, PAYLOAD))
        print(f"op-{number}", flush=True)  # noqa: T201
    # A worker that is killed never comes to its end.
    time.sleep(600)


def replay(directory: Path) -> None:
    """Say the ids of all records."""
    with open_store(directory) as store:
        for _, record in store.replay():
            print(record.id)  # noqa: T201


def run_plain_case(directory: Path, *, operations: int, lines: int) -> bool:
    """Append, kill after so many lines, replay; return whether all that was said is there."""
    python = [sys.executable, "-P", "-m", __name__]
    worker = subprocess.Popen(
        [*python, "append", str(directory), str(operations)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    with worker:
        said = [worker.stdout.readline().strip() for _ in range(lines)]
        worker.kill()
        said += worker.stdout.read().split()
    done = subprocess.run(
        [*python, "replay", str(directory)], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[: len(said)] == said


if __name__ == "__main__":
    if sys.argv[1] == "append":
        append(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        replay(Path(sys.argv[2]))
