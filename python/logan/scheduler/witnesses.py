"""Whose word it takes to give up bytes that others might read.

A worker can claim that a source changed (`final`), that a line kills every scan (`bad_range`), or
that the engine panics over a chunk, as it would everywhere (kind "panic").
One claim is never enough, as it would let a single worker make any report partial:

- Of a source that the shell can look at, the shell's look decides, for the whole source.
- Otherwise, and of a chunk always, a second worker must claim the same.
- Where no other connected worker can do the chunk, and none that could was connected a moment ago,
  the only witness is asked again after a lease's time, and then believed; the report says so.

Until then a claim is a failure of its worker: the chunk goes to others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

from logan.scheduler.entities import Lease, Worker
from logan.scheduler.events import ChunkFailed
from logan.scheduler.limits import Limits

__all__ = ["UNABLE", "WITNESSES_MIN", "Claim", "alone", "claim_of", "named"]

Claim = Literal["source", "line", "panic"]

UNABLE: Final = ("permission", "missing", "unreadable", "no-room")
"""Kinds of FAIL by which a worker says that it cannot read a source, though others may."""

WITNESSES_MIN: Final = 2
"""Workers that must claim the same where nobody can look."""


def claim_of(event: ChunkFailed, lease: Lease) -> Claim | None:
    """What a FAIL claims of its chunk, besides that its worker did not do it."""
    if event.kind == "panic":
        return "panic"
    if event.final and event.kind in ("changed", "gone"):
        return "source"
    if event.bad_range is None or not lease.isolated:
        # Only the scan of an isolated lease looks for the line, so nothing else can know it.
        return None
    chunk = lease.chunk
    start, end = event.bad_range
    return "line" if chunk.start <= start < min(end, chunk.start + chunk.bytes) else None


def alone(
    claimed: Mapping[str, float],
    others: Collection[str],
    connected: Iterable[str],
    gone: Iterable[Worker],
    now: float,
    limits: Limits,
) -> bool:
    """Whether those who claimed it, and the `others` who cannot do it, are all who could.

    `gone`: workers that are not connected, but were, and could do it.
    """
    if now < min(claimed.values()) + limits.lease_s:
        return False
    if not all(name in claimed or name in others for name in connected):
        return False
    return not any(
        now < worker.gone_at + limits.lease_s
        for worker in gone
        if worker.name not in claimed and worker.name not in others
    )


def named(why: str, claimed: Mapping[str, float]) -> str:
    """Why bytes are missing, where that is the word of those who claimed it alone."""
    names = ", ".join(sorted(claimed))
    if len(claimed) == 1:
        return f"{why} ({names} is the only witness)"
    return f"{why} ({names} are the only witnesses)"
