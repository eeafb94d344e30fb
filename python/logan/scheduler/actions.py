"""What the shell must do. It executes actions in order; none may be dropped while the
session that it names lives, and all may be forgotten once it has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from logan.scheduler.events import LeaseKey

__all__ = [
    "Action",
    "Alarm",
    "CancelLease",
    "CancelReason",
    "CheckSource",
    "Checked",
    "CloseSession",
    "Commit",
    "DrainSession",
    "EndJob",
    "Grant",
    "LostChunk",
    "Recovered",
    "Resolve",
    "SendJob",
]


@dataclass(frozen=True, slots=True)
class SendJob:
    """Describe the job to the session: once, before its first lease of that job."""

    session: str
    job: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Lease a chunk. `isolated`: scan it in a child process and bisect there if that dies."""

    session: str
    key: LeaseKey
    isolated: bool = False


CancelReason = Literal["not needed", "no progress", "replaced"]
"""Why a live lease is canceled: its chunk (or job) is over, it was revoked, or a faster worker gets
the chunk instead. Only a lease that was revoked counts as lost."""


@dataclass(frozen=True, slots=True)
class CancelLease:
    """The session's work on this lease is no longer needed."""

    session: str
    key: LeaseKey
    why: CancelReason = "not needed"


@dataclass(frozen=True, slots=True)
class CheckSource:
    """Compare a source with its planned fingerprint, then say `SourceChecked`.

    `worker` reported it as changed; one look at a time is asked for of each source.
    """

    job: str
    source: int
    worker: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Store the result that this session returned, then say `ChunkCommitted` or `CommitFailed`."""

    session: str
    key: LeaseKey
    digest: str


@dataclass(frozen=True, slots=True)
class Resolve:
    """Tell the session what became of its result: `done` (it, or an equal one, is stored) or not.

    Only after the commit, so a worker that hears DONE may forget the result.
    """

    session: str
    key: LeaseKey
    done: bool


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Say ERROR with `code` and `why`, and close the connection, which held so many leases."""

    session: str
    why: str
    held: int = 0
    code: str = "closed"


@dataclass(frozen=True, slots=True)
class DrainSession:
    """Say DRAIN: the session gets nothing more."""

    session: str


@dataclass(frozen=True, slots=True)
class LostChunk:
    """Planned bytes that the metrics will not cover.

    Attributes:
        kind: as in `ChunkFailed`, or "lost" when the only holder of the source is gone.
        bad_range: if known, only these bytes of the chunk are to blame.
    """

    job: str
    chunk: int
    kind: str
    why: str
    bad_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A failure was recovered from: noticed -> leased again -> done, seconds of one clock."""

    job: str
    chunk: int
    worker: str
    cause: str
    noticed_at: float
    leased_at: float
    done_at: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that must never happen did, though the job goes on: for the operator's eyes."""

    job: str
    chunk: int
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A stored result was to be confirmed by another worker.

    `agreed` is None if no worker could do it; False comes with an `Alarm`.
    """

    job: str
    chunk: int
    agreed: bool | None


@dataclass(frozen=True, slots=True)
class EndJob:
    """Every chunk is committed or lost; `cancelled` if the job was given up instead."""

    job: str
    cancelled: bool = False


Action = (
    SendJob
    | Grant
    | CancelLease
    | CheckSource
    | Commit
    | Resolve
    | CloseSession
    | DrainSession
    | LostChunk
    | Recovered
    | Alarm
    | Checked
    | EndJob
)
