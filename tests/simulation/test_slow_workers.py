"""Slow workers, liars and a distant worker beside a fast one, by the protocol's own patience.

Each case is what took minutes although a fast worker was idle. Sizes and speeds are in bytes and
bytes per second of virtual time; a chunk's scan takes 0.7 to 1.3 times what they say.
"""

from __future__ import annotations

import pytest

from logan.scheduler.limits import Limits
from tests.simulation.schedule import JobPlan, Schedule, WorkerPlan
from tests.simulation.world import Outcome, World

LIMITS = Limits()

LEARN_S = 2 * LIMITS.heartbeat_s
"""Two reports tell how fast a lease is."""

TRIAL_S = LEARN_S + LIMITS.trial_wait_s_min + LIMITS.review_s
"""To find out that one more worker of unknown speed is slow."""

LIE_S = LIMITS.backup_gain * 3.0 + LIMITS.doubt_s_min + LIMITS.heartbeat_s
"""To find out that a worker lies which says that it will be done within three seconds."""


def worker(name: str, speed: float, joins_at: float = 0.0, **more: float) -> WorkerPlan:
    latency_s = more.get("latency_s", 0.001)
    boasts = int(more.get("boasts", 0))
    return WorkerPlan(
        name, joins_at, latency_s, latency_s, speed, 2 if boasts else 1, keeps=True, boasts=boasts
    )


def run(*workers: WorkerPlan, sizes: tuple[int, ...], seed: int) -> Outcome:
    schedule = Schedule(seed, workers, (JobPlan("j", 0.01, sizes),), ())
    return World(schedule, limits=LIMITS).run()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("slow", "speed", "sizes"),
    [
        (1, 300.0, (30_000,)),
        (2, 300.0, (30_000,)),
        (2, 100.0, (4_000,) * 8),
        (4, 100.0, (4_000,) * 8),
    ],
)
def test_a_fast_worker_that_joins_does_the_work_of_slow_ones(
    slow: int, speed: float, sizes: tuple[int, ...], seed: int
) -> None:
    joins_at = 2.0
    fast = worker("fast", 30_000.0, joins_at)
    alone = run(fast, sizes=sizes, seed=seed)
    together = run(
        *[worker(f"slow{number}", speed) for number in range(slow)], fast, sizes=sizes, seed=seed
    )
    assert together.virtual_s < alone.virtual_s + TRIAL_S + 1.0
    assert together.lost == 0
    # At most what the slow ones had begun, and one trial of each of them.
    assert together.backups <= len(sizes) + slow


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("way", [1, 2, 3])
def test_liars_about_progress_do_not_hold_a_job_up(way: int, seed: int) -> None:
    honest = worker("honest", 10_000.0, 0.5)
    liars = [worker(f"liar{number}", 1.0, boasts=way) for number in range(3)]
    for sizes in ((10_000,), (10_000,) * 3, (10_000,) * 6):
        alone = run(honest, sizes=sizes, seed=seed)
        together = run(*liars, honest, sizes=sizes, seed=seed)
        assert together.virtual_s < alone.virtual_s + len(liars) * LIE_S
        assert together.lost == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_distant_worker_is_not_taken_for_a_dead_or_a_slow_one(seed: int) -> None:
    near = [worker(f"near{number}", 1_000.0) for number in range(2)]
    distant = worker("distant", 1_000.0, latency_s=1.0)
    sizes = (1_000,) * 30
    without = run(*near, sizes=sizes, seed=seed)
    together = run(*near, distant, sizes=sizes, seed=seed)
    assert together.virtual_s < 1.15 * without.virtual_s + 1.0
    assert together.recovered == 0
    # The last chunk of each worker at most is scanned twice.
    assert together.backups <= 3
    assert together.replaced == 0


@pytest.mark.parametrize("seed", range(5))
def test_equal_workers_of_unknown_speed_scan_a_long_chunk_a_few_times_only(seed: int) -> None:
    equal = [worker(f"w{number}", 1_000.0) for number in range(12)]
    outcome = run(*equal, sizes=(60_000,), seed=seed)
    assert outcome.backups <= 5
    assert outcome.virtual_s < 60.0 * 1.3 + 1.0
