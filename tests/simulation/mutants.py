"""Planted bugs: schedulers that are wrong in one way each, and must be caught.

Each is a mistake that a change of `logan.scheduler.machine` could make. They live here only, and
nothing in the product can switch them on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import inf

from logan.scheduler import failures, witnesses
from logan.scheduler.actions import Alarm, CancelLease, Commit, LostChunk, Resolve
from logan.scheduler.entities import (
    Chunk,
    FailureHistory,
    Job,
    Lease,
    Pool,
    Session,
    SourceTrouble,
    Worker,
)
from logan.scheduler.events import (
    ChunkCommitted,
    ChunkFailed,
    ChunkReturned,
    CommitFailed,
    DrainAsked,
    JobAdded,
    Progress,
    SourceChecked,
    SourcesUnreadable,
    WorkerHeard,
    WorkerJoined,
    WorkerReady,
)
from logan.scheduler.machine import Machine
from logan.scheduler.stragglers import Helper, Helpers
from logan.scheduler.timers import Timed
from logan.scheduler.witnesses import Claim

__all__ = ["CATCHING_SEEDS", "MUTANTS", "WALL_CLOCK"]

WALL_CLOCK = "leases on the wall clock"
"""The one planted bug that is in the shell: the scheduler is right, the time is not."""


class AcknowledgesBeforeCommit(Machine):
    def _on_returned(self, event: ChunkReturned) -> None:
        super()._on_returned(event)
        if any(isinstance(action, Commit) for action in self._out):
            self._out.append(Resolve(event.session, event.key, True))


class StoresDuplicates(Machine):
    def _on_returned(self, event: ChunkReturned) -> None:
        job = self._jobs.get(event.key[0])
        if job is not None and job.chunks[event.key[1]].state in ("committing", "done"):
            self._out.append(Commit(event.session, event.key, event.digest))
            return
        super()._on_returned(event)


class ForgetsToRequeueOnDisconnect(Machine):
    def _lose(self, lease: Lease, cause: str, *, blame: bool) -> None:
        if lease.session.state == "gone":
            self._release(lease)
        else:
            super()._lose(lease, cause, blame=blame)


class KeepsHopelessChunks(Machine):
    def _on_hopeless(self, event: SourcesUnreadable) -> None:
        super()._on_hopeless(replace(event, chunks=event.chunks[1:]))


class CountsAttemptsWrong(Machine):
    def _grant(self, session: Session, chunk: Chunk) -> None:
        chunk.attempt -= chunk.attempt > 1
        super()._grant(session, chunk)


class RenewsExpiredLeases(Machine):
    def _orphaned(self, session: Session, progress: Progress) -> tuple[int, float]:
        key = progress.key
        job = self._jobs.get(key[0])
        chunk = job.chunks[key[1]] if job else None
        if chunk is None or chunk.state != "pending":
            return super()._orphaned(session, progress)
        now = self._now
        lease = Lease(key, chunk, session, now, now + self._limits.lease_s, now)
        self._step(chunk, "grant")
        chunk.leases = (lease,)
        self._leases[key] = session.leases[key] = lease
        self._timers.arm(session, lease.deadline)
        return super()._orphaned(session, progress)


class RenewsWithAnyFrame(Machine):
    def _hear(self, id: str) -> Session | None:
        session = super()._hear(id)
        for lease in session.leases.values() if session else ():
            lease.deadline = self._now + self._limits.lease_s
        return session


class NeverExpires(Machine):
    def _look_after(self, session: Session, late: bool) -> None:
        for lease in session.leases.values():
            lease.deadline = self._now + self._limits.lease_s
        super()._look_after(session, late)


class GrantsTwiceToOneWorker(Machine):
    def _helps(self, helper: Helper, chunk: Chunk, wait_s: float) -> bool:
        if any(lease.session is helper.session for lease in chunk.leases):
            return self._may_take(helper.session)
        return super()._helps(helper, chunk, wait_s)


class IgnoresHolders(Machine):
    def _on_job_added(self, event: JobAdded) -> None:
        items = [replace(item, holders=None) for item in event.items]
        super()._on_job_added(replace(event, items=items))


class BacksUpWithoutHolders(Machine):
    def _have_helped(self, helpers: list[Helper], chunk: Chunk, wait_s: float) -> bool:
        pool = chunk.pool
        holders, pool.holders = pool.holders, None
        try:
            return super()._have_helped(helpers, chunk, wait_s)
        finally:
            pool.holders = holders


class LeavesLosersAlone(Machine):
    def _on_committed(self, event: ChunkCommitted) -> None:
        super()._on_committed(event)
        self._out = [each for each in self._out if not isinstance(each, CancelLease)]


class LosesTheRetryAfterAFailedCommit(Machine):
    def _on_commit_failed(self, event: CommitFailed) -> None:
        queue_retry = self._queue_retry
        self._queue_retry = lambda chunk: None  # type: ignore[method-assign]
        super()._on_commit_failed(event)
        self._queue_retry = queue_retry  # type: ignore[method-assign]


class AddsUpReady(Machine):
    def _on_ready(self, event: WorkerReady) -> None:
        session = self._sessions.get(event.session)
        before = session.free if session else 0
        super()._on_ready(replace(event, free=event.free + before))


class CountsBackupsAsLosses(Machine):
    def _grant(self, session: Session, chunk: Chunk) -> None:
        if chunk.leases:
            chunk.trouble = chunk.trouble or FailureHistory()
            chunk.trouble.losses += 1
        super()._grant(session, chunk)


class KeepsQuarantineToItself(Machine):
    def _give_up(
        self, chunk: Chunk, kind: str, why: str, bad_range: tuple[int, int] | None = None
    ) -> None:
        super()._give_up(chunk, kind, why, bad_range)
        self._out = [each for each in self._out if not isinstance(each, LostChunk)]


class ForgetsWhatTheJournalHas(Machine):
    def _on_job_added(self, event: JobAdded) -> None:
        super()._on_job_added(replace(event, done=frozenset()))


class RefusesLateResults(Machine):
    def _on_returned(self, event: ChunkReturned) -> None:
        session = self._sessions.get(event.session)
        if session is not None and event.key not in session.leases:
            self._resolve([(event.session, event.key)], done=False)
            return
        super()._on_returned(event)


class IgnoresOtherDigests(Machine):
    def _on_returned(self, event: ChunkReturned) -> None:
        super()._on_returned(event)
        self._out = [each for each in self._out if not isinstance(each, Alarm)]


class NeverRevokesStalledLeases(Machine):
    def _on_heard(self, event: WorkerHeard) -> None:
        leases = tuple(replace(each, scanned_bytes=2**62) for each in event.leases)
        super()._on_heard(WorkerHeard(event.session, leases))
        for lease in self._leases.values():
            lease.scanned = 0


class LetsStraysHang(Machine):
    def _orphaned(self, session: Session, progress: Progress) -> tuple[int, float]:
        session.orphans.clear()
        return super()._orphaned(session, progress)


class PausesForGood(Machine):
    def _fire(self, record: Timed, late: bool) -> None:
        if not isinstance(record, Worker):
            super()._fire(record, late)


class ReturnsChunksToFailedWorkers(Machine):
    def _on_failed(self, event: object) -> None:
        super()._on_failed(event)  # type: ignore[arg-type]
        for job in self._jobs.values():
            for chunk in job.chunks.values():
                if chunk.trouble is not None:
                    chunk.trouble.refused.clear()


class TellsNamesInsteadOfSessions(Machine):
    """A worker that reconnects is not told what the job is."""

    def _drop(self, session: Session, cause: str, *, clean: bool) -> None:
        told = [job for job in self._jobs.values() if session.id in job.informed_sessions]
        super()._drop(session, cause, clean=clean)
        for job in told:
            job.informed_sessions.add(session.worker.name)

    def _on_joined(self, event: WorkerJoined) -> None:
        super()._on_joined(event)
        for job in self._jobs.values():
            if event.name in job.informed_sessions:
                job.informed_sessions.add(event.session)


class EndsJobsBeforeTheJournalHasAll(Machine):
    def _end_if_finished(self, job: Job) -> None:
        tally = job.tally
        if not job.over and not tally["pending"].chunks and not tally["leased"].chunks:
            self._end(job, cancelled=False)

    def _on_returned(self, event: ChunkReturned) -> None:
        super()._on_returned(event)
        if event.key[0] in self._jobs:
            self._end_if_finished(self._jobs[event.key[0]])


class FeedsDrainingSessions(Machine):
    def _drain(self, session: Session) -> None:
        super()._drain(session)
        session.state = "active"

    def _on_drain(self, event: DrainAsked) -> None:
        super()._on_drain(event)
        if event.session in self._sessions:
            self._feed(self._sessions[event.session])


class BlamesChunksForGoodbyes(Machine):
    def _drop(self, session: Session, cause: str, *, clean: bool) -> None:
        super()._drop(session, cause, clean=False)


class NeverIsolates(Machine):
    def _lose(self, lease: Lease, cause: str, *, blame: bool) -> None:
        super()._lose(lease, cause, blame=False)


class WaitsForAbsentHoldersForGood(Machine):
    def _mind_absence(self, pool: Pool) -> None:
        pass


class PutsLostChunksLast(Machine):
    def _queue_retry(self, chunk: Chunk) -> None:
        self._queue.add_fresh(chunk.pool, [chunk])
        self._spread(chunk.pool)
        self._mind_absence(chunk.pool)


class TakesItsOwnAbsenceForTheirs(Machine):
    def _fire(self, record: Timed, late: bool) -> None:
        super()._fire(record, False)


class AcceptsThirdLeases(Machine):
    def _replace_slower(self, chunk: Chunk) -> None:
        pass


class NeverReplacesSlowBackups(Machine):
    def _helps(self, helper: Helper, chunk: Chunk, wait_s: float) -> bool:
        return len(chunk.leases) == 1 and super()._helps(helper, chunk, wait_s)


class TriesSlowWorkersAgain(Machine):
    def _replace_slower(self, chunk: Chunk) -> None:
        super()._replace_slower(chunk)
        chunk.tried = ()


class CountsReplacedLeasesAsLosses(Machine):
    def _replace_slower(self, chunk: Chunk) -> None:
        super()._replace_slower(chunk)
        worker = chunk.leases[0].session.worker
        failures.record(chunk, worker, "replaced", self._now).losses += 1


class BelievesAllProgress(Machine):
    def _watch(self, lease: Lease) -> None:
        pass


class TakesReportsForProgress(Machine):
    """A lease without a result is never revoked while it reports ever more."""

    def _on_heard(self, event: WorkerHeard) -> None:
        super()._on_heard(event)
        session = self._sessions.get(event.session)
        for lease in session.leases.values() if session else ():
            if lease.doubted:
                lease.progress_at = self._now


class RatesByResultsOnly(Machine):
    """A worker without a result counts as fast as the mean, whatever its leases report."""

    def _helpers(self) -> Helpers:
        rates = ((each, each.worker.rate or self._mean_rate) for each in self._idle)
        return [Helper(each, rate, proven=True) for each, rate in rates], [], []


class KnowsNothingBeforeTheFirstResult(Machine):
    def _helps(self, helper: Helper, chunk: Chunk, wait_s: float) -> bool:
        if not self._mean_rate and wait_s < inf:
            return False
        return super()._helps(helper, chunk, wait_s)


class BacksUpNoChecks(Machine):
    def _helps(self, helper: Helper, chunk: Chunk, wait_s: float) -> bool:
        return chunk.state != "checking" and super()._helps(helper, chunk, wait_s)


class BelievesASingleClaim(Machine):
    def _weigh(self, claim: Claim, chunk: Chunk, worker: Worker, detail: str) -> str | None:
        return super()._weigh(claim, chunk, worker, detail) or detail


class LetsTwoClaimsOverruleALook(Machine):
    def _can_look(self, chunk: Chunk) -> bool:
        return super()._can_look(chunk) and len(witnesses.trouble_of(chunk).claimed) < 2


class BelievesLinesOfAnyLease(Machine):
    def _grant(self, session: Session, chunk: Chunk) -> None:
        super()._grant(session, chunk)
        chunk.leases[-1].isolated = True


class TakesALookForAConfirmation(Machine):
    def _on_source_checked(self, event: SourceChecked) -> None:
        super()._on_source_checked(replace(event, changed=True))


class LooksForEachClaim(Machine):
    def _look(self, job: Job, source: int, found: SourceTrouble) -> None:
        found.looking = False
        super()._look(job, source, found)


class NeverBelievesTheOnlyWitness(Machine):
    def _only_word(
        self, claimed: dict[str, float], others: Iterable[str], chunk: Chunk, detail: str
    ) -> str | None:
        return None


class ForgetsWorkersThatJustLeft(Machine):
    def _only_word(
        self, claimed: dict[str, float], others: Iterable[str], chunk: Chunk, detail: str
    ) -> str | None:
        workers = self._workers
        self._workers = {}
        try:
            return super()._only_word(claimed, others, chunk, detail)
        finally:
            self._workers = workers


class BelievesLinesOfOtherChunks(Machine):
    def _on_failed(self, event: ChunkFailed) -> None:
        job = self._jobs.get(event.key[0])
        if job is not None and event.bad_range is not None:
            start = job.chunks[event.key[1]].start
            event = replace(event, bad_range=(start, start + 1))
        super()._on_failed(event)


class AsksForNoVerification(Machine):
    def _on_job_added(self, event: JobAdded) -> None:
        super()._on_job_added(replace(event, verify=frozenset()))


class LetsWorkersConfirmThemselves(Machine):
    def _queue_check(self, chunk: Chunk) -> None:
        chunk.author = None
        super()._queue_check(chunk)


class TakesAnyOpinionForTheSame(Machine):
    def _settle(self, chunk: Chunk, *, agreed: bool | None) -> None:
        super()._settle(chunk, agreed=agreed is not None)


class WaitsForVerificationForGood(Machine):
    def _mind_checks(self, job: Job) -> None:
        pass


class LosesChecksWithTheirWorker(Machine):
    def _queue_check(self, chunk: Chunk) -> None:
        if chunk.trouble is None:
            super()._queue_check(chunk)


MUTANTS: dict[str, type[Machine]] = {
    "acknowledges before the commit": AcknowledgesBeforeCommit,
    "stores a second result": StoresDuplicates,
    "forgets to requeue on disconnect": ForgetsToRequeueOnDisconnect,
    WALL_CLOCK: Machine,
    "keeps a chunk that is hopeless": KeepsHopelessChunks,
    "counts attempts off by one": CountsAttemptsWrong,
    "renews expired leases": RenewsExpiredLeases,
    "renews leases that no heartbeat lists": RenewsWithAnyFrame,
    "never lets a lease run out": NeverExpires,
    "grants two leases to one worker": GrantsTwiceToOneWorker,
    "grants third leases": AcceptsThirdLeases,
    "ignores holders": IgnoresHolders,
    "ignores holders in backups": BacksUpWithoutHolders,
    "does not cancel the loser": LeavesLosersAlone,
    "loses the retry after a failed commit": LosesTheRetryAfterAFailedCommit,
    "adds READY up": AddsUpReady,
    "counts a backup as a loss": CountsBackupsAsLosses,
    "does not report quarantine": KeepsQuarantineToItself,
    "grants what the journal has": ForgetsWhatTheJournalHas,
    "refuses late results": RefusesLateResults,
    "ignores other digests": IgnoresOtherDigests,
    "never revokes a stalled lease": NeverRevokesStalledLeases,
    "lets a worker hang in what it lost": LetsStraysHang,
    "never ends a pause": PausesForGood,
    "gives a chunk back to the worker that failed it": ReturnsChunksToFailedWorkers,
    "sends no JOB after a reconnect": TellsNamesInsteadOfSessions,
    "ends a job before its last commit": EndsJobsBeforeTheJournalHasAll,
    "feeds draining sessions": FeedsDrainingSessions,
    "blames chunks for goodbyes": BlamesChunksForGoodbyes,
    "never isolates": NeverIsolates,
    "waits for absent holders for good": WaitsForAbsentHoldersForGood,
    "puts lost chunks last": PutsLostChunksLast,
    "takes its own absence for theirs": TakesItsOwnAbsenceForTheirs,
    "asks for no verification": AsksForNoVerification,
    "lets workers confirm themselves": LetsWorkersConfirmThemselves,
    "takes any opinion for the same": TakesAnyOpinionForTheSame,
    "waits for verification for good": WaitsForVerificationForGood,
    "loses a check with its worker": LosesChecksWithTheirWorker,
    "never replaces a slow backup": NeverReplacesSlowBackups,
    "tries slow workers again": TriesSlowWorkersAgain,
    "counts a replaced lease as a loss": CountsReplacedLeasesAsLosses,
    "believes all progress": BelievesAllProgress,
    "takes reports for progress": TakesReportsForProgress,
    "rates workers by results only": RatesByResultsOnly,
    "knows nothing before the first result": KnowsNothingBeforeTheFirstResult,
    "backs up no checks": BacksUpNoChecks,
    "believes a single claim": BelievesASingleClaim,
    "lets two claims overrule a look": LetsTwoClaimsOverruleALook,
    "believes lines of any lease": BelievesLinesOfAnyLease,
    "takes any look for a confirmation": TakesALookForAConfirmation,
    "looks again for each claim": LooksForEachClaim,
    "never believes the only witness": NeverBelievesTheOnlyWitness,
    "forgets workers that just left": ForgetsWorkersThatJustLeft,
    "believes lines of other chunks": BelievesLinesOfOtherChunks,
}
"""What is wrong, and the scheduler that does it."""

CATCHING_SEEDS: dict[str, int] = {
    "acknowledges before the commit": 0,
    "stores a second result": 0,
    "forgets to requeue on disconnect": 0,
    "leases on the wall clock": 6,
    "keeps a chunk that is hopeless": 31,
    "counts attempts off by one": 0,
    "renews expired leases": 12,
    "renews leases that no heartbeat lists": 31,
    "never lets a lease run out": 6,
    "grants two leases to one worker": 9,
    "grants third leases": 6,
    "ignores holders": 0,
    "ignores holders in backups": 0,
    "does not cancel the loser": 3,
    "loses the retry after a failed commit": 24,
    "adds READY up": 0,
    "counts a backup as a loss": 6,
    "does not report quarantine": 0,
    "grants what the journal has": 0,
    "refuses late results": 2,
    "ignores other digests": 2,
    "never revokes a stalled lease": 157,
    "lets a worker hang in what it lost": 46,
    "never ends a pause": 8,
    "gives a chunk back to the worker that failed it": 3,
    "sends no JOB after a reconnect": 0,
    "ends a job before its last commit": 0,
    "feeds draining sessions": 20,
    "blames chunks for goodbyes": 87,
    "never isolates": 0,
    "waits for absent holders for good": 82,
    "puts lost chunks last": 0,
    "takes its own absence for theirs": 112,
    "asks for no verification": 0,
    "lets workers confirm themselves": 0,
    "takes any opinion for the same": 1,
    "waits for verification for good": 1,
    "loses a check with its worker": 0,
    "never replaces a slow backup": 735,
    "tries slow workers again": 630,
    "counts a replaced lease as a loss": 6,
    "believes all progress": 86,
    "takes reports for progress": 45,
    "rates workers by results only": 892,
    "knows nothing before the first result": 892,
    "backs up no checks": 151,
    "believes a single claim": 0,
    "lets two claims overrule a look": 52,
    "believes lines of any lease": 122,
    "takes any look for a confirmation": 48,
    "looks again for each claim": 3,
    "never believes the only witness": 80,
    "forgets workers that just left": 278,
    "believes lines of other chunks": 2258,
}
"""For each a seed whose schedule catches it, and soon."""
