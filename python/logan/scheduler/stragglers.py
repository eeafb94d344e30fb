"""Which outstanding leases are worth a second one, when workers have nothing else to do.

The wait that a lease still means is judged by its progress if it reports any, else by its worker's
rate; a lease that is overdue is expected to take as long again as it has taken beyond its time.
It is worth a backup if an idle worker would be done well before: `backup_gain` times its own time.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from logan.scheduler.limits import Limits
from logan.scheduler.records import Lease, Worker

__all__ = ["expected_wait_s", "own_time_s", "slowest_first"]


def slowest_first(
    leases: Iterable[Lease], now: float, mean_rate: float, limits: Limits
) -> list[tuple[float, Lease]]:
    """Leases that are their chunk's only one and will take a while, with the expected wait."""
    waits = [
        (expected_wait_s(lease, now, mean_rate, limits), lease)
        for lease in leases
        if lease.chunk.state == "leased" and len(lease.chunk.leases) == 1
    ]
    waits = [each for each in waits if each[0] > limits.backup_wait_s_min]
    waits.sort(key=lambda each: each[0], reverse=True)
    return waits


def expected_wait_s(lease: Lease, now: float, mean_rate: float, limits: Limits) -> float:
    """Seconds until the lease's result is expected; infinite if it makes no progress at all."""
    if lease.stalled:
        return inf
    elapsed = now - lease.granted_at
    rate = lease.session.worker.rate or mean_rate
    if lease.scanned > 0:
        left = max(lease.chunk.bytes - lease.scanned, 0)
        wait = elapsed * left / lease.scanned
    elif rate > 0:
        wait = lease.chunk.bytes / rate - elapsed
    else:
        # Nothing is known of anybody: silence for a whole lease is slow by any measure.
        return inf if elapsed >= limits.lease_s else 0.0
    if rate > 0:
        wait = max(wait, elapsed - lease.chunk.bytes / rate)
    return wait


def own_time_s(worker: Worker, bytes: int, mean_rate: float, wait_s: float) -> float:
    """Seconds that `worker` is expected to take for so many bytes.

    While nothing is known of anybody, it is not expected to be faster than who has them (`wait_s`),
    unless that one does not come forward at all.
    """
    rate = worker.rate or mean_rate
    if rate > 0:
        return bytes / rate
    return 0.0 if wait_s == inf else wait_s
