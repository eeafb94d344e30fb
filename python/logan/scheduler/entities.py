"""What the machine remembers of chunks, leases, sessions, workers and jobs. Data, no decisions.

Entities compare by identity. `timer_at` belongs to `timers.Timers`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf

from logan.scheduler.events import LeaseKey
from logan.scheduler.states import CHUNK_STATES, ChunkState, SessionState

__all__ = [
    "Chunk",
    "FailureHistory",
    "Job",
    "Lease",
    "LeaseFailure",
    "Pool",
    "Session",
    "SourceTrouble",
    "Tally",
    "Worker",
]


@dataclass(slots=True, eq=False)
class Worker:
    """A name, over all its sessions.

    Attributes:
        session: the live one, or None.
        rate: bytes per second of a lease, from grant to result, smoothed; 0 while unknown.
        rate_max: the lowest rate of leases that it reported progress of, and was believed, but that
            ended without a result, since its last one.
        doubted: a lease of its was overdue by its own reports, and no result came since.
        broken: such leases that ended without a result, since its last one.
        score: rises with failures, falls with results; see `penalties`.
        level: how many pauses it got since its score was last 0; each doubles the next.
    """

    name: str
    session: Session | None = None
    gone_at: float = 0.0
    rate: float = 0.0
    rate_max: float = inf
    doubted: bool = False
    broken: int = 0
    done: int = 0
    done_bytes: int = 0
    lost: int = 0
    failed: int = 0
    score: int = 0
    level: int = 0
    failed_at: float = -inf
    pauses: int = 0
    paused_until: float = -inf
    timer_at: float = inf


@dataclass(slots=True, eq=False)
class Session:
    """One connection of a worker.

    Attributes:
        free: further leases that it takes now.
        heard_at: when its last frame arrived.
        beat_at: when its last heartbeat did.
        orphans: what its last heartbeat listed without having a lease for it: bytes scanned, and
            since when they are no more.
        lapsed: leases that ran out while it sent no heartbeat, and when; each takes up one of its
            places until it asks again, or is seen not to have it.
    """

    id: str
    worker: Worker
    heard_at: float
    beat_at: float = -inf
    state: SessionState = "new"
    free: int = 0
    leases: dict[LeaseKey, Lease] = field(default_factory=dict)
    orphans: dict[LeaseKey, tuple[int, float]] = field(default_factory=dict)
    lapsed: dict[LeaseKey, float] = field(default_factory=dict)
    timer_at: float = inf


@dataclass(slots=True, eq=False)
class Lease:
    """A live lease: `deadline` is in the future, or it would not be live.

    Attributes:
        scanned: bytes, as last reported.
        progress_at: when that last grew, or the lease was granted.
        first_scanned, first_at: the first report of any, and when it came.
        promised_at: the earliest end that its reports have promised so far.
        doubted: it is so overdue by its own reports that they are not believed any more.
        stalled: it made no progress for so long that it was backed up.
    """

    key: LeaseKey
    chunk: Chunk
    session: Session
    granted_at: float
    deadline: float
    progress_at: float
    scanned: int = 0
    first_scanned: int = 0
    first_at: float = inf
    promised_at: float = inf
    doubted: bool = False
    stalled: bool = False
    isolated: bool = False


@dataclass(slots=True, eq=False)
class LeaseFailure:
    """One failure of a chunk's lease, until the chunk is stored."""

    worker: str
    cause: str
    noticed_at: float
    leased_at: float | None = None


