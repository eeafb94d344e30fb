"""What a seed decides before anything runs: the cluster, its jobs, and the faults to come.

Faults are a list, so that a failing schedule can be tried again with some of them left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from logan.scheduler.limits import Limits

__all__ = ["FAULTS", "Fault", "JobPlan", "Schedule", "WorkerPlan", "bound_of", "make"]

HEAL_S = 8.0
"""Faults happen before, and end by then; from then on everything must come to a good end."""

LIMITS = Limits(
    lease_s=2.5,
    heartbeat_s=0.5,
    stall_s=6.0,
    silence_s=8.0,
    holder_absence_s=12.0,
    check_wait_s=3.0,
    failures_per_chunk_max=8,
    losses_per_chunk_max=32,
    pause_s_max=8.0,
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
    "hopeless": 1,  # the shell finds that nobody can read what some chunks are of
}
"""Kinds of faults, and how often each is drawn."""


@dataclass(frozen=True)
class Fault:
    at: float
    kind: str
    worker: int = 0
    seconds: float = 0.0
    number: int = 0


@dataclass(frozen=True)
class WorkerPlan:
    """Latencies are one way; `speed` in bytes per second; `gone_at`: it never comes back."""

    name: str
    joins_at: float
    up_s: float
    down_s: float
    speed: float
    slots: int
    keeps: bool
    gone_at: float | None = None


@dataclass(frozen=True)
class JobPlan:
    """`holders`, `poison`, `changed`, `unreadable` (at whom) by chunk; `verify`: scanned twice."""

    id: str
    at: float
    sizes: tuple[int, ...]
    holders: dict[int, frozenset[str]] = field(default_factory=dict)
    poison: frozenset[int] = frozenset()
    changed: frozenset[int] = frozenset()
    unreadable: dict[int, str] = field(default_factory=dict)
    verify: frozenset[int] = frozenset()


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

    The longest patience of `LIMITS` a few times over, and the time that the slowest worker would
    take for everything, one chunk after the other.
    """
    work = sum(size for job in schedule.jobs for size in job.sizes)
    return HEAL_S + 60.0 + 2.0 * work / min(worker.speed for worker in schedule.workers)


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
    return JobPlan(
        id=id,
        at=random.random() * (5.0 if random.random() < 0.3 else 0.2),
        sizes=tuple(random.randrange(1, 200) for _ in range(count)),
        holders=holders,
        poison=frozenset(c for c, p in special.items() if odd and p < 0.04),
        changed=frozenset(c for c, p in special.items() if odd and 0.04 <= p < 0.08),
        unreadable={
            chunk: staying[0]
            for chunk, p in special.items()
            if odd and 0.1 <= p < 0.2 and len(staying) > 1 and chunk not in holders
        },
        verify=frozenset(chunk for chunk in range(count) if random.random() < verified),
    )
