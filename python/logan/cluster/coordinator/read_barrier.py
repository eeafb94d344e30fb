"""Drains unread messages of workers before leases expire.

A coordinator that stood still (stopped, starved, its machine paused) wakes up with leases overdue
and the heartbeats that renew them waiting in sockets. Its own absence must not count as silence of
the workers, so waiting messages are read first. Knows neither messages nor leases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from logan.cluster.limits import READ_BARRIER_PASSES, READ_BARRIER_PAUSE_S, READ_BARRIER_S_MAX

__all__ = ["ReadBarrier"]

_T = TypeVar("_T")


class ReadBarrier:
    """Follows the tasks that read messages of workers."""

    def __init__(self) -> None:
        self._reads = 0
        self._in_threads = 0

    def note(self) -> None:
        """Bytes were read."""
        self._reads += 1

    async def run_in_thread(self, work: Callable[..., _T], *arguments: object) -> _T:
        """Run `work` in a thread. Until it ends the messages of its worker count as unread."""
        self._in_threads += 1
        try:
            return await trio.to_thread.run_sync(work, *arguments)
        finally:
            self._in_threads -= 1

    async def drain(self) -> None:
        """Return when nothing is left to read, or after `READ_BARRIER_S_MAX`."""
        with trio.move_on_after(READ_BARRIER_S_MAX):
            before = None
            while self._in_threads or before != self._reads:
                before = self._reads
                # In each pass every task reads that could when it began. Several passes: with TLS
                # one piece of data may take several reads.
                for _ in range(READ_BARRIER_PASSES):
                    await trio.lowlevel.checkpoint()
                if self._in_threads:
                    await trio.sleep(READ_BARRIER_PAUSE_S)