@dataclass(slots=True, eq=False)
class FailureHistory:
    """What went wrong with a chunk; most chunks have none.

    Attributes:
        losses: leases that ended with neither result nor answer.
        failures: answers that it cannot be scanned, and results that could not be stored.
        failed_at: when the last such answer came.
        refused: workers that gave such an answer, and how often.
        poisoned: workers that found in an isolated scan that a line of it kills them, and when
            each did so first.
    """

    losses: int = 0
    failures: int = 0
    failed_at: float = 0.0
    refused: dict[str, int] = field(default_factory=dict)
    poisoned: dict[str, float] = field(default_factory=dict)
    log: list[LeaseFailure] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class SourceTrouble:
    """What workers reported of a source; most sources have none.

    Attributes:
        claimed: workers that reported it as changed for good, and when each did so first.
        copies: workers that found their own copy to differ, and will fetch it from now on.
        unable: workers that cannot read it, and read nothing of it since they said so.
        chunks: those that were so reported, and neither done nor given up since.
        detail: what the last of them said, for people.
        confirmed: why it counts as changed; None while that is only claimed.
        looking: the shell is looking at it, to judge the claims of the workers `looked_for`;
            `unchecked` came in meanwhile.
        hidden: the shell could not tell.
    """

    claimed: dict[str, float] = field(default_factory=dict)
    copies: set[str] = field(default_factory=set)
    unable: set[str] = field(default_factory=set)
    chunks: dict[int, Chunk] = field(default_factory=dict)
    detail: str = ""
    confirmed: str | None = None
    looking: bool = False
    looked_for: dict[str, None] = field(default_factory=dict)
    unchecked: dict[str, None] = field(default_factory=dict)
    hidden: bool = False


@dataclass(slots=True, eq=False)
class Chunk:
    """One chunk of a job. `attempt` is that of the last lease; `leases` are live, at most two.

    Attributes:
        source, start: its source in the plan, and where it begins there.
        verify: another worker than the `author` of its result shall scan it too.
        tried: workers that had a lease of it and were replaced by faster ones, since a lease of it
            last came to nothing.
    """

    job: Job
    id: int
    bytes: int
    pool: Pool
    source: int = 0
    start: int = 0
    state: ChunkState = "pending"
    attempt: int = 0
    leases: tuple[Lease, ...] = ()
    digest: str | None = None
    trouble: FailureHistory | None = None
    verify: bool = False
    author: str | None = None
    tried: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    chunks: int = 0
    bytes: int = 0


@dataclass(slots=True, eq=False)
class Job:
    """A job and its chunks.

    Attributes:
        informed_sessions: ids of the sessions that know what the job is.
        waiting: for each chunk that is being committed, the results to acknowledge then.
        checking: chunks in that state.
        readable: sources that the shell can look at; `troubles` are those that workers complained
            about.
    """

    id: str
    chunks: dict[int, Chunk] = field(default_factory=dict)
    tally: dict[ChunkState, Tally] = field(
        default_factory=lambda: {state: Tally() for state in CHUNK_STATES}
    )
    informed_sessions: set[str] = field(default_factory=set)
    waiting: dict[int, list[tuple[str, LeaseKey]]] = field(default_factory=dict)
    checking: dict[int, Chunk] = field(default_factory=dict)
    readable: frozenset[int] = frozenset()
    troubles: dict[int, SourceTrouble] = field(default_factory=dict)
    pools: list[Pool] = field(default_factory=list)
    over: bool = False
    timer_at: float = inf

    @property
    def unfinished(self) -> int:
        tally = self.tally
        return len(self.chunks) - tally["done"].chunks - tally["lost"].chunks


@dataclass(slots=True, eq=False)
class Pool:
    """Pending chunks that the same workers can take: `holders`, or any worker (None).

    Attributes:
        retries: chunks whose lease was lost, and stalled ones that want a backup: they go first.
            May hold chunks that are no longer either; `queue.WorkQueue` skips them.
        checks: chunks whose result another worker than its author shall confirm; may hold others
            as well, as `retries` may.
        fresh: per job, chunks never leased, in the plan's order; the jobs take turns.
        listed: holders in whose list of pools with work it stands.
        jobs: jobs that have chunks of this pool.
        present: how many of the holders are connected.
        absent_since: since when none of them is.
    """

    holders: frozenset[str] | None
    retries: deque[Chunk] = field(default_factory=deque)
    checks: deque[Chunk] = field(default_factory=deque)
    fresh: deque[deque[Chunk]] = field(default_factory=deque)
    listed: set[str] = field(default_factory=set)
    jobs: set[Job] = field(default_factory=set)
    present: int = 0
    absent_since: float = inf
    timer_at: float = inf
