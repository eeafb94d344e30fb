"""The coordinator: plans jobs, leases their chunks to workers, merges what comes back.

    async with Coordinator(port=8000) as coordinator:
        results = await coordinator.process_file("access.log")
        print(results["total_requests"], results["error_rate"])

What is decided is decided by `scheduler.Machine`; this carries its actions out: it is the one
place that knows both the scheduler and the wire.

    handlers    one task per connection: bytes -> events            (`server`)
    step        event -> machine -> actions: messages, commits
    timekeeper  calls the machine when it asked to be
    journal     commits results in groups, in a thread, and only then tells the machine

Nothing here waits for a worker: `step` only queues. A connection's errors end that connection, an
error while a job is resumed or concluded ends that job; an error of the journal ends the
coordinator, since nothing could be acknowledged any more.

A job ends in `_conclude` alone: outcome, journal, and whoever waits. All others await
`SubmittedJob.ended`.
"""

from __future__ import annotations

import copy
import errno
import math
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, Self

import trio
from msgspec.structs import replace

from logan._logan import MergeTree, Spec, Summary
from logan.cluster.coordinator.ending import EndedJobs, Outcome, SubmittedJob
from logan.cluster.coordinator.jobs import ActiveJob
from logan.cluster.coordinator.journal import (
    ChunkDone,
    ChunkLost,
    JobEnded,
    JobForgotten,
    JobSetAside,
    JobStored,
    Record,
    ReportTaken,
    StoredJob,
    open_journal,
)
from logan.cluster.coordinator.read_barrier import ReadBarrier
from logan.cluster.coordinator.server import Server
from logan.cluster.coordinator.stored import from_stored, to_stored
from logan.cluster.coordinator.submission import identity_of, opener_of, plan_submission
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.limits import (
    COMMIT_PAUSE_S,
    DRAIN_S_MAX,
    EVENT_CHARS_MAX,
    EVENTS_KEPT_MAX,
    INLINE_BYTES_MAX,
    JOBS_MAX,
    LINGER_S_MAX,
    PORT_DEFAULT,
    REPORT_S_MAX,
    RESUBMIT_S_MAX,
    RETURN_S_MAX,
)
from logan.cluster.nurseries import main_error
from logan.cluster.probes import Probes
from logan.cluster.request import Submission
from logan.cluster.security import check_exposure
from logan.errors import ClusterError, JournalError, LoganError, SummaryError, UsageError
from logan.limits import SERIES_POINTS_MAX
from logan.log import logger_of
from logan.planning import timerange
from logan.report import Report
from logan.report.units import span
from logan.scheduler.actions import (
    Action,
    Alarm,
    CancelLease,
    Checked,
    CheckSource,
    CloseSession,
    Commit,
    DrainSession,
    EndJob,
    Grant,
    LostChunk,
    Recovered,
    Resolve,
    SendJob,
)
from logan.scheduler.events import (
    ChunkCommitted,
    CommitFailed,
    DrainAsked,
    Event,
    JobAdded,
    JobCancelled,
    SourceChecked,
    SourcesUnreadable,
    TimePassed,
)
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine
from logan.scheduler.snapshots import Statistics
from logan.sources.inputs import next_step, shown_name
from logan.sources.roots import Roots
from logan.wire.limits import HEARTBEAT_S_MIN, LEASE_S_MAX
from logan.wire.messages import Cancel, Done, Drain, Error, Fail, Lease, Stale

__all__ = ["Coordinator"]

logger = logger_of(__name__)

COUNT_MAX: Final = 2**62
"""What sums and rates are cut to: their parts may each be as large as the protocol allows."""

_RECORDS_MAX: Final = 1024
"""Records of one commit: what is more waits for the next."""


