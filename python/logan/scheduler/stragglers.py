"""Which outstanding chunks are worth another lease, when workers have nothing else to do.

How long a lease still takes is judged by

    its progress    what it reported, extrapolated; between its first and last report, so that the
                    time which messages are under way does not count
    its worker      the rate of the worker's results, for a lease that reported nothing yet
    its delay       a lease that is overdue, by its worker's rate or by its own earlier reports, is
                    expected to take as long again as it has taken beyond that time

A report is a promise: it says when the result will be there. A lease that is far overdue by its own
reports is *doubted*, and its progress says nothing any more, neither of the lease nor of its
worker's speed; its worker is doubted until it brings a result, and helps only where no other worker
does. One that reports wrong progress holds a chunk up for about as long as it promised first.

A chunk is worth another lease if a worker that brought results before would be done well before the
leases that it has (`backup_gain` times its own time). The speed of others can only be learned from
trying: one that has no lease is tried where the wait is long, and the wait must be twice as long
for each that was tried before. Leases that ended without a result can make a worker count as
slower, never as faster. Of two leases the slower one makes room: a chunk never has three. Its
worker is not asked for this chunk again, unless a lease of it comes to nothing: then the faster one
may be gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Final

from logan.scheduler.entities import Chunk, Lease, Session, Worker
from logan.scheduler.limits import Limits

__all__ = [
    "Helper",
    "Helpers",
    "expected_wait_s",
    "helpers_of",
    "helps",
    "observed_rate",
    "record_result",
    "record_unfinished",
    "slower",
    "slowest_first",
    "watch",
    "worth_it",
]


RATE_WEIGHT: Final = 0.3
"""Weight of the newest result in a rate, which follows a slower worker within a few chunks."""

_OPEN: Final = ("leased", "checking")
"""States of a chunk in which another lease of it may be of use."""


@dataclass(frozen=True, slots=True)
class Helper:
    """An idle session, and the bytes per second that a lease of its worker is expected to do.

    `rate` is infinite where nothing is known. `proven`: its worker brought results before.
    """

    session: Session
    rate: float
    proven: bool


Helpers = tuple[list[Helper], list[Helper], list[Helper]]
"""Helpers in order of preference: proven, others, and doubted; in each list the fastest first."""


def helpers_of(idle: Iterable[Session], limits: Limits) -> Helpers:
    """The idle sessions that may help others."""
    proven: list[Helper] = []
    unproven: list[Helper] = []
    doubted: list[Helper] = []
    for session in idle:
        worker = session.worker
        if worker.rate > 0 and not worker.doubted:
            proven.append(Helper(session, _rate_of(session, worker, limits), proven=True))
        elif not session.leases:
            # What it holds already tells its speed soon enough.
            some = doubted if worker.doubted else unproven
            some.append(Helper(session, worker.rate_max, proven=False))
    for some in (proven, unproven, doubted):
        some.sort(key=lambda each: each.rate, reverse=True)
    return proven, unproven, doubted


def slowest_first(
    leases: Iterable[Lease],
    helpers: Helpers,
    now: float,
    mean_rate: float,
    limits: Limits,
) -> list[tuple[float, Chunk]]:
    """Chunks that are worth another lease for one of the helpers at best.

    With each the expected wait in seconds, the longest first.
    """
    best = [some[0] for some in helpers if some]
    waits = []
    for lease in leases:
        chunk = lease.chunk
        held = chunk.leases
        if held[0] is not lease or chunk.state not in _OPEN:
            continue
        wait_s = expected_wait_s(lease, now, mean_rate, limits)
        if len(held) > 1:
            wait_s = min(wait_s, expected_wait_s(held[1], now, mean_rate, limits))
        if wait_s <= limits.backup_wait_s_min:
            continue
        for helper in best:
            if worth_it(helper, chunk, wait_s, mean_rate, limits):
                waits.append((wait_s, chunk))
                break
    waits.sort(key=lambda each: each[0], reverse=True)
    return waits


def worth_it(helper: Helper, chunk: Chunk, wait_s: float, mean_rate: float, limits: Limits) -> bool:
    """Whether the helper is expected to have the chunk done well before `wait_s` have passed."""
    own_s = limits.backup_gain * chunk.bytes / helper.rate if helper.rate > 0 else inf
    if wait_s <= max(limits.backup_wait_s_min, own_s) and wait_s < inf:
        return False
    trials = len(chunk.tried) + len(chunk.leases) - 1
    if helper.proven or wait_s > limits.trial_wait_s_min * 2.0 ** min(trials, 64):
        return True
    return mean_rate > 0 and wait_s > limits.backup_gain * chunk.bytes / mean_rate


def helps(helper: Helper, chunk: Chunk, wait_s: float, mean_rate: float, limits: Limits) -> bool:
    """Whether the helper should get another lease of the chunk, which else takes `wait_s`."""
    name = helper.session.worker.name
    if not worth_it(helper, chunk, wait_s, mean_rate, limits):
        return False
    if any(lease.session is helper.session for lease in chunk.leases) or name in chunk.tried:
        return False
    if chunk.state == "checking" and name == chunk.author:
        return False
    return chunk.trouble is None or name not in chunk.trouble.refused


def record_result(lease: Lease, now: float, mean_rate: float) -> float:
    """The lease ended with a result: note its worker's rate. Returns the mean of all workers."""
    rate = lease.chunk.bytes / max(now - lease.granted_at, 1e-6)
    worker = lease.session.worker
    worker.rate = _smooth(worker.rate, rate)
    worker.rate_max, worker.doubted, worker.broken = inf, False, 0
    return _smooth(mean_rate, rate)


