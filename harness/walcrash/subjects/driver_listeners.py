"""Network listeners of a driver that somebody outside this machine could reach.

Looked for in `/proc` when a driver has opened: in its process and in what it has started. TCP
only, since that is what servers listen on; not what it opens later in its boot.

Source: `proc_pid_net(5)`, `proc_pid_fd(5)`.
"""

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from typing import Final

_LISTENING: Final = "0A"
_WORD: Final = 8


def foreign_listener(pid: int) -> str:
    """Return an address that is listened on and is no loopback one; empty if there is none."""
    found = dict(_listeners(pid))
    if not found:
        return ""
    for each in _family(pid):
        for inode in _sockets(each):
            if inode in found:
                return found[inode]
    return ""


def _listeners(pid: int) -> Iterator[tuple[str, str]]:
    """Yield inode and address of what is listened on beyond loopback, by any process."""
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}", encoding="ascii") as f:
            for row in list(f)[1:]:
                words = row.split()
                if words[3] == _LISTENING and not (address := _address(words[1]))[0].is_loopback:
                    yield words[9], f"{address[0]} port {address[1]}"


def _address(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    digits, _, port = text.partition(":")
    # Each group of four bytes is in the machine's order, which is little-endian here.
    groups = [digits[at : at + _WORD] for at in range(0, len(digits), _WORD)]
    packed = b"".join(bytes.fromhex(group)[::-1] for group in groups)
    address = ipaddress.ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address, int(port, 16)


def _family(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as listing:
                for child in listing.read().split():
                    yield from _family(int(child))


def _sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                name = os.readlink(f"/proc/{pid}/fd/{fd}")
                if name.startswith("socket:["):
                    yield name[len("socket:[") : -1]
