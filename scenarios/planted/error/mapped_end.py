"""Lost put: a page of the mapped log that cannot be read is taken for its end.

Recovery read the log through a mapping, and guarded itself against SIGBUS: what could not be
touched was left out, as behind the end of a file that another process had cut. Once the disk
returned EIO for a page in the middle. All records behind it were left out, the log was written
anew, as on every start, and they were gone.

Repair: take it for an error, and read the page with `read` to be told which.
"""

import mmap
import os

from error_base import CarefulLog

PAGE_BYTES = mmap.PAGESIZE


class Subject(CarefulLog):
    """Reads the log through a mapping, as far as that can be touched."""

    def load(self, name: str, default: bytes) -> bytes:
        path = self.directory / name
        if name != "wal.log" or not path.exists():
            return bytes(super().load(name, default))
        fd = os.open(path, os.O_RDONLY)
        with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as view:
            os.close(fd)
            return self.copied(view)

    def copied(self, view: mmap.mmap) -> bytes:
        """Return what the mapping holds, page by page."""
        read_end, write_end = os.pipe()
        found = b""
        try:
            with memoryview(view) as whole:
                for start in range(0, len(whole), PAGE_BYTES):
                    # A call says EFAULT of an address that a touch would end in SIGBUS for.
                    page = whole[start : start + PAGE_BYTES]
                    os.write(write_end, page)
                    found += os.read(read_end, len(page))
        except OSError as problem:
            self.unreadable(problem)
        finally:
            os.close(read_end)
            os.close(write_end)
        return found

    def unreadable(self, problem: OSError) -> None:
        """Take what cannot be touched for the end."""
