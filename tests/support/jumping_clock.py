"""The command `logan` with a wall clock that jumps; its monotonic clock goes on as it is.

    python jumping_clock.py FILE coordinator …

FILE holds the seconds by which the wall clock is ahead; it is read at each call that asks for the
time. Wrapping the C library instead (libfaketime) breaks waits with a deadline on the
monotonic clock: on a busy machine they fail or last for many seconds.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

WALL, WALL_NS = time.time, time.time_ns


def ahead_s(clock: Path) -> float:
    # A file that is being written may be empty for a moment.
    return float(clock.read_text() or 0)


def jump_by(clock: Path) -> None:
    """Let this process see the wall clock that the file says."""
    time.time = lambda: WALL() + ahead_s(clock)
    time.time_ns = lambda: WALL_NS() + round(ahead_s(clock) * 1e9)


if __name__ == "__main__":
    jump_by(Path(sys.argv.pop(1)))
    # Only now: modules may keep the functions that they find.
    from logan.cli.main import main
    from logan.cluster.coordinator import coordinator
    from logan.scheduler.limits import Limits

    # Each jump is longer than its leases, but no time that a busy machine holds a process up.
    coordinator.Coordinator = partial(  # type: ignore[assignment, misc]
        coordinator.Coordinator, limits=Limits(lease_s=60.0)
    )
    sys.exit(main())
