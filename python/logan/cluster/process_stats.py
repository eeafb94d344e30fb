"""Memory and CPU of this process, read from the operating system. Sends nothing."""

from __future__ import annotations

from typing import Any

import psutil

__all__ = ["ProcessStats"]


class ProcessStats:
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
