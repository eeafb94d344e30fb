"""The scheduler under thousands of schedules of faults, and the planted bugs that these must find.

A failure names its seed and the command that replays it; `LOGAN_SIMULATION_SEED` says where to
begin. For each planted bug one seed that catches it is pinned. `just sim` (`python -m
tests.simulation.run`) tries ten times as many schedules, new ones each time, and searches for each
planted bug anew.
"""

from __future__ import annotations

import os

import pytest

from logan.scheduler.machine import Machine
from tests.simulation.hunt import attempt, hunt, shrink
from tests.simulation.mutants import CATCHING_SEEDS, MUTANTS
from tests.simulation.schedule import FAULTS, make

SCHEDULES = 2_000
BATCHES = 4
FIRST_SEED = int(os.environ.get("LOGAN_SIMULATION_SEED", "0"))


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
    assert total.lives > 1.1 * size
    assert total.recovered > size
    assert total.backups > size / 2
    assert total.lost > size / 10
    assert total.alarms > size / 50
    assert total.checked > size
    assert total.lies > size / 20
    assert total.claims > size / 10
    assert total.looks > size / 20
    assert total.replaced > 0


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
