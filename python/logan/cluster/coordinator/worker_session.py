"""One connection of a worker: what it was leased, how fast it is, and which files it has.

Knows neither the coordinator nor the scheduler's decisions; reads nothing from its connection.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

import trio

from logan.cluster.transport import Transport
from logan.errors import ProtocolError
from logan.model import Chunk
from logan.scheduler.events import Progress
from logan.wire.bodies import FoundBody, SearchBody
from logan.wire.limits import SEARCHES_MAX
from logan.wire.messages import Found, Hello, Search

__all__ = ["WorkerSession"]

RATE_S: Final = 5.0
"""Over how long a worker's speed is measured."""

RATE_S_MIN: Final = 0.5
"""Over how long at least: two heartbeats at once say nothing of a speed."""

JOBS_REMEMBERED_MAX: Final = 1_024
"""Ended jobs of which a session may still speak: far more than can end while a message travels."""

Key = tuple[str, int, int]


class WorkerSession:
    """One connection of a worker, authenticated.

    Attributes:
        leases: what it was leased and has not answered, even if that ran out meanwhile.
        jobs: ids of the jobs that were sent to it.
        granted: by running job, chunk and attempt of all that it was ever leased: what it says
            of these may be late, what it says of others is made up.
    """

    def __init__(self, hello: Hello, link: Transport, address: str) -> None:
        self.id = hello.session
        self.name = hello.id
        self.link = link
        self.address = address
        self.leases: dict[Key, Chunk] = {}
        self.jobs: set[str] = set()
        self.granted: dict[str, set[tuple[int, int]]] = {}
        self._past_jobs: OrderedDict[str, None] = OrderedDict()
        self.fetched: set[tuple[str, int]] = set()
        self.rss_bytes: int | None = None
        self.cpu_percent: float | None = None
        self.threads = 1
        self.closed: str | None = None
        self.held = 0
        self.scope = trio.CancelScope()
        self._progress: deque[tuple[float, int]] = deque()
        self._returned_bytes = 0
        self._searches: dict[int, tuple[trio.Event, list[FoundBody]]] = {}
        self._search_ids = itertools.count(1)
        self._search_places = trio.Semaphore(SEARCHES_MAX)

    def close(self, why: str, held: int) -> None:
        """End the connection, which held `held` leases, once queued messages are written."""
        self.closed = why
        self.held = held
        self.scope.cancel()

    def grant(self, key: Key, chunk: Chunk) -> None:
        """Note that the worker was leased a chunk."""
        self.leases[key] = chunk
        self.granted.setdefault(key[0], set()).add(key[1:])

    def forget_job(self, job: str) -> None:
        """The job is over; what the session says of it from now on is late."""
        self.jobs.discard(job)
        self.fetched = {each for each in self.fetched if each[0] != job}
        if self.granted.pop(job, None) is not None:
            self._past_jobs[job] = None
            if len(self._past_jobs) > JOBS_REMEMBERED_MAX:
                self._past_jobs.popitem(last=False)

    def check_granted(self, verb: str, key: Key) -> None:
        """Raise `ProtocolError` if the session never had this lease.

        Naming a lease that was revoked or answered, or whose job is over, is not a violation: the
        message was under way, or the worker has not heard of it yet.
        """
        job, *lease = key
        if tuple(lease) not in self.granted.get(job, ()) and job not in self._past_jobs:
            raise ProtocolError(
                f"{verb}: chunk {key[1]} of job {job}, attempt {key[2]}, was never leased to "
                "this session",
                code="state",
            )

    def note_progress(self, now: float, leases: tuple[Progress, ...]) -> None:
        """What a heartbeat says of its leases; those that it answered count as returned."""
        scanned = sum(p.scanned_bytes for p in leases if p.key in self.leases)
        self._progress.append((now, self._returned_bytes + scanned))
        while self._progress[0][0] < now - RATE_S and len(self._progress) > 2:
            self._progress.popleft()

    def note_result(self, size: int) -> None:
        """A lease came back with a result."""
        self._returned_bytes += size

    def rate(self, now: float) -> float:
        """Bytes per second over the last few seconds; finite, and no more than any peer takes."""
        if len(self._progress) < 2:
            return 0.0
        (first, before), (last, after) = self._progress[0], self._progress[-1]
        rate = (after - before) / max(last - first, RATE_S_MIN)
        return min(max(0.0, rate), float(2**62))

    async def search(self, patterns: Sequence[str]) -> FoundBody | None:
        """Ask which files it has; the body of FOUND, or None if it leaves before."""
        # Given back by its answer alone: one that is no longer awaited is still outstanding.
        await self._search_places.acquire()
        id = next(self._search_ids)
        self._searches[id] = (trio.Event(), [])
        try:
            self.link.post(Search(id, SearchBody(patterns=tuple(patterns))))
            event, answer = self._searches[id]
            await event.wait()
            return answer[0] if answer else None
        finally:
            del self._searches[id]

    def take_found(self, message: Found) -> None:
        """An answer to `search`, which may no longer be awaited."""
        self._search_places.release()
        if message.id in self._searches:
            event, answer = self._searches[message.id]
            answer.append(message.body)
            event.set()

    def abandon_searches(self) -> None:
        """The connection is gone; no answer will come."""
        for event, _ in self._searches.values():
            event.set()
