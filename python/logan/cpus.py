"""How many CPUs there are for us. Knows of affinities and of containers."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpus"]


def cpus() -> int:
    """CPUs this process may use: its affinity, and a container's quota rounded up."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:
        allowed = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(allowed, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        return allowed
