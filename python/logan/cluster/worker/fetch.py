"""Bytes of leased chunks that the worker cannot read itself: FETCH to the coordinator, DATA back.

    end = await fetcher.fetch_chunk(lease, source, spool)

One `Fetcher` serves one connection. A chunk is fetched in ranges, a bounded number of them at a
time for all leases together; `session` passes on each DATA as it arrives. What the bytes mean, and
how they are scanned, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from logan.cluster.limits import (
    FETCH_BYTES,
    LOOK_BACK_BYTES_MAX,
    TAIL_BYTES_MAX,
    TAIL_PIECE_BYTES,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.worker.leases import ActiveLease
from logan.cluster.worker.spool import Spool
from logan.errors import InputError, SourceChangedError
from logan.wire.bodies import JobSource
from logan.wire.limits import FETCHES_MAX
from logan.wire.messages import Data, Fetch, Lease

__all__ = ["Fetcher", "fetched_range"]


@dataclass(slots=True)
class _Range:
    """A FETCH that is under way; `spool` is None once its bytes are not wanted any more."""

    spool: Spool | None
    lease: ActiveLease
    offset: int
    error: InputError | None = None
    done: trio.Event = field(default_factory=trio.Event)


class Fetcher:
    """The fetches of one connection; `send` queues a message for the coordinator."""

    def __init__(self, send: Callable[[Fetch], None]) -> None:
        self._send = send
        self._ranges: dict[int, _Range] = {}
        self._slots = trio.Semaphore(FETCHES_MAX)
        self._last_id = 0

    async def fetch_chunk(self, lease: ActiveLease, source: JobSource, spool: Spool) -> int:
        """Fill the spool with what a scan of the lease's chunk reads; the offset of its end.

        Raises:
            SourceChangedError: the coordinator says so, or its file is shorter than planned.
            InputError: there is no room for the bytes.
        """
        chunk = lease.lease
        lease.passes += 1
        async with open_flat_nursery() as nursery:
            first, furthest = fetched_range(chunk, source)
            for start in range(first, chunk.end, FETCH_BYTES):
                await self._slots.acquire()
                end = min(start + FETCH_BYTES, chunk.end)
                nursery.start_soon(self._fetch, lease, spool, start, end)
        # Beyond the chunk, until its last line ends.
        end = chunk.end
        while end < furthest:
            if spool.read(1, end - 1) == b"\n" and end == chunk.end:
                break
            piece = min(end + TAIL_PIECE_BYTES, furthest)
            await self._slots.acquire()
            await self._fetch(lease, spool, end, piece)
            data = spool.read(piece - end, end)
            end = piece
            if b"\n" in data:
                break
        return end

    async def _fetch(self, lease: ActiveLease, spool: Spool, start: int, end: int) -> None:
        """One range. A slot was acquired for it, which its last DATA releases."""
        self._last_id += 1
        wanted = self._ranges[self._last_id] = _Range(spool, lease, start)
        chunk = lease.lease
        self._send(Fetch(self._last_id, chunk.job, chunk.source, start, end))
        try:
            await wanted.done.wait()
        finally:
            wanted.spool = None
        if wanted.error is not None:
            raise wanted.error
        if wanted.offset < end:
            raise SourceChangedError(f"the source ends at {wanted.offset:,}, inside of the plan")

    def receive(self, data: Data) -> None:
        """A DATA arrived."""
        wanted = self._ranges[data.id]  # the protocol has checked that it was asked for
        if wanted.spool is not None:
            try:
                wanted.spool.write(data.body, data.offset)
            except InputError as error:
                # That ends this lease alone; the rest of the range arrives all the same.
                wanted.error, wanted.spool = error, None
        wanted.offset = data.offset + len(data.body)
        wanted.lease.count(len(data.body))
        if data.last:
            if wanted.error is None and data.detail is not None:
                wanted.error = SourceChangedError(data.detail)
            del self._ranges[data.id]
            self._slots.release()
            wanted.done.set()


def fetched_range(lease: Lease, source: JobSource) -> tuple[int, int]:
    """From which offset, and up to which at most, bytes of a chunk are fetched.

    The byte before a chunk tells whether it begins with a line of its own; records of several lines
    may have begun further back, and the coordinator gives no more than this.
    """
    first = max(0, lease.start - LOOK_BACK_BYTES_MAX)
    return first, min(source.size, lease.end + TAIL_BYTES_MAX)
