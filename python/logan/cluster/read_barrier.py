"""Whether all that workers said was heard: asked before a lease runs out.

A coordinator that stood still (stopped, starved, its machine paused) wakes up with leases overdue
and the heartbeats that renew them waiting in sockets. Its own absence must not pass for the
workers' silence, so what waits is read first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from logan.cluster.limits import CATCH_UP_PASSES, CATCH_UP_PAUSE_S, CATCH_UP_S_MAX

__all__ = ["Hearing"]

_T = TypeVar("_T")


class Hearing:
    """Follows the tasks that read what workers say."""

    def __init__(self) -> None:
        self._reads = 0
        self._aside = 0

    def note(self) -> None:
        """Bytes were read."""
        self._reads += 1

    async def aside(self, work: Callable[..., _T], *arguments: object) -> _T:
        """Do `work` in a thread; what its worker says next is not read before that is done."""
        self._aside += 1
        try:
            return await trio.to_thread.run_sync(work, *arguments)
        finally:
            self._aside -= 1

    async def catch_up(self) -> None:
        """Return when nothing more waits to be read, or after `CATCH_UP_S_MAX`."""
        with trio.move_on_after(CATCH_UP_S_MAX):
            before = None
            while self._aside or before != self._reads:
                before = self._reads
                # In each pass those read who could when it began. More than one: of what comes
                # through TLS several reads may make one piece.
                for _ in range(CATCH_UP_PASSES):
                    await trio.lowlevel.checkpoint()
                if self._aside:
                    await trio.sleep(CATCH_UP_PAUSE_S)
