"""Running many schedules, and saying what failed so that it can be run again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields

from logan.scheduler.machine import Machine
from tests.simulation.mutants import MUTANTS, WALL_CLOCK
from tests.simulation.schedule import Schedule, make
from tests.simulation.world import Outcome, run

__all__ = ["Failure", "Hunt", "caught_after", "hunt", "shrink"]


TOLD_EVERY_SCHEDULES = 1_000


@dataclass(frozen=True)
class Failure:
    seed: int
    error: Exception
    schedule: Schedule

    def __str__(self) -> str:
        faults = "".join(f"\n    {fault}" for fault in self.schedule.faults) or " none"
        return (
            f"seed {self.seed}: {type(self.error).__name__}: {self.error}\n"
            f"  faults that it takes:{faults}\n"
            f"  again: {sys.executable} -m tests.simulation.run --seed {self.seed}"
        )


@dataclass
class Hunt:
    """What a number of schedules came to."""

    schedules: int = 0
    total: Outcome = field(default_factory=lambda: Outcome(lives=0))
    failures: list[Failure] = field(default_factory=list)


def attempt(
    schedule: Schedule, mutant: str | None = None
) -> tuple[Outcome | None, Exception | None]:
    """Run one schedule, with a planted bug or none. Whatever it raises is a finding."""
    machine = Machine if mutant is None else MUTANTS[mutant]
    try:
        return run(schedule, machine, wall_clock=mutant == WALL_CLOCK), None
    except Exception as error:
        return None, error


def hunt(
    seeds: Iterable[int],
    failures_max: int = 5,
    told: Callable[[Hunt], object] | None = None,
) -> Hunt:
    """Run the schedules of `seeds`, until so many have failed. `told` hears of it now and then."""
    found = Hunt()
    for seed in seeds:
        schedule = make(seed)
        outcome, error = attempt(schedule)
        found.schedules += 1
        if outcome is not None:
            for each in fields(Outcome):
                sum_ = getattr(found.total, each.name) + getattr(outcome, each.name)
                setattr(found.total, each.name, sum_)
        if error is not None:
            found.failures.append(Failure(seed, error, shrink(schedule)))
            if len(found.failures) == failures_max:
                break
        if told is not None and found.schedules % TOLD_EVERY_SCHEDULES == 0:
            told(found)
    return found


def shrink(schedule: Schedule) -> Schedule:
    """The schedule without the faults that it fails without."""
    for fault in schedule.faults:
        smaller = schedule.without(fault)
        if attempt(smaller)[1] is not None:
            schedule = smaller
    return schedule


def caught_after(mutant: str, schedules_max: int) -> tuple[int, Exception] | None:
    """How many schedules it took to catch a planted bug, and how it showed."""
    for seed in range(schedules_max):
        error = attempt(make(seed), mutant)[1]
        if error is not None:
            return seed + 1, error
    return None