class Coordinator:
    """Spreads jobs over workers. An async context manager: it listens while entered.

    Args:
        host: where it listens; other addresses than loopback need a token and TLS.
        port: 0 takes a free one; see `Coordinator.port` then.
        roots: folders below which it reads files that clients name.
        token: the secret shared with workers and clients.
        ssl: a server context; `certificate_sha256` is then that of its certificate
            (`secure.certificate_sha256`), which proofs are bound to.
        state: folder of the journal; with it a coordinator that was killed resumes.
        insecure: allow an open address without token and TLS.
        verify: share of each job's chunks, 0 to 1, that a second worker scans too; which ones is
            chosen at random. Different figures raise an alarm, which the report keeps.
        worker_timeout_s: how long a job may be without any worker; None waits for ever.
        limits: the scheduler's patience.
        on_event: called with each event as it happens (see `events`).

    Raises:
        UsageError, JournalError: on entering.
        OSError: the address is in use.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = PORT_DEFAULT,
        *,
        roots: Sequence[str] = (".",),
        token: bytes | None = None,
        ssl: SSLContext | None = None,
        certificate_sha256: str = "",
        state: str | None = None,
        insecure: bool = False,
        verify: float = 0.0,
        worker_timeout_s: float | None = None,
        limits: Limits | None = None,
        on_event: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        check_exposure(host, token=token is not None, tls=ssl is not None, insecure=insecure)
        if not 0 <= verify <= 1:
            raise UsageError(f"verify is {verify}, it must be from 0 to 1")
        if limits is not None and not (
            limits.heartbeat_s >= HEARTBEAT_S_MIN and limits.lease_s <= LEASE_S_MAX
        ):
            raise UsageError(
                f"a heartbeat every {limits.heartbeat_s:g} s and leases of {limits.lease_s:g} s: "
                f"workers accept {HEARTBEAT_S_MIN:g} s and more, and up to {LEASE_S_MAX:g} s"
            )
        self.host = host
        self.port = port
        self.roots = Roots(roots, owner="coordinator")
        self.token = token
        self.ssl = ssl
        self.certificate_sha256 = certificate_sha256
        self.limits = limits or Limits()
        self.sessions: dict[str, WorkerSession] = {}
        self.jobs: dict[str, ActiveJob] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT_MAX)
        self.events_total = 0
        self.started_at = time.time()
        self._state = state
        self._verify = verify
        self._worker_timeout_s = worker_timeout_s
        self._on_event = on_event
        self._machine = Machine(self.limits)
        self._ended = EndedJobs()
        self._results: dict[tuple[str, tuple[str, int, int]], Any] = {}
        self._records: deque[tuple[Record | None, Callable[[], None] | None, int]] = deque()
        self._records_wanted = trio.Event()
        self._commit_waiters: set[trio.Event] = set()
        self._journal_failure: JournalError | None = None
        self._hurry = trio.Event()
        self.hearing = ReadBarrier()
        self._alarm_at = math.inf
        self._rearmed = trio.Event()
        self._workers_changed = trio.Event()
        self._running: AbstractAsyncContextManager[None] | None = None
        self.clients_waiting = 0
        self.submissions_unanswered = 0
        self._made_good = {"count": 0, "leased_s": 0.0, "done_s": 0.0, "done_s_max": 0.0}
        self.stopping = False

    # -- life

    async def __aenter__(self) -> Self:
        self._running = self._run()
        await self._running.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        assert self._running is not None
        return await self._running.__aexit__(kind, error, traceback)

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[None]:
        self._journal = await trio.to_thread.run_sync(open_journal, self._state)
        failure: BaseException | None = None
        try:
            stored, set_aside = await trio.to_thread.run_sync(self._journal.resume)
            listeners = await _listen(self.host, self.port)
            self.port = listeners[0].socket.getsockname()[1]
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for damaged in set_aside:
                    self._note_set_aside(damaged.job, damaged.why)
                for each in stored:
                    self._resume(each)
                nursery.start_soon(self._keep_time)
                nursery.start_soon(self._keep_journal)
                server = Server(self)
                nursery.start_soon(partial(trio.serve_listeners, server.serve, listeners))
                try:
                    yield
                except BaseException as error:
                    failure = error
                await self._say_goodbye()
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            # What went wrong here canceled the body, not the other way round.
            main = main_error(group)
            failure = failure if isinstance(main, trio.Cancelled) and failure else main
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._journal.close)
        if failure is not None:
            raise failure

    async def _say_goodbye(self) -> None:
        """Let workers know that nothing more will come, and give them a moment to leave."""
        self.stopping = True
        with trio.move_on_after(LINGER_S_MAX, shield=True):
            self.step(DrainAsked())
            while self.sessions:
                await self._workers_changed.wait()

    async def stop(self) -> None:
        """Lease nothing more, wait for what is out, and end every job with what there is.

        Reports of jobs that this cuts short are partial, and clients get them, unless there is a
        journal: then the jobs go on at the next start, and clients wait for that.
        """
        if self.stopping:
            return
        self.stopping = True
        self.step(DrainAsked())
        # What is held is worth waiting for; a worker without anything has left by then.
        with trio.move_on_after(DRAIN_S_MAX):
            while any(session.leases for session in self.sessions.values()):
                await self._workers_changed.wait()
        for job in list(self.jobs):
            self._cancel(job)
        if self._state is None:
            with trio.move_on_after(REPORT_S_MAX):
                await self._until(lambda: not self.clients_waiting)

    # -- the commissioned interface

    async def distribute_work(self, path: str | Sequence[str], **options: Any) -> str:
        """Plan a job for `path` (or several) and begin to lease it; the job's id.

        `options` are those of `logan.analyze` that change figures: chunk_size, format, input_tz,
        date_order, top, anchor, since, until, relative_to, where, by, seek; and series_points.
        `result(job)` waits for the end.

        Raises `InputError`, `UsageError`.
        """
        paths = [path] if isinstance(path, str) else [str(each) for each in path]
        anchor = options.pop("anchor", None)
        series_points = options.pop("series_points", SERIES_POINTS_MAX)
        try:
            chosen = timerange.options(now_ns=time.time_ns(), **options)
        except TypeError as error:
            raise UsageError(str(error)) from error
        submission = Submission(
            paths=paths, options=chosen, anchor=anchor, series_points=series_points
        )
        job = await self.submit(submission, strict=True)
        return job.id

    async def result(self, job: str) -> Report:
        """Wait for a job of `distribute_work` and give its report.

        Raises `ClusterError` if no worker did the work, `InputError` for an input that failed.
        """
        running = self.jobs.get(job)
        submitted = running.submitted if running is not None else self._ended.get(job)
        if submitted is None:
            raise UsageError(f"unknown job {job!r}")
        report = await self.report_of(submitted)
        assert submitted.outcome is not None
        if submitted.outcome.input_error is not None:
            raise copy.copy(submitted.outcome.input_error)
        return report

    async def process_file(self, path: str, **options: Any) -> Report:
        """Analyze one file with the workers that there are, and those that come.

        The report is that of `logan.analyze`, equal to the byte but for `performance`: a mapping
        with `total_requests`, `avg_response_time` (milliseconds), `error_rate` (per minute),
        `requests_per_second`, `malformed_lines` and all others.

        Raises `InputError`, `UsageError`, `ClusterError`. Canceling gives the job up.
        """
        job = await self.distribute_work(path, **options)
        return await self.result(job)

    async def monitor_workers(self) -> list[dict[str, Any]]:
        """How each worker is, in order of name: `id`, `state` ("active", "paused", "silent",
        "draining", "gone"), `address`, `threads`, `leases`, `chunks_done`, `chunks_lost`,
        `bytes_done`, `bytes_per_second`, `rss_bytes`, `cpu_percent` (of one CPU), `heard_s`
        (seconds since its last sign of life)."""
        await trio.lowlevel.checkpoint()
        return self.workers()

    async def wait_for_workers(self, count: int) -> None:
        """Return once `count` workers are connected.

        Raises `ClusterError` if that takes longer than a job may be without a worker.
        """
        timeout_s = math.inf if self._worker_timeout_s is None else self._worker_timeout_s
        with trio.move_on_after(timeout_s) as patience:
            await self._until(lambda: len(self.sessions) >= count)
        if patience.cancelled_caught:
            raise self._nobody(
                f"{len(self.sessions)} of {count} workers connected within {timeout_s:g} s"
            )

    # -- jobs

    async def submit(self, submission: Submission, *, strict: bool = False) -> SubmittedJob:
        """Plan and begin a job.

        One that was taken up from the journal, or has ended without anybody getting its report,
        is given instead if it is the same and its inputs have the same fingerprints.

        Raises `InputError` if `strict`, `UsageError`, `ClusterError`, `JournalError`.
        """
        try:
            return await self._submit(submission, strict=strict)
        except LoganError:
            raise
        except Exception as error:
            raise self._internal_error("planning the job", error) from error

    async def _submit(self, submission: Submission, *, strict: bool) -> SubmittedJob:
        await self._wait_for_holders(submission)
        planned = await plan_submission(submission, self.roots, self.sessions, strict=strict)
        wish, identity = submission.key(), identity_of(submission, planned.job)
        same = await self._take_up(wish, identity)
        if same is not None:
            return same
        if len(self.jobs) >= JOBS_MAX:
            raise ClusterError(f"{JOBS_MAX} jobs are running", hint="try again later")
        plan = planned.job.plan
        running = ActiveJob(
            submitted=SubmittedJob(secrets.token_hex(6), wish, identity, plan.bytes),
            job=planned.job,
            tree=MergeTree(Spec(plan.spec_json)),
            urls=planned.urls,
            name=planned.name,
            holders=planned.holders,
            local=planned.local,
            confined=submission.confined,
            opened=opener_of(self.roots, confined=submission.confined),
            series_points=submission.series_points,
        )
        running.probes = _probes(running)
        self.jobs[running.id] = running
        # The journal has the job before anybody works on it.
        try:
            await self._commit(JobStored(running.id, plan, to_stored(running)))
        except BaseException:
            del self.jobs[running.id]
            self._record(JobForgotten(running.id))  # it may have been written after all
            raise
        running.drawn = self._draw(range(len(plan.chunks)))
        self.step(
            JobAdded(running.id, running.items(), verify=running.drawn, readable=running.readable())
        )
        self._nursery.start_soon(self._mind_absence, running)
        return running.submitted

    async def _take_up(self, wish: str, identity: str) -> SubmittedJob | None:
        """The job that somebody comes back for, if there is one and its inputs are the same."""
        for job in list(self.jobs.values()):
            submitted = job.submitted
            if submitted.owned or submitted.wish != wish:
                continue
            if identity and submitted.identity == identity:
                submitted.owned = True
                self._nursery.start_soon(self._mind_absence, job)
                return submitted
            self.note("resumed", f"job {job.name} is given up: its inputs have changed since")
            self.give_up(submitted)
        ended = self._ended.find(identity)
        if ended is None and identity:
            ended = await self._stored_report(wish, identity)
        if ended is not None:
            ended.owned = True
        return ended

    async def _stored_report(self, wish: str, identity: str) -> SubmittedJob | None:
        """A job that ended before this coordinator began, and whose report nobody has got."""
        found = await trio.to_thread.run_sync(self._journal.report, identity)
        if found is None:
            return None
        known = self._ended.get(found.job)
        if known is not None:
            # Somebody is being given it just now; else memory would have had it first.
            return None
        try:
            outcome = await trio.to_thread.run_sync(Outcome.from_stored, found.body, found.error)
        except Exception as error:
            logger.warning("the stored report of job %s cannot be used: %s", found.job, error)
            return None
        submitted = SubmittedJob(found.job, wish, identity, owned=False)
        submitted.end(outcome)
        self._ended.add(submitted)
        return submitted

    async def _wait_for_holders(self, submission: Submission) -> None:
        """Let workers come back whose files a job is about that somebody comes back for: without
        them another job would be planned."""
        wish = submission.key()
        names = {
            name
            for job in self.jobs.values()
            if not job.submitted.owned and job.submitted.wish == wish
            for holders in job.holders
            for name in holders or ()
        }
        with trio.move_on_after(RETURN_S_MAX):
            await self._until(lambda: names <= {session.name for session in self.sessions.values()})

    async def report_of(self, job: SubmittedJob) -> Report:
        """Wait for a job's end and give its report; what went wrong with inputs is in it.

        Canceling stops the job; a journal still has it. Raises `ClusterError`, or what else it
        failed with.
        """
        try:
            await job.ended.wait()
        except trio.Cancelled:
            self._cancel(job.id)
            raise
        assert job.outcome is not None
        report = await trio.to_thread.run_sync(job.outcome.report)
        self._ended.claim(job.id)
        if self._state is not None:
            await self._commit(ReportTaken(job.id))
        return report

    def delivered(self, job: SubmittedJob) -> None:
        """A client has got the job's report, and asks for nothing more."""
        self._ended.drop(job.id)
        self._record(ReportTaken(job.id))

    def undelivered(self, job: SubmittedJob) -> None:
        """The client has gone before it had the job's report: it may come back for it."""
        job.owned = False

    def await_return(self, job: SubmittedJob) -> None:
        """The connection to the job's client broke: it may come back for the job, for a while."""
        job.owned = False
        job.left_at = trio.current_time()
        if not job.waits_for_return:
            job.waits_for_return = True
            self._nursery.start_soon(self._forget_unclaimed, job)

    async def _forget_unclaimed(self, job: SubmittedJob) -> None:
        """One task for each job, however often its client comes back and is lost again."""
        while not job.ended.is_set():
            # Back meanwhile and gone once more, the client has all of the time again.
            left_at = job.left_at
            assert left_at is not None
            with trio.move_on_at(left_at + RESUBMIT_S_MAX):
                await job.ended.wait()
            if job.left_at == left_at:
                break
        job.waits_for_return = False
        if not job.owned and not job.ended.is_set():
            self.give_up(job)

    def give_up(self, job: SubmittedJob) -> None:
        """The job is no longer wanted."""
        running = self.jobs.get(job.id)
        if running is not None:
            running.abandoned = True
            self.step(JobCancelled(job.id))
            self._record(JobForgotten(job.id))

    def _cancel(self, job: str) -> None:
        """End a job with what there is; a journal goes on with it at the next start."""
        running = self.jobs.get(job)
        if running is not None:
            running.submitted.kept = self._state is not None
            self.step(JobCancelled(job))

    def _resume(self, stored: StoredJob) -> None:
        """Go on with a job of the journal; one that cannot be is set aside."""
        try:
            running = from_stored(stored, self.roots)
            running.probes = _probes(running)
        except Exception as error:
            self._record(JobSetAside(stored.job, f"it cannot be resumed: {error}"))
            self._note_set_aside(stored.job, f"what the journal has of it is not valid: {error}")
            return
        self.jobs[running.id] = running
        finished = frozenset(running.done)
        given_up = {each.chunk for each in running.lost}
        items = [item for item in running.items() if item.chunk not in given_up]
        self.note(
            "resumed",
            f"job {running.name} resumed: {len(finished):,} of {len(running.plan.chunks):,} "
            "chunks are done",
        )
        # What was to be verified when the last coordinator died is drawn anew from what is left.
        running.drawn = self._draw([each.chunk for each in items if each.chunk not in finished])
        self.step(JobAdded(running.id, items, finished, running.drawn, running.readable()))

    def _note_set_aside(self, job: str, why: str) -> None:
        text = f"job {job} is set aside, the others go on: {why}; submit it again"
        logger.error("%s", text)
        self.note("alarm", text)

    def _internal_error(self, doing: str, error: Exception) -> ClusterError:
        """What is said, and logged, of a fault of ours that costs one job."""
        logger.error("%s failed", doing, exc_info=error)
        text = f"internal error while {doing}: {type(error).__name__}: {error}"
        self.note("alarm", text)
        return ClusterError(text, hint="this is a fault of logan: please report it")

    def _draw(self, chunks: Sequence[int]) -> frozenset[int]:
        """Which chunks a second worker scans too; one at least, if any shall be."""
        if not self._verify or not chunks:
            return frozenset()
        count = max(1, round(self._verify * len(chunks)))
        return frozenset(secrets.SystemRandom().sample(chunks, count))

    async def _mind_absence(self, job: ActiveJob) -> None:
        """Give the job up when no worker was there for long, if that was asked for."""
        if self._worker_timeout_s is None or job.minded:
            return
        job.minded = True
        ended = job.submitted.ended
        while not ended.is_set():
            await self._until(lambda: not self.sessions or ended.is_set())
            with trio.move_on_after(self._worker_timeout_s) as patience:
                await self._until(lambda: bool(self.sessions) or ended.is_set())
            if patience.cancelled_caught:
                job.failure = self._nobody(
                    f"no worker was connected for {self._worker_timeout_s:g} s"
                )
                # A journal keeps it: what was done so far is not lost.
                self._cancel(job.id)
                return

    def _nobody(self, what: str) -> ClusterError:
        return ClusterError(
            what,
            hint=f"start one with: logan worker --id alice --coordinator {self.host}:{self.port}",
        )

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that `workers_changed` follows."""
        while not condition():
            await self._workers_changed.wait()

    async def _conclude(self, job: ActiveJob) -> None:
        """End a job, for which the machine has nothing more to do. No other place does."""
        if job.drawn:
            self.note(
                "verified",
                f"{job.verified:,} of {len(job.drawn):,} chunks of a random sample were "
                f"scanned by a second worker too; {len(job.alarms):,} gave different results",
            )
        outcome = await self._outcome(job)
        if not job.cancelled:
            record: Record
            if outcome.failure is None:
                body, error = outcome.stored()
                record = JobEnded(job.id, job.submitted.identity, body, error)
            else:
                record = JobSetAside(job.id, str(outcome.failure))
            await self._commit(record)
        else:
            job.submitted.identity = ""  # what it ended with is for nobody else
        del self.jobs[job.id]
        if not job.abandoned:
            self._ended.add(job.submitted)
        for session in self.sessions.values():
            if job.id in session.jobs:
                session.forget_job(job.id)
                session.link.post(Cancel(job.id))
        job.submitted.end(outcome)
        self.workers_changed()

    async def _outcome(self, job: ActiveJob) -> Outcome:
        """What a job ends with, whatever happens on the way."""
        if job.failure is not None or job.abandoned:
            return Outcome.failed(job.failure or ClusterError("no client waits for this job"))
        try:
            return await trio.to_thread.run_sync(job.conclude)
        except LoganError as error:
            self.note("alarm", f"job {job.name} ended without a report: {error}")
            return Outcome.failed(error)
        except Exception as error:
            return Outcome.failed(self._internal_error(f"concluding job {job.name}", error))

    # -- the machine

    def step(self, event: Event) -> None:
        """Tell the machine what happened and do what it says."""
        for action in self._machine.handle(trio.current_time(), event):
            self._do(action)
        due = self._machine.next_deadline()
        due = math.inf if due is None else due
        if due < self._alarm_at:
            self._rearmed.set()

    def held(self, session: str) -> int:
        """How many live leases a session has."""
        return self._machine.held(session)

    def statistics(self) -> Statistics:
        """The machine's figures."""
        return self._machine.statistics()

    def _do(self, action: Action) -> None:
        match action:
            case Grant(session=id, key=key, isolated=isolated):
                self._grant(id, key, isolated)
            case Resolve(session=id, key=key, done=done):
                self._results.pop((id, key), None)
                self._post(id, Done(*key) if done else Stale(*key))
            case Commit(session=id, key=key, digest=digest):
                self._store(id, key, digest)
            case SendJob(session=id, job=job):
                self.sessions[id].jobs.add(job)
                self._post(id, self.jobs[job].message())
            case CancelLease(session=id, key=key):
                self._drop_lease(id, key)
                self._post(id, Cancel(*key))
            case CloseSession(session=id, why=why, held=held, code=code):
                session = self.sessions.get(id)
                if session is not None:
                    session.link.post(Error(code, why))
                    session.close(why, held)
            case DrainSession(session=id):
                self._post(id, Drain())
            case _:
                self._do_for_job(action)

    def _do_for_job(self, action: Action) -> None:
        match action:
            case CheckSource():
                self._nursery.start_soon(self._look_at, action)
            case LostChunk():
                self._lose(action)
            case Recovered():
                self._note_recovery(action)
            case Alarm() | Checked():
                self._take_second_opinion(action)
            case EndJob(job=id, cancelled=cancelled):
                job_ended = self.jobs[id]
                job_ended.cancelled = cancelled
                # Behind what the journal still has to write of it.
                self._record(None, partial(self._nursery.start_soon, self._conclude, job_ended))

    async def _look_at(self, action: CheckSource) -> None:
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
            self.note("refused", text)
        self.step(SourceChecked(action.job, action.source, changed, why))

    def _take_second_opinion(self, action: Alarm | Checked) -> None:
        job = self.jobs[action.job]
        if isinstance(action, Checked):
            job.verified += action.agreed is not None
            return
        logger.error("job %s, chunk %d: %s", job.id, action.chunk, action.what)
        self.note("alarm", f"chunk {action.chunk}: {action.what}")
        job.alarmed(action.chunk, action.what)

    def _post(self, id: str, message: Any) -> None:
        session = self.sessions.get(id)
        if session is not None:
            session.link.post(message)

    def _grant(self, id: str, key: tuple[str, int, int], isolated: bool) -> None:
        session = self.sessions[id]
        job = self.jobs[key[0]]
        chunk = job.plan.chunks[key[1]]
        session.grant(key, chunk)
        job.begin()
        job.share(session.name, trio.current_time())
        job.threads[session.name] = session.threads
        lease = Lease(*key, chunk.source, chunk.start, chunk.end, isolated)
        probes = () if job.probes is None else job.probes.known(chunk.id)
        if probes is None:
            self._nursery.start_soon(self._lease_when_probed, id, lease, job)
        else:
            session.link.post(replace(lease, probes=probes or None))
        more = None if job.probes is None else job.probes.needs_more(chunk.id)
        if more is not None:
            self._nursery.start_soon(self._probe_ahead, job, more)

    async def _lease_when_probed(self, id: str, lease: Lease, job: ActiveJob) -> None:
        """Send a lease once it is known what a copy of its bytes must look like.

        Until then it is granted, and runs out as any other.
        """
        assert job.probes is not None
        probes, why = await job.probes.make_within(lease.chunk, self.limits.lease_s / 2)
        if why and lease.source not in job.unprobed:
            job.unprobed.add(lease.source)
            name = shown_name(job.urls[lease.source])
            self.note("unprobed", f"{name} cannot be compared with the workers' copies: {why}")
        session = self.sessions.get(id)
        key = (lease.job, lease.chunk, lease.attempt)
        if session is not None and self._machine.holds(id, key) and lease.job in self.jobs:
            session.link.post(replace(lease, probes=probes or None))

    async def _probe_ahead(self, job: ActiveJob, chunk: int) -> None:
        assert job.probes is not None
        await job.probes.make(chunk)

    def _drop_lease(self, id: str, key: tuple[str, int, int]) -> None:
        session = self.sessions.get(id)
        if session is not None:
            session.leases.pop(key, None)
            self.workers_changed()

    def keep_result(
        self, id: str, key: tuple[str, int, int], result: tuple[Summary, str | None], size: int
    ) -> None:
        """A verified summary of so many bytes and its note, until the machine says what becomes of
        them."""
        self._results[id, key] = *result, size

    def forget_results(self, id: str) -> None:
        """The session has left; results that are not being stored are of no use."""
        for each in [each for each in self._results if each[0] == id]:
            del self._results[each]

    def _store(self, id: str, key: tuple[str, int, int], digest: str) -> None:
        job = self.jobs[key[0]]
        summary, note, size = self._results.pop((id, key))
        session = self.sessions.get(id)
        if session is not None:
            share = job.share(session.name, trio.current_time())
            share.chunks_done += 1
            chunk = job.plan.chunks[key[1]]
            share.bytes += chunk.end - chunk.start
            share.until = trio.current_time()
            job.accepted(key[1], session.name)
            if job.probes is not None:
                job.probes.note_read(key[1], session.name)
            # A job may be over before the first heartbeat that lists a lease of it.
            share.peak_rss_bytes = max(share.peak_rss_bytes, session.rss_bytes or 0)
        job.returned += 1
        record = ChunkDone(job.id, key[1], digest, summary, job.tree, note)
        self._record(record, partial(self._committed, job, key[1], note), size)

    def _committed(self, job: ActiveJob, chunk: int, note: str | None) -> None:
        job.done.add(chunk)
        if note is not None:
            job.notes[chunk] = note
        self.step(ChunkCommitted(job.id, chunk))

    def _lose(self, action: LostChunk) -> None:
        job = self.jobs[action.job]
        action = job.lose(action)
        self._record(ChunkLost(action.job, action.chunk, action.kind, action.why, action.bad_range))
        chunk = job.plan.chunks[action.chunk]
        if chunk.source not in job.hopeless:  # else that was said of all of it
            what = f"bytes {chunk.start:,} to {chunk.end:,}"
            self.note("missing", f"{what} are given up: {action.why}")

    def note_other_copy(self, session: WorkerSession, message: Fail) -> None:
        """A worker's own copy of a source differs from the planned file. It reads no more of it;
        what it has brought of it cannot be taken out of the figures."""
        job = self.jobs.get(message.job)
        if job is None or job.probes is None:
            return
        text = f"{session.name}: {message.detail}"
        doubt = job.probes.doubt(message.chunk, session.name)
        self.note("refused" if doubt is None else "alarm", f"{text}; {doubt}" if doubt else text)
        if doubt is not None:
            logger.error("job %s, chunk %d: %s; %s", job.id, message.chunk, text, doubt)
            job.alarmed(message.chunk, f"{text}; {doubt}")

    def note_refusal(self, session: WorkerSession, message: Fail) -> None:
        """A worker cannot read a source: say once what it lacks, while others do its part."""
        job = self.jobs.get(message.job)
        if job is None or message.chunk >= len(job.plan.chunks):
            return
        refusal = message.error, trio.current_time(), message.detail
        if job.refused(message.chunk, session.name, *refusal):
            url = job.urls[job.plan.chunks[message.chunk].source]
            hint = next_step(url, message.error, message.detail)
            text = f"{session.name}: {message.detail}"
            self.note("refused", f"{text}; {hint}" if hint else text)

    def give_up_hopeless(self, message: Fail) -> None:
        """A worker could not read a chunk. If none can read its source, do not have each of its
        chunks tried by all, which takes long as they are paused for it."""
        job = self.jobs.get(message.job)
        if job is None or message.chunk >= len(job.plan.chunks):
            return
        source = job.plan.chunks[message.chunk].source
        present, now = {session.name for session in self.sessions.values()}, trio.current_time()
        alike = job.refused_alike(source, message.detail)
        fresh = [
            each
            for each in alike
            if each not in job.hopeless and job.is_hopeless(each, present, now)
        ]
        if fresh:
            job.hopeless.update(fresh)
            name = shown_name(job.urls[fresh[0]])
            what = f"{name} is" if len(fresh) == 1 else f"{name} and {len(fresh) - 1:,} more are"
            it = "it" if len(fresh) == 1 else "them"
            self.note("missing", f"{what} given up: no worker can read {it}")
        lost = job.hopeless.intersection(alike)
        chunks = [chunk.id for chunk in job.plan.chunks if chunk.source in lost]
        if not chunks:
            return
        self.step(SourcesUnreadable(job.id, chunks, message.error, message.detail))

    def _note_recovery(self, action: Recovered) -> None:
        job = self.jobs.get(action.job)
        if job is None:
            return
        entry = job.recovered(action)
        made_good = self._made_good
        made_good["count"] += 1
        made_good["leased_s"] += action.leased_at - action.noticed_at
        made_good["done_s"] += action.done_at - action.noticed_at
        made_good["done_s_max"] = max(made_good["done_s_max"], action.done_at - action.noticed_at)
        self.note(
            "recovered",
            f"chunk {action.chunk} of {action.worker} ({action.cause}) leased again after "
            f"{span(entry['leased_s'] - entry['noticed_s'])}, "
            f"done after {span(entry['done_s'] - entry['noticed_s'])}",
        )

    # -- tasks

    async def _keep_time(self) -> None:
        """Wake the machine when it asked for it."""
        while True:
            due = self._machine.next_deadline()
            self._alarm_at = math.inf if due is None else due
            self._rearmed = trio.Event()
            with trio.CancelScope(deadline=self._alarm_at):
                await self._rearmed.wait()
            if trio.current_time() >= self._alarm_at:
                await self.hearing.catch_up()
                self.step(TimePassed())

    async def _keep_journal(self) -> None:
        """Write what is to be written, together, and only then go on with what waited for it."""
        began = -math.inf
        while True:
            if not self._records:
                self._records_wanted = trio.Event()
                await self._records_wanted.wait()
            if self._state is not None:
                with trio.move_on_at(began + COMMIT_PAUSE_S):
                    await self._hurry.wait()
                self._hurry = trio.Event()
                began = trio.current_time()
            group = [self._records.popleft() for _ in range(min(len(self._records), _RECORDS_MAX))]
            records = [record for record, _, _ in group if record is not None]
            spoilt: list[JobSetAside] = []
            try:
                if self._state is None and sum(each[2] for each in group) <= INLINE_BYTES_MAX:
                    spoilt = self._journal.commit(records)  # it only merges
                    await trio.lowlevel.checkpoint()
                elif records:
                    spoilt = await trio.to_thread.run_sync(self._journal.commit, records)
            except JournalError as error:
                self._fail_commits(records, str(error))
                await self._fail_waiters(error)
                raise
            for each in spoilt:
                self._fail_job(each)
            for _, then, _ in group:
                if then is not None:
                    then()

    async def _fail_waiters(self, error: JournalError) -> None:
        """The journal is of no use any more: let those know who wait for it, and whoever is being
        answered get the answer, before all ends."""
        self._journal_failure = error
        for written in self._commit_waiters:
            written.set()
        with trio.move_on_after(LINGER_S_MAX):
            await self._until(lambda: not self.submissions_unanswered)

    def _fail_job(self, spoilt: JobSetAside) -> None:
        """A result of the job does not merge with its others, so that it has no figures."""
        job = self.jobs.get(spoilt.job)
        if job is not None:
            job.failure = SummaryError(
                f"job {job.name} cannot go on: {spoilt.why}", hint="submit it again"
            )
            self.note("alarm", str(job.failure))
            self.step(JobCancelled(job.id))

    def _fail_commits(self, records: Sequence[Record], why: str) -> None:
        for record in records:
            if isinstance(record, ChunkDone):
                self.step(CommitFailed(record.job, record.chunk, why))

    def _record(
        self, record: Record | None, then: Callable[[], None] | None = None, size: int = 0
    ) -> None:
        """Write `record`, which has a summary of `size` bytes, and do `then` behind it."""
        self._records.append((record, then, size))
        if not isinstance(record, ChunkDone) or self.jobs[record.job].is_nearly_done:
            self._hurry.set()
        self._records_wanted.set()

    async def _commit(self, record: Record) -> None:
        """Return once the journal has the record. Raises `JournalError` if it never will."""
        written = trio.Event()
        if self._journal_failure is None:
            self._record(record, written.set)
            self._commit_waiters.add(written)
            try:
                await written.wait()
            finally:
                self._commit_waiters.discard(written)
        if self._journal_failure is not None:
            failure = self._journal_failure
            raise JournalError(failure.message, hint=failure.hint)

    # -- what others want to know

    def note(self, kind: str, text: str) -> None:
        """Remember an event: `kind` is joined, left, refused, recovered, missing, resumed,
        unprobed or alarm."""
        self.events_total += 1
        text = text[:EVENT_CHARS_MAX]
        event = {"n": self.events_total, "at": time.time(), "kind": kind, "text": text}
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def workers_changed(self) -> None:
        """Wake those who wait: workers came or went, gave a lease back, or a job ended."""
        self._workers_changed.set()
        self._workers_changed = trio.Event()

    def workers(self) -> list[dict[str, Any]]:
        """`monitor_workers` for code that is not async."""
        now = trio.current_time()
        described = []
        for view in self.statistics().workers:
            session = self.sessions.get(view.session or "")
            described.append(
                {
                    "id": view.name,
                    "state": view.state,
                    "address": session.address if session else None,
                    "threads": session.threads if session else None,
                    "leases": len(view.leases),
                    "chunks_done": view.done,
                    "chunks_lost": view.lost + view.failed,
                    "bytes_done": _count(view.done_bytes),
                    "bytes_per_second": _count(session.rate(now)) if session else 0,
                    "rss_bytes": session.rss_bytes if session else None,
                    "cpu_percent": session.cpu_percent if session else None,
                    "heard_s": None if view.heard_at is None else round(now - view.heard_at, 3),
                }
            )
        return sorted(described, key=lambda each: str(each["id"]))

    def status(self) -> dict[str, Any]:
        """The body of STATE."""
        now = trio.current_time()
        jobs = []
        for view in self.statistics().jobs:
            job = self.jobs.get(view.job)
            if job is None:
                continue
            elapsed_s = now - job.started_at
            fresh_bytes = view.scanned_bytes - job.resumed_bytes
            jobs.append(
                {
                    "job": job.id,
                    "name": job.name,
                    "done_bytes": _count(view.scanned_bytes),
                    "total_bytes": _count(job.plan.bytes),
                    "resumed_bytes": _count(job.resumed_bytes),
                    "chunks": len(job.plan.chunks),
                    "chunks_done": view.chunks["done"] + view.chunks["checking"],
                    "chunks_missing": view.chunks["lost"],
                    "elapsed_s": round(elapsed_s, 3),
                    "bytes_per_second": _count(fresh_bytes / elapsed_s if elapsed_s else 0),
                    "recoveries": len(job.recoveries),
                }
            )
        return {
            "coordinator": {
                "address": f"{self.host}:{self.port}",
                # The clock on the wall may have been set back.
                "uptime_s": max(0.0, round(time.time() - self.started_at, 3)),
                "connections": len(self.sessions),
                "recoveries": dict(self._made_good),
            },
            "workers": self.workers(),
            "jobs": jobs,
            "events": list(self.events)[-20:],
        }


def _count(number: float) -> int:
    """A number of bytes, or of bytes per second, as the protocol can say it."""
    return round(min(max(number, 0), COUNT_MAX))


async def _listen(host: str, port: int) -> list[trio.SocketListener]:
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        causes = [error, *getattr(error.__cause__, "exceptions", ())]
        if any(each.errno == errno.EADDRINUSE for each in causes if isinstance(each, OSError)):
            hint = "another program uses it: give another --port, or 0 for a free one"
        else:
            hint = (
                "give a --host that this machine has, or 0.0.0.0 for all, and a --port it may use"
            )
        raise ClusterError(
            f"cannot listen on {host}:{port}: {error.strerror or error}", hint=hint
        ) from error


def _probes(job: ActiveJob) -> Probes | None:
    """What shows that a worker's copy is not the planned file, where the coordinator can look."""
    if not job.local:
        return None
    return Probes(job.id, job.plan, job.urls, job.opened, job.done)
