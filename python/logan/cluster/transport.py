"""One connection under trio: messages in, messages out. It decides nothing, and knows neither
leases nor jobs.

    async with open_transport(stream, "worker") as link:
        link.post(Ready(1))
        message = await link.receive()

Around the sans-IO `wire.Connection` this adds what needs a socket and a clock: a queue of what is
to be written, deadlines, and the order in which frames are written.

Frames leave in the order of `post`, except that the messages of `_OVERTAKING` pass waiting bodies:
a heartbeat goes between two frames of a long result. `JOB` is never passed by the `LEASE` that
needs it, since leases do not overtake. A peer that reads too slowly is disconnected: either a frame
misses its deadline or the queue is full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from logan.cluster.limits import (
    QUEUED_BODY_BYTES_MAX,
    QUEUED_MESSAGES_MAX,
    RECEIVE_BYTES_MAX,
    WRITE_BYTES_ENOUGH,
    WRITE_S_MAX,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.errors import ProtocolError
from logan.wire.connection import Connection, Role, error_message
from logan.wire.messages import Cancel, Drain, Error, Health, HealthAck, Message, Ready

__all__ = ["Transport", "TransportLostError", "open_transport"]

_OVERTAKING: Final = (Health, HealthAck, Ready, Cancel, Drain, Error)


class TransportLostError(Exception):
    """The connection can no longer be used; `str` says why."""


class Transport:
    """A stream that speaks the line protocol.

    Nothing is written unless a task is in `run`; `open_transport` starts one. `receive` is for one
    task; `post` and `send` are for any.

    Args:
        stream: connected, and through TLS if there is any.
        role: our side.
        on_bytes: called when bytes arrived, whole message or not: they prove that the peer lives.

    Attributes:
        heard_at: when bytes arrived last, on trio's clock.
        is_refused: whether the link was lost because the other side has closed the connection,
            rather than fallen silent.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        role: Role,
        *,
        on_bytes: Callable[[], None] | None = None,
    ) -> None:
        self.stream = stream
        self.on_bytes = on_bytes
        self.heard_at = trio.current_time()
        self.is_refused = False
        self._connection = Connection(role)
        self._messages: Iterator[Message] = iter(())
        self._urgent: deque[Iterator[bytes]] = deque()
        self._waiting: deque[tuple[Iterator[bytes], int]] = deque()
        self._body_bytes = 0
        self._wanted = trio.Event()
        self._room = trio.Event()
        self._idle = trio.Event()
        self._idle.set()
        self._last_word = False
        self._lost: str | None = None

    @property
    def lost(self) -> str | None:
        """Why nothing can be sent any more, or None."""
        return self._lost

    def post(self, message: Message) -> None:
        """Queue a message; never blocks. Once the link is lost, or either side has ended the
        conversation, it is dropped.

        A queue that is full loses the link: the peer does not read.
        """
        if self._lost is not None or self._last_word or self._connection.is_over_for(message):
            return
        frames = self._connection.send(message)
        if isinstance(message, Error):
            self._last_word = True
        if isinstance(message, _OVERTAKING):
            self._urgent.append(frames)
        else:
            self._waiting.append((frames, frames.body_bytes))
            self._body_bytes += frames.body_bytes
        self._idle = trio.Event() if self._idle.is_set() else self._idle
        self._wanted.set()
        if len(self._urgent) + len(self._waiting) > QUEUED_MESSAGES_MAX:
            self.lose("the other side does not read")

    async def send(self, message: Message) -> None:
        """Queue a message once there is room for its body. Raises `TransportLostError`."""
        while self._body_bytes > QUEUED_BODY_BYTES_MAX and self._lost is None:
            self._room = trio.Event() if self._room.is_set() else self._room
            await self._room.wait()
        if self._lost is not None:
            raise TransportLostError(self._lost)
        self.post(message)
        await trio.lowlevel.checkpoint()

    async def flush(self) -> None:
        """Wait until all that was posted is written, or the link is lost."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write what is posted, until canceled or after an ERROR. Raises `TransportLostError`."""
        try:
            while self._lost is None:
                frame = self._next_frames()
                if frame:
                    with trio.fail_after(WRITE_S_MAX):
                        await self.stream.send_all(frame)
                elif self._last_word:
                    self._idle.set()
                    return
                else:
                    self._idle.set()
                    self._wanted = trio.Event()
                    await self._wanted.wait()
        except trio.TooSlowError:
            self.lose(f"the other side accepted nothing for {WRITE_S_MAX:g} s")
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.is_refused = self._lost is None
            self.lose(_cause(error))
        raise TransportLostError(self._lost)

    async def receive(self) -> Message | None:
        """The next message; None when the other side has ended the connection.

        Raises:
            ProtocolError: the peer broke the protocol; an ERROR to it is queued.
            TransportLostError: the connection broke.
        """
        while True:
            try:
                for message in self._messages:
                    return message
            except ProtocolError as error:
                self.post(error_message(error))
                raise
            try:
                data = await self.stream.receive_some(RECEIVE_BYTES_MAX)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self.lose(_cause(error))
                raise TransportLostError(_cause(error)) from error
            if not data:
                return None
            self.heard_at = trio.current_time()
            if self.on_bytes is not None:
                self.on_bytes()
            self._messages = self._connection.receive(bytes(data))

    def _next_frames(self) -> bytes:
        """Frames to be written together: several small ones cost no more than one."""
        frames: list[bytes] = []
        size = 0
        while size < WRITE_BYTES_ENOUGH:
            frame = self._next_frame()
            if frame is None:
                break
            frames.append(frame)
            size += len(frame)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    def _next_frame(self) -> bytes | None:
        while self._urgent:
            for frame in self._urgent[0]:
                return frame
            self._urgent.popleft()
        if self._last_word:
            return None  # nothing follows an ERROR, not even the rest of a body
        while self._waiting:
            frames, size = self._waiting[0]
            for frame in frames:
                return frame
            self._waiting.popleft()
            self._body_bytes -= size
            self._room.set()
        return None

    def lose(self, why: str) -> None:
        """Give the connection up: nothing is sent any more, and tasks that wait to send get
        `TransportLostError` with `why`."""
        if self._lost is None:
            self._lost = why
        self._wanted.set()
        self._room.set()
        self._idle.set()


@asynccontextmanager
async def open_transport(
    stream: trio.abc.Stream,
    role: Role,
    *,
    on_bytes: Callable[[], None] | None = None,
    read_on: bool = False,
) -> AsyncIterator[Transport]:
    """A transport that writes what is posted while the block lasts; it closes `stream` at the end.

    When nothing can be written any more, the block is canceled and `TransportLostError` is raised.
    With `read_on` the block goes on instead: what the other side sent before it closed the
    connection may still have to be read, and `receive` raises once that was all.
    """
    link = Transport(stream, role, on_bytes=on_bytes)
    is_complete = False
    try:
        async with open_flat_nursery() as nursery:
            scope = None if read_on else nursery.cancel_scope
            nursery.start_soon(_write, link, scope)
            yield link
            is_complete = True
            nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)
    if not is_complete:
        raise TransportLostError(link.lost or "the connection broke")


async def _write(link: Transport, scope: trio.CancelScope | None) -> None:
    try:
        await link.run()
    except TransportLostError:
        if scope is not None:
            scope.cancel()


def _cause(error: BaseException) -> str:
    """The system's text for the error, if it has one."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.strerror:
        return f"the connection broke: {cause.strerror.lower()}"
    return "the connection broke"
