"""What a seed decides before anything runs: the cluster, its jobs, and the faults to come.

Faults are a list, so that a failing schedule can be tried again with some of them left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from random import Random

from logan.scheduler.limits import Limits

__all__ = ["FAULTS", "Fault", "JobPlan", "Schedule", "WorkerPlan", "bound_of", "make"]

HEAL_S = 8.0
"""Faults happen before, and end by then; from then on everything must come to a good end."""

LIMITS = Limits(
    lease_s=2.5,
    heartbeat_s=0.5,
    stall_s=20.0,
    silence_s=8.0,
    holder_absence_s=12.0,
    check_wait_s=3.0,
    failures_per_chunk_max=8,
    losses_per_chunk_max=32,
    pause_s_max=8.0,
    trial_wait_s_min=1.0,
    doubt_s_min=1.0,
)
"""The default ones in miniature, so that a schedule takes few virtual seconds. The bounds on
attempts are wide, so that no honest chunk is given up for the many faults of one schedule."""

FAULTS = {
    "crash": 4,  # the process dies, the connection closes
    "power": 2,  # the machine dies, nothing closes
    "freeze": 3,  # SIGSTOP, then SIGCONT
    "slow": 2,
    "cut": 4,  # the connection breaks, the worker reconnects
    "flap": 1,  # it does so several times
    "partition": 4,  # nothing passes in one direction or in both
    "hang": 1,  # a scan makes no progress any more
    "boast": 3,  # a scan reports progress, and never ends
    "false final": 3,  # a worker claims that sources changed, which did not
    "false line": 2,  # a worker claims that a line kills the scan, or one that is elsewhere
    "garbage": 2,  # results that do not verify
    "lie": 2,  # a result that is well made and wrong
    "replay": 3,  # frames that arrive a second time
    "forge": 2,  # a second result with another digest
    "drain": 2,
    "forget": 1,  # the worker loses a lease and does not know it
    "coordinator dies": 4,
    "coordinator pauses": 1,
    "clock jumps": 2,
    "commit fails": 2,
    "cancel": 1,
    "hopeless": 1,  # the shell finds that no worker can read the source of some chunks
}
"""Kinds of faults, and how often each is drawn."""

WRONG = ("false final", "false line", "garbage")
"""Kinds that make others do a chunk."""


@dataclass(frozen=True)
class Fault:
    at: float
    kind: str
    worker: int = 0
    seconds: float = 0.0
    number: int = 0


@dataclass(frozen=True)
class WorkerPlan:
    """Latencies are one way; `speed` in bytes per second; `gone_at`: it never comes back.

    `boasts`: it reports progress of all that it is leased, in one way or another, and that is all.
    """

    name: str
    joins_at: float
    up_s: float
    down_s: float
    speed: float
    slots: int
    keeps: bool
    gone_at: float | None = None
    boasts: int = 0


@dataclass(frozen=True)
class JobPlan:
    """Chunks of some sources, which lie in them one after the other.

    Attributes:
        source_of: by chunk; none if all are of one source.
        holders, poison: by chunk.
        changes: when a source changes, so that no scan of it ends well any more.
        unreadable: by source, the worker that cannot read it.
        readable: whether the coordinator can look at the sources.
        verify: chunks that are scanned twice.
    """

    id: str
    at: float
    sizes: tuple[int, ...]
    source_of: tuple[int, ...] = ()
    holders: dict[int, frozenset[str]] = field(default_factory=dict)
    poison: frozenset[int] = frozenset()
    changes: dict[int, float] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)
    readable: bool = False
    verify: frozenset[int] = frozenset()

    def source(self, chunk: int) -> int:
        return self.source_of[chunk] if self.source_of else 0

    def start(self, chunk: int) -> int:
        """Where a chunk begins in its source."""
        source = self.source(chunk)
        before = (id for id in range(chunk) if self.source(id) == source)
        return sum(self.sizes[id] for id in before)

    def changed(self, source: int, now: float) -> bool:
        return now >= self.changes.get(source, inf)


@dataclass(frozen=True)
class Schedule:
    seed: int
    workers: tuple[WorkerPlan, ...]
    jobs: tuple[JobPlan, ...]
    faults: tuple[Fault, ...]
    real: bool = False

    def without(self, fault: Fault) -> Schedule:
        return replace(self, faults=tuple(each for each in self.faults if each is not fault))


def bound_of(schedule: Schedule) -> float:
    """Virtual seconds by which all must be over.

    The longest patience of `LIMITS` a few times over, and twice the time that the fastest workers
    would take for everything, one chunk after the other. So slow ones must not hold anything up,
    nor those that answer wrongly, if another one is there.
    """
    # Leases that must be revoked, if it is the only worker that holds them.
    revoked = sum({"hang": 1, "boast": 2}.get(fault.kind, 0) for fault in schedule.faults)
    patience_s = 60.0 + revoked * (2.0 * LIMITS.stall_s + 4.0)
    return HEAL_S + patience_s + 2.0 * sum(_work_s(schedule, job) for job in schedule.jobs)


def _work_s(schedule: Schedule, job: JobPlan) -> float:
    wrong = any(fault.kind in WRONG for fault in schedule.faults)
    # A commit that fails is the one fault that waits for its time, so a whole scan may be in vain.
    unstored = sum(fault.kind == "commit fails" for fault in schedule.faults)
    seconds = 0.0
    for chunk, size in enumerate(job.sizes):
        source = job.source(chunk)
        speeds = sorted(
            worker.speed
            for worker in schedule.workers
            if worker.gone_at is None
            and worker.name in job.holders.get(chunk, {worker.name})
            and job.unreadable.get(source) != worker.name
        )
        # What is to be verified, or claimed to be poison, takes a second worker.
        second = chunk in job.verify or chunk in job.poison
        # So does a source that changed, and that worker may be amid a long scan of it. And a
        # worker that answered wrongly, perhaps the fastest, leaves a chunk to the others.
        slow = wrong or source in job.changes
        speed = speeds[0 if slow else max(-2 if second else -1, -len(speeds))] if speeds else inf
        # Poison kills two scans, and two more find it; a wrong answer makes another one.
        scans = 4 if chunk in job.poison else 2 if second else 1
        seconds += size / speed * (scans + 2 * wrong + unstored)
    return seconds


def make(seed: int) -> Schedule:
    """The schedule of a seed."""
    random = Random(seed)
    workers = _workers(random)
    real = random.random() < 0.01
    jobs = _jobs(random, workers, 24 if real else 14)
    kinds = list(FAULTS)
    weights = list(FAULTS.values())
    faults = [
        Fault(
            at=random.uniform(0.0, HEAL_S - 1.0) if random.random() < 0.8 else random.random(),
            kind=random.choices(kinds, weights)[0],
            worker=random.randrange(len(workers)),
            seconds=random.choice((0.05, 0.6, 2.0, 4.0)) * (0.5 + random.random()),
            number=random.randrange(1, 9),
        )
        for _ in range(random.choice((0, 1, 2, 3, 4, 6, 8)))
    ]
    return Schedule(seed, workers, jobs, tuple(sorted(faults, key=lambda each: each.at)), real)


def _workers(random: Random) -> tuple[WorkerPlan, ...]:
    count = random.choice((1, 2, 2, 3, 3, 4))
    plans = [
        WorkerPlan(
            name=f"w{number}",
            joins_at=random.random() * (4.0 if random.random() < 0.3 else 0.1),
            up_s=random.choice((0.001, 0.01, 0.05, 0.4)),
            down_s=random.choice((0.001, 0.01, 0.05, 0.4)),
            speed=random.choice((40.0, 100.0, 200.0)),
            slots=random.choice((1, 2, 2, 3)),
            keeps=random.random() < 0.7,
        )
        for number in range(count)
    ]
    if count > 1 and random.random() < 0.15:
        plans[0] = replace(plans[0], gone_at=random.uniform(0.1, HEAL_S - 1.0))
    if count > 1 and random.random() < 0.2:
        # All but the last one take minutes for a chunk.
        for number in range(random.randrange(1, count)):
            plans[number] = replace(plans[number], speed=1.0, joins_at=0.1 * random.random())
    return tuple(plans)


def _jobs(random: Random, workers: tuple[WorkerPlan, ...], chunks_max: int) -> tuple[JobPlan, ...]:
    return tuple(
        _job(random, f"j{number}", workers, chunks_max)
        for number in range(random.choice((1, 1, 1, 2, 3)))
    )


def _job(random: Random, id: str, workers: tuple[WorkerPlan, ...], chunks_max: int) -> JobPlan:
    count = random.randrange(0 if random.random() < 0.05 else 1, chunks_max + 1)
    names = [worker.name for worker in workers]
    staying = [worker.name for worker in workers if worker.gone_at is None]
    holders: dict[int, frozenset[str]] = {}
    if random.random() < 0.25:
        for chunk in range(count):
            if random.random() < 0.7:
                some = random.sample(names, min(len(names), random.choice((1, 1, 2))))
                holders[chunk] = frozenset(some)
    special = {chunk: random.random() for chunk in range(count)}
    odd = random.random() < 0.4
    verified = random.choice((0.0, 0.0, 0.3, 1.0))
    sources = random.choice((1, 1, 2, 3))
    changes = {
        source: 0.0 if random.random() < 0.5 else random.uniform(0.0, HEAL_S)
        for source in range(sources)
        if random.random() < 0.15
    }
    unreadable = {
        source: staying[0]
        for source in range(sources)
        if random.random() < 0.1 and len(staying) > 1 and not holders
    }
    return JobPlan(
        id=id,
        at=random.random() * (5.0 if random.random() < 0.3 else 0.2),
        sizes=tuple(random.randrange(1, 200) for _ in range(count)),
        source_of=tuple(chunk * sources // count for chunk in range(count)),
        holders=holders,
        poison=frozenset(c for c, p in special.items() if odd and p < 0.04),
        changes=changes,
        unreadable=unreadable,
        readable=not holders and random.random() < 0.6,
        verify=frozenset(chunk for chunk in range(count) if random.random() < verified),
    )
