"""How a worker's process is: memory, CPU, pace. Reads the system, sends nothing."""

from __future__ import annotations

import math
from typing import Any

import psutil
import trio

__all__ = ["Pace", "Vitals"]


class Vitals:
    """Memory and CPU of this process."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only starts the measurement

    def sample(self) -> dict[str, Any]:
        """`rss_bytes`, and `cpu_percent` of one CPU since the last call (0 right after it)."""
        with self._process.oneshot():
            return {
                "rss_bytes": int(self._process.memory_info().rss),
                "cpu_percent": float(self._process.cpu_percent()),
            }


class Pace:
    """A token bucket without a store: bytes per second that shall not be exceeded.

    None is no limit.
    """

    def __init__(self, bytes_per_second: float | None) -> None:
        self.bytes_per_second = bytes_per_second
        self._free_at = -math.inf

    async def spend(self, size: int) -> None:
        """Return once `size` bytes are allowed to have been read."""
        if self.bytes_per_second is None:
            await trio.lowlevel.checkpoint()
            return
        self._free_at = max(trio.current_time(), self._free_at) + size / self.bytes_per_second
        await trio.sleep_until(self._free_at)
