"""Verification: some chunks are scanned once more by another worker, whose result must be the same.

Predicates and messages; when a chunk is verified, and what follows, is decided in `machine`.
"""

from __future__ import annotations

from collections.abc import Iterable

from logan.scheduler.actions import Alarm
from logan.scheduler.entities import Chunk, Session

__all__ = ["alarm", "can_be_verified"]

_LEFT = "a worker that has left"


def can_be_verified(chunk: Chunk, sessions: Iterable[Session]) -> bool:
    """Whether any session may still get the chunk to verify the stored result."""
    holders, refused = chunk.pool.holders, chunk.trouble.refused if chunk.trouble else {}
    return any(
        session.state != "draining"
        and session.worker.name != chunk.author
        and session.worker.name not in refused
        and session.worker.name not in chunk.tried
        and (holders is None or session.worker.name in holders)
        for session in sessions
    )


def alarm(chunk: Chunk, digest: str, worker: str | None) -> Alarm:
    """The worker's result (None: it has left) differs from the one that the chunk has."""
    stored = (chunk.digest or "")[:16]
    return Alarm(
        chunk.job.id,
        chunk.id,
        f"workers disagree: {stored} from {chunk.author or _LEFT}, "
        f"{digest[:16]} from {worker or _LEFT}",
    )
