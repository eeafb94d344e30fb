"""A limit of bytes per second for all that a worker reads. Knows no lease and no source.

A token bucket that saves nothing up: time that passed unused is not made up for later.
"""

from __future__ import annotations

import math

import trio

__all__ = ["RateLimit"]


class RateLimit:
    """Bytes per second that must not be exceeded; None means no limit."""

    def __init__(self, bytes_per_second: float | None) -> None:
        self.bytes_per_second = bytes_per_second
        self._free_at = -math.inf

    async def spend(self, size: int) -> None:
        """Return once `size` bytes may have been read."""
        if self.bytes_per_second is None:
            await trio.lowlevel.checkpoint()
            return
        self._free_at = max(trio.current_time(), self._free_at) + size / self.bytes_per_second
        await trio.sleep_until(self._free_at)
