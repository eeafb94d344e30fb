"""The scheduler under thousands of schedules of faults, and the planted bugs that these must find.

Each run takes new schedules, and prints their first seed; `LOGAN_SIMULATION_SEED` takes the same
ones again. A failure names its seed and the command that replays it. Schedules that failed once are
pinned, and for each planted bug one that catches it. `just sim` (`python -m tests.simulation.run`)
tries ten times as many schedules, and searches for each planted bug anew.
"""

from __future__ import annotations

import os
from random import Random, SystemRandom

import pytest

from logan.scheduler.machine import Machine
from tests.simulation.hunt import attempt, hunt, shrink
from tests.simulation.mutants import CATCHING_SEEDS, MUTANTS
from tests.simulation.schedule import FAULTS, make

SCHEDULES = 2_000
BATCHES = 4


def _first_seed() -> int:
    given = os.environ.get("LOGAN_SIMULATION_SEED")
    if given is not None:
        return int(given)
    # All processes of one run take the same.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    return (SystemRandom() if run is None else Random(run)).randrange(10**9)


FIRST_SEED = _first_seed()

FAILED_ONCE = {
    500706: "a worker counted as slow for what it had reported wrongly, of one small chunk",
    496594806: "the same, where all that could help had reported wrongly",
    1720401375: "a fast worker was left out of a chunk, though those preferred to it had failed",
    15922621: "a lease that got lost took up its place for good, as it ran out in a silence",
    981096505: "counted as idle: a worker that goes on with scans whose leases ran out",
    810002745: "counted as fast: a worker that had been slowed down, and brought nothing since",
    830004069: "counted as held up: a long scan that had to be done again, as its commit failed",
    700010386: "counted as given up too soon: a chunk with all the FAILs that one may have",
    668629290: "counted as passed over: lost chunks behind 16 that the worker had refused",
    759952787: "a session with all the leases that it may have was not fed when one was canceled",
    353427573: "counted as left unverified: what was stored before its source was seen to change",
}
"""Seeds of schedules that failed, and why: by the scheduler or by the oracle."""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_schedule_comes_to_its_right_end(batch: int) -> None:
    size = SCHEDULES // BATCHES
    first = FIRST_SEED + batch * size
    print(f"LOGAN_SIMULATION_SEED={FIRST_SEED}: seeds {first} to {first + size - 1}")
    found = hunt(range(first, first + size), failures_max=1)
    assert not found.failures, found.failures[0]
    assert found.schedules == size
    # Not an idle world: what the faults are for has happened.
    total = found.total
    assert total.lives > 1.05 * size
    assert total.recovered > size
    assert total.backups > size / 2
    assert total.lost > size / 10
    assert total.alarms > size / 50
    assert total.checked > size
    assert total.lies > size / 100
    assert total.claims > size / 10
    assert total.looks > size / 20


def test_some_schedules_replace_slow_leases() -> None:
    # One in sixty does: too few to be sure of some in every batch of new ones.
    assert hunt(range(100)).total.replaced > 0


@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_a_schedule_that_failed_once_comes_to_its_right_end(seed: int) -> None:
    found = hunt([seed])
    assert not found.failures, (FAILED_ONCE[seed], found.failures[0])


def test_every_kind_of_fault_is_drawn() -> None:
    drawn = {fault.kind for seed in range(200) for fault in make(seed).faults}
    assert drawn == set(FAULTS)


def test_some_schedules_merge_real_summaries() -> None:
    seeds = [seed for seed in range(1000) if make(seed).real]
    assert len(seeds) >= 3
    assert not hunt(seeds).failures


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_pinned_seed_catches_a_planted_bug(mutant: str) -> None:
    assert attempt(make(CATCHING_SEEDS[mutant]), mutant)[1] is not None


def test_a_seed_replays_exactly() -> None:
    first, second = attempt(make(3))[0], attempt(make(3))[0]
    assert first == second
    assert first is not None


def test_a_failure_fails_again_and_names_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.hunt.Machine", MUTANTS["never isolates"])
    failure = hunt(range(100), failures_max=1).failures[0]
    assert f"--seed {failure.seed}" in str(failure)
    assert len(failure.schedule.faults) <= len(make(failure.seed).faults)
    assert attempt(failure.schedule)[1] is not None
    # Without any one of the faults that are left, nothing would be found.
    assert shrink(failure.schedule) == failure.schedule


def test_mutants_are_schedulers_of_their_own() -> None:
    assert len(MUTANTS) >= 12
    assert sum(mutant is Machine for mutant in MUTANTS.values()) == 1
