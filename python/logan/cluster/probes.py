"""Hashes of a few places of each chunk, by which a copy of a file shows that it is not the planned
one.

A worker reads a file itself if it finds one at the planned path whose size and ends are those of
the plan. Between its ends another host's copy may hold other bytes. So the coordinator, where it
can read the source, hashes blocks of each chunk and sends the hashes with the lease; the worker
hashes the same blocks of what it has scanned.

Their places are drawn from the ids of job and chunk. A job's id is random, so a worker cannot know
the places before; they are the same for every worker and every attempt. If a share d of the blocks
of a file differ, k blocks of each of its n chunks show that with a probability of
1 - (1 - d)^(k n).

The hashes are made in a thread, for some chunks ahead of the one that is to be leased; a lease
waits for its own. Only where that takes too long, or the coordinator cannot read the source, does
it go without.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Final

import trio

from logan._logan import Fingerprint
from logan.errors import InputError
from logan.limits import KIB, MIB
from logan.model import Chunk, Plan
from logan.sources.roots import Opened
from logan.wire.bodies import Probe
from logan.wire.limits import PROBES_PER_LEASE_MAX

__all__ = ["Probes", "differs_at", "places"]

BLOCK_BYTES: Final = 4 * KIB
"""What one hash is of: a page, which is what a disk reads at least."""

BYTES_PER_PROBE: Final = 4 * MIB
"""Eight probes in a chunk of 32 MiB: one part in a thousand of its bytes."""

PROBES_PER_CHUNK_MIN: Final = 4

EDGE_BYTES: Final = 4 * KIB
"""At each end of a source, which its fingerprint has."""

LOOK_AHEAD_CHUNKS: Final = 64
"""Chunks whose hashes are made together."""

LOOK_AHEAD_S_MAX: Final = 0.25
"""How long that may take before those that wait get theirs: a cold disk has some ten blocks by
then."""

KNOWN_CHUNKS_MAX: Final = 256
"""Chunks whose hashes are kept, some KiB each: those that are leased soon, or once more."""


def places(job: str, chunk: int, start: int, end: int) -> list[int]:
    """Where the blocks of a chunk [start, end) that are hashed begin; the last may be shorter."""
    blocks = -(-(end - start) // BLOCK_BYTES)
    wanted = max(PROBES_PER_CHUNK_MIN, (end - start) // BYTES_PER_PROBE)
    count = min(blocks, wanted, PROBES_PER_LEASE_MAX)
    drawn = random.Random(f"{job}/{chunk}").sample(range(blocks), count)
    return [start + block * BLOCK_BYTES for block in sorted(drawn)]


def differs_at(file: int, probes: Iterable[Probe], end: int) -> int | None:
    """Where an open file first differs from a chunk's probes; None if it is not seen to."""
    return next((at for at, digest in probes if _hash(file, at, end) != digest), None)


def _hash(file: int, at: int, end: int) -> str:
    data = os.pread(file, min(BLOCK_BYTES, end - at), at)
    return hashlib.blake2b(data, digest_size=8).hexdigest()


