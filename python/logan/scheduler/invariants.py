"""What must hold of a machine between two events, checked from scratch: for tests and simulation.

Nothing here is on the way of an event; every figure that the machine keeps is counted anew.
"""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import TYPE_CHECKING

from logan.scheduler.conduct import paused
from logan.scheduler.records import Chunk, Job
from logan.scheduler.states import CHUNK_STATES, StateError

if TYPE_CHECKING:
    from logan.scheduler.machine import Machine

__all__ = ["check"]


def check(machine: Machine) -> None:
    """Raise `StateError` for the first thing that is not as it must be."""
    queued = set(machine._backlog.entries())
    for job in machine._jobs.values():
        _check_job(machine, job)
        for chunk in job.chunks.values():
            _check_chunk(machine, chunk, queued)
    _check_leases(machine)
    _check_sessions(machine)
    _check_idle(machine)


def _check_job(machine: Machine, job: Job) -> None:
    _must(not job.over and job.unfinished > 0, f"job {job.id} is over and was not ended")
    chunks = Counter(chunk.state for chunk in job.chunks.values())
    for state in CHUNK_STATES:
        held = [chunk.bytes for chunk in job.chunks.values() if chunk.state == state]
        tally = job.tally[state]
        _must(
            (tally.chunks, tally.bytes) == (chunks[state], sum(held)),
            f"job {job.id} counts {tally} chunks as {state}, there are {chunks[state]}",
        )
    _must(
        set(job.waiting) == {c.id for c in job.chunks.values() if c.state == "committing"},
        f"job {job.id}: results wait for {sorted(job.waiting)}, others are being committed",
    )


def _check_chunk(machine: Machine, chunk: Chunk, queued: set[Chunk]) -> None:
    def must(right: bool, what: str) -> None:
        if not right:
            raise machine._story.error(what, chunk.job.id, chunk.id)

    live, state = chunk.leases, chunk.state
    names = {lease.session.worker.name for lease in live}
    must(len(live) <= 2, f"{len(live)} live leases")
    must(len(names) == len(live), f"two live leases of one worker: {sorted(names)}")
    for lease in live:
        must(machine._leases.get(lease.key) is lease, f"lease {lease.key} is unknown")
        must(1 <= lease.key[2] <= chunk.attempt, f"lease {lease.key} of attempt {chunk.attempt}")
        holders = chunk.pool.holders
        must(
            holders is None or lease.session.worker.name in holders,
            f"leased to {lease.session.worker.name}, which does not hold it",
        )
    if state == "leased":
        must(len(live) > 0, "leased without a lease")
    elif state != "committing":
        must(not live, f"{state}, with a live lease")
    if state == "pending":
        must(chunk in queued, "pending, and in no queue")
    if state == "committing":
        must(chunk.digest is not None, "being committed without a digest")
    if chunk.trouble is not None:
        must(
            chunk.trouble.losses <= machine._limits.losses_per_chunk_max
            or len(live) > 0
            or state == "committing",
            "lost more often than allowed",
        )


def _check_leases(machine: Machine) -> None:
    for key, lease in machine._leases.items():
        _must(lease.key == key and lease in lease.chunk.leases, f"lease {key} is not its chunk's")
        _must(lease.session.leases.get(key) is lease, f"lease {key} is not its session's")
        _must(lease.deadline > machine._now, f"lease {key} is overdue")
        _must(
            lease.session.timer_at <= lease.deadline,
            f"lease {key} runs out at {lease.deadline}, nobody looks before "
            f"{lease.session.timer_at}",
        )
        _must(key[0] in machine._jobs, f"lease {key} of a job that is over")


def _check_sessions(machine: Machine) -> None:
    live = 0
    for session in machine._sessions.values():
        live += len(session.leases)
        _must(session.worker.session is session, f"session {session.id} is not its worker's")
        _must(session.state not in ("new", "gone"), f"session {session.id} is {session.state}")
        _must(session.free >= 0, f"session {session.id} was given more than it asked for")
        _must(
            len(session.leases) <= machine._limits.leases_per_session_max,
            f"session {session.id} has {len(session.leases)} leases",
        )
        _must(session.timer_at < inf, f"nobody looks after session {session.id}")
        _must(
            session in machine._idle
            or session.free == 0
            or session.state != "active"
            or paused(session.worker, machine._now)
            or len(session.leases) == machine._limits.leases_per_session_max,
            f"session {session.id} asks for {session.free} and is not idle",
        )
        _must(
            session.worker.timer_at <= session.worker.paused_until
            or not paused(session.worker, machine._now),
            f"nobody looks when the pause of session {session.id} ends",
        )
    _must(live == len(machine._leases), f"{len(machine._leases)} leases, sessions have {live}")


def _check_idle(machine: Machine) -> None:
    """Nobody is idle while there is work that anybody could take."""
    for session in machine._idle:
        _must(session.id in machine._sessions, f"session {session.id} is idle and gone")
        _must(session.free > 0, f"session {session.id} is idle and asks for nothing")
        _must(session.state == "active", f"session {session.id} is idle and {session.state}")
        _must(not paused(session.worker, machine._now), f"session {session.id} is idle and paused")
    if not machine._idle:
        return
    for job in machine._jobs.values():
        for chunk in job.chunks.values():
            if chunk.state == "pending" and chunk.trouble is None and chunk.pool.holders is None:
                raise machine._story.error(
                    f"pending, while {len(machine._idle)} sessions are idle", job.id, chunk.id
                )


def _must(right: bool, what: str) -> None:
    if not right:
        raise StateError(what)
