"""Lost put in a later boot: a log that ends with a page is taken for one without a torn tail.

Recovery truncated a torn tail with care, but not where the file ended at a multiple of 4096
bytes: "the kernel writes whole pages, so a whole page was written whole". It is the other way
round. A kill tears a write right there, at the end of a page, so the one place at which nothing
was truncated was the only one at which anything is ever torn. What came next was appended behind
half a record, and the boot after that did not find it.
Its records have at most a hundred bytes: a test of a few of them ends before the first page does.

Repair: truncate the log to its last whole record, wherever the file ends.
"""

import os

from planted_base import PlainLog

PAGE_BYTES = 4096


class Subject(PlainLog):
    """Keeps a torn tail that ends with a page."""

    def truncate_tail(self, position: int) -> None:
        if os.fstat(self.log).st_size % PAGE_BYTES:
            super().truncate_tail(position)

    def close(self) -> None:
        self.rewrite([record for _, record in self.entries])
        super().close()