class Probes:
    """The probes of one job, for the coordinator.

    Args:
        urls: the path of each source.
        opened: opens a path that the coordinator may read; raises `InputError`.
        before: chunks that were done before this coordinator was started.
    """

    def __init__(
        self,
        job: str,
        plan: Plan,
        urls: Sequence[str],
        opened: Callable[[str], Opened],
        before: Iterable[int] = (),
    ) -> None:
        self._job = job
        self._plan = plan
        self._urls = urls
        self._opened = opened
        self._known: OrderedDict[int, tuple[Probe, ...]] = OrderedDict()
        self._looking = trio.Lock()
        # A thread that hangs in a read keeps its place, so that there is never a second one.
        self._limiter = trio.CapacityLimiter(1)
        self._made = 0
        self._unreadable: dict[int, str] = {}
        self._read: Counter[tuple[int, str]] = Counter()
        self._before = Counter(plan.chunks[id].source for id in before)

    def known(self, chunk: int) -> tuple[Probe, ...] | None:
        """The probes of a chunk, if they were made; none if there is nothing to compare."""
        found = self._known.get(chunk)
        if found is None and not self._is_probed(self._plan.chunks[chunk]):
            return ()
        return found

    async def make(self, chunk: int) -> tuple[Probe, ...]:
        """The same, once they are made."""
        async with self._looking:
            found = self.known(chunk)
            if found is None:
                made = await trio.to_thread.run_sync(
                    self._look, chunk, abandon_on_cancel=True, limiter=self._limiter
                )
                self._made += 1
                self._known.update(made)
                while len(self._known) > KNOWN_CHUNKS_MAX:
                    self._known.popitem(last=False)
                found = made[chunk]
        return found

    async def make_within(self, chunk: int, patience_s: float) -> tuple[tuple[Probe, ...], str]:
        """The same, and why there are none, after so many seconds at most."""
        before = self._made
        with trio.move_on_after(patience_s):
            return await self.make(chunk), self._unreadable.get(self._source(chunk), "")
        why = f"reading it takes more than {patience_s:g} s"
        if self._made == before:
            # Not slow: stuck. Others need not wait for it.
            self._unreadable[self._source(chunk)] = why
        return (), why

    def needs_more(self, chunk: int) -> int | None:
        """The chunk from which on more should be made now that this one is leased."""
        ahead = min(chunk + LOOK_AHEAD_CHUNKS // 2, len(self._plan.chunks) - 1)
        return ahead if self.known(ahead) is None and not self._looking.locked() else None

    def note_read(self, chunk: int, worker: str) -> None:
        """A worker brought a result."""
        self._read[self._source(chunk), worker] += 1

    def doubt(self, chunk: int, worker: str) -> str | None:
        """What is to be doubted since this worker's copy of the chunk's source differs."""
        source = self._source(chunk)
        read, before = self._read[source, worker], self._before[source]
        what = [f"{_chunks(read)} of it that {worker} scanned before"] if read else []
        if before:
            what.append(f"{_chunks(before)} of it that were done before the coordinator's restart")
        return f"{' and '.join(what)} may have been counted from other bytes" if what else None

    def _source(self, chunk: int) -> int:
        return self._plan.chunks[chunk].source

    def _is_probed(self, chunk: Chunk) -> bool:
        source = self._plan.sources[chunk.source]
        return (
            source.fingerprint is not None
            and (source.size or 0) > 2 * EDGE_BYTES
            and chunk.source not in self._unreadable
        )

    # -- in a thread

    def _look(self, first: int) -> dict[int, tuple[Probe, ...]]:
        made: dict[int, tuple[Probe, ...]] = {}
        began = time.monotonic()
        at: int | None = None
        with ExitStack() as stack:
            for chunk in self._plan.chunks[first : first + LOOK_AHEAD_CHUNKS]:
                if made and time.monotonic() - began > LOOK_AHEAD_S_MAX:
                    break
                if chunk.id in self._known or not self._is_probed(chunk):
                    made[chunk.id] = self._known.get(chunk.id, ())
                    continue
                try:
                    if at != chunk.source:
                        stack.close()
                        at, opened = chunk.source, stack.enter_context(self._open(chunk.source))
                    ends = chunk.end
                    made[chunk.id] = tuple(
                        (place, _hash(opened.fd, place, ends))
                        for place in places(self._job, chunk.id, chunk.start, ends)
                    )
                except Exception as error:
                    # Whatever it was costs the comparison, never the coordinator.
                    self._unreadable[chunk.source] = str(error)
                    at, made[chunk.id] = None, ()
        return made

    def _open(self, source: int) -> Opened:
        """The planned file. Raises `InputError`, `OSError`."""
        opened = self._opened(self._urls[source])
        try:
            fingerprint = Fingerprint.from_json(self._plan.sources[source].fingerprint or "")
            why = fingerprint.check(opened.path)
            if why is not None:
                raise InputError(f"{self._urls[source]} changed: {why}", kind="changed")
        except BaseException:
            opened.close()
            raise
        return opened


def _chunks(count: int) -> str:
    return f"{count:,} chunk{'s' if count != 1 else ''}"
