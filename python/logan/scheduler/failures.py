"""What went wrong with chunks: leases that failed, until the chunk is stored after all.

Functions over `Chunk.trouble`, without decisions: what follows from a failure is decided in
`machine`.
"""

from __future__ import annotations

from logan.scheduler.actions import Recovered
from logan.scheduler.entities import Chunk, FailureHistory, LeaseFailure, Worker

__all__ = ["note_lease", "of", "record", "recoveries", "summary_of"]

_STORED = ("committing", "checking")


def of(chunk: Chunk) -> FailureHistory:
    """The chunk's failures so far."""
    if chunk.trouble is None:
        chunk.trouble = FailureHistory()
    return chunk.trouble


def record(chunk: Chunk, worker: Worker, cause: str, now: float) -> FailureHistory:
    """A lease of the chunk failed. Returns all failures so far."""
    trouble = of(chunk)
    # Where a second lease is active, the chunk is leased again already.
    leased_at = now if chunk.leases or chunk.state in _STORED else None
    trouble.log.append(LeaseFailure(worker.name, cause, now, leased_at))
    return trouble


def note_lease(trouble: FailureHistory, now: float) -> None:
    """The chunk is leased again."""
    for loss in trouble.log:
        if loss.leased_at is None:
            loss.leased_at = now


def recoveries(chunk: Chunk, now: float) -> list[Recovered]:
    """The chunk is stored: each of its failures is recovered from, and forgotten."""
    trouble, chunk.trouble = chunk.trouble, None
    if trouble is None:
        return []
    return [
        Recovered(
            chunk.job.id,
            chunk.id,
            loss.worker,
            loss.cause,
            loss.noticed_at,
            now if loss.leased_at is None else loss.leased_at,
            now,
        )
        for loss in trouble.log
    ]


def summary_of(chunk: Chunk) -> str:
    """Why a chunk whose leases fail again and again is given up."""
    log = of(chunk).log
    return f"its lease failed {len(log)} times, last on {log[-1].worker}: {log[-1].cause}"
