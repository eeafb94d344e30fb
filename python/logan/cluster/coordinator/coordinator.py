"""The coordinator: plans jobs, leases their chunks to workers, merges what comes back.

    async with Coordinator(port=8000) as coordinator:
        results = await coordinator.process_file("access.log")
        print(results["total_requests"], results["error_rate"])

This puts the parts together, and begins and ends them:

    server      connections; `worker_handler` and `client_handler` read them
    admission   a submission -> a plan -> a job, new or taken up
    executor    facts -> `scheduler.Machine` -> messages, leases, commits
    commits     results -> merged -> the journal -> acknowledged
    conclusion  a job's end: report, journal, and the tasks that wait
    follows     logs of workers that are counted as they are written
    status      how all of it is; `events` what happened

A connection's errors end that connection, an error while a job is resumed or concluded ends that
job; an error of the journal ends the coordinator, since nothing could be acknowledged any more.
"""

from __future__ import annotations

import copy
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

import msgspec
import trio

from logan.cluster.coordinator.absence import Absence
from logan.cluster.coordinator.admission import Admission
from logan.cluster.coordinator.client_handler import ClientServices, Waiting
from logan.cluster.coordinator.commits import Commits
from logan.cluster.coordinator.conclusion import Conclusion
from logan.cluster.coordinator.ending import SubmittedJob
from logan.cluster.coordinator.events import Changes, EventLog
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.follows import Follows
from logan.cluster.coordinator.jobs import ActiveJob
from logan.cluster.coordinator.page import CoordinatorContent
from logan.cluster.coordinator.second_passes import SecondPasses
from logan.cluster.coordinator.server import Identity, Server, open_listeners
from logan.cluster.coordinator.status import Status
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.limits import DRAIN_S_MAX, LINGER_S_MAX, PORT_DEFAULT, REPORT_S_MAX
from logan.cluster.nurseries import Tasks, main_error
from logan.cluster.request import Submission
from logan.cluster.security import check_exposure
from logan.errors import JournalError, UsageError
from logan.limits import SERIES_POINTS_MAX
from logan.planning import timerange
from logan.report import Report
from logan.scheduler.limits import Limits
from logan.sources.roots import Roots
from logan.wire.bodies import EventEntry, StateBody, WorkerStatus
from logan.wire.limits import HEARTBEAT_S_MIN, LEASE_S_MAX

__all__ = ["Coordinator"]