def record_unfinished(lease: Lease, limits: Limits) -> bool:
    """The lease ended without a result: note what it tells of its worker's rate.

    Returns whether that is a failure of the worker: it promised results too often. Once may be a
    slow connection for a large result.
    """
    worker = lease.session.worker
    if not lease.doubted:
        rate = observed_rate(lease, limits)
        if rate is not None:
            worker.rate_max = min(worker.rate_max, rate)
        return False
    worker.broken += 1
    return worker.broken > 1


def slower(chunk: Chunk, now: float, mean_rate: float, limits: Limits) -> Lease:
    """The one of the chunk's two leases that is expected later; of equals the later one."""
    first, second = chunk.leases
    first_s = expected_wait_s(first, now, mean_rate, limits)
    return first if first_s > expected_wait_s(second, now, mean_rate, limits) else second


def watch(lease: Lease, now: float, limits: Limits) -> None:
    """Note what the lease's reports promise, and doubt them when that did not come true.

    For a lease that reported progress and is not doubted yet.
    """
    # Since the grant, not since the first report: messages that were held up and arrive together
    # must not look like great speed.
    taken_s = lease.progress_at - lease.granted_at
    promised_s = taken_s * max(lease.chunk.bytes / lease.scanned, 1.0)
    promised_at = lease.granted_at + promised_s
    if promised_at < lease.promised_at:
        lease.promised_at = promised_at
    else:
        promised_s = lease.promised_at - lease.granted_at
    if now - lease.granted_at > limits.backup_gain * promised_s + limits.doubt_s_min:
        lease.doubted = lease.session.worker.doubted = True


def observed_rate(lease: Lease, limits: Limits) -> float | None:
    """Bytes per second by the lease's reports; None while they do not tell."""
    span_s = lease.progress_at - lease.first_at
    if span_s < limits.heartbeat_s / 2 or lease.scanned <= lease.first_scanned:
        return None
    return (lease.scanned - lease.first_scanned) / span_s


def expected_wait_s(lease: Lease, now: float, mean_rate: float, limits: Limits) -> float:
    """Seconds until the lease's result is expected; infinite if it makes no progress at all."""
    if lease.stalled:
        return inf
    worker = lease.session.worker
    elapsed_s = now - lease.granted_at
    own_rate, bytes = worker.rate, lease.chunk.bytes
    doubted = lease.doubted or worker.doubted
    observed = None if doubted else observed_rate(lease, limits)
    if observed is not None:
        # A slow start, or messages that were held up, must not count: the better of two rates.
        since_grant = lease.scanned / (lease.progress_at - lease.granted_at)
        rate = observed if observed > since_grant else since_grant
        wait_s = (bytes - lease.scanned) / rate - (now - lease.progress_at)
    elif own_rate > 0:
        wait_s = bytes / own_rate - elapsed_s
    elif doubted or now - lease.progress_at >= limits.lease_s:
        # Nothing is known but that it does not come forward, which is slow by any measure.
        return inf
    else:
        wait_s = 0.0
    rate = own_rate or mean_rate
    overdue_s = elapsed_s - bytes / rate if rate > 0 else 0.0
    return max(wait_s, overdue_s, now - lease.promised_at, 0.0)


def _rate_of(session: Session, worker: Worker, limits: Limits) -> float:
    rate = min(worker.rate, worker.rate_max)
    for lease in session.leases.values():
        observed = None if lease.doubted else observed_rate(lease, limits)
        if observed is not None:
            rate = min(rate, observed)
    return rate


def _smooth(before: float, now: float) -> float:
    return now if before == 0.0 else before + RATE_WEIGHT * (now - before)
