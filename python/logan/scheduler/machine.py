"""The scheduler: `Machine.handle(now, event) -> actions` is its one mutator.

No I/O, no clock, no randomness: time is given with each event and must be monotonic, and the caller
must call again at `next_deadline()` and execute the actions in their order. The same events at the
same times give the same actions. All that changes state is in this file.

How it works. Chunks wait in a `WorkQueue`; a session that said READY gets the next one as a lease,
which lives as long as heartbeats list it. What ends a lease, in short:

    result      the chunk goes to the journal (`Commit`); only when that has it (`ChunkCommitted`)
                is the worker told (`Resolve`), and a second lease of the chunk is canceled
    FAIL        another worker gets the chunk, until too many have failed; a claim that the source
                or a line of it is at fault is believed as `witnesses` says
    lost        expired, disconnected, stalled: back to the head of the backlog; after two losses
                the chunk is scanned isolated, after many it is given up

A result counts from any worker, at any time: the first is committed, even if its lease ran out or
its session is gone; any later one must have the same digest. Some chunks are leased once more when
they are stored, to another worker, only to see that (`verify`). A chunk has at most two live
leases, of different workers: the second is a backup, when idle workers see that it will take long;
a faster one takes the place of the slower of the two.

The states are in `states`, the data in `entities`. Decided elsewhere: which workers are paused
(`penalties`), which leases are backed up (`stragglers`), which claims are believed (`witnesses`),
which worker can verify a result (`verification`), which chunk is next (`queue`), what is overdue
(`timers`). `failures` records what went wrong with chunks, `snapshots` shows the state,
`invariants` checks it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable
from itertools import islice
from math import inf
from typing import Any, Final

from logan.scheduler import actions, events, failures, snapshots, stragglers, witnesses
from logan.scheduler.entities import Chunk, Job, Lease, Pool, Session, SourceTrouble, Worker
from logan.scheduler.events import LeaseKey
from logan.scheduler.limits import Limits
from logan.scheduler.penalties import in_backoff, record_failure, record_success
from logan.scheduler.queue import WorkQueue
from logan.scheduler.states import (
    CHUNK_STEPS,
    SESSION_STEPS,
    ChunkStep,
    SessionStep,
    StateError,
    TransitionLog,
)
from logan.scheduler.stragglers import Helper, Helpers
from logan.scheduler.timers import Timed, Timers
from logan.scheduler.verification import alarm, can_be_verified
from logan.scheduler.witnesses import WITNESSES_MIN, Claim

__all__ = ["Machine"]

IDLE_LOOK_AHEAD_MAX: Final = 16
"""Idle workers that are asked to take lost chunks which the first of them may not take."""

WAITING_RESULTS_MAX: Final = 16
"""Results of one chunk that wait for its commit; honest workers have two."""


_STORED: Final = ("committing", "checking")
"""States of a chunk that has a result: what happens to its leases costs nothing."""


class Machine:
    """Which worker works on which chunk."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._now = -inf
        self._looked_at = -inf
        self._out: list[actions.Action] = []
        self._jobs: dict[str, Job] = {}
        self._ended: deque[snapshots.JobView] = deque(maxlen=self._limits.jobs_remembered_max)
        self._workers: dict[str, Worker] = {}
        self._sessions: dict[str, Session] = {}
        self._idle: dict[Session, None] = {}
        self._with_room: dict[Session, None] = {}
        self._leases: dict[LeaseKey, Lease] = {}
        self._queue = WorkQueue(self._limits.lease_s)
        self._timers = Timers()
        self._transitions = TransitionLog()
        self._mean_rate = 0.0
        self._review_at = inf
        self._reviewed_at = -inf
        self._draining = False
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            events.JobAdded: self._on_job_added,
            events.JobCancelled: self._on_job_cancelled,
            events.WorkerJoined: self._on_joined,
            events.WorkerReady: self._on_ready,
            events.WorkerHeard: self._on_heard,
            events.WorkerLeft: self._on_left,
            events.ChunkReturned: self._on_returned,
            events.ChunkFailed: self._on_failed,
            events.SourcesUnreadable: self._on_hopeless,
            events.SourceChecked: self._on_source_checked,
            events.ChunkCommitted: self._on_committed,
            events.CommitFailed: self._on_commit_failed,
            events.DrainAsked: self._on_drain,
            events.TimePassed: self._on_time_passed,
        }

    # -- interface of the shell

    def handle(self, now: float, event: events.Event) -> list[actions.Action]:
        """Process what happened at `now` (seconds, monotonic); returns the actions to execute.

        Events of sessions that have left, and of jobs that are over, are ignored: they were on
        their way. Raises `StateError` for what cannot have happened.
        """
        # A clock that is not quite monotonic must neither renew nor expire anything.
        self._now = max(self._now, now)
        self._handlers[type(event)](event)
        while self._with_room:
            session, _ = self._with_room.popitem()
            if session.id in self._sessions:
                self._feed(session)
        if self._now >= self._review_at:
            self._review()
        out, self._out = self._out, []
        return out

    def holds(self, session: str, key: LeaseKey) -> bool:
        """Whether a session has this lease, and it has not run out."""
        there = self._sessions.get(session)
        return there is not None and key in there.leases

    def held(self, session: str) -> int:
        """How many leases a session has."""
        there = self._sessions.get(session)
        return len(there.leases) if there else 0

    def next_deadline(self) -> float | None:
        """When to call `handle` with `TimePassed`; nothing else lets anything run out.

        Messages that arrived by then must be handled first: after a standstill of the shell they
        wait to be read.
        """
        at = self._timers.next_at()
        if self._review_at == inf:
            return at
        return self._review_at if at is None else min(at, self._review_at)

    def statistics(self) -> snapshots.Statistics:
        """A snapshot of all workers and jobs, those that are gone too. Looks at everything."""
        return snapshots.take(
            self._now,
            self._workers.values(),
            self._jobs.values(),
            self._ended,
            self._leases,
            sessions=len(self._sessions),
            idle=len(self._idle),
        )

    # -- jobs

    def _on_job_added(self, event: events.JobAdded) -> None:
        if event.job in self._jobs:
            raise StateError(f"job {event.job} was added twice")
        job = self._jobs[event.job] = Job(event.job, readable=event.readable)
        fresh: dict[Pool, list[Chunk]] = {}
        for item in event.items:
            pool = self._queue.pool(job, item.holders, self._now)
            chunk = Chunk(job, item.chunk, item.bytes, pool, item.source, item.start)
            chunk.verify = item.chunk in event.verify
            if item.chunk in event.done:
                chunk.state = "done"
            else:
                fresh.setdefault(pool, []).append(chunk)
            if job.chunks.setdefault(chunk.id, chunk) is not chunk:
                raise StateError(f"job {job.id} has two chunks {chunk.id}")
            tally = job.tally[chunk.state]
            tally.chunks += 1
            tally.bytes += chunk.bytes
        for pool, chunks in fresh.items():
            self._queue.add_fresh(pool, chunks)
            self._spread(pool)
            self._mind_absence(pool)
        self._end_if_finished(job)

    def _on_job_cancelled(self, event: events.JobCancelled) -> None:
        job = self._jobs.get(event.job)
        if job is None:
            return
        for lease in [lease for lease in self._leases.values() if lease.chunk.job is job]:
            self._cancel(lease)
        for waiting in job.waiting.values():
            self._resolve(waiting, done=False)
        self._end(job, cancelled=True)

    def _end_if_finished(self, job: Job) -> None:
        if not job.over and job.checking and job.unfinished == len(job.checking):
            self._mind_checks(job)
        if not job.over and not job.unfinished:
            self._end(job, cancelled=False)

    def _end(self, job: Job, *, cancelled: bool) -> None:
        job.over = True
        del self._jobs[job.id]
        self._timers.disarm(job)
        self._queue.forget(job)
        self._ended.append(snapshots.view_job(job, {}))
        self._out.append(actions.EndJob(job.id, cancelled))

    # -- sessions

    def _on_joined(self, event: events.WorkerJoined) -> None:
        if event.session in self._sessions:
            raise StateError(f"session {event.session} joined twice")
        worker = self._workers.get(event.name)
        if worker is None:
            self._forget_workers()
            worker = self._workers[event.name] = Worker(event.name)
        if worker.session is not None:
            # Nearly always the connection broke and only the worker has noticed so far. If a
            # process still reads the old connection, it is another worker of that name.
            old = worker.session
            why = f"another connection of {event.name} took over"
            self._out.append(actions.CloseSession(old.id, why, len(old.leases), "replaced"))
            self._drop(old, "replaced by a new connection", clean=False)
        session = Session(event.session, worker, self._now)
        self._step_session(session, "join")
        worker.session = session
        self._sessions[session.id] = session
        self._queue.note_connected(worker.name)
        self._timers.arm(session, self._now + self._limits.silence_s)
        if self._draining:
            self._drain(session)

    def _on_ready(self, event: events.WorkerReady) -> None:
        session = self._sessions.get(event.session)
        if session is not None:
            # Before it is heard, which feeds a silent one: what it says replaces what was known.
            session.free = max(event.free, 0)
            session.lapsed.clear()
            self._hear(event.session)
            self._feed(session)

    def _on_heard(self, event: events.WorkerHeard) -> None:
        session = self._hear(event.session)
        if session is None:
            return
        leases = session.leases
        now = session.beat_at = self._now
        deadline = now + self._limits.lease_s
        orphans: dict[LeaseKey, tuple[int, float]] = {}
        for progress in event.leases[: self._limits.leases_per_session_max]:
            lease = leases.get(progress.key)
            if lease is None:
                orphans[progress.key] = self._orphaned(session, progress)
                continue
            lease.deadline = deadline
            if progress.scanned_bytes > lease.scanned and not lease.doubted:
                if not lease.scanned:
                    lease.first_at, lease.first_scanned = now, progress.scanned_bytes
                lease.scanned = progress.scanned_bytes
                lease.progress_at = now
                lease.stalled = False
        if orphans or session.orphans:
            session.orphans = orphans
        if session.lapsed:
            self._mind_lapsed(session, orphans)

    def _mind_lapsed(self, session: Session, listed: Container[LeaseKey]) -> None:
        """Free the places of leases that ran out unheard and that the worker does not have.

        Only after a lease's time: the first heartbeats that arrive after a silence may be older
        than the lease. A worker that does have it asks again when it is through.
        """
        for key, since in list(session.lapsed.items()):
            if key in listed:
                del session.lapsed[key]
            elif since + self._limits.lease_s <= self._now:
                del session.lapsed[key]
                session.free += 1
                self._feed(session)

    def _on_left(self, event: events.WorkerLeft) -> None:
        session = self._sessions.get(event.session)
        if session is not None:
            self._drop(session, event.why, clean=event.clean)

    def _on_drain(self, event: events.DrainAsked) -> None:
        if event.session is None:
            self._draining = True
            for session in self._sessions.values():
                self._drain(session)
        elif event.session in self._sessions:
            self._drain(self._sessions[event.session])

    def _drain(self, session: Session) -> None:
        if session.state != "draining":
            self._step_session(session, "drain")
            self._idle.pop(session, None)
            self._out.append(actions.DrainSession(session.id))
            self._mind_all_checks()

    def _hear(self, id: str) -> Session | None:
        """The session of a frame, which proves that it lives; None if it has left."""
        session = self._sessions.get(id)
        if session is not None:
            session.heard_at = self._now
            if session.state == "silent":
                self._step_session(session, "hear")
                self._feed(session)
        return session

    def _drop(self, session: Session, cause: str, *, clean: bool) -> None:
        """The session is gone: its chunks go to others at once."""
        worker = session.worker
        self._step_session(session, "leave")
        del self._sessions[session.id]
        self._idle.pop(session, None)
        self._timers.disarm(session)
        worker.session = None
        worker.gone_at = self._now
        for job in self._jobs.values():
            job.informed_sessions.discard(session.id)
        absent = self._queue.note_disconnected(worker.name, self._now)
        lost = list(session.leases.values())
        if lost and not clean:
            self._record_failure(worker, lost=True)
        for lease in lost:
            self._lose(lease, cause, blame=not clean)
        for pool in absent:
            self._mind_absence(pool)
        self._mind_all_checks()
        # Where all connected workers have refused a chunk, one of them gets it after all.
        self._want_review()

    def _forget_workers(self) -> None:
        if len(self._workers) >= self._limits.workers_remembered_max:
            gone = [each for each in self._workers.values() if each.session is None]
            for worker in sorted(gone, key=lambda each: each.gone_at)[: (len(gone) + 1) // 2]:
                self._timers.disarm(worker)
                del self._workers[worker.name]

    # -- leases

    def _feed(self, session: Session) -> None:
        """Give the session what it asked for, as far as there is work for it."""
        while self._may_take(session):
            chunk = self._queue.take(session.worker.name, self._now)
            if chunk is None:
                self._idle[session] = None
                self._want_review()
                return
            self._grant(session, chunk)
        self._idle.pop(session, None)

    def _may_take(self, session: Session) -> bool:
        if session.free <= 0 or session.state != "active":
            return False
        if len(session.leases) >= self._limits.leases_per_session_max:
            return False
        if in_backoff(session.worker, self._now):
            return False
        if self._now - session.heard_at > self._limits.lease_s / 2:
            self._step_session(session, "miss")
            return False
        return True

    def _spread(self, pool: Pool) -> None:
        """There is new work in the pool: give it to idle workers."""
        if not self._idle:
            return
        if pool.holders is None:
            tries = IDLE_LOOK_AHEAD_MAX
            for session in list(self._idle):
                if not (pool.retries or pool.checks or pool.fresh) or not tries:
                    break
                before = len(session.leases)
                self._feed(session)
                tries -= len(session.leases) == before
            return
        for name in sorted(pool.holders):
            worker = self._workers.get(name)
            if worker is not None and worker.session in self._idle:
                self._feed(worker.session)

    def _grant(self, session: Session, chunk: Chunk) -> None:
        limits, now, job = self._limits, self._now, chunk.job
        chunk.attempt += 1
        self._step(chunk, "grant")
        key = (job.id, chunk.id, chunk.attempt)
        lease = Lease(key, chunk, session, now, now + limits.lease_s, now)
        chunk.leases += (lease,)
        session.leases[key] = lease
        session.free -= 1
        self._leases[key] = lease
        self._timers.arm(session, lease.deadline)
        if session.id not in job.informed_sessions:
            job.informed_sessions.add(session.id)
            self._out.append(actions.SendJob(session.id, job.id))
        isolated = False
        if chunk.trouble is not None:
            isolated = chunk.trouble.losses >= limits.isolate_after_losses
            failures.note_lease(chunk.trouble, now)
        lease.isolated = isolated
        self._out.append(actions.Grant(session.id, key, isolated))

    def _release(self, lease: Lease) -> None:
        """The lease is not live any more, for whatever reason."""
        chunk = lease.chunk
        del self._leases[lease.key]
        del lease.session.leases[lease.key]
        chunk.leases = tuple(each for each in chunk.leases if each is not lease)

    def _cancel(self, lease: Lease, why: actions.CancelReason = "not needed") -> None:
        session = lease.session
        if session.free and len(session.leases) >= self._limits.leases_per_session_max:
            # It asked for more than it may have at once, and may have one more now.
            self._with_room[session] = None
        self._judge_unfinished(lease)
        self._release(lease)
        self._out.append(actions.CancelLease(lease.session.id, lease.key, why))

    def _judge_unfinished(self, lease: Lease) -> None:
        """The lease ends without a result, which may tell something of its worker all the same."""
        if stragglers.record_unfinished(lease, self._limits):
            self._record_failure(lease.session.worker, lost=False)

    def _lose(self, lease: Lease, cause: str, *, blame: bool) -> None:
        """The lease ended without an answer; `blame` unless the worker gave it back properly."""
        chunk, worker = lease.chunk, lease.session.worker
        self._judge_unfinished(lease)
        self._release(lease)
        # Whom it was preferred to may be asked again: it came to nothing.
        chunk.tried = ()
        if blame:
            worker.lost += 1
        trouble = failures.record(chunk, worker, cause, self._now)
        trouble.losses += blame
        if chunk.state == "checking" and trouble.losses >= self._limits.failures_per_chunk_max:
            self._give_up_check(chunk)
        elif len(trouble.log) < self._limits.losses_per_chunk_max:
            self._continue(chunk)
        elif chunk.state == "checking":
            self._give_up_check(chunk)
        else:
            self._give_up_unless_leased(chunk, "poison", failures.summary_of(chunk))

    def _continue(self, chunk: Chunk) -> None:
        """A lease of the chunk has failed: wait for the other one, or lease it again."""
        if chunk.state in _STORED or chunk.leases:
            self._step(chunk, "release")
            if chunk.state == "checking" and not chunk.leases:
                self._queue_check(chunk)
                self._end_if_finished(chunk.job)
            return
        self._step(chunk, "requeue")
        self._queue_retry(chunk)

    def _queue_retry(self, chunk: Chunk) -> None:
        self._queue.add_retry(chunk)
        self._spread(chunk.pool)
        self._mind_absence(chunk.pool)

    def _give_up_unless_leased(self, chunk: Chunk, kind: str, why: str) -> None:
        if chunk.state == "committing" or chunk.leases:
            self._step(chunk, "release")
        else:
            self._give_up(chunk, kind, why)

    def _give_up(
        self, chunk: Chunk, kind: str, why: str, bad_range: tuple[int, int] | None = None
    ) -> None:
        for lease in chunk.leases:
            self._cancel(lease)
        self._step(chunk, "give up")
        chunk.trouble = None
        self._out.append(actions.LostChunk(chunk.job.id, chunk.id, kind, why, bad_range))
        self._end_if_finished(chunk.job)

    def _orphaned(self, session: Session, progress: events.Progress) -> tuple[int, float]:
        """The worker scans what it has no lease for: stop it if nothing will come of that.

        Otherwise let it go on: it may still be the first to bring a result. Returns how far it is,
        and since when.
        """
        key, now = progress.key, self._now
        job = self._jobs.get(key[0])
        chunk = job.chunks.get(key[1]) if job else None
        scanned, since = session.orphans.get(key, (-1, now))
        if progress.scanned_bytes > scanned:
            scanned, since = progress.scanned_bytes, now
        stalled = now - since >= self._limits.stall_s
        if chunk is None or stalled or chunk.state in ("done", "lost"):
            self._out.append(actions.CancelLease(session.id, key))
        return scanned, since

    # -- results

    def _on_returned(self, event: events.ChunkReturned) -> None:
        session = self._hear(event.session)
        name = session.worker.name if session else None
        entry = (event.session, event.key)
        job = self._jobs.get(event.key[0])
        chunk = job.chunks.get(event.key[1]) if job else None
        if job is None or chunk is None:
            self._resolve([entry], done=False)
            return
        lease = session.leases.get(event.key) if session else None
        if lease is not None:
            self._mean_rate = stragglers.record_result(lease, self._now, self._mean_rate)
            self._release(lease)
        self._note_read(chunk, name)
        if chunk.state in ("pending", "leased"):
            if session is not None:
                record_success(session.worker)
                session.worker.done += 1
                session.worker.done_bytes += chunk.bytes
            self._step(chunk, "return")
            chunk.digest, chunk.author = event.digest, name
            job.waiting[chunk.id] = [entry]
            self._out.append(actions.Commit(event.session, event.key, event.digest))
        else:
            self._take_another(chunk, event, name)

    def _take_another(self, chunk: Chunk, event: events.ChunkReturned, name: str | None) -> None:
        """A result of a chunk that needs none, by a worker of this name: is it the same?"""
        entry, job = (event.session, event.key), chunk.job
        if chunk.state == "lost":
            self._resolve([entry], done=False)
        elif chunk.digest is not None and chunk.digest != event.digest:
            self._out.append(alarm(chunk, event.digest, name))
            self._resolve([entry], done=False)
            if chunk.state == "checking" and name not in (None, chunk.author):
                self._settle(chunk, agreed=False)
                self._end_if_finished(job)
        elif chunk.state == "checking":
            self._resolve([entry], done=True)
            if name not in (None, chunk.author):
                self._settle(chunk, agreed=True)
                self._end_if_finished(job)
        elif chunk.state == "done":
            self._resolve([entry], done=True)
        elif entry not in (waiting := job.waiting[chunk.id]):
            if len(waiting) < WAITING_RESULTS_MAX:
                waiting.append(entry)
            else:
                self._resolve([entry], done=False)

    def _on_committed(self, event: events.ChunkCommitted) -> None:
        job = self._jobs.get(event.job)
        if job is None:
            return
        chunk = job.chunks[event.chunk]
        chunk.tried = ()
        self._step(chunk, "check" if chunk.verify else "commit")
        returned = job.waiting.pop(chunk.id)
        self._resolve(returned, done=True)
        for lease in chunk.leases:
            if not chunk.verify or lease.session.worker.name == chunk.author:
                self._cancel(lease)
        self._out += failures.recoveries(chunk, self._now)
        if chunk.verify:
            self._begin_check(chunk, [session for session, _ in returned])
        self._end_if_finished(job)

    def _on_commit_failed(self, event: events.CommitFailed) -> None:
        """Nothing is acknowledged, and the chunk is done again, unless that failed often."""
        job = self._jobs.get(event.job)
        if job is None:
            return
        chunk = job.chunks[event.chunk]
        self._step(chunk, "go on" if chunk.leases else "commit failed")
        chunk.digest = None
        self._resolve(job.waiting.pop(chunk.id), done=False)
        trouble = failures.of(chunk)
        trouble.failures += 1
        if chunk.leases:
            return
        if trouble.failures < self._limits.failures_per_chunk_max:
            self._queue_retry(chunk)
        else:
            self._give_up(chunk, "internal", event.why)

    def _on_failed(self, event: events.ChunkFailed) -> None:
        session = self._hear(event.session)
        lease = session.leases.get(event.key) if session else None
        if session is None or lease is None:
            return  # the answer to a lease that ran out: its worker will report
        chunk, worker = lease.chunk, session.worker
        worker.failed += 1
        self._release(lease)
        chunk.tried = ()  # as for a lost lease
        if witnesses.is_first_other_copy(event, chunk, worker):
            failures.record(chunk, worker, event.detail, self._now)
            self._continue(chunk)
            return
        claim = witnesses.claim_of(event, lease)
        if claim is None:
            self._record_failure(worker, lost=event.kind == "cancelled")
        trouble = failures.record(chunk, worker, event.detail, self._now)
        if event.kind != "cancelled" or claim is not None:
            trouble.failures += claim is None
            trouble.failed_at = self._now
            trouble.refused[worker.name] = trouble.refused.get(worker.name, 0) + 1
        if event.kind in witnesses.UNABLE:
            witnesses.trouble_of(chunk).unable.add(worker.name)
        if claim is not None:
            why = self._weigh(claim, chunk, worker, event.detail)
            if why is not None:
                self._take_as_lost(chunk, event, why, claim)
                return
        if (
            trouble.failures < self._limits.failures_per_chunk_max
            and len(trouble.log) < self._limits.losses_per_chunk_max
        ):
            self._continue(chunk)
        elif chunk.state == "checking":
            self._give_up_check(chunk)
        else:
            self._give_up_unless_leased(chunk, event.kind, event.detail)

    def _on_hopeless(self, event: events.SourcesUnreadable) -> None:
        """Leases that are out end by themselves: one of them may yet bring a result."""
        job = self._jobs.get(event.job)
        if job is None:
            return
        for id in event.chunks:
            if job.chunks[id].state == "pending":
                self._give_up(job.chunks[id], event.kind, event.why)

    # -- claims that the input is at fault

    def _weigh(self, claim: Claim, chunk: Chunk, worker: Worker, detail: str) -> str | None:
        """Why the chunk is to be given up after this claim of the worker; None if it is not."""
        trouble = chunk.trouble
        assert trouble is not None
        if claim != "source":
            trouble.poisoned.setdefault(worker.name, self._now)
            if len(trouble.poisoned) >= WITNESSES_MIN:
                return detail
            return self._only_word(trouble.poisoned, trouble.refused, chunk, detail)
        found = witnesses.trouble_of(chunk)
        found.claimed.setdefault(worker.name, self._now)
        found.chunks.pop(chunk.id, None)
        found.detail = detail
        why = found.confirmed
        if why is None and self._can_look(chunk):
            found.unchecked[worker.name] = None
            self._look(chunk.job, chunk.source, found)
        elif why is None and len(found.claimed) >= WITNESSES_MIN:
            self._confirm(chunk.job, found, detail)
            why = detail
        elif why is None:
            why = self._only_word(found.claimed, found.unable, chunk, detail)
        if why is None:
            found.chunks[chunk.id] = chunk
        return why

    def _only_word(
        self, claimed: dict[str, float], others: Iterable[str], chunk: Chunk, detail: str
    ) -> str | None:
        holders = chunk.pool.holders
        gone = (
            worker
            for worker in self._workers.values()
            if worker.session is None and (holders is None or worker.name in holders)
        )
        connected = self._queue.connected(chunk.pool)
        if witnesses.alone(claimed, frozenset(others), connected, gone, self._now, self._limits):
            return witnesses.named(detail, claimed)
        return None

    def _take_as_lost(
        self, chunk: Chunk, event: events.ChunkFailed, why: str, claim: Claim
    ) -> None:
        if chunk.state == "leased":
            bad_range = event.bad_range if claim == "line" else None
            self._give_up(chunk, event.kind, why, bad_range)
        elif chunk.state == "checking":
            self._settle(chunk, agreed=None)
            self._end_if_finished(chunk.job)
        elif chunk.state == "committing":
            self._step(chunk, "release")

    def _can_look(self, chunk: Chunk) -> bool:
        return chunk.source in chunk.job.readable and not witnesses.trouble_of(chunk).hidden

    def _look(self, job: Job, source: int, found: SourceTrouble) -> None:
        """Have the source looked at, once for all claims that came in so far."""
        if not found.looking:
            found.looking = True
            found.looked_for, found.unchecked = found.unchecked, {}
            self._out.append(actions.CheckSource(job.id, source, next(iter(found.looked_for))))

    def _on_source_checked(self, event: events.SourceChecked) -> None:
        job = self._jobs.get(event.job)
        if job is None:
            return
        found = job.troubles.setdefault(event.source, SourceTrouble())
        found.looking = False
        if event.changed:
            self._confirm(job, found, event.why)
            return
        if event.changed is None:
            found.hidden = True
            if len(found.claimed) >= WITNESSES_MIN:
                self._confirm(job, found, found.detail)
            return
        for name in found.looked_for:
            if name in self._workers:
                self._record_failure(self._workers[name], lost=False)
        found.looked_for = {}
        if found.unchecked:
            self._look(job, event.source, found)

    def _confirm(self, job: Job, found: SourceTrouble, why: str) -> None:
        """The source changed: no further claim is weighed, and what was claimed so is given up."""
        found.confirmed = why
        for chunk in list(found.chunks.values()):
            if chunk.state in ("pending", "leased"):
                self._give_up(chunk, "changed", why)
            elif chunk.state == "checking":
                self._settle(chunk, agreed=None)
                self._end_if_finished(job)
        found.chunks.clear()

    def _note_read(self, chunk: Chunk, name: str | None) -> None:
        """A worker of this name read the chunk, which refutes what others claimed of it."""
        if chunk.source not in chunk.job.troubles:
            return
        for other in witnesses.refuted(chunk, name, can_look=self._can_look(chunk)):
            if other in self._workers:
                self._record_failure(self._workers[other], lost=False)

    def _resolve(self, entries: Iterable[tuple[str, LeaseKey]], *, done: bool) -> None:
        for session, key in entries:
            if session in self._sessions:
                self._out.append(actions.Resolve(session, key, done))

    # -- verification

    def _begin_check(self, chunk: Chunk, returned: Iterable[str]) -> None:
        """Its result, which these sessions brought, is stored: have another worker scan it too."""
        chunk.job.checking[chunk.id] = chunk
        names = {self._sessions[id].worker.name for id in returned if id in self._sessions}
        if names - {chunk.author}:
            self._settle(chunk, agreed=True)  # another one brought the same meanwhile
        elif not chunk.leases:
            self._queue_check(chunk)

    def _queue_check(self, chunk: Chunk) -> None:
        self._queue.add_check(chunk)
        self._spread(chunk.pool)

    def _settle(self, chunk: Chunk, *, agreed: bool | None) -> None:
        for lease in chunk.leases:
            self._cancel(lease)
        self._step(chunk, "settle")
        del chunk.job.checking[chunk.id]
        self._out += failures.recoveries(chunk, self._now)
        self._out.append(actions.Checked(chunk.job.id, chunk.id, agreed))

    def _give_up_check(self, chunk: Chunk) -> None:
        if chunk.leases:
            self._step(chunk, "release")
        else:
            self._settle(chunk, agreed=None)
            self._end_if_finished(chunk.job)

    def _mind_all_checks(self) -> None:
        for job in list(self._jobs.values()):
            if job.checking:
                self._end_if_finished(job)

    def _mind_checks(self, job: Job) -> None:
        """Only verification is left for the job: wait only for workers that can still do it."""
        for chunk in list(job.checking.values()):
            if chunk.leases:
                continue
            if can_be_verified(chunk, self._sessions.values()):
                self._timers.arm(job, self._now + self._limits.check_wait_s)
            else:
                self._settle(chunk, agreed=None)

    def _give_up_checks(self, job: Job) -> None:
        """They could have come, and did not in time."""
        if job.unfinished == len(job.checking):
            for chunk in [each for each in job.checking.values() if not each.leases]:
                self._settle(chunk, agreed=None)

    # -- time

    def _on_time_passed(self, event: events.TimePassed) -> None:
        self._looked_at = self._now
        at = self.next_deadline()
        if at is None or at > self._now:
            return
        # A shell that calls so late was not there to hear heartbeats either: its own absence is
        # not the workers' silence, and what they sent meanwhile is about to be handled.
        late = self._now - at > self._limits.heartbeat_s
        for record in self._timers.due(self._now):
            self._fire(record, late)

    def _fire(self, record: Timed, late: bool) -> None:
        if isinstance(record, Session):
            self._look_after(record, late)
        elif isinstance(record, Worker):
            if in_backoff(record, self._now):
                self._timers.arm(record, record.paused_until)
            elif record.session is not None:
                self._feed(record.session)
        elif isinstance(record, Job):
            if not late:
                self._give_up_checks(record)
            self._end_if_finished(record)
        elif late and record.absent_since != inf:
            record.absent_since += self._limits.lease_s
            self._mind_absence(record)
        else:
            self._give_up_absent(record)

    def _look_after(self, session: Session, late: bool) -> None:
        """End the session's leases that ran out or make no progress, and itself if it is dead."""
        now, limits = self._now, self._limits
        grace = now + 2 * limits.heartbeat_s
        for lease in list(session.leases.values()):
            if lease.scanned and not lease.doubted:
                self._watch(lease)
            if late:
                lease.deadline = lease.deadline if lease.deadline > now else grace
            elif lease.deadline <= now:
                # Heartbeats without it: the worker never got it, so that place is free still.
                if session.beat_at > lease.deadline - limits.lease_s:
                    session.free += 1
                else:
                    session.lapsed[lease.key] = now
                self._record_failure(session.worker, lost=True)
                self._lose(lease, f"no heartbeat for {limits.lease_s:g} s", blame=True)
            elif lease.progress_at + 2 * limits.stall_s <= now:
                self._record_failure(session.worker, lost=False)
                self._out.append(actions.CancelLease(session.id, lease.key, "no progress"))
                self._lose(lease, f"no progress for {2 * limits.stall_s:g} s", blame=True)
            elif lease.progress_at + limits.stall_s <= now and not lease.stalled:
                self._back_up_stalled(lease)
        if not late and session.heard_at + limits.silence_s <= now:
            why = f"nothing was received for {limits.silence_s:g} s"
            self._out.append(actions.CloseSession(session.id, why, len(session.leases)))
            self._drop(session, why, clean=False)
            return
        at = max(session.heard_at + limits.silence_s, grace if late else 0.0)
        for lease in session.leases.values():
            patience = limits.stall_s * (2 if lease.stalled else 1)
            at = min(at, lease.deadline, max(lease.progress_at + patience, grace if late else 0.0))
        self._timers.arm(session, at)
        self._feed(session)

    def _back_up_stalled(self, lease: Lease) -> None:
        lease.stalled = True
        if len(lease.chunk.leases) == 1 and lease.chunk.state == "leased":
            self._queue.add_retry(lease.chunk)
            self._spread(lease.chunk.pool)

    def _record_failure(self, worker: Worker, *, lost: bool) -> None:
        if record_failure(worker, self._now, self._limits, lost=lost):
            if worker.session is not None:
                self._idle.pop(worker.session, None)
            self._timers.arm(worker, worker.paused_until)

    def _mind_absence(self, pool: Pool) -> None:
        """Chunks may wait that no worker can take: give them up after a while."""
        if pool.absent_since != inf and pool.jobs:
            at = pool.absent_since + self._limits.holder_absence_s
            self._timers.arm(pool, max(at, self._now + self._limits.review_s))

    def _give_up_absent(self, pool: Pool) -> None:
        if pool.absent_since + self._limits.holder_absence_s > self._now:
            if pool.absent_since != inf:
                self._mind_absence(pool)
            return
        names = ", ".join(sorted(pool.holders or ()))
        absence_s = self._limits.holder_absence_s
        why = f"no worker that holds it was connected for {absence_s:g} s: {names}"
        chunks = [*pool.retries, *(chunk for fresh in pool.fresh for chunk in fresh)]
        pool.retries.clear()
        pool.fresh.clear()
        for chunk in chunks:
            if chunk.state == "pending" and not chunk.job.over:
                self._give_up(chunk, "lost", why)

    # -- idle workers

    def _want_review(self) -> None:
        """Idle workers could help with what is outstanding: look, but not too often."""
        if self._review_at == inf and self._idle and (self._leases or self._queue.waits()):
            self._review_at = max(self._now, self._reviewed_at + self._limits.review_s)

    def _review(self) -> None:
        """Give idle workers what no other worker can take now, and the slowest leases."""
        self._reviewed_at = self._now
        self._review_at = inf
        if self._queue.waits():
            for session in list(self._idle):
                self._feed(session)
        if self._idle:
            self._back_up_slowest()
        self._want_review()

    def _back_up_slowest(self) -> None:
        for lease in self._leases.values():
            if lease.scanned and not lease.doubted:
                self._watch(lease)
        helpers = self._helpers()
        slowest = stragglers.slowest_first(
            self._leases.values(), helpers, self._now, self._mean_rate, self._limits
        )
        for wait_s, chunk in slowest:
            for some in helpers:
                if self._have_helped(some, chunk, wait_s):
                    break

    def _watch(self, lease: Lease) -> None:
        stragglers.watch(lease, self._now, self._limits)

    def _helpers(self) -> Helpers:
        return stragglers.helpers_of(self._idle, self._limits)

    def _have_helped(self, helpers: list[Helper], chunk: Chunk, wait_s: float) -> bool:
        """Lease the chunk to the first of the helpers that is of use; whether there is one."""
        holders = chunk.pool.holders
        some = (each for each in helpers if holders is None or each.session.worker.name in holders)
        for helper in list(islice(some, IDLE_LOOK_AHEAD_MAX)):
            if not self._helps(helper, chunk, wait_s):
                continue
            session = helper.session
            if len(chunk.leases) > 1:
                self._replace_slower(chunk)
            self._grant(session, chunk)
            if not self._may_take(session):
                self._idle.pop(session, None)
            if not helper.proven or not self._may_take(session):
                helpers.remove(helper)
            return True
        return False

    def _helps(self, helper: Helper, chunk: Chunk, wait_s: float) -> bool:
        return stragglers.helps(
            helper, chunk, wait_s, self._mean_rate, self._limits
        ) and self._may_take(helper.session)

    def _replace_slower(self, chunk: Chunk) -> None:
        """Make room for a third lease by ending the one that is expected last."""
        lease = stragglers.slower(chunk, self._now, self._mean_rate, self._limits)
        chunk.tried += (lease.session.worker.name,)
        self._cancel(lease, "replaced")
        self._step(chunk, "release")

    # -- steps

    def _step(self, chunk: Chunk, step: ChunkStep) -> None:
        before, job = chunk.state, chunk.job
        self._transitions.note((self._now, job.id, chunk.id, chunk.attempt, before, step))
        after = CHUNK_STEPS[before].get(step)
        if after is None:
            raise self._transitions.error(f"{step!r} while it is {before}", job.id, chunk.id)
        if after is not before:
            tally = job.tally
            tally[before].chunks -= 1
            tally[before].bytes -= chunk.bytes
            tally[after].chunks += 1
            tally[after].bytes += chunk.bytes
            chunk.state = after

    def _step_session(self, session: Session, step: SessionStep) -> None:
        after = SESSION_STEPS[session.state].get(step)
        if after is None:
            raise StateError(f"session {session.id}: {step!r} while it is {session.state}")
        session.state = after
        if after != "active":
            self._idle.pop(session, None)
