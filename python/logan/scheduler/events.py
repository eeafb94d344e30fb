"""What may happen to the scheduler. Each event is a fact that a shell observed, without a time:
the time comes beside it, on the coordinator's monotonic clock.

A *session* is one connection of a worker: a worker that reconnects is a new session, of the same
name. Jobs are named by their id, chunks by their id in the job's plan, leases by (job, chunk,
attempt).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "ChunkCommitted",
    "ChunkFailed",
    "ChunkReturned",
    "CommitFailed",
    "DrainAsked",
    "Event",
    "JobAdded",
    "JobCancelled",
    "LeaseKey",
    "Progress",
    "SourceChecked",
    "SourcesUnreadable",
    "TimePassed",
    "WorkItem",
    "WorkerHeard",
    "WorkerJoined",
    "WorkerLeft",
    "WorkerReady",
]

LeaseKey = tuple[str, int, int]
"""(job, chunk, attempt): names one lease for good."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One chunk of a job, as far as the scheduler cares.

    Attributes:
        chunk: id in the plan.
        bytes: stored bytes to read, to tell slow from large.
        holders: names of the only workers that can read it; None if any can.
        source: index of its source in the plan.
        start: offset of its first byte in the source.
    """

    chunk: int
    bytes: int
    holders: frozenset[str] | None = None
    source: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True)
class JobAdded:
    """A job to be done; `done` are the chunks that a journal says are committed already.

    `verify`: chunks that a second worker shall scan too, to see whether it says the same.
    `readable`: sources that the shell can look at itself when a worker reports one as changed.
    """

    job: str
    items: Sequence[WorkItem]
    done: frozenset[int] = frozenset()
    verify: frozenset[int] = frozenset()
    readable: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """The job is no longer wanted."""

    job: str


@dataclass(frozen=True, slots=True)
class WorkerJoined:
    """A session was authenticated. `name` is the worker's id, stable over reconnects."""

    session: str
    name: str


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """The session takes up to `free` further leases (an absolute number, not a sum)."""

    session: str
    free: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a session is with a lease; `scanned_bytes` never falls while it lives."""

    key: LeaseKey
    scanned_bytes: int


@dataclass(frozen=True, slots=True)
class WorkerHeard:
    """A heartbeat: proof of life, and the renewal of the leases that it lists.

    Any other frame of the session is heard too, with no `leases`: it proves life, renews nothing.
    """

    session: str
    leases: tuple[Progress, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerLeft:
    """The connection is gone. `clean` if the worker said goodbye and owes nothing."""

    session: str
    why: str
    clean: bool = False


@dataclass(frozen=True, slots=True)
class ChunkReturned:
    """A result arrived whole and was verified (digest of its bytes, spec, coverage, identity)."""

    session: str
    key: LeaseKey
    digest: str


@dataclass(frozen=True, slots=True)
class ChunkFailed:
    """The worker answered FAIL.

    Attributes:
        kind: "changed", "gone", "poison", "cancelled", "internal", or why its worker cannot read
            it: "permission", "missing", "unreadable".
        detail: for people.
        final: the worker claims that no other would do better (the source itself is at fault).
        bad_range: offsets in the source that kill a scan, found by bisection. Counts only if the
            lease was isolated and the range begins in the chunk.
    """

    session: str
    key: LeaseKey
    kind: str
    detail: str
    final: bool = False
    bad_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SourcesUnreadable:
    """The shell knows that no worker can do these chunks: those that wait are to be given up."""

    job: str
    chunks: Sequence[int]
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class SourceChecked:
    """The shell compared a source with its planned fingerprint.

    Attributes:
        changed: None if that could not be told.
        why: what differs, for people.
    """

    job: str
    source: int
    changed: bool | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChunkCommitted:
    """The journal has the chunk's result for good."""

    job: str
    chunk: int


@dataclass(frozen=True, slots=True)
class CommitFailed:
    """The journal could not store the result; nothing may be acknowledged."""

    job: str
    chunk: int
    why: str


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """Lease nothing more to `session` (None: to any); it leaves when its leases are done."""

    session: str | None = None


@dataclass(frozen=True, slots=True)
class TimePassed:
    """`Machine.next_deadline` is reached, and all that was said by then is handled."""


Event = (
    JobAdded
    | JobCancelled
    | WorkerJoined
    | WorkerReady
    | WorkerHeard
    | WorkerLeft
    | ChunkReturned
    | ChunkFailed
    | SourcesUnreadable
    | SourceChecked
    | ChunkCommitted
    | CommitFailed
    | DrainAsked
    | TimePassed
)
