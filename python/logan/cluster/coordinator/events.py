"""What happened: a log of the newest events, and a signal for tasks that wait for a change.

Knows neither jobs nor workers; kinds and sentences come from the callers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

import trio

from logan.cluster.limits import EVENT_CHARS_MAX, EVENTS_KEPT_MAX
from logan.errors import ClusterError
from logan.log import logger_of
from logan.wire.bodies import EventEntry

__all__ = ["Changes", "EventLog"]

logger = logger_of(__name__)


class EventLog:
    """The newest events, oldest first.

    Attributes:
        total: how many there ever were.
    """

    def __init__(self, on_event: Callable[[EventEntry], None] | None = None) -> None:
        self.total = 0
        self._on_event = on_event
        self._kept: deque[EventEntry] = deque(maxlen=EVENTS_KEPT_MAX)

    def __iter__(self) -> Iterator[EventEntry]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> EventEntry:
        return self._kept[index]

    def note(self, kind: str, text: str) -> None:
        """Remember an event: `kind` is joined, left, refused, recovered, verified, missing,
        resumed, unprobed or alarm."""
        self.total += 1
        event = EventEntry(n=self.total, at=time.time(), kind=kind, text=text[:EVENT_CHARS_MAX])
        self._kept.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def newest(self, count: int) -> tuple[EventEntry, ...]:
        """The last `count` events, or what is kept of them."""
        return tuple(self._kept)[-count:] if count > 0 else ()

    def internal_error(self, doing: str, error: Exception) -> ClusterError:
        """What is said, and logged, of a fault of ours that costs one job."""
        logger.error("%s failed", doing, exc_info=error)
        text = f"internal error while {doing}: {type(error).__name__}: {error}"
        self.note("alarm", text)
        return ClusterError(text, hint="this is a fault of logan: please report it")


class Changes:
    """Wakes waiting tasks when a worker connects, leaves or returns a lease, or a job ends."""

    def __init__(self) -> None:
        self._changed = trio.Event()

    def notify(self) -> None:
        """Something changed: all waiting tasks check their condition again."""
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that `notify` follows."""
        while not condition():
            await self._changed.wait()
