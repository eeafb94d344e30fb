"""Deadlines of entities, in one heap.

Each entity has at most one timer, its `timer_at` (infinity if none). A deadline that moves back,
as a lease's does with every heartbeat, does not touch the heap: the timer goes off at the old
time, its owner sees that nothing is due and arms it anew. So a renewal costs nothing, and the
heap has an entry per session rather than one per lease.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from logan.scheduler.entities import Job, Pool, Session, Worker

__all__ = ["Timed", "Timers"]

Timed = Session | Worker | Pool | Job

STALE_ENTRIES_MIN: Final = 64
"""Below so many entries the heap is not worth tidying."""


class Timers:
    """Timers of records."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._order = 0
        self._armed = 0

    def __len__(self) -> int:
        return self._armed

    def arm(self, record: Timed, at: float) -> None:
        """Go off at `at`, or earlier if the record's timer is set for earlier."""
        if at >= record.timer_at:
            return
        if record.timer_at == inf:
            self._armed += 1
        record.timer_at = at
        self._order += 1
        heappush(self._heap, (at, self._order, record))
        if len(self._heap) > 2 * self._armed + STALE_ENTRIES_MIN:
            self._tidy()

    def disarm(self, record: Timed) -> None:
        if record.timer_at != inf:
            record.timer_at = inf
            self._armed -= 1

    def next_at(self) -> float | None:
        """When the next timer goes off."""
        heap = self._heap
        while heap and heap[0][2].timer_at != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> Iterator[Timed]:
        """Records whose timers have gone off; each is disarmed."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, record = heappop(heap)
            if record.timer_at == at:
                self.disarm(record)
                yield record

    def _tidy(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].timer_at == entry[0]]
        heapify(self._heap)
