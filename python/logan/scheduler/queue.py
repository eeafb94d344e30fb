"""The chunks that wait for a worker, and which of them a worker gets next.

Chunks that the same workers can take share a pool; nearly always that is the one pool of chunks
that any worker can take. A worker's next chunk comes from

1. the pools of sources that it holds, in turn, and the pool for any worker, alternately: neither
   kind of job waits for the end of the other;
2. within a pool, first what was lost before, in the order of loss; then results of others that it
   shall confirm; then fresh chunks in the plan's order, the jobs taking turns, so that a small job
   does not wait for the end of a large one.

A worker that answered FAIL does not get that chunk again, unless all connected workers that could
take it have answered so; and then only after a while, as others may be about to come, and one that
failed it least often, as a single bad answer may have been bad luck. Entries go stale when a chunk
is finished from elsewhere (a late result); they are skipped when met, so nothing is searched for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from math import inf
from typing import Final

from logan.scheduler.entities import Chunk, Job, Pool

__all__ = ["WorkQueue"]

LOOK_AHEAD_CHUNKS_MAX: Final = 16
"""Lost chunks that a worker may not take are passed over, but no more than these at once."""

LOOK_AHEAD_POOLS_MAX: Final = 8
"""Pools of a holder that are asked at once; they take turns, so each is asked in time."""


class WorkQueue:
    """Pending chunks, by the workers that can take them."""

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self.pools: dict[frozenset[str] | None, Pool] = {}
        self._with_work: dict[str, deque[Pool]] = {}
        self._of_holder: dict[str, list[Pool]] = {}
        self._connected: set[str] = set()
        self._open_is_next: set[str] = set()
        self._now = 0.0

    # -- connected workers

    def note_connected(self, name: str) -> None:
        """A worker of this name is connected now."""
        self._connected.add(name)
        for pool in self._of_holder.get(name, ()):
            pool.present += 1
            pool.absent_since = inf

    def note_disconnected(self, name: str, now: float) -> list[Pool]:
        """The worker of this name has left. Returns the pools that no worker can take from now."""
        self._connected.discard(name)
        self._open_is_next.discard(name)
        absent = []
        for pool in self._of_holder.get(name, ()):
            pool.present -= 1
            if pool.present == 0:
                pool.absent_since = now
                absent.append(pool)
        return absent

    def connected(self, pool: Pool) -> set[str]:
        """Names of the connected workers that may take chunks of the pool."""
        return self._connected if pool.holders is None else self._connected & pool.holders

    # -- what is to do

    def pool(self, job: Job, holders: frozenset[str] | None, now: float) -> Pool:
        """The pool for chunks of `job` that `holders` can take."""
        pool = self.pools.get(holders)
        if pool is None:
            pool = self.pools[holders] = Pool(holders)
            for name in holders or ():
                self._of_holder.setdefault(name, []).append(pool)
                pool.present += name in self._connected
            if holders is not None and not pool.present:
                pool.absent_since = now
        if job not in pool.jobs:
            pool.jobs.add(job)
            job.pools.append(pool)
        return pool

    def add_fresh(self, pool: Pool, chunks: Iterable[Chunk]) -> None:
        """Chunks of one job that were never leased, in the order in which they are to go."""
        fresh = deque(chunks)
        if fresh:
            pool.fresh.append(fresh)
            self._list(pool)

    def add_retry(self, chunk: Chunk) -> None:
        """A chunk that lost its lease, or wants a second one."""
        chunk.pool.retries.append(chunk)
        self._list(chunk.pool)

    def add_check(self, chunk: Chunk) -> None:
        """A chunk whose result another worker than its author shall confirm."""
        chunk.pool.checks.append(chunk)
        self._list(chunk.pool)

    def forget(self, job: Job) -> None:
        """The job is over; its entries go stale, and pools that no job needs go."""
        for pool in job.pools:
            pool.jobs.discard(job)
            if not pool.jobs:
                self._drop(pool)

    def take(self, name: str, now: float) -> Chunk | None:
        """The chunk that this worker gets next: a pending one, or one that wants a backup."""
        self._now = now
        open_pool = self.pools.get(None)
        if name not in self._with_work:
            return self._take_from(open_pool, name) if open_pool else None
        if open_pool is None:
            return self._take_held(name)
        if name in self._open_is_next:
            self._open_is_next.discard(name)
            return self._take_from(open_pool, name) or self._take_held(name)
        self._open_is_next.add(name)
        return self._take_held(name) or self._take_from(open_pool, name)

    def waits(self) -> bool:
        """Whether chunks wait, lost or to be confirmed, that no worker took so far."""
        return any(pool.retries or pool.checks for pool in self.pools.values())

    def entries(self) -> Iterator[Chunk]:
        """All entries, stale ones too: for checks."""
        for pool in self.pools.values():
            yield from pool.retries
            yield from pool.checks
            for fresh in pool.fresh:
                yield from fresh

    # -- how

    def _take_held(self, name: str) -> Chunk | None:
        pools = self._with_work[name]
        for _ in range(min(len(pools), LOOK_AHEAD_POOLS_MAX)):
            pool = pools[0]
            chunk = self._take_from(pool, name)
            if chunk is not None or pool.retries or pool.checks or pool.fresh:
                pools.rotate(-1)
            else:
                pools.popleft()
                pool.listed.discard(name)
            if chunk is not None:
                return chunk
        if not pools:
            del self._with_work[name]
        return None

    def _list(self, pool: Pool) -> None:
        if pool.holders is None or len(pool.listed) == len(pool.holders):
            return
        for name in pool.holders - pool.listed:
            self._with_work.setdefault(name, deque()).append(pool)
        pool.listed.update(pool.holders)

    def _drop(self, pool: Pool) -> None:
        del self.pools[pool.holders]
        pool.retries.clear()
        pool.checks.clear()
        pool.fresh.clear()
        for name in pool.holders or ():
            of_holder = self._of_holder[name]
            of_holder.remove(pool)
            if not of_holder:
                del self._of_holder[name]
        for name in pool.listed:
            self._with_work[name].remove(pool)
        for name in pool.holders or ():
            if not self._with_work.get(name, True):
                del self._with_work[name]

    def _take_from(self, pool: Pool, name: str) -> Chunk | None:
        return (
            self._take_retry(pool, name) or self._take_check(pool, name) or self._take_fresh(pool)
        )

    def _take_retry(self, pool: Pool, name: str) -> Chunk | None:
        passed: list[Chunk] = []
        found = None
        while pool.retries and len(passed) < LOOK_AHEAD_CHUNKS_MAX:
            chunk = pool.retries.popleft()
            if chunk.job.over or not _wanted(chunk):
                continue
            if self._suits(chunk, name):
                found = chunk
                break
            passed.append(chunk)
        pool.retries.extendleft(reversed(passed))
        return found

    def _take_check(self, pool: Pool, name: str) -> Chunk | None:
        checks = pool.checks
        for _ in range(min(len(checks), LOOK_AHEAD_CHUNKS_MAX)):
            chunk = checks.popleft()
            if chunk.job.over or chunk.state != "checking" or chunk.leases:
                continue
            if name not in (chunk.author, *chunk.tried) and self._suits(chunk, name):
                return chunk
            # Their order means nothing, so the next look sees the others.
            checks.append(chunk)
        return None

    def _take_fresh(self, pool: Pool) -> Chunk | None:
        jobs = pool.fresh
        while jobs:
            chunks = jobs[0]
            chunk = chunks.popleft()
            if chunks:
                jobs.rotate(-1)
            else:
                jobs.popleft()
            if chunk.job.over:
                chunks.clear()
                if jobs and jobs[-1] is chunks:
                    jobs.pop()
            elif chunk.state == "pending" and chunk.trouble is None:
                # Else it came to be lost after a late result, and waits with the lost ones.
                return chunk
        return None

    def _suits(self, chunk: Chunk, name: str) -> bool:
        if chunk.leases and name in chunk.tried:
            return False
        if any(lease.session.worker.name == name for lease in chunk.leases):
            return False
        trouble = chunk.trouble
        if trouble is None or name not in trouble.refused:
            return True
        if self._now < trouble.failed_at + self._retry_s:
            return False
        there = len(self._connected) if chunk.pool.holders is None else chunk.pool.present
        counts = [n for each, n in trouble.refused.items() if each in self._connected]
        return len(counts) >= there and trouble.refused[name] == min(counts)


def _wanted(chunk: Chunk) -> bool:
    if chunk.state == "leased":
        return len(chunk.leases) == 1 and chunk.leases[0].stalled
    return chunk.state == "pending"
