"""How long jobs wait for workers, and the error when none connects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import trio

from logan.cluster.coordinator.events import Changes
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.jobs import ActiveJob
from logan.errors import ClusterError

__all__ = ["Absence"]


@dataclass(frozen=True, slots=True)
class Absence:
    """Watches whether there are workers.

    Args:
        timeout_s: how long a job may be without any; None is for ever.
        address: where the coordinator listens, for hints.
    """

    timeout_s: float | None
    executor: Executor
    changes: Changes
    address: Callable[[], str]

    async def wait_for_workers(self, count: int) -> None:
        """Return once `count` workers are connected. Raises `ClusterError` after the timeout."""
        timeout_s = math.inf if self.timeout_s is None else self.timeout_s
        sessions = self.executor.sessions
        with trio.move_on_after(timeout_s) as patience:
            await self.changes.until(lambda: len(sessions) >= count)
        if patience.cancelled_caught:
            raise self._no_workers(
                f"{len(sessions)} of {count} workers connected within {timeout_s:g} s"
            )

    async def mind(self, job: ActiveJob, cancel: Callable[[str], None]) -> None:
        """Give the job up after `timeout_s` without a worker, if that is set."""
        if self.timeout_s is None or job.minded:
            return
        job.minded = True
        ended, sessions = job.submitted.ended, self.executor.sessions
        while not ended.is_set():
            await self.changes.until(lambda: not sessions or ended.is_set())
            with trio.move_on_after(self.timeout_s) as patience:
                await self.changes.until(lambda: bool(sessions) or ended.is_set())
            if patience.cancelled_caught:
                job.failure = self._no_workers(f"no worker was connected for {self.timeout_s:g} s")
                # A journal keeps it: what was done so far is not lost.
                cancel(job.id)
                return

    def _no_workers(self, what: str) -> ClusterError:
        return ClusterError(
            what,
            hint=f"start one with: logan worker --id alice --coordinator {self.address()}",
        )
