"""What must hold of a machine between two events, checked from scratch: for tests and simulation.

Nothing here is on the way of an event; every figure that the machine keeps is counted anew.
"""

from __future__ import annotations

from math import inf

from logan.scheduler.entities import Chunk, Job, Tally
from logan.scheduler.machine import Machine
from logan.scheduler.penalties import in_backoff
from logan.scheduler.states import CHUNK_STATES, StateError

__all__ = ["check"]


def check(machine: Machine) -> None:
    """Raise `StateError` for the first thing that is not as it must be."""
    queued = set(machine._queue.entries())
    for job in machine._jobs.values():
        _check_job(machine, job)
        for chunk in job.chunks.values():
            _check_chunk(machine, chunk, queued)
    _check_leases(machine)
    _check_sessions(machine)
    _check_idle(machine)


def _check_job(machine: Machine, job: Job) -> None:
    _must(not job.over and job.unfinished > 0, f"job {job.id} is over and was not ended")
    counted = {state: Tally() for state in CHUNK_STATES}
    for chunk in job.chunks.values():
        tally = counted[chunk.state]
        tally.chunks += 1
        tally.bytes += chunk.bytes
    if job.tally != counted:
        raise StateError(f"job {job.id} counts {job.tally}, there are {counted}")
    committing = {chunk.id for chunk in job.chunks.values() if chunk.state == "committing"}
    checking = {chunk.id for chunk in job.chunks.values() if chunk.state == "checking"}
    if job.checking.keys() != checking:
        raise StateError(f"job {job.id}: {sorted(job.checking)} are noted, {checking} checked")
    if job.waiting.keys() != committing:
        raise StateError(f"job {job.id}: waiting are {job.waiting}, committing {committing}")


def _check_chunk(machine: Machine, chunk: Chunk, queued: set[Chunk]) -> None:
    live, state = chunk.leases, chunk.state
    if state in ("done", "lost") and not live:
        return

    def must(right: bool, what: str) -> None:
        if not right:
            raise machine._transitions.error(what, chunk.job.id, chunk.id)

    names = {lease.session.worker.name for lease in live}
    must(len(live) <= 2, "more than two live leases")
    must(len(names) == len(live), "two live leases of one worker")
    holders = chunk.pool.holders
    must(holders is None or names <= holders, "leased to a worker that does not hold it")
    for lease in live:
        must(machine._leases.get(lease.key) is lease, "an unknown lease")
        must(1 <= lease.key[2] <= chunk.attempt, "a lease of an attempt that was not made")
    if state == "leased":
        must(len(live) > 0, "leased without a lease")
    elif state == "checking":
        must(bool(live) or chunk in queued, "to be checked, and in no queue")
        must(chunk.author not in names, "checked by the worker that made it")
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
            or state in ("committing", "checking"),
            "lost more often than allowed",
        )


def _check_leases(machine: Machine) -> None:
    for key, lease in machine._leases.items():
        session = lease.session
        wrong = (
            (lease.key != key or lease not in lease.chunk.leases, "is not its chunk's"),
            (session.leases.get(key) is not lease, "is not its session's"),
            (key[0] not in machine._jobs, "is of a job that is over"),
            (lease.deadline <= machine._looked_at, "is overdue"),
            (session.timer_at > lease.deadline, "runs out before the next check"),
        )
        for is_wrong, what in wrong:
            if is_wrong:
                raise StateError(f"lease {key} of session {session.id} {what}")


def _check_sessions(machine: Machine) -> None:
    live = 0
    leases_max = machine._limits.leases_per_session_max
    for session in machine._sessions.values():
        live += len(session.leases)
        worker = session.worker
        # A pause that ended since is over when its timer fires.
        resting = in_backoff(worker, machine._looked_at)
        served = session in machine._idle or not session.free or session.state != "active"
        wrong = (
            (worker.session is not session, "is not its worker's"),
            (session.state in ("new", "gone"), "is not there"),
            (session.free < 0, "was given more than it asked for"),
            (len(session.leases) > leases_max, "has too many leases"),
            (session.timer_at == inf, "is not looked after"),
            (resting and worker.timer_at > worker.paused_until, "is paused for good"),
            (
                not served and not resting and len(session.leases) < leases_max,
                "asks for leases and is not idle",
            ),
        )
        for is_wrong, what in wrong:
            if is_wrong:
                raise StateError(f"session {session.id} ({session.state}) {what}")
    _must(live == len(machine._leases), "sessions have other leases than there are")


def _check_idle(machine: Machine) -> None:
    """No worker is idle while there is work that any worker could take."""
    for session in machine._idle:
        _must(session.id in machine._sessions, f"session {session.id} is idle and gone")
        _must(session.free > 0, f"session {session.id} is idle and asks for nothing")
        _must(session.state == "active", f"session {session.id} is idle and {session.state}")
        _must(
            not in_backoff(session.worker, machine._now), f"session {session.id} is idle and paused"
        )
    if not machine._idle:
        return
    for job in machine._jobs.values():
        for chunk in job.chunks.values():
            if chunk.state == "pending" and chunk.trouble is None and chunk.pool.holders is None:
                raise machine._transitions.error(
                    f"pending, while {len(machine._idle)} sessions are idle", job.id, chunk.id
                )


def _must(right: bool, what: str) -> None:
    if not right:
        raise StateError(what)
