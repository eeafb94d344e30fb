"""Workers that fail often get a pause that grows, and are then readmitted.

A failure weighs as much as `WEIGHT` results, so a worker is paused when more than one of its leases
in five goes wrong for a while. After a pause it is on probation: the next failure pauses it again,
twice as long, until good results have worked its score off.
"""

from __future__ import annotations

from typing import Final

from logan.scheduler.entities import Worker
from logan.scheduler.limits import Limits

__all__ = ["in_backoff", "record_failure", "record_success"]

WEIGHT: Final = 4
SCORE_OF_PAUSE: Final = 3 * WEIGHT
"""Three failures in a row pause a worker: two can be caused by the same poison chunk."""


def record_success(worker: Worker) -> None:
    """The worker returned a result."""
    if worker.score:
        worker.score -= 1
        if not worker.score:
            worker.level = 0


def record_failure(worker: Worker, now: float, limits: Limits, *, lost: bool) -> bool:
    """The worker failed; whether it is paused for that.

    What fails at the same moment is one failure: a connection that goes takes all its leases.
    `lost`: it was a lost connection or lease, which may be the fault of the network.
    """
    if worker.failed_at == now:
        return False
    worker.failed_at = now
    worker.score += WEIGHT
    if worker.score < SCORE_OF_PAUSE:
        return False
    worker.score = SCORE_OF_PAUSE - WEIGHT
    longest = limits.pause_after_losses_s_max if lost else limits.pause_s_max
    # Beyond 2**16 any pause is the longest one.
    worker.paused_until = now + min(longest, limits.pause_s_min * 2.0 ** min(worker.level, 16))
    worker.level += 1
    worker.pauses += 1
    return True


def in_backoff(worker: Worker, now: float) -> bool:
    return now < worker.paused_until
