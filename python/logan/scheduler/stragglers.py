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

__all__ = ["slowest_first", "worth_it"]


def slowest_first(
    leases: Iterable[Lease], idle: Iterable[Worker], now: float, mean_rate: float, limits: Limits
) -> list[tuple[float, Lease]]:
    """Leases that are their chunk's only one and worth a backup by the fastest of the `idle`.

    With each the expected wait in seconds, the longest first.
    """
    best_rate = max((worker.rate or mean_rate for worker in idle), default=0.0)
    waits = []
    for lease in leases:
        if lease.chunk.state == "leased" and len(lease.chunk.leases) == 1:
            wait_s = _expected_wait_s(lease, now, mean_rate, limits)
            if _worth_it(wait_s, lease.chunk.bytes, best_rate, limits):
                waits.append((wait_s, lease))
    waits.sort(key=lambda each: each[0], reverse=True)
    return waits


def worth_it(worker: Worker, wait_s: float, bytes: int, mean_rate: float, limits: Limits) -> bool:
    """Whether `worker` is expected to have so many bytes done well before `wait_s` have passed."""
    return _worth_it(wait_s, bytes, worker.rate or mean_rate, limits)


def _worth_it(wait_s: float, bytes: int, rate: float, limits: Limits) -> bool:
    if rate > 0:
        return wait_s > max(limits.backup_wait_s_min, limits.backup_gain * bytes / rate)
    # Nothing is known of anybody: nobody is expected to be faster than who has it, unless that
    # one does not come forward at all.
    return wait_s == inf


def _expected_wait_s(lease: Lease, now: float, mean_rate: float, limits: Limits) -> float:
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
