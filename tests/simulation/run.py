"""Simulate many schedules of the scheduler: `python -m tests.simulation.run [--schedules 20000]`.

Prints schedules per minute of CPU time, what they went through, and after how many each planted bug
was caught. Exit code 1 if a schedule failed or a planted bug was not caught; the failing seed is
printed with the command that runs it again:

    python -m tests.simulation.run --seed 4711
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from random import SystemRandom

from tests.simulation.hunt import Hunt, caught_after, hunt, shrink
from tests.simulation.mutants import MUTANTS
from tests.simulation.schedule import make
from tests.simulation.world import World

BUG_SCHEDULES_MAX = 10_000


def simulate(first: int, count: int) -> bool:
    """Run the schedules; whether all came to their right end."""
    started_s = time.process_time()
    found = hunt(range(first, first + count), told=_tell)
    cpu_s = time.process_time() - started_s
    total = found.total
    for failure in found.failures:
        print(failure)
    print(
        f"{found.schedules:,} schedules, {len(found.failures)} failed; "
        f"{cpu_s:.0f} s of CPU, {60 * found.schedules / cpu_s:,.0f} schedules a minute\n"
        f"{total.events:,} events in {total.virtual_s / 3600:.1f} virtual hours, "
        f"{total.faults:,} faults, {total.lives - found.schedules:,} restarts of the coordinator, "
        f"{total.recovered:,} recoveries, {total.backups:,} backups, "
        f"{total.lost:,} chunks rightly given up, "
        f"{total.checked:,} verifications, {total.lies:,} lies, {total.alarms:,} alarms, "
        f"{total.replaced:,} slow leases replaced, {total.claims:,} false claims, "
        f"{total.looks:,} looks at sources"
    )
    return not found.failures


def _tell(found: Hunt) -> None:
    print(f"{found.schedules:,} schedules, {len(found.failures)} failed", flush=True)


def catch() -> bool:
    """Let the simulation loose on every planted bug; whether all were caught."""
    missed = 0
    for name in MUTANTS:
        caught = caught_after(name, BUG_SCHEDULES_MAX)
        if caught is None:
            missed += 1
            print(f"not caught    {name}")
        else:
            after, error = caught
            print(f"caught {after:>6} {name}: {str(error).splitlines()[0]}")
    print(f"{len(MUTANTS) - missed} of {len(MUTANTS)} planted bugs caught")
    return not missed


def replay(seed: int) -> bool:
    """One schedule, told event by event; whether it came to its right end."""
    schedule = make(seed)
    for plan in (*schedule.workers, *schedule.jobs, *schedule.faults):
        print(plan)
    world = World(schedule, told=print, check_every=1)
    try:
        print(world.run())
    except Exception:
        traceback.print_exc(file=sys.stdout)
        faults = shrink(schedule).faults
        print(f"{len(faults)} of {len(schedule.faults)} faults suffice:", *faults, sep="\n    ")
        return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--schedules", type=int, default=20_000, metavar="N")
    parser.add_argument(
        "--first", type=int, metavar="SEED", help="the first seed; without it, a new one"
    )
    parser.add_argument("--seed", type=int, help="run this one, and tell every event of it")
    parser.add_argument("--no-bugs", action="store_true", help="leave out the planted bugs")
    options = parser.parse_args()
    if options.seed is not None:
        return 0 if replay(options.seed) else 1
    first = SystemRandom().randrange(10**9) if options.first is None else options.first
    print(f"schedules of the seeds from {first}", flush=True)
    right = simulate(first, options.schedules)
    caught = options.no_bugs or catch()
    return 0 if right and caught else 1


if __name__ == "__main__":
    sys.exit(main())
