"""The time of a watch: that of the system when it began, and from then on a steady clock.

A system clock that is set, by a user or over the network, moves no record from one window to
another. The steady clock counts the time that a machine sleeps, where the system has such a one.
"""

from __future__ import annotations

import time

__all__ = ["now"]


def _steady() -> float:
    if not hasattr(time, "clock_gettime"):  # Windows, where only help and messages get here
        return time.monotonic()
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


_BEGAN = time.time() - _steady()


def now() -> float:
    """Seconds since 1970."""
    return _BEGAN + _steady()
