"""The coordinator's side of what an authenticated worker says.

Who may connect at all is decided in `server`. Decides nothing about chunks: facts go to
`Coordinator.step`, which answers through `WorkerSession.link`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import trio

from logan.cluster.coordinator.jobs import REFUSALS
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
from logan.wire.messages import (
    Bye,
    Data,
    Error,
    Fail,
    Fetch,
    Found,
    Health,
    HealthAck,
    Ready,
    Result,
    Stale,
)

if TYPE_CHECKING:
    from logan.cluster.coordinator.coordinator import Coordinator

__all__ = ["WorkerHandler"]

FAIL_KINDS: Final = ("changed", "gone", "poison", "panic", "cancelled", "internal", *REFUSALS)


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
        except (TransportLostError, ProtocolError) as error:
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
