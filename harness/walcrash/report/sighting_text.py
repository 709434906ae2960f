"""Sightings in words: `seen on ext4 6.18`; that a finding was not seen refutes nothing."""

import re

from walcrash.report.text import counted, shorten
from walcrash.values.sighting import Sight, Sighting


def sighting_text(sighting: Sighting) -> str:
    """Return what a real file system made of a finding."""
    name = file_system_text(sighting.file_system, sighting.kernel)
    if sighting.sight is Sight.SEEN:
        among = f", in one of {counted(sighting.trees, 'real tree')}" if sighting.trees else ""
        return f"seen on {name}{among}"
    if sighting.sight is Sight.NOT_SEEN:
        trees = counted(sighting.trees, "real tree")
        return f"tried on {name}: none of {trees} shows it, which refutes nothing"
    return f"not tried on {name}: {shorten(sighting.reason)}"


def file_system_text(name: str, kernel: str) -> str:
    """Return a file system and its kernel as reports name them: `ext4 6.18`."""
    version = re.match(r"\d+\.\d+", kernel, re.ASCII)
    return f"{shorten(name)} {version[0] if version else shorten(kernel)}"
