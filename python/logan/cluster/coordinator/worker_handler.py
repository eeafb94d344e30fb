"""The coordinator's side of what an authenticated worker says.

`server` decides which peers may connect at all. Decides nothing about chunks: facts go to
`Executor.step`, which answers through `WorkerSession.link`.
"""

from __future__ import annotations

import os
from typing import Final

import trio

from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.follows import Follows
from logan.cluster.coordinator.refusals import REFUSALS
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.limits import (
    FETCH_PIECE_BYTES,
    HEARD_S_MIN,
    INLINE_BYTES_MAX,
    LOOK_BACK_BYTES_MAX,
    TAIL_BYTES_MAX,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.scanning import write_note
from logan.cluster.transport import TransportLostError
from logan.errors import InputError, ProtocolError, SummaryError
from logan.log import logger_of
from logan.scheduler import events
from logan.sources.inputs import next_step, shown_name
from logan.wire import following, messages

__all__ = ["WorkerHandler"]

logger = logger_of(__name__)

FAIL_KINDS: Final = ("changed", "gone", "poison", "panic", "cancelled", "internal", *REFUSALS)


class WorkerHandler:
    """What a worker says."""

    def __init__(self, executor: Executor, follows: Follows, session: WorkerSession) -> None:
        self._executor = executor
        self._follows = follows
        self._session = session
        self._heard_at = trio.current_time()

    async def serve(self) -> None:
        """Serve the worker, from WELCOME to the end of the connection."""
        session = self._session
        session.link.on_bytes = self._hear
        self._executor.join(session)
        self._follows.join(session)
        why, clean = "its connection was cut", False
        try:
            async with open_flat_nursery() as nursery:
                self._nursery = nursery
                with session.scope:
                    clean = await self._read()
                nursery.cancel_scope.cancel()
            why = "clean shutdown" if clean else session.closed or "it closed the connection"
        except (TransportLostError, ProtocolError) as error:
            why = str(error)
            raise
        finally:
            self._executor.leave(session, why, clean=clean)
            self._follows.leave(session)

    async def _read(self) -> bool:
        session, step = self._session, self._executor.step
        while True:
            message = await session.link.receive()
            match message:
                case None:
                    return False
                case messages.Ready(free=free):
                    step(events.WorkerReady(session.id, free))
                case messages.Health():
                    self._take_health(message)
                case messages.Result():
                    await self._take_result(message)
                case messages.Fail():
                    self._take_failure(message)
                case messages.Fetch():
                    self._nursery.start_soon(self._hand_out, message)
                case messages.Found():
                    session.take_found(message)
                case messages.Bye():
                    return True
                case messages.Error():
                    raise ProtocolError(message.message, code=message.code)
                case _:
                    await self._follow(message)

    async def _follow(self, message: messages.Message) -> None:
        """What it says about follow jobs. Raises `ProtocolError`, also for anything else."""
        match message:
            case following.Offer() | following.Slot() | following.Followed():
                await self._follows.take(self._session, message)
            case following.Finished():
                await self._follows.take(self._session, message)
            case _:
                raise ProtocolError(f"{type(message).__name__} is not expected", code="order")

    def _hear(self) -> None:
        """Bytes arrived: a sign of life, though it renews no lease."""
        self._executor.read_barrier.note()
        now = trio.current_time()
        if now - self._heard_at >= HEARD_S_MIN:
            self._heard_at = now
            self._executor.step(events.WorkerHeard(self._session.id))

    def _take_health(self, message: messages.Health) -> None:
        session, executor = self._session, self._executor
        leases = self._progress_of(message)
        session.rss_bytes = message.rss_bytes
        session.cpu_percent = message.cpu_percent
        session.threads = message.threads
        session.note_progress(trio.current_time(), leases)
        for job in {lease.key[0] for lease in leases} & executor.jobs.keys():
            executor.jobs[job].heartbeat(
                session.name, message.rss_bytes, message.cpu_percent, message.threads
            )
        executor.step(events.WorkerHeard(session.id, leases))
        session.link.post(messages.HealthAck())

    def _progress_of(self, message: messages.Health) -> tuple[events.Progress, ...]:
        """How far its leases are, each within its chunk. Raises `ProtocolError`."""
        progress = []
        for each in message.leases:
            key = (each.job, each.chunk, each.attempt)
            self._session.check_granted("HEALTH", key)
            job = self._executor.jobs.get(each.job)
            if job is not None:
                chunk = job.plan.chunks[each.chunk]
                if each.scanned_bytes > chunk.end - chunk.start:
                    raise ProtocolError(
                        f"HEALTH: {each.scanned_bytes:,} bytes scanned of chunk {each.chunk}, "
                        f"which has {chunk.end - chunk.start:,}",
                        code="state",
                    )
            progress.append(events.Progress(key, each.scanned_bytes))
        return tuple(progress)

    async def _take_result(self, message: messages.Result) -> None:
        """Believe a result only after looking at all that it claims."""
        session, executor = self._session, self._executor
        key = (message.job, message.chunk, message.attempt)
        session.check_granted("RESULT", key)
        job = executor.jobs.get(message.job)
        chunk = session.leases.pop(key, None)
        executor.changes.notify()
        if job is None:
            executor.step(events.ChunkReturned(session.id, key, message.digest))
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
                summary = await executor.read_barrier.run_in_thread(job.verify, *claim)
            if (message.job, source) in session.fetched:
                changed, why = await executor.read_barrier.run_in_thread(job.look_at, source)
        except SummaryError as error:
            detail = f"its result was refused: {error}"
            executor.step(events.ChunkFailed(session.id, key, "internal", detail))
            executor.events.note("alarm", f"chunk {message.chunk} of {session.name}: {detail}")
            session.link.post(messages.Stale(*key))  # so that it does not wait for an answer
            return
        if changed is not False:
            # What was handed out may have been other bytes. That it could not be looked at says
            # nothing of the source: the chunk is done again.
            if changed:
                executor.step(events.SourceChecked(job.id, source, True, why))
            kind = "changed" if changed else "internal"
            executor.step(events.ChunkFailed(session.id, key, kind, why, final=bool(changed)))
            session.link.post(messages.Stale(*key))
            return
        note = write_note(message.note, job.times.get(message.chunk, ()))
        executor.keep_result(session.id, key, summary, note, len(message.body))
        executor.step(events.ChunkReturned(session.id, key, message.digest))

    def _take_failure(self, message: messages.Fail) -> None:
        session = self._session
        key = (message.job, message.chunk, message.attempt)
        session.check_granted("FAIL", key)
        bad = self._bad_range_of(message)
        session.leases.pop(key, None)
        kind = message.error if message.error in FAIL_KINDS else "internal"
        if kind in REFUSALS:
            self._note_refusal(message)
        elif kind == "changed" and not message.final:
            self._note_other_copy(message)
        self._executor.step(
            events.ChunkFailed(session.id, key, kind, message.detail, message.final, bad)
        )
        if kind in REFUSALS:
            self._give_up_hopeless(message)

    def _note_other_copy(self, message: messages.Fail) -> None:
        """A worker's own copy of a source differs from the planned file. It reads no more of it;
        what it has brought of it cannot be taken out of the figures."""
        job = self._executor.jobs.get(message.job)
        if job is None or job.probes is None:
            return
        text = f"{self._session.name}: {message.detail}"
        doubt = job.probes.doubt(message.chunk, self._session.name)
        if doubt is None:
            self._executor.events.note("refused", text)
            return
        text = f"{text}; {doubt}"
        self._executor.events.note("alarm", text)
        logger.error("job %s, chunk %d: %s", job.id, message.chunk, text)
        job.alarmed(message.chunk, text)

    def _note_refusal(self, message: messages.Fail) -> None:
        """A worker cannot read a source: say once what it lacks, while others do its part."""
        job = self._executor.jobs.get(message.job)
        if job is None or message.chunk >= len(job.plan.chunks):
            return
        refusal = message.error, trio.current_time(), message.detail
        if job.refusals.note(message.chunk, self._session.name, *refusal):
            url = job.urls[job.plan.chunks[message.chunk].source]
            hint = next_step(url, message.error, message.detail)
            text = f"{self._session.name}: {message.detail}"
            self._executor.events.note("refused", f"{text}; {hint}" if hint else text)

    def _give_up_hopeless(self, message: messages.Fail) -> None:
        """A worker could not read a chunk. If none can read its source, do not have each of its
        chunks tried by all, which takes long as they are paused for it."""
        executor = self._executor
        job = executor.jobs.get(message.job)
        if job is None or message.chunk >= len(job.plan.chunks):
            return
        present = {session.name for session in executor.sessions.values()}
        fresh, chunks = job.refusals.give_up(
            message.chunk, message.detail, present, trio.current_time()
        )
        if fresh:
            name = shown_name(job.urls[fresh[0]])
            what = f"{name} is" if len(fresh) == 1 else f"{name} and {len(fresh) - 1:,} more are"
            it = "it" if len(fresh) == 1 else "them"
            executor.events.note("missing", f"{what} given up: no worker can read {it}")
        if chunks:
            executor.step(events.SourcesUnreadable(job.id, chunks, message.error, message.detail))

    def _bad_range_of(self, message: messages.Fail) -> tuple[int, int] | None:
        """The bytes that a FAIL blames: a line of its chunk, which may end after it. Raises
        `ProtocolError`."""
        start, end = message.bad_start, message.bad_end
        job = self._executor.jobs.get(message.job)
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

    async def _hand_out(self, message: messages.Fetch) -> None:
        """Answer FETCH: bytes of a leased chunk and a little around it, and nothing else."""
        session, executor = self._session, self._executor
        job = executor.jobs.get(message.job)
        if job is None or not job.local or not self._may_fetch(message):
            refused = "these bytes are not leased to you"
            await session.link.send(messages.Data(message.id, message.start, True, refused))
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
                    await session.link.send(messages.Data(message.id, at, last, None, piece))
                    at += len(piece)
        except (InputError, OSError) as failure:
            error = str(failure)[:1000]
        if at < message.end:
            await session.link.send(messages.Data(message.id, at, True, error))

    def _may_fetch(self, message: messages.Fetch) -> bool:
        return any(
            key[0] == message.job
            and chunk.source == message.source
            and chunk.start - LOOK_BACK_BYTES_MAX <= message.start
            and message.end <= chunk.end + TAIL_BYTES_MAX
            for key, chunk in self._session.leases.items()
        )
