"""How the cluster is, in the types of STATE and PROGRESS: `wire.bodies` documents each figure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import trio

from logan.cluster.coordinator.events import EventLog
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.follows import Follows
from logan.live import clock
from logan.scheduler.snapshots import JobView
from logan.wire.bodies import (
    CoordinatorStatus,
    EventEntry,
    JobStatus,
    ProgressBody,
    StateBody,
    WorkerStatus,
)

__all__ = ["Status"]

COUNT_MAX: Final = 2**62
"""What sums and rates are cut to: their parts may each be as large as the protocol allows."""

EVENTS_SHOWN_MAX: Final = 20


@dataclass(slots=True)
class Status:
    """Describes the current state of workers and jobs.

    Args:
        address: where the coordinator listens.
    """

    executor: Executor
    events: EventLog
    address: Callable[[], str]
    follows: Follows
    started_at: float = field(init=False, default_factory=time.monotonic)

    def state(self) -> StateBody:
        """Everything."""
        now = trio.current_time()
        return StateBody(
            coordinator=CoordinatorStatus(
                address=self.address(),
                # The clock on the wall may have been set back.
                uptime_s=max(0.0, round(time.monotonic() - self.started_at, 3)),
                connections=len(self.executor.sessions),
                recoveries=self.executor.recoveries,
            ),
            workers=self.workers(),
            jobs=tuple(
                self._job(view, now)
                for view in self.executor.statistics().jobs
                if view.job in self.executor.jobs
            ),
            events=self.events.newest(EVENTS_SHOWN_MAX),
            follows=self.follows.status(clock.now()),
        )

    def progress(self, events: tuple[EventEntry, ...]) -> ProgressBody:
        """The workers, and these events."""
        return ProgressBody(workers=self.workers(), events=events)

    def done_bytes(self, job: str) -> int:
        """How much of a job is done."""
        views = self.executor.statistics().jobs
        return next((view.scanned_bytes for view in views if view.job == job), 0)

    def workers(self) -> tuple[WorkerStatus, ...]:
        """The workers that there are and were, in order of name."""
        now = trio.current_time()
        described = []
        for view in self.executor.statistics().workers:
            session = self.executor.sessions.get(view.session or "")
            described.append(
                WorkerStatus(
                    id=view.name,
                    state=view.state,
                    address=session.address if session else None,
                    threads=session.threads if session else None,
                    leases=len(view.leases),
                    chunks_done=view.done,
                    chunks_lost=view.lost + view.failed,
                    bytes_done=_count(view.done_bytes),
                    bytes_per_second=_count(session.rate(now)) if session else 0,
                    rss_bytes=session.rss_bytes if session else None,
                    cpu_percent=session.cpu_percent if session else None,
                    heard_s=None if view.heard_at is None else round(now - view.heard_at, 3),
                )
            )
        return tuple(sorted(described, key=lambda each: each.id))

    def _job(self, view: JobView, now: float) -> JobStatus:
        job = self.executor.jobs[view.job]
        elapsed_s = now - job.started_at
        fresh_bytes = view.scanned_bytes - job.resumed_bytes
        return JobStatus(
            job=job.id,
            name=job.name,
            done_bytes=_count(view.scanned_bytes),
            total_bytes=_count(job.plan.bytes),
            resumed_bytes=_count(job.resumed_bytes),
            chunks=len(job.plan.chunks),
            chunks_done=view.chunks["done"] + view.chunks["checking"],
            chunks_missing=view.chunks["lost"],
            elapsed_s=round(elapsed_s, 3),
            bytes_per_second=_count(fresh_bytes / elapsed_s if elapsed_s else 0),
            recoveries=len(job.recoveries),
        )


def _count(number: float) -> int:
    """A number of bytes, or of bytes per second, as the protocol can say it."""
    return round(min(max(number, 0), COUNT_MAX))
