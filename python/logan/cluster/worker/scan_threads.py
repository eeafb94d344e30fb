"""The threads of a worker: as many parallel scans as it has threads, whatever its connections.

Knows nothing of leases: work is a function without arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import trio

from logan._logan import Cancel
from logan.errors import CancelledError

__all__ = ["RunInThread", "ScanThreads"]

SLOT_WAIT_S: Final = 0.05
"""How often a thread that waits for a slot checks whether it is still wanted."""

_T = TypeVar("_T")


class RunInThread(Protocol):
    """`trio.to_thread.run_sync`, or what stands in for it in tests."""

    def __call__(
        self,
        work: Callable[..., Any],
        /,
        *args: Any,
        abandon_on_cancel: bool = False,
        limiter: trio.CapacityLimiter | None = None,
    ) -> Awaitable[Any]: ...


class ScanThreads:
    """Threads of one worker.

    Args:
        count: parallel scans.
        run_in_thread: runs a blocking function in a thread.

    Attributes:
        isolated: one token for each child process that scans.
    """

    def __init__(self, count: int, run_in_thread: RunInThread) -> None:
        self.count = count
        self.isolated = trio.CapacityLimiter(count)
        self._run_in_thread = run_in_thread
        self._slots = threading.BoundedSemaphore(count)
        # One more than scan at once: it has found and opened what is to be scanned next.
        self._limiter = trio.CapacityLimiter(count + 1)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run something that scans, in a `scan_slot`, on one of the worker's threads. Canceling
        abandons the thread, which counts until it ends."""
        found: _T = await self._run_in_thread(work, limiter=self._limiter, abandon_on_cancel=True)
        return found

    async def run_aside(self, work: Callable[[], _T], *, abandon_on_cancel: bool = False) -> _T:
        """Run something that blocks but does not scan, such as opening a file."""
        found: _T = await self._run_in_thread(work, abandon_on_cancel=abandon_on_cancel)
        return found

    @contextmanager
    def scan_slot(self, cancel: Cancel) -> Iterator[None]:
        """For threads: wait until fewer than `count` others scan.

        The next one continues where the previous one ends, without a message to the event loop in
        between; what comes before and after a scan is done beside other scans.

        Raises:
            CancelledError: `cancel` was set meanwhile.
        """
        while not self._slots.acquire(timeout=SLOT_WAIT_S):
            if cancel.is_set():
                raise CancelledError("stopped on request before it began")
        try:
            yield
        finally:
            self._slots.release()
