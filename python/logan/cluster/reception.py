"""The coordinator's side of what workers and clients say, once they are authenticated.

Who may connect at all is decided in `server`. Decides nothing about chunks: facts go to
`Coordinator.step`, which answers through `WorkerSession.link`.
"""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import trio

from logan._logan import __version__
from logan.cluster.keepalive import keep_alive
from logan.cluster.limits import (
    CLIENT_IDLE_S_MAX,
    CLIENT_SILENCE_LEASES,
    EVENTS_SENT_MAX,
    FETCH_PIECE_BYTES,
    HEARD_S_MIN,
    INLINE_BYTES_MAX,
    LOOK_BACK_BYTES_MAX,
    PROGRESS_S,
    TAIL_BYTES_MAX,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.places import Place
from logan.cluster.running import REFUSALS
from logan.cluster.scanning import write_note
from logan.cluster.submission import Submission
from logan.cluster.transport import Link, LinkLostError
from logan.errors import (
    ClusterError,
    ExpressionError,
    InputError,
    LoganError,
    ProtocolError,
    SummaryError,
)
from logan.log import logger_of
from logan.model import Chunk
from logan.scheduler.events import (
    ChunkFailed,
    ChunkReturned,
    Progress,
    SourceChecked,
    WorkerHeard,
    WorkerJoined,
    WorkerLeft,
    WorkerReady,
)
from logan.wire.bodies import (
    CoordinatorStatus,
    ErrorBody,
    EventEntry,
    FoundBody,
    JobStatus,
    ProgressBody,
    RecoveryStatus,
    SearchBody,
    StateBody,
    WorkerStatus,
)
from logan.wire.codec import encode_body
from logan.wire.limits import INTEGER_MAX, REPORT_BODY_BYTES_MAX, SEARCHES_MAX
from logan.wire.messages import (
    Accepted,
    Bye,
    Cancel,
    Data,
    Error,
    Fail,
    Fetch,
    Found,
    Health,
    HealthAck,
    Hello,
    Ping,
    ProgressReport,
    Ready,
    Report,
    Result,
    Search,
    Stale,
    Status,
    StatusReport,
    Submit,
    Welcome,
)

if TYPE_CHECKING:
    from logan.cluster.coordinator import Coordinator
    from logan.cluster.ending import SubmittedJob

__all__ = ["ClientHandler", "WorkerHandler", "WorkerSession", "progress_body", "state_body"]

logger = logger_of(__name__)

RATE_S: Final = 5.0
"""Over how long a worker's speed is measured."""

RATE_S_MIN: Final = 0.5
"""Over how long at least: two heartbeats at once say nothing of a speed."""

JOBS_REMEMBERED_MAX: Final = 1_024
"""Ended jobs of which a session may still speak: far more than can end while a message travels."""

ERROR_CHARS_MAX: Final = 8_000
"""Of each text in an error's body; it may quote what the user wrote."""

Key = tuple[str, int, int]

FAIL_KINDS: Final = ("changed", "gone", "poison", "panic", "cancelled", "internal", *REFUSALS)


class WorkerSession:
    """One connection of a worker, authenticated.

    Attributes:
        leases: what it was leased and has not answered, even if that ran out meanwhile.
        jobs: ids that it was told about.
        granted: by running job, chunk and attempt of all that it was ever leased: what it says
            of these may be late, what it says of others is made up.
    """

    def __init__(self, hello: Hello, link: Link, address: str) -> None:
        self.id = hello.session
        self.name = hello.id
        self.link = link
        self.address = address
        self.leases: dict[Key, Chunk] = {}
        self.jobs: set[str] = set()
        self.granted: dict[str, set[tuple[int, int]]] = {}
        self._past_jobs: OrderedDict[str, None] = OrderedDict()
        self.fetched: set[tuple[str, int]] = set()
        self.rss_bytes: int | None = None
        self.cpu_percent: float | None = None
        self.threads = 1
        self.closed: str | None = None
        self.held = 0
        self.scope = trio.CancelScope()
        self._progress: deque[tuple[float, int]] = deque()
        self._returned_bytes = 0
        self._searches: dict[int, tuple[trio.Event, list[FoundBody]]] = {}
        self._search_ids = itertools.count(1)
        self._search_places = trio.Semaphore(SEARCHES_MAX)

    def close(self, why: str, held: int) -> None:
        """End the connection, which held so many leases, once what was said is written."""
        self.closed = why
        self.held = held
        self.scope.cancel()

    def grant(self, key: Key, chunk: Chunk) -> None:
        """It is leased a chunk."""
        self.leases[key] = chunk
        self.granted.setdefault(key[0], set()).add(key[1:])

    def forget_job(self, job: str) -> None:
        """The job is over; what the session says of it from now on is late."""
        self.jobs.discard(job)
        self.fetched = {each for each in self.fetched if each[0] != job}
        if self.granted.pop(job, None) is not None:
            self._past_jobs[job] = None
            if len(self._past_jobs) > JOBS_REMEMBERED_MAX:
                self._past_jobs.popitem(last=False)

    def check_granted(self, verb: str, key: Key) -> None:
        """Raise `ProtocolError` if the session never had this lease.

        A lease that was revoked, was answered, or whose job is over is no violation: the message
        was under way, or the worker has not heard of it yet.
        """
        job, *lease = key
        if tuple(lease) not in self.granted.get(job, ()) and job not in self._past_jobs:
            raise ProtocolError(
                f"{verb}: chunk {key[1]} of job {job}, attempt {key[2]}, was never leased to "
                "this session",
                code="state",
            )

    def note_progress(self, now: float, leases: tuple[Progress, ...]) -> None:
        """What a heartbeat says of its leases; those that it answered count as returned."""
        scanned = sum(p.scanned_bytes for p in leases if p.key in self.leases)
        self._progress.append((now, self._returned_bytes + scanned))
        while self._progress[0][0] < now - RATE_S and len(self._progress) > 2:
            self._progress.popleft()

    def note_result(self, size: int) -> None:
        """A lease came back with a result."""
        self._returned_bytes += size

    def rate(self, now: float) -> float:
        """Bytes per second over the last few seconds; finite, and no more than any peer takes."""
        if len(self._progress) < 2:
            return 0.0
        (first, before), (last, after) = self._progress[0], self._progress[-1]
        rate = (after - before) / max(last - first, RATE_S_MIN)
        return min(max(0.0, rate), float(2**62))

    async def search(self, patterns: Sequence[str]) -> FoundBody | None:
        """Ask which files it has; the body of FOUND, or None if it leaves before."""
        # Given back by its answer alone: one that nobody waits for any more is still outstanding.
        await self._search_places.acquire()
        id = next(self._search_ids)
        self._searches[id] = (trio.Event(), [])
        try:
            self.link.post(Search(id, SearchBody(patterns=tuple(patterns))))
            event, answer = self._searches[id]
            await event.wait()
            return answer[0] if answer else None
        finally:
            del self._searches[id]

    def take_found(self, message: Found) -> None:
        """An answer to `search`; nobody may be waiting for it any more."""
        self._search_places.release()
        if message.id in self._searches:
            event, answer = self._searches[message.id]
            answer.append(message.body)
            event.set()

    def abandon_searches(self) -> None:
        """The connection is gone; nobody will answer."""
        for event, _ in self._searches.values():
            event.set()


class WorkerHandler:
    """What a worker says."""

    def __init__(self, coordinator: Coordinator, session: WorkerSession) -> None:
        self._coordinator = coordinator
        self._session = session
        self._heard_at = trio.current_time()

    async def serve(self) -> None:
        """From WELCOME to the end of the connection."""
        coordinator, session = self._coordinator, self._session
        session.link.on_bytes = self._hear
        coordinator.sessions[session.id] = session
        coordinator.step(WorkerJoined(session.id, session.name))
        coordinator.note("joined", f"{session.name} joined from {session.address}")
        coordinator.workers_changed()
        why, clean = "its connection was cut", False
        try:
            async with open_flat_nursery() as nursery:
                self._nursery = nursery
                with session.scope:
                    clean = await self._read()
                nursery.cancel_scope.cancel()
            why = "clean shutdown" if clean else session.closed or "it closed the connection"
        except (LinkLostError, ProtocolError) as error:
            why = str(error)
            raise
        finally:
            coordinator.sessions.pop(session.id, None)
            session.abandon_searches()
            held = session.held or coordinator.held(session.id)
            coordinator.step(WorkerLeft(session.id, why, clean))
            coordinator.forget_results(session.id)
            lost = f" with {held} {'chunk' if held == 1 else 'chunks'} in hand" if held else ""
            if not (clean and coordinator.stopping):
                coordinator.note("left", f"{session.name} left{lost}: {why}")
            coordinator.workers_changed()

    async def _read(self) -> bool:
        session, step = self._session, self._coordinator.step
        while True:
            message = await session.link.receive()
            match message:
                case None:
                    return False
                case Ready(free=free):
                    step(WorkerReady(session.id, free))
                case Health():
                    self._take_health(message)
                case Result():
                    await self._take_result(message)
                case Fail():
                    self._take_failure(message)
                case Fetch():
                    self._nursery.start_soon(self._hand_out, message)
                case Found():
                    session.take_found(message)
                case Bye():
                    return True
                case Error():
                    raise ProtocolError(message.message, code=message.code)
                case _:
                    raise ProtocolError(f"{type(message).__name__} is not expected", code="order")

    def _hear(self) -> None:
        """Bytes arrived: a sign of life, though it renews no lease."""
        self._coordinator.hearing.note()
        now = trio.current_time()
        if now - self._heard_at >= HEARD_S_MIN:
            self._heard_at = now
            self._coordinator.step(WorkerHeard(self._session.id))

    def _take_health(self, message: Health) -> None:
        session, coordinator = self._session, self._coordinator
        leases = self._progress_of(message)
        session.rss_bytes = message.rss_bytes
        session.cpu_percent = message.cpu_percent
        session.threads = message.threads
        session.note_progress(trio.current_time(), leases)
        for job in {lease.key[0] for lease in leases} & coordinator.jobs.keys():
            share = coordinator.jobs[job].share(session.name, trio.current_time())
            share.peak_rss_bytes = max(share.peak_rss_bytes, message.rss_bytes)
            share.cpu_percent_sum += message.cpu_percent
            share.beats += 1
            coordinator.jobs[job].threads[session.name] = message.threads
        coordinator.step(WorkerHeard(session.id, leases))
        session.link.post(HealthAck())

    def _progress_of(self, message: Health) -> tuple[Progress, ...]:
        """How far its leases are, each within its chunk. Raises `ProtocolError`."""
        progress = []
        for each in message.leases:
            key = (each.job, each.chunk, each.attempt)
            self._session.check_granted("HEALTH", key)
            job = self._coordinator.jobs.get(each.job)
            if job is not None:
                chunk = job.plan.chunks[each.chunk]
                if each.scanned_bytes > chunk.end - chunk.start:
                    raise ProtocolError(
                        f"HEALTH: {each.scanned_bytes:,} bytes scanned of chunk {each.chunk}, "
                        f"which has {chunk.end - chunk.start:,}",
                        code="state",
                    )
            progress.append(Progress(key, each.scanned_bytes))
        return tuple(progress)

    async def _take_result(self, message: Result) -> None:
        """Believe a result only after looking at all that it claims."""
        session, coordinator = self._session, self._coordinator
        key = (message.job, message.chunk, message.attempt)
        session.check_granted("RESULT", key)
        job = coordinator.jobs.get(message.job)
        chunk = session.leases.pop(key, None)
        coordinator.workers_changed()
        if job is None:
            coordinator.step(ChunkReturned(session.id, key, message.digest))
            return
        if chunk is not None:
            session.note_result(chunk.end - chunk.start)
        source = job.plan.chunks[message.chunk].source
        changed: bool | None = False
        why = ""
        try:
            claim = message.chunk, message.digest, message.body, message.note
            if len(message.body) <= INLINE_BYTES_MAX:
                summary = job.verify(*claim)
            else:
                summary = await coordinator.hearing.aside(job.verify, *claim)
            if (message.job, source) in session.fetched:
                changed, why = await coordinator.hearing.aside(job.look_at, source)
        except SummaryError as error:
            detail = f"its result was refused: {error}"
            coordinator.step(ChunkFailed(session.id, key, "internal", detail))
            coordinator.note("alarm", f"chunk {message.chunk} of {session.name}: {detail}")
            session.link.post(Stale(*key))  # so that it does not wait for an answer
            return
        if changed is not False:
            # What was handed out may have been other bytes. That it could not be looked at says
            # nothing of the source: the chunk is done again.
            if changed:
                coordinator.step(SourceChecked(job.id, source, True, why))
            kind = "changed" if changed else "internal"
            coordinator.step(ChunkFailed(session.id, key, kind, why, final=bool(changed)))
            session.link.post(Stale(*key))
            return
        note = None if message.note is None else write_note(message.note)
        coordinator.keep_result(session.id, key, (summary, note), len(message.body))
        coordinator.step(ChunkReturned(session.id, key, message.digest))

    def _take_failure(self, message: Fail) -> None:
        session = self._session
        key = (message.job, message.chunk, message.attempt)
        session.check_granted("FAIL", key)
        bad = self._bad_range_of(message)
        session.leases.pop(key, None)
        kind = message.error if message.error in FAIL_KINDS else "internal"
        if kind in REFUSALS:
            self._coordinator.note_refusal(session, message)
        elif kind == "changed" and not message.final:
            self._coordinator.note_other_copy(session, message)
        self._coordinator.step(
            ChunkFailed(session.id, key, kind, message.detail, message.final, bad)
        )
        if kind in REFUSALS:
            self._coordinator.give_up_hopeless(message)

    def _bad_range_of(self, message: Fail) -> tuple[int, int] | None:
        """The bytes that a FAIL blames: a line of its chunk, which may end after it. Raises
        `ProtocolError`."""
        start, end = message.bad_start, message.bad_end
        job = self._coordinator.jobs.get(message.job)
        if start is None or end is None or job is None:
            return None
        chunk = job.plan.chunks[message.chunk]
        size = job.plan.sources[chunk.source].size or 0
        if not (chunk.start <= start < chunk.end and start < end <= size):
            raise ProtocolError(
                f"FAIL: bytes {start:,} to {end:,} are not a line of chunk {message.chunk}, "
                f"which is {chunk.start:,} to {chunk.end:,} of {size:,}",
                code="state",
            )
        return start, end

    async def _hand_out(self, message: Fetch) -> None:
        """Answer FETCH: bytes of a leased chunk and a little around it, and nothing else."""
        session, coordinator = self._session, self._coordinator
        job = coordinator.jobs.get(message.job)
        if job is None or not job.local or not self._may_fetch(message):
            refused = "these bytes are not leased to you"
            await session.link.send(Data(message.id, message.start, True, refused))
            return
        session.fetched.add((message.job, message.source))
        error: str | None = None
        at = message.start
        try:
            opened = await trio.to_thread.run_sync(job.open_planned, message.source)
            with opened:
                while at < message.end:
                    size = min(FETCH_PIECE_BYTES, message.end - at)
                    piece = await trio.to_thread.run_sync(os.pread, opened.fd, size, at)
                    if not piece:
                        break
                    last = at + len(piece) == message.end
                    await session.link.send(Data(message.id, at, last, None, piece))
                    at += len(piece)
        except (InputError, OSError) as failure:
            error = str(failure)[:1000]
        if at < message.end:
            await session.link.send(Data(message.id, at, True, error))

    def _may_fetch(self, message: Fetch) -> bool:
        return any(
            key[0] == message.job
            and chunk.source == message.source
            and chunk.start - LOOK_BACK_BYTES_MAX <= message.start
            and message.end <= chunk.end + TAIL_BYTES_MAX
            for key, chunk in self._session.leases.items()
        )


class ClientHandler:
    """What a client asks for."""

    def __init__(
        self, coordinator: Coordinator, link: Link, welcome: Welcome, place: Place
    ) -> None:
        self._coordinator = coordinator
        self._link = link
        self._welcome = welcome
        self._place = place
        self._busy = False
        self._reported: SubmittedJob | None = None

    async def serve(self) -> None:
        """From WELCOME to the end of the connection."""
        try:
            await self._read()
        finally:
            if self._reported is not None:
                self._coordinator.undelivered(self._reported)

    async def _read(self) -> None:
        async with open_flat_nursery() as nursery:
            nursery.start_soon(self._keep_alive)
            while True:
                message = await self._link.receive()
                match message:
                    case Ping():
                        pass
                    case None:
                        break
                    case Bye():
                        if self._reported is not None:
                            self._coordinator.delivered(self._reported)
                            self._reported = None
                        break
                    case Status():
                        await self._link.send(StatusReport(state_body(self._coordinator.status())))
                        if self._place.idle_since is not None:
                            self._place.idle_since = trio.current_time()
                    case Submit() if not self._busy:
                        self._busy = True
                        self._place.idle_since = None
                        nursery.start_soon(self._work, message)
                    case Cancel():
                        break
                    case Error():
                        break
                    case _:
                        raise ProtocolError("one job per connection", code="order")
            nursery.cancel_scope.cancel()

    async def _keep_alive(self) -> None:
        """Show that the coordinator lives, and end with a client that does not, or that has had no
        open request for long."""
        welcome = self._welcome
        silence_s = CLIENT_SILENCE_LEASES * welcome.lease_s
        await keep_alive(self._link, welcome.heartbeat_s, silence_s, self._beat)

    def _beat(self) -> None:
        self._link.post(Ping())
        since = self._place.idle_since
        if since is not None and trio.current_time() - since > CLIENT_IDLE_S_MAX:
            self._place.evict(f"idle for more than {CLIENT_IDLE_S_MAX:g} s")

    async def _work(self, message: Submit) -> None:
        """Plan, run and report; being canceled means that the client has gone."""
        self._coordinator.clients_waiting += 1
        try:
            await self._serve_job(message)
        finally:
            self._coordinator.clients_waiting -= 1
            self._coordinator.workers_changed()
            self._place.idle_since = trio.current_time()

    async def _serve_job(self, message: Submit) -> None:
        coordinator = self._coordinator
        coordinator.submissions_unanswered += 1
        try:
            job = await coordinator.submit(Submission.from_message(message))
        except LoganError as error:
            await self._link.send(Report("", "error", _describe(error)))
            await self._link.flush()
            return
        finally:
            coordinator.submissions_unanswered -= 1
            coordinator.workers_changed()
        try:
            await self._link.send(Accepted(job.id))
            async with open_flat_nursery() as nursery:
                nursery.start_soon(self._show_progress, job)
                await job.ended.wait()
                nursery.cancel_scope.cancel()
        finally:
            broke = self._link.lost is not None and not self._link.is_refused
            if not job.ended.is_set() and broke:
                coordinator.await_return(job)
            elif not job.ended.is_set():
                coordinator.give_up(job)
        if job.kept and coordinator.stopping:
            # It goes on when the coordinator comes back, which the client waits for.
            await trio.sleep_forever()
        await self._finish(job)

    async def _finish(self, job: SubmittedJob) -> None:
        assert job.outcome is not None
        self._reported = job
        self._say_progress(job, [])
        try:
            body = await trio.to_thread.run_sync(job.outcome.body)
            if len(body) > REPORT_BODY_BYTES_MAX:
                raise ClusterError(
                    f"the report has {len(body):,} bytes, at most {REPORT_BODY_BYTES_MAX:,} can "
                    "be sent",
                    hint="ask for fewer points of the series or fewer group tables",
                )
        except LoganError as error:
            self._reported = None
            await self._link.send(Report(job.id, "error", _describe(error)))
        else:
            await self._link.send(Report(job.id, "report", body))
        await self._link.flush()

    async def _show_progress(self, job: SubmittedJob) -> None:
        coordinator = self._coordinator
        seen = coordinator.events_total
        while True:
            fresh = min(coordinator.events_total - seen, EVENTS_SENT_MAX)
            seen = coordinator.events_total
            self._say_progress(job, list(coordinator.events)[-fresh:] if fresh else [])
            await trio.sleep(PROGRESS_S)

    def _say_progress(self, job: SubmittedJob, events: list[dict[str, Any]]) -> None:
        done = next(
            (v.scanned_bytes for v in self._coordinator.statistics().jobs if v.job == job.id), 0
        )
        body = progress_body(self._coordinator.workers(), events)
        total = min(job.total_bytes, INTEGER_MAX)
        self._link.post(ProgressReport(job.id, min(done, total), total, body))


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


def _describe(error: LoganError) -> bytes:
    def cut(text: str | None) -> str | None:
        return text if text is None else text[:ERROR_CHARS_MAX]

    message = str(error)
    if isinstance(error, ExpressionError) and error.expression not in message:
        message = f"{error.expression!r}: {message}"
    return encode_body(
        ErrorBody(
            error=type(error).__name__,
            message=message[:ERROR_CHARS_MAX],
            hint=cut(error.hint),
            input=cut(getattr(error, "input", None)),
            kind=getattr(error, "kind", None),
            logan=__version__,
        )
    )
