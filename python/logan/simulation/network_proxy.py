"""A TCP proxy that behaves like a bad network: for scenarios, demonstrations and tests.

It stands between one worker and the coordinator and knows nothing of their protocol. What the
network does is set by `NetworkConditions`, which may be changed at any time and then hold for bytes
already on their way: they come late, never out of order, and are lost only with their connection,
as with TCP.

Each direction of a connection is two tasks with a bounded queue between them: one reads and stamps
pieces with the time at which they must be delivered, the other waits for that time, and while the
link is down, and passes them on. Real partitions drop packets and TCP sends them again; here the
bytes wait inside the proxy, which both ends see as the same silence.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import trio

__all__ = ["NetworkConditions", "Proxy", "open_proxy"]

PIECE_BYTES_MAX: Final = 64 * 1024
"""Read at once: large enough for the speed of loopback."""

BUFFERED_BYTES_MAX: Final = 8 * 1024 * 1024
"""On their way in one direction; at a second of latency that still allows 8 MB/s."""

Direction = Literal["up", "down"]
"""up: from the worker to the coordinator."""


@dataclass(slots=True)
class NetworkConditions:
    """What the network between two hosts is like; assign to change it while it is in use.

    Attributes:
        latency_s: added to each direction.
        up, down: whether bytes pass in that direction.
        piece_bytes: pass on at most so many bytes at a time, so that every message is split.
        cut_after_bytes: close each new connection once it has carried so many bytes upward.
    """

    latency_s: float = 0.0
    up: bool = True
    down: bool = True
    piece_bytes: int = PIECE_BYTES_MAX
    cut_after_bytes: int | None = None

    def passes(self, direction: Direction) -> bool:
        """Whether bytes get through in this direction."""
        return self.up if direction == "up" else self.down


@dataclass(slots=True)
class _Pipe:
    """Pieces on their way in one direction of a connection, each with the time it is due."""

    pieces: deque[tuple[float, bytes]] = field(default_factory=deque)
    bytes: int = 0
    ended: bool = False
    changed: trio.Event = field(default_factory=trio.Event)

    def notify(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


class Proxy:
    """Carries connections from a loopback port to `target` over `link`; see `open_proxy`.

    Attributes:
        link: what the network is like; changed by `set_link`.
        port: where it listens.
        connections: how many have been made so far.
    """

    def __init__(self, target: tuple[str, int], link: NetworkConditions, port: int) -> None:
        self.link = link
        self.port = port
        self.connections = 0
        self._target = target
        self._link_changed = trio.Event()
        self._streams: set[trio.SocketStream] = set()

    def set_link(
        self,
        *,
        latency_s: float | None = None,
        up: bool | None = None,
        down: bool | None = None,
    ) -> None:
        """Change the network; what is not named stays as it is."""
        if latency_s is not None:
            self.link.latency_s = latency_s
        if up is not None:
            self.link.up = up
        if down is not None:
            self.link.down = down
        self._link_changed.set()
        self._link_changed = trio.Event()

    async def cut(self) -> None:
        """Close every connection now; new ones are welcome."""
        for stream in list(self._streams):
            await trio.aclose_forcefully(stream)

    async def carry(self, near: trio.SocketStream) -> None:
        """One accepted connection, until either end closes it or breaks."""
        self.connections += 1
        try:
            await self._wait_until_passing("up")
            far = await trio.open_tcp_stream(*self._target)
        except OSError:
            await trio.aclose_forcefully(near)
            return
        self._streams |= {near, far}
        try:
            async with near, far, trio.open_nursery() as nursery:
                scope = nursery.cancel_scope
                up, down = _Pipe(), _Pipe()
                nursery.start_soon(self._receive, near, up, scope)
                nursery.start_soon(self._deliver, far, up, "up", scope)
                nursery.start_soon(self._receive, far, down, scope)
                nursery.start_soon(self._deliver, near, down, "down", scope)
        finally:
            self._streams -= {near, far}

    async def _receive(
        self, source: trio.SocketStream, pipe: _Pipe, scope: trio.CancelScope
    ) -> None:
        try:
            while True:
                data = await source.receive_some(min(PIECE_BYTES_MAX, self.link.piece_bytes))
                if not data:
                    break
                pipe.pieces.append((trio.current_time() + self.link.latency_s, bytes(data)))
                pipe.bytes += len(data)
                pipe.notify()
                while pipe.bytes > BUFFERED_BYTES_MAX:
                    await pipe.changed.wait()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            scope.cancel()
        finally:
            pipe.ended = True
            pipe.notify()

    async def _deliver(
        self,
        sink: trio.SocketStream,
        pipe: _Pipe,
        direction: Direction,
        scope: trio.CancelScope,
    ) -> None:
        carried = 0
        limit = self.link.cut_after_bytes if direction == "up" else None
        try:
            while True:
                while not pipe.pieces:
                    if pipe.ended:
                        await sink.send_eof()
                        return
                    await pipe.changed.wait()
                due, data = pipe.pieces.popleft()
                await trio.sleep_until(due)
                await self._wait_until_passing(direction)
                if limit is not None and carried + len(data) >= limit:
                    await sink.send_all(data[: limit - carried])
                    scope.cancel()
                    return
                await sink.send_all(data)
                carried += len(data)
                pipe.bytes -= len(data)
                pipe.notify()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            scope.cancel()
        except OSError as error:
            # An end that has gone cannot be told of the end of the other.
            if error.errno != errno.ENOTCONN:
                raise
            scope.cancel()

    async def _wait_until_passing(self, direction: Direction) -> None:
        while not self.link.passes(direction):
            await self._link_changed.wait()


@asynccontextmanager
async def open_proxy(
    target: tuple[str, int], link: NetworkConditions | None = None
) -> AsyncIterator[Proxy]:
    """A proxy in front of `target` (host, port), listening while the block lasts.

    async with open_proxy(("127.0.0.1", 8000), NetworkConditions(latency_s=0.01)) as proxy:
        ...  # connect to 127.0.0.1:proxy.port
        proxy.set_link(up=False, down=False)
    """
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    proxy = Proxy(target, NetworkConditions() if link is None else link, port)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, proxy.carry, listeners)
        try:
            yield proxy
        finally:
            nursery.cancel_scope.cancel()
