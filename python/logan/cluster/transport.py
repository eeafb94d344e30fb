"""One connection under trio: messages in, messages out, nothing decided.

Around the sans-IO `wire.Connection` this adds what needs a socket and a clock: a queue of what is
to be written, deadlines, and the order in which frames go out. It knows neither leases nor jobs.

Frames leave in the order of `post`, except that the messages of `_OVERTAKING` pass by bodies that
wait: a heartbeat goes between two frames of a long result. `JOB` is never passed by the `LEASE`
that needs it, since leases do not overtake. A peer that reads too slowly is let go: either a
frame misses its deadline or the queue is full.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import trio

from logan import _logan
from logan.cluster.limits import (
    HANDSHAKE_S_MAX,
    INTRODUCTION_S_MAX,
    QUEUED_BODY_BYTES_MAX,
    QUEUED_MESSAGES_MAX,
    RECEIVE_BYTES_MAX,
    WRITE_BYTES_ENOUGH,
    WRITE_S_MAX,
)
from logan.errors import ProtocolError
from logan.wire.auth import NONCE_HEX_CHARS, CoordinatorHandshake, PeerHandshake
from logan.wire.connection import Connection, Role, error_message
from logan.wire.messages import (
    PROTOCOL_VERSION,
    Auth,
    Cancel,
    Challenge,
    Drain,
    Error,
    Health,
    HealthAck,
    Hello,
    Message,
    Ready,
    Welcome,
)

__all__ = ["Link", "LinkLostError", "admit", "introduce"]

_Kind = TypeVar("_Kind")

_OVERTAKING: Final = (Health, HealthAck, Ready, Cancel, Drain, Error)


class LinkLostError(Exception):
    """The connection is of no use any more; `str` says why."""


class Link:
    """A stream that speaks the line protocol.

    `run` must be running for anything to be written. `receive` is for one task; `post` and `send`
    for any.

    Args:
        stream: connected, and through TLS if there is any.
        role: our side.
        on_bytes: called when bytes arrived, whole message or not: they prove life.

    Attributes:
        heard_at: when bytes arrived last, on trio's clock.
        is_refused: whether the link was lost since the other side takes nothing any more: it has
            closed the connection, rather than fallen silent.
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
        """`post` once there is room for its body. Raises `LinkLostError`."""
        while self._body_bytes > QUEUED_BODY_BYTES_MAX and self._lost is None:
            self._room = trio.Event() if self._room.is_set() else self._room
            await self._room.wait()
        if self._lost is not None:
            raise LinkLostError(self._lost)
        self.post(message)
        await trio.lowlevel.checkpoint()

    async def flush(self) -> None:
        """Wait until all that was posted is written, or the link is lost."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write what is posted, until cancelled or after an ERROR. Raises `LinkLostError`."""
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
            self.lose(f"the other side took nothing for {WRITE_S_MAX:g} s")
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.is_refused = self._lost is None
            self.lose(_cause(error))
        raise LinkLostError(self._lost)

    async def receive(self) -> Message | None:
        """The next message; None when the other side has ended the connection.

        Raises:
            ProtocolError: the peer broke the protocol; it has been told, or will be.
            LinkLostError: the connection broke.
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
                raise LinkLostError(_cause(error)) from error
            if not data:
                return None
            self.heard_at = trio.current_time()
            if self.on_bytes is not None:
                self.on_bytes()
            self._messages = self._connection.receive(bytes(data))

    def _next_frames(self) -> bytes:
        """Frames to be written at once: several small ones cost no more than one."""
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
        """Give the connection up: nothing is sent any more, and whoever waits to send is told
        `why`."""
        if self._lost is None:
            self._lost = why
        self._wanted.set()
        self._room.set()
        self._idle.set()


async def admit(
    link: Link,
    token: bytes | None,
    certificate_sha256: str,
    greeted: Callable[[Hello], None],
    refusal: Callable[[Hello], tuple[str, str] | None],
    welcome: Welcome,
) -> Hello:
    """The coordinator's side of the handshake; the authenticated peer's HELLO.

    `greeted` is called when HELLO came; `refusal` may give the code and the reason why a peer that
    proved itself is not let in. Raises `ProtocolError`,
    `LinkLostError`, `trio.TooSlowError`. `link.run` must be running, so that the peer is told.
    """
    handshake = CoordinatorHandshake(
        token,
        nonce=secrets.token_hex(NONCE_HEX_CHARS // 2),
        certificate_sha256=certificate_sha256,
    )
    with trio.fail_after(HANDSHAKE_S_MAX):
        hello = await _expect(link, Hello)
        greeted(hello)
        try:
            link.post(handshake.challenge(hello))
            handshake.verify(await _expect(link, Auth))
            why = refusal(hello)
            if why is not None:
                code, text = why
                raise ProtocolError(text, code=code)
        except ProtocolError as error:
            link.post(error_message(error))
            raise
    link.post(welcome)
    return hello


async def introduce(
    link: Link, role: Role, id: str, token: bytes | None, certificate_sha256: str
) -> Welcome:
    """The side of a worker or client. Raises `ProtocolError`, also for what the coordinator
    says against us, `LinkLostError`, `trio.TooSlowError`."""
    hello = Hello(
        protocol=PROTOCOL_VERSION,
        role=role,
        id=id,
        session=secrets.token_hex(16),
        nonce=secrets.token_hex(NONCE_HEX_CHARS // 2),
        logan=_logan.__version__,
    )
    handshake = PeerHandshake(token, hello, certificate_sha256=certificate_sha256)
    with trio.fail_after(INTRODUCTION_S_MAX):
        link.post(hello)
        try:
            challenge = await _expect(link, Challenge)
        except ProtocolError as error:
            if error.code != "grammar":
                raise
            raise ProtocolError(
                "what listens there is no coordinator of logan",
                code=error.code,
                hint="see whether --coordinator names the right port",
            ) from error
        link.post(handshake.answer(challenge))
        return await _expect(link, Welcome)


async def _expect(link: Link, kind: type[_Kind]) -> _Kind:
    message = await link.receive()
    if message is None:
        raise LinkLostError("the other side closed the connection")
    if isinstance(message, Error):
        raise ProtocolError(message.message, code=message.code)
    if not isinstance(message, kind):
        raise ProtocolError(f"{type(message).__name__} came out of turn", code="order")
    return message


def _cause(error: BaseException) -> str:
    """The system's words for it, if it has some."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.strerror:
        return f"the connection broke: {cause.strerror.lower()}"
    return "the connection broke"
