"""Not appendable, without a crash: each boot's file is named by the time, and read in that order.

After a correction of the clock, or on another node whose clock was behind, new records were in a
file whose name comes before those of the files that were there already. A replay shows them first,
so a later state is overwritten by an earlier one.

Repair: a name that is higher than all that are there, whatever the clock says. The option
`never_back` does that.

Source: influxdata/influxdb_iox#6227.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from walcrash import Adapter, Contract, EffectSink, Promise, Record


class Subject(Adapter):
    """Keeps a record in each line, and a file for each boot."""

    contract = Contract(power=Promise.NONE)
    supports = frozenset({"reopen"})

    def __init__(self, *, never_back: bool = False) -> None:
        self.never_back = never_back

    def open(self, directory: Path, effect: EffectSink) -> None:
        del effect
        names = sorted(int(path.suffix[1:]) for path in directory.glob("log.*"))
        self.lines: list[bytes] = []
        for name in names:
            data = (directory / f"log.{name}").read_bytes()
            # A line without an end was torn, and a boot's file is never written to again.
            self.lines += [line for line in data.splitlines(keepends=True) if line[-1:] == b"\n"]
        name = time.time_ns()
        if self.never_back:
            name = max([name, *(former + 1 for former in names)])
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.log = os.open(directory / f"log.{name}", flags, 0o644)

    def append(self, record: Record) -> int:
        line = json.dumps(record.to_json()).encode("ascii") + b"\n"
        offset = self.end()
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self.log, rest) :]
        self.lines.append(line)
        return offset

    def replay(self, from_offset: int) -> Iterator[tuple[int, Record]]:
        offset = 0
        for line in self.lines:
            if offset >= from_offset:
                yield offset, Record.from_json(json.loads(line))
            offset += len(line)

    def end(self) -> int:
        return sum(map(len, self.lines))

    def close(self) -> None:
        os.close(self.log)
