"""How many cores there are to compute on."""

import os


def count_cores() -> int:
    """Count the cores that this process may use: fewer than the machine's in many containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
