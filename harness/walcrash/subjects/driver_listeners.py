"""Network listeners of a driver that other machines could reach.

Looked for when a driver has opened: in its process and in what it has started. TCP only, since
that is what servers listen on; not what it opens later in its boot.

Source: `psutil.Process.net_connections`.
"""

import contextlib
import ipaddress
from collections.abc import Iterator

import psutil

from walcrash.subjects.driver_family import started_by


def foreign_listener(pid: int) -> str:
    """Return an address that is listened on and is no loopback one; empty if there is none."""
    return next((address for each in (pid, *started_by(pid)) for address in _listeners(each)), "")


def _listeners(pid: int) -> Iterator[str]:
    """Yield the addresses beyond loopback that a process listens on."""
    # It may be gone, or another user's.
    with contextlib.suppress(psutil.Error):
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN:
                address = _address(connection.laddr.ip)
                if not address.is_loopback:
                    yield f"{address} port {connection.laddr.port}"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
