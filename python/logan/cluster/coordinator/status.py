"""The bodies of PROGRESS and STATE, made from how the coordinator describes itself.

Knows neither the coordinator nor its connections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from logan.wire.bodies import (
    CoordinatorStatus,
    EventEntry,
    JobStatus,
    ProgressBody,
    RecoveryStatus,
    StateBody,
    WorkerStatus,
)

__all__ = ["progress_body", "state_body"]


def progress_body(
    workers: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]
) -> ProgressBody:
    """The body of PROGRESS from `Coordinator.workers` and its events."""
    return ProgressBody(
        workers=tuple(WorkerStatus(**each) for each in workers),
        events=tuple(EventEntry(**each) for each in events),
    )


def state_body(status: Mapping[str, Any]) -> StateBody:
    """The body of STATE from `Coordinator.status`."""
    coordinator = dict(status["coordinator"])
    recoveries = RecoveryStatus(**coordinator.pop("recoveries"))
    return StateBody(
        coordinator=CoordinatorStatus(**coordinator, recoveries=recoveries),
        workers=tuple(WorkerStatus(**each) for each in status["workers"]),
        jobs=tuple(JobStatus(**each) for each in status["jobs"]),
        events=tuple(EventEntry(**each) for each in status["events"]),
    )
