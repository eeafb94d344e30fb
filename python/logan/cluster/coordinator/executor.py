"""Carries out what the scheduler decides.

    handlers    what workers say -> events      (`worker_handler`)
    step        event -> machine -> actions: messages, commits, looks at files
    keep_time   calls the machine when it asked to be

This is the one place that runs `scheduler.Machine`, and the only one that knows both it and the
connections of workers. Nothing here waits for a worker: `step` only queues.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import trio
from msgspec.structs import replace

from logan._logan import Summary
from logan.cluster.coordinator.commits import ChunkDone, Commits
from logan.cluster.coordinator.events import Changes, EventLog
from logan.cluster.coordinator.jobs import ActiveJob
from logan.cluster.coordinator.read_barrier import ReadBarrier
from logan.cluster.coordinator.records import ChunkLost
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.nurseries import Tasks
from logan.errors import SummaryError
from logan.log import logger_of
from logan.report.units import span
from logan.scheduler import actions, events
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine
from logan.scheduler.snapshots import Statistics
from logan.sources.inputs import shown_name
from logan.wire import messages
from logan.wire.bodies import RecoveryStatus

__all__ = ["Executor"]

logger = logger_of(__name__)


class _Result(NamedTuple):
    """A verified summary of so many bytes, and what came with it."""

    summary: Summary
    note: str | None
    size: int


class Executor:
    """Runs the machine: events in, its actions out. A `commits.Listener`.

    Args:
        conclude: ends a job for which the machine has nothing more to do.

    Attributes:
        sessions: the workers that are connected, by session.
        jobs: the jobs that have not ended, by id.
        read_barrier: whether all that workers have sent was read.
        recoveries: lost chunks that others did again, of all jobs together.
        stopping: whether nothing more is leased.
    """

    def __init__(
        self,
        limits: Limits,
        tasks: Tasks,
        event_log: EventLog,
        changes: Changes,
        commits: Commits,
        conclude: Callable[[ActiveJob], Awaitable[None]],
    ) -> None:
        self.limits = limits
        self.events = event_log
        self.changes = changes
        self.sessions: dict[str, WorkerSession] = {}
        self.jobs: dict[str, ActiveJob] = {}
        self.read_barrier = ReadBarrier()
        self.recoveries = RecoveryStatus(count=0, leased_s=0.0, done_s=0.0, done_s_max=0.0)
        self.stopping = False
        self._tasks = tasks
        self._commits = commits
        self._conclude = conclude
        self._machine = Machine(limits)
        self._results: dict[tuple[str, events.LeaseKey], _Result] = {}
        self._alarm_at = math.inf
        self._rearmed = trio.Event()

    def step(self, event: events.Event) -> None:
        """Tell the machine what happened and do what it says."""
        for action in self._machine.handle(trio.current_time(), event):
            self._do(action)
        due = self._machine.next_deadline()
        due = math.inf if due is None else due
        if due < self._alarm_at:
            self._rearmed.set()

    def join(self, session: WorkerSession) -> None:
        """A worker is connected."""
        self.sessions[session.id] = session
        self.step(events.WorkerJoined(session.id, session.name))
        self.events.note("joined", f"{session.name} joined from {session.address}")
        self.changes.notify()

    def leave(self, session: WorkerSession, why: str, *, clean: bool) -> None:
        """Its connection is gone, and with it the results that are not being stored."""
        self.sessions.pop(session.id, None)
        session.abandon_searches()
        held = session.held or self._machine.held(session.id)
        self.step(events.WorkerLeft(session.id, why, clean))
        for each in [each for each in self._results if each[0] == session.id]:
            del self._results[each]
        lost = f" with {held} {'chunk' if held == 1 else 'chunks'} in hand" if held else ""
        if not (clean and self.stopping):
            self.events.note("left", f"{session.name} left{lost}: {why}")
        self.changes.notify()

    def add(self, job: ActiveJob) -> None:
        """There is a job; none of it is leased before `begin`."""
        self.jobs[job.id] = job

    def begin(self, job: ActiveJob) -> None:
        """Lease what is to be done of the job."""
        given_up = {each.chunk for each in job.lost}
        items = [item for item in job.items() if item.chunk not in given_up]
        self.step(events.JobAdded(job.id, items, frozenset(job.done), job.drawn, job.readable()))

    def cancel(self, job: ActiveJob) -> None:
        """Lease no more of the job, nor of what explains its findings, and let it end with what
        there is."""
        job.stopped = True
        parts = [each.id for each in self.jobs.values() if each.part_of == job.id]
        for id in (job.id, *parts):
            self.step(events.JobCancelled(id))

    def forget(self, job: ActiveJob) -> None:
        """The job is over: workers need not know it any more."""
        del self.jobs[job.id]
        for session in self.sessions.values():
            if job.id in session.jobs:
                session.forget_job(job.id)
                session.link.post(messages.Cancel(job.id))

    @property
    def is_idle(self) -> bool:
        """Whether no worker, no job and no result is there."""
        return not (self.sessions or self.jobs or self._results)

    def statistics(self) -> Statistics:
        """The machine's figures."""
        return self._machine.statistics()

    def stop(self) -> None:
        """Lease nothing more; workers finish what they hold and leave."""
        self.stopping = True
        self.step(events.DrainAsked())

    async def keep_time(self) -> None:
        """Wake the machine when it asked for it."""
        while True:
            due = self._machine.next_deadline()
            self._alarm_at = math.inf if due is None else due
            self._rearmed = trio.Event()
            with trio.CancelScope(deadline=self._alarm_at):
                await self._rearmed.wait()
            if trio.current_time() >= self._alarm_at:
                await self.read_barrier.drain()
                self.step(events.TimePassed())

    def _do(self, action: actions.Action) -> None:
        match action:
            case actions.Grant(session=id, key=key, isolated=isolated):
                self._grant(id, key, isolated)
            case actions.Resolve(session=id, key=key, done=done):
                self._results.pop((id, key), None)
                self._post(id, messages.Done(*key) if done else messages.Stale(*key))
            case actions.Commit(session=id, key=key, digest=digest):
                self._store(id, key, digest)
            case actions.SendJob(session=id, job=job):
                self.sessions[id].jobs.add(job)
                self._post(id, self.jobs[job].message())
            case actions.CancelLease(session=id, key=key):
                self._drop_lease(id, key)
                self._post(id, messages.Cancel(*key))
            case actions.CloseSession(session=id, why=why, held=held, code=code):
                session = self.sessions.get(id)
                if session is not None:
                    session.link.post(messages.Error(code, why))
                    session.close(why, held)
            case actions.DrainSession(session=id):
                self._post(id, messages.Drain())
            case _:
                self._do_for_job(action)

    def _do_for_job(self, action: actions.Action) -> None:
        match action:
            case actions.CheckSource():
                self._tasks.start(self._look_at, action)
            case actions.LostChunk():
                self._lose(action)
            case actions.Recovered():
                self._note_recovery(action)
            case actions.Alarm() | actions.Checked():
                self._take_second_opinion(action)
            case actions.EndJob(job=id, cancelled=cancelled):
                job_ended = self.jobs[id]
                job_ended.cancelled = cancelled
                # Behind what the journal still has to write of it.
                self._commits.add(None, partial(self._tasks.start, self._conclude, job_ended))

    async def _look_at(self, action: actions.CheckSource) -> None:
        """Look at a source that a worker reported as changed, and tell the machine."""
        job = self.jobs.get(action.job)
        if job is None:
            return
        changed, why = await trio.to_thread.run_sync(
            job.look_at, action.source, abandon_on_cancel=True
        )
        if changed is False:
            name = shown_name(job.urls[action.source])
            text = f"{action.worker} reported {name} as changed, but it is the planned file"
            self.events.note("refused", text)
        self.step(events.SourceChecked(action.job, action.source, changed, why))

    def _take_second_opinion(self, action: actions.Alarm | actions.Checked) -> None:
        job = self.jobs[action.job]
        if isinstance(action, actions.Checked):
            job.checked(by_another=action.agreed is not None)
            return
        logger.error("job %s, chunk %d: %s", job.id, action.chunk, action.what)
        self.events.note("alarm", f"chunk {action.chunk}: {action.what}")
        job.alarmed(action.chunk, action.what)

    def _post(self, id: str, message: Any) -> None:
        session = self.sessions.get(id)
        if session is not None:
            session.link.post(message)

    def _grant(self, id: str, key: events.LeaseKey, isolated: bool) -> None:
        session = self.sessions[id]
        job = self.jobs[key[0]]
        chunk = job.plan.chunks[key[1]]
        session.grant(key, chunk)
        job.leased(session.name, session.threads)
        lease = messages.Lease(*key, chunk.source, chunk.start, chunk.end, isolated)
        if job.probes is None:
            session.link.post(lease)
            return
        probes = job.probes.known(chunk.id)
        if probes is None:
            self._tasks.start(self._lease_when_probed, id, lease, job)
        else:
            session.link.post(replace(lease, probes=probes or None))
        more = job.probes.needs_more(chunk.id)
        if more is not None:
            self._tasks.start(job.probes.make, more)

    async def _lease_when_probed(self, id: str, lease: messages.Lease, job: ActiveJob) -> None:
        """Send a lease once it is known what a copy of its bytes must look like.

        Until then it is granted, and runs out as any other.
        """
        assert job.probes is not None
        probes, why = await job.probes.make_within(lease.chunk, self.limits.lease_s / 2)
        if why and job.is_first_unprobed(lease.source):
            name = shown_name(job.urls[lease.source])
            text = f"{name} cannot be compared with the workers' copies: {why}"
            self.events.note("unprobed", text)
        session = self.sessions.get(id)
        key = (lease.job, lease.chunk, lease.attempt)
        if session is not None and self._machine.holds(id, key) and lease.job in self.jobs:
            session.link.post(replace(lease, probes=probes or None))

    def _drop_lease(self, id: str, key: events.LeaseKey) -> None:
        session = self.sessions.get(id)
        if session is not None:
            session.leases.pop(key, None)
            self.changes.notify()

    def keep_result(
        self, id: str, key: events.LeaseKey, summary: Summary, note: str | None, size: int
    ) -> None:
        """A verified summary of so many bytes, until the machine says what becomes of it."""
        self._results[id, key] = _Result(summary, note, size)

    def _store(self, id: str, key: events.LeaseKey, digest: str) -> None:
        job = self.jobs[key[0]]
        result = self._results.pop((id, key))
        session = self.sessions.get(id)
        if session is None:
            job.hand_over(key[1])
        else:
            job.hand_over(key[1], session.name, session.rss_bytes or 0)
        keep = job.part_of is None
        done = ChunkDone(job.id, key[1], digest, result.summary, job.tree, result.note, keep)
        self._commits.add_result(done, result.size, last=job.is_nearly_done)

    def committed(self, result: ChunkDone) -> None:
        """The journal has a result."""
        job = self.jobs.get(result.job)
        if job is not None:
            job.committed(result.chunk, result.note)
        self.step(events.ChunkCommitted(result.job, result.chunk))

    def not_committed(self, result: ChunkDone, why: str) -> None:
        """The journal will not have a result."""
        self.step(events.CommitFailed(result.job, result.chunk, why))

    def unmerged(self, job: str, why: str) -> None:
        """A result of the job does not merge with its others, so that it has no figures."""
        spoilt = self.jobs.get(job)
        if spoilt is not None and spoilt.failure is None:
            spoilt.failure = SummaryError(
                f"job {spoilt.name} cannot go on: {why}", hint="submit it again"
            )
            self.events.note("alarm", str(spoilt.failure))
            self.step(events.JobCancelled(job))

    def _lose(self, action: actions.LostChunk) -> None:
        job = self.jobs[action.job]
        action = job.lose(action)
        if job.part_of is None:
            self._commits.add(
                ChunkLost(action.job, action.chunk, action.kind, action.why, action.bad_range)
            )
        chunk = job.plan.chunks[action.chunk]
        if chunk.source not in job.refusals.hopeless:  # else that was said of all of it
            what = f"bytes {chunk.start:,} to {chunk.end:,}"
            self.events.note("missing", f"{what} are given up: {action.why}")

    def _note_recovery(self, action: actions.Recovered) -> None:
        job = self.jobs.get(action.job)
        if job is None:
            return
        entry = job.recovered(action)
        done_s, before = action.done_at - action.noticed_at, self.recoveries
        self.recoveries = RecoveryStatus(
            count=before.count + 1,
            leased_s=before.leased_s + action.leased_at - action.noticed_at,
            done_s=before.done_s + done_s,
            done_s_max=max(before.done_s_max, done_s),
        )
        self.events.note(
            "recovered",
            f"chunk {action.chunk} of {action.worker} ({action.cause}) leased again after "
            f"{span(entry['leased_s'] - entry['noticed_s'])}, "
            f"done after {span(entry['done_s'] - entry['noticed_s'])}",
        )
