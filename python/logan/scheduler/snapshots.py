"""Snapshots of the scheduler's workers and jobs, as plain values. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from logan.scheduler.entities import Job, Lease, Tally, Worker
from logan.scheduler.events import LeaseKey, Progress
from logan.scheduler.states import CHUNK_STATES, ChunkState

__all__ = ["JobView", "Statistics", "WorkerView", "take", "view_job", "view_worker"]

WorkerState = Literal["active", "silent", "paused", "draining", "gone"]


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A worker by its name, over all its sessions. Times are of the machine's clock.

    Attributes:
        session: id of its connection, or None.
        leases: its live leases, and how far they are.
        done, done_bytes: chunks that it returned first.
        lost: leases that it lost, by silence, a cut connection or no progress.
        failed: times that it answered FAIL.
        pauses: how often it was paused for failing.
        paused_until: the end of the last pause.
        bytes_per_s: of one lease, from grant to result, smoothed; 0 while unknown.
        heard_at: its last frame; None if it is not connected.
    """

    name: str
    state: WorkerState
    session: str | None
    free: int
    leases: tuple[Progress, ...]
    done: int
    done_bytes: int
    lost: int
    failed: int
    pauses: int
    paused_until: float
    bytes_per_s: float
    heard_at: float | None


@dataclass(frozen=True, slots=True)
class JobView:
    """Chunks and stored bytes of a job by state; `scanned_bytes` are those done and under way."""

    job: str
    chunks: dict[ChunkState, int]
    bytes: dict[ChunkState, int]
    scanned_bytes: int
    over: bool


@dataclass(frozen=True, slots=True)
class Statistics:
    """Everything that `status` wants to know. Jobs in order of arrival, ended ones too."""

    workers: tuple[WorkerView, ...]
    jobs: tuple[JobView, ...]
    sessions: int
    leases: int
    idle: int


def take(
    now: float,
    workers: Iterable[Worker],
    jobs: Collection[Job],
    ended: Iterable[JobView],
    leases: Mapping[LeaseKey, Lease],
    *,
    sessions: int,
    idle: int,
) -> Statistics:
    """A snapshot of a machine with these workers, jobs and live leases."""
    scanned: dict[str, dict[LeaseKey, int]] = {job.id: {} for job in jobs}
    for key, lease in leases.items():
        scanned[key[0]][key] = lease.scanned
    return Statistics(
        workers=tuple(view_worker(each, now) for each in workers),
        jobs=(*ended, *(view_job(job, scanned[job.id]) for job in jobs)),
        sessions=sessions,
        leases=len(leases),
        idle=idle,
    )


def view_worker(worker: Worker, now: float) -> WorkerView:
    session = worker.session
    leases = session.leases.values() if session else ()
    return WorkerView(
        name=worker.name,
        state=_state(worker, now),
        session=session.id if session else None,
        free=session.free if session else 0,
        leases=tuple(Progress(lease.key, lease.scanned) for lease in leases),
        done=worker.done,
        done_bytes=worker.done_bytes,
        lost=worker.lost,
        failed=worker.failed,
        pauses=worker.pauses,
        paused_until=worker.paused_until,
        bytes_per_s=worker.rate,
        heard_at=session.heard_at if session else None,
    )


def view_job(job: Job, leases: dict[LeaseKey, int]) -> JobView:
    """`leases`: how many bytes each live lease of the job has scanned."""
    tally: dict[ChunkState, Tally] = job.tally
    furthest: dict[int, int] = {}
    for (_, chunk, _), scanned in leases.items():
        if job.chunks[chunk].state == "leased":
            most = min(scanned, job.chunks[chunk].bytes)
            furthest[chunk] = max(furthest.get(chunk, 0), most)
    return JobView(
        job=job.id,
        chunks={state: tally[state].chunks for state in CHUNK_STATES},
        bytes={state: tally[state].bytes for state in CHUNK_STATES},
        scanned_bytes=tally["done"].bytes
        + tally["checking"].bytes
        + tally["committing"].bytes
        + sum(furthest.values()),
        over=job.over,
    )


def _state(worker: Worker, now: float) -> WorkerState:
    session = worker.session
    if session is None:
        return "gone"
    if session.state == "draining":
        return "draining"
    if now < worker.paused_until:
        return "paused"
    return "silent" if session.state == "silent" else "active"
