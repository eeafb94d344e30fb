"""The time of a watch: that of the system when it began, and from then on a steady clock.

A system clock that is set, by a user or over the network, moves no record from one window to
another. The steady clock counts the time that a machine sleeps, where the system has such a one.
"""

from __future__ import annotations

import time
from typing import Final

from logan.report import units

__all__ = ["SystemClock", "now"]

SET_S_MIN: Final = 5.0
"""A clock that moves by less at once is being corrected, or was read late after a sleep."""


def _steady() -> float:
    if not hasattr(time, "clock_gettime"):  # Windows, where only help and messages get here
        return time.monotonic()
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


_BEGAN = time.time() - _steady()


def now() -> float:
    """Seconds since 1970."""
    return _BEGAN + _steady()


class SystemClock:
    """Tells when the system's clock was set, by comparing it with the steady one."""

    def __init__(self) -> None:
        self._ahead_s = time.time() - now()

    def change(self) -> str | None:
        """How it was set since the last call, the beginning of a sentence; None if it was not."""
        before, self._ahead_s = self._ahead_s, time.time() - now()
        by_s = self._ahead_s - before
        if abs(by_s) < SET_S_MIN:
            return None
        way = "forward" if by_s > 0 else "back"
        return (
            f"the system's clock was set {way} by {units.span(round(abs(by_s)))}: windows and "
            "alerts go on by a steady clock"
        )
