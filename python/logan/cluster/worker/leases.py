"""The leases of one connection of a worker: which are worked on, which results await an answer, and
how many more the coordinator may send.

Bookkeeping for `session`, which sends and receives. Knows neither sockets nor how chunks are read.

READY gives an absolute number while LEASEs are still on their way: the coordinator forgets an offer
only when it has the next one. So what is granted may exceed the number in the last READY, but never
the sum of all READYs, nor what one heartbeat can list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import trio

from logan._logan import Cancel
from logan.cluster.worker.jobs import JobDescription
from logan.errors import ProtocolError
from logan.wire.bodies import LeaseProgress
from logan.wire.limits import LEASES_PER_HEALTH_MAX
from logan.wire.messages import Done, Lease, Stale

__all__ = ["ActiveLease", "LeaseKey", "LeaseTable", "Offer", "SentResult", "key_of"]

SLACK: Final = 1
"""Extra leases that are accepted: the coordinator may take a lease for lost that is only late, and
grant its place again."""

LeaseKey = tuple[str, int, int]
"""(job, chunk, attempt)."""


class Offer:
    """How many leases one connection of a worker has offered to accept and not received yet.

    Offers add up, as READYs and LEASEs pass each other on the way; what is held at once does not.
    """

    def __init__(self) -> None:
        self._credit = SLACK

    def renew(self, free: int) -> None:
        """READY for `free` more leases is sent."""
        self._credit += free

    def take(self, live: int) -> bool:
        """A LEASE arrived, while `live` leases are neither done nor canceled; whether it was
        offered."""
        self._credit -= 1
        return self._credit >= 0 and live < LEASES_PER_HEALTH_MAX + SLACK


@dataclass(slots=True)
class ActiveLease:
    """A lease that is being worked on, or waits for a thread.

    Attributes:
        cancel: stops the scan, and counts the bytes that it has read.
        scope: stops everything else that is done for the lease.
        passes: how often its bytes are read: scanned, and perhaps fetched, and waited for.
        passed_bytes: bytes of all passes so far except those that `cancel` counts.
    """

    lease: Lease
    job: JobDescription
    cancel: Cancel = field(default_factory=Cancel)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    passes: int = 1
    passed_bytes: int = 0

    @property
    def key(self) -> LeaseKey:
        return key_of(self.lease)

    @property
    def size(self) -> int:
        return self.lease.end - self.lease.start

    def count(self, size: int) -> None:
        """Note progress that `cancel` does not count."""
        self.passed_bytes += size

    def stop(self) -> None:
        """Stop the scan and all that is done for the lease."""
        self.cancel.set()
        self.scope.cancel()

    @property
    def scanned_bytes(self) -> int:
        """Progress for the coordinator: grows in every phase of the work, up to the size of the
        lease at most."""
        scanned = (self.cancel.scanned_bytes + self.passed_bytes) // self.passes
        if self.lease.isolated:
            # The number of passes is not known in advance: this grows with each of them and stays
            # below the size.
            return self.size * scanned // (self.size + scanned)
        # The last line ends after the chunk, and what a decoder holds may be counted before it.
        return min(scanned, self.size)


@dataclass(frozen=True, slots=True)
class SentResult:
    """A result that the coordinator has not answered: bytes of its lease, and their source."""

    size: int
    source: int


class LeaseTable:
    """Active leases and unanswered results of one connection."""

    def __init__(self) -> None:
        self._active: dict[LeaseKey, ActiveLease] = {}
        self._sent: dict[LeaseKey, SentResult] = {}
        self._answered = trio.Event()

    @property
    def active(self) -> int:
        """Leases that are being worked on or wait for a thread."""
        return len(self._active)

    @property
    def live(self) -> int:
        """Active leases that are not canceled."""
        return sum(not each.scope.cancel_called for each in self._active.values())

    @property
    def unacknowledged(self) -> int:
        """Results that were sent and not answered."""
        return len(self._sent)

    @property
    def is_empty(self) -> bool:
        return not self._active and not self._sent

    def __contains__(self, key: object) -> bool:
        """Whether a lease is active."""
        return key in self._active

    def begin(self, lease: Lease, job: JobDescription) -> ActiveLease:
        """Add a lease. Raises `ProtocolError` if it is present already."""
        key = key_of(lease)
        if key in self._active or key in self._sent:
            raise ProtocolError(
                f"LEASE: chunk {lease.chunk}, attempt {lease.attempt}, is leased already",
                code="state",
            )
        added = self._active[key] = ActiveLease(lease, job)
        return added

    def hand_in(self, lease: ActiveLease) -> None:
        """Its result is about to be sent. The next heartbeat lists it as before, without a gap."""
        self._sent[lease.key] = SentResult(lease.size, lease.lease.source)
        del self._active[lease.key]

    def end(self, lease: ActiveLease) -> bool:
        """The work on the lease ended; whether it ended without a result."""
        return self._active.pop(lease.key, None) is not None

    def resolve(self, message: Done | Stale) -> SentResult:
        """The coordinator answered a result. Raises `ProtocolError` if there was none."""
        sent = self._sent.pop(key_of(message), None)
        if sent is None:
            raise ProtocolError(
                f"{message.VERB}: no result of chunk {message.chunk}, attempt {message.attempt}, "
                "awaits an answer",
                code="state",
            )
        self._answered.set()
        self._answered = trio.Event()
        return sent

    async def wait_until_answered(self, job: str, source: int) -> None:
        """Return once all results of a source that were sent have been answered."""
        while any(key[0] == job and sent.source == source for key, sent in self._sent.items()):
            await self._answered.wait()

    def cancel(self, job: str, chunk: int | None, attempt: int | None) -> None:
        """Stop one lease of a job, or all of them (no chunk given)."""
        for key, lease in list(self._active.items()):
            if key[0] == job and (chunk is None or key[1:] == (chunk, attempt)):
                lease.stop()

    def abandon(self) -> int:
        """The connection is over: stop all scans. Returns how many leases are lost by that."""
        for lease in self._active.values():
            lease.cancel.set()
        return len(self._active)

    def progress(self) -> list[LeaseProgress]:
        """What a heartbeat lists: active leases, and results that await an answer."""
        return [
            LeaseProgress(job=key[0], chunk=key[1], attempt=key[2], scanned_bytes=scanned)
            for key, scanned in [
                *((key, lease.scanned_bytes) for key, lease in self._active.items()),
                *((key, sent.size) for key, sent in self._sent.items()),
            ]
        ]


def key_of(message: Lease | Done | Stale) -> LeaseKey:
    """What names a lease."""
    return message.job, message.chunk, message.attempt
