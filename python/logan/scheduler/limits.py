"""Timeouts and bounds of the scheduler. Times are seconds."""

from __future__ import annotations

from dataclasses import dataclass

from logan.errors import UsageError

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Timeouts and bounds of a `Machine`; the defaults are those of the protocol.

    Attributes:
        lease_s: a lease that is not renewed for so long has run out. A worker that failed a chunk
            gets it again after as long, if no other connected worker can do it; what it then still
            claims of a source or of a poison line is believed, as it is the only witness.
        heartbeat_s: how often workers renew; also the slack that the shell itself is given.
        stall_s: a lease renewed for so long without progress is backed up, and revoked after
            as long again. Reports of progress that turned out wrong do not count as progress.
        silence_s: a session that sent nothing at all for so long is closed.
        holder_absence_s: how long the chunks of absent holders wait before they are given up.
        check_wait_s: how long a job that is done except for verification waits for a worker
            that could do it.
        leases_per_session_max: what one heartbeat can list.
        isolate_after_losses: so many lost leases, and the chunk is scanned in a child process.
        losses_per_chunk_max: a chunk whose leases were lost so often is given up. Generous: a
            lost connection proves nothing against a chunk, but nothing may go round for ever.
        failures_per_chunk_max: workers that may answer FAIL before a chunk is given up.
        pause_s_min, pause_s_max: first and longest pause of a worker that answers FAIL often.
        pause_after_losses_s_max: longest pause for lost connections and leases alone; short, as
            a network that healed must be useful again within two seconds.
        review_s: how often idle workers are compared with what is still outstanding.
        backup_gain: a backup is leased if the wait is expected to be so many times its own time.
        backup_wait_s_min: shorter expected waits are not worth a backup.
        trial_wait_s_min: shorter expected waits are not worth trying a worker of unknown speed.
            Doubled for each worker that was tried on the chunk before, so that few workers scan
            it however many are idle.
        doubt_s_min: a lease's reports of progress are not believed any more when its result is so
            long overdue, and `backup_gain` times what they promised.
        workers_remembered_max: names whose record is kept; the longest gone is forgotten first.
        jobs_remembered_max: ended jobs whose figures `statistics` still shows.
    """

    lease_s: float = 5.0
    heartbeat_s: float = 1.0
    stall_s: float = 60.0
    silence_s: float = 60.0
    holder_absence_s: float = 60.0
    check_wait_s: float = 10.0
    leases_per_session_max: int = 16
    isolate_after_losses: int = 2
    losses_per_chunk_max: int = 16
    failures_per_chunk_max: int = 4
    pause_s_min: float = 1.0
    pause_s_max: float = 60.0
    pause_after_losses_s_max: float = 1.0
    review_s: float = 0.25
    backup_gain: float = 1.5
    backup_wait_s_min: float = 0.2
    trial_wait_s_min: float = 2.0
    doubt_s_min: float = 2.0
    workers_remembered_max: int = 4096
    jobs_remembered_max: int = 64

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise UsageError(f"{name} is {value}, it must be above 0")
        if self.lease_s < 2 * self.heartbeat_s:
            raise UsageError(
                f"a lease of {self.lease_s} s is too short for a heartbeat every "
                f"{self.heartbeat_s} s",
                hint="make it at least two heartbeats",
            )