class Coordinator:
    """Spreads jobs over workers. An async context manager: it listens while entered.

    Args:
        host: where it listens; other addresses than loopback need a token and TLS.
        port: 0 takes a free one; see `Coordinator.port` then.
        roots: folders below which it reads files that clients name.
        token: the secret shared with workers and clients.
        ssl: a server context; `certificate_sha256` is then that of its certificate
            (`security.certificate_sha256`), which proofs are bound to.
        state: folder of the journal; with it a coordinator that was killed resumes.
        insecure: allow an open address without token and TLS.
        verify: share of each job's chunks, 0 to 1, that a second worker scans too; which ones is
            chosen at random. Different figures raise an alarm, which the report keeps.
        worker_timeout_s: how long a job may be without any worker; None waits for ever.
        notify: commands and URLs that are told of the alerts of all follow jobs.
        limits: the scheduler's patience.
        on_event: called with each event as it happens.
        listeners: already open, for an embedding program or a test; by default it opens its own.
            They are closed at the end.

    Attributes:
        events: what happened, oldest first.
        limits: the scheduler's patience.

    Raises:
        UsageError: at once.
        JournalError, ClusterError: on entering; the latter if the address cannot be listened on.
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
        notify: Sequence[str] = (),
        limits: Limits | None = None,
        on_event: Callable[[EventEntry], None] | None = None,
        listeners: Sequence[trio.abc.Listener[Any]] | None = None,
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
        self.limits = limits or Limits()
        self.events = EventLog(on_event)
        self._listeners = listeners
        self._tasks, self._changes = Tasks(), Changes()
        self._commits = Commits(state)
        self._executor = Executor(
            self.limits,
            self._tasks,
            self.events,
            self._changes,
            self._commits,
            self._conclude,
        )
        second_passes = SecondPasses(self._executor, verify)
        self._conclusion = Conclusion(self._executor, self._commits, self._tasks, second_passes)
        self._absence = Absence(worker_timeout_s, self._executor, self._changes, self._address)
        self._admission = Admission(
            Roots(roots, owner="coordinator"),
            verify,
            self._executor,
            self._conclusion,
            self._absence,
            self._commits,
            self._tasks,
        )
        self._follows = Follows(self._commits, self._tasks, self.events, self._changes, notify)
        self._status = Status(self._executor, self.events, self._address, self._follows)
        self._waiting = Waiting()
        services = ClientServices(
            *(self._admission, self._conclusion, self._status, self._changes, self._waiting),
            self._follows,
        )
        self._server = Server(Identity(token, ssl, certificate_sha256), self._executor, services)
        self._running: AbstractAsyncContextManager[None] | None = None

    def _address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def sessions(self) -> Mapping[str, WorkerSession]:
        """The workers that are connected, by session."""
        return self._executor.sessions

    @property
    def jobs(self) -> Mapping[str, ActiveJob]:
        """The jobs that have not ended, by id."""
        return self._executor.jobs

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
        failure: BaseException | None = None
        try:
            stored, set_aside = await self._commits.open()
            follows, damaged_follows = await self._commits.follows()
            listeners = self._listeners or await open_listeners(self.host, self.port)
            if isinstance(listeners[0], trio.SocketListener):
                self.port = listeners[0].socket.getsockname()[1]
            async with trio.open_nursery() as nursery:
                self._tasks.nursery = nursery
                for damaged in (*set_aside, *damaged_follows):
                    self._admission.note_set_aside(damaged.job, damaged.why)
                for each in stored:
                    self._admission.resume(each)
                for follow in follows:
                    self._follows.resume(follow)
                nursery.start_soon(self._executor.keep_time)
                nursery.start_soon(self._keep_journal)
                nursery.start_soon(self._server.run, listeners)
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
            await self._commits.close()
        if failure is not None:
            raise failure

    async def _conclude(self, job: ActiveJob) -> None:
        await self._conclusion.conclude(job)

    async def _keep_journal(self) -> None:
        try:
            await self._commits.run(self._executor)
        except JournalError:
            # Finish answers that are being sent before everything is canceled.
            with trio.move_on_after(LINGER_S_MAX):
                await self._changes.until(lambda: not self._waiting.answers)
            raise

    async def _say_goodbye(self) -> None:
        """Let workers know that nothing more will come, and give them a moment to leave."""
        with trio.move_on_after(LINGER_S_MAX, shield=True):
            self._executor.stop()
            await self._changes.until(lambda: not self.sessions)

    async def stop(self) -> None:
        """Lease nothing more, wait for what is out, and end every job with what there is.

        Reports of jobs that this cuts short are partial, and clients get them, unless there is a
        journal: then the jobs go on at the next start, and clients wait for that.
        """
        if self._executor.stopping:
            return
        await self._follows.stop()
        self._executor.stop()
        # What is held is worth waiting for; a worker without anything has left by then.
        with trio.move_on_after(DRAIN_S_MAX):
            await self._changes.until(
                lambda: not any(session.leases for session in self.sessions.values())
            )
        for job in list(self.jobs):
            self._conclusion.cancel(job)
        if not self._commits.is_durable:
            with trio.move_on_after(REPORT_S_MAX):
                await self._changes.until(lambda: not self._waiting.ends)

    # -- the commissioned interface

    async def distribute_work(self, path: str | Sequence[str], **options: Any) -> str:
        """Plan a job for `path` (or several) and begin to lease it; the job's id.

        `options` are those of `logan.analyze` that change figures: chunk_size, format, input_tz,
        date_order, units, top, anchor, since, until, relative_to, where, by, seek; and
        series_points, and explain.
        `result(job)` waits for the end.

        Raises `InputError`, `UsageError`.
        """
        paths = [path] if isinstance(path, str) else [str(each) for each in path]
        anchor = options.pop("anchor", None)
        series_points = options.pop("series_points", SERIES_POINTS_MAX)
        explain = options.pop("explain", True)
        try:
            chosen = timerange.options(now_ns=time.time_ns(), **options)
        except TypeError as error:
            raise UsageError(str(error)) from error
        submission = Submission(
            paths=paths,
            options=chosen,
            anchor=anchor,
            series_points=series_points,
            explain=explain,
        )
        job = await self.submit(submission, strict=True)
        return job.id

    async def result(self, job: str) -> Report:
        """Wait for a job of `distribute_work` and give its report.

        Raises `ClusterError` if no worker did the work, `InputError` for an input that failed.
        """
        running = self.jobs.get(job)
        submitted = running.submitted if running is not None else self._conclusion.ended.get(job)
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
        return [msgspec.structs.asdict(each) for each in self.workers()]

    async def wait_for_workers(self, count: int) -> None:
        """Return once `count` workers are connected.

        Raises `ClusterError` if that takes longer than a job may be without a worker.
        """
        await self._absence.wait_for_workers(count)

    # -- for clients in the same process

    async def submit(self, submission: Submission, *, strict: bool = False) -> SubmittedJob:
        """Plan and begin a job; see `Admission.submit`."""
        return await self._admission.submit(submission, strict=strict)

    async def report_of(self, job: SubmittedJob) -> Report:
        """Wait for a job's end and give its report; see `Conclusion.report_of`."""
        return await self._conclusion.report_of(job)

    def give_up(self, job: SubmittedJob) -> None:
        """The job is no longer wanted."""
        self._conclusion.give_up(job)

    def workers(self) -> tuple[WorkerStatus, ...]:
        """The workers that there are and were, in order of name."""
        return self._status.workers()

    def page(self) -> CoordinatorContent:
        """What a page of the coordinator shows, for `logan.live.web.serve`."""
        loop = trio.lowlevel.current_trio_token()
        return CoordinatorContent(self.status, self._conclusion.finished, self.events.note, loop)

    def status(self) -> StateBody:
        """Workers, jobs and recent events, as a client gets them with STATE."""
        return self._status.state()
