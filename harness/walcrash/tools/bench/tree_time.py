"""Processor time of a process and of all that it started.

Not here: what is measured with it (`search`, `state_rates`).
"""

import psutil


def cpu_seconds() -> float:
    """Return the processor time of this process, its descendants, and what they have reaped."""
    found = 0.0
    here = psutil.Process()
    for process in (here, *here.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        found += times.user + times.system + times.children_user + times.children_system
    return found
