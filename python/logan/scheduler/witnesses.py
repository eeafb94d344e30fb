"""How many workers must claim that bytes cannot be read before these are given up.

A worker can claim that a source changed (`final`), that a line kills every scan (`bad_range`), or
that the engine panics over a chunk, as it would everywhere (kind "panic").
One claim alone is never enough, as a single worker could then make any report partial:

- If the shell can read the source, it checks the claim, once for the whole source.
- Otherwise, and of a chunk always, a second worker must claim the same.
- Where no other connected worker can do the chunk, and none that could was connected a moment ago,
  the only witness is asked again after a lease's time, and then believed; the report says so.

Until then a claim is a failure of its worker: the chunk goes to others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal

from logan.scheduler.entities import Chunk, Lease, SourceTrouble, Worker
from logan.scheduler.events import ChunkFailed
from logan.scheduler.limits import Limits

__all__ = [
    "UNABLE",
    "WITNESSES_MIN",
    "Claim",
    "alone",
    "claim_of",
    "is_first_other_copy",
    "named",
    "refuted",
    "trouble_of",
]

Claim = Literal["source", "line", "panic"]

UNABLE: Final = ("permission", "missing", "unreadable", "no-room")
"""Kinds of FAIL by which a worker says that it cannot read a source, though others may."""

WITNESSES_MIN: Final = 2
"""Workers that must make the same claim where the shell cannot check it."""


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
    """Whether the workers that claimed it, and the `others` that cannot do it, are all there are.

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
    """Why bytes are missing, where only the workers in `claimed` say so."""
    names = ", ".join(sorted(claimed))
    if len(claimed) == 1:
        return f"{why} ({names} is the only witness)"
    return f"{why} ({names} are the only witnesses)"


def trouble_of(chunk: Chunk) -> SourceTrouble:
    """What workers reported of the chunk's source."""
    return chunk.job.troubles.setdefault(chunk.source, SourceTrouble())


def is_first_other_copy(event: ChunkFailed, chunk: Chunk, worker: Worker) -> bool:
    """Whether the worker found only now that its own copy of the source differs, which is noted.

    It fetches the source from now on, so this does not count as a failure, and any worker may get
    the chunk.
    """
    if event.kind != "changed" or event.final:
        return False
    copies = trouble_of(chunk).copies
    if worker.name in copies:
        return False
    copies.add(worker.name)
    return True


def refuted(chunk: Chunk, name: str | None, *, can_look: bool) -> list[str]:
    """The workers whose claims are refuted because this worker (None: it has left) read the chunk.

    These claims are forgotten. Where the shell can look at the source (`can_look`), its look
    decides about claims that the source changed.
    """
    found = trouble_of(chunk)
    if name is not None:
        found.unable.discard(name)
        found.claimed.pop(name, None)
    if found.confirmed is not None or chunk.trouble is None:
        return []
    wrong = set(chunk.trouble.poisoned)
    if found.chunks.pop(chunk.id, None) is not None and not can_look:
        for other in found.claimed.keys() & chunk.trouble.refused.keys():
            del found.claimed[other]
            wrong.add(other)
    return sorted(wrong - {name})
