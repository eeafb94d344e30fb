"""Accepts the coordinator's connections, and sees them through their handshake.

One task per connection; whatever goes wrong there ends that connection alone. What is said after
WELCOME is read by `worker_handler` and `client_handler`; which connection makes room when there are
too many is `places`.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from ssl import SSLContext
from typing import Any, Final, Literal

import trio

from logan.cluster.connect import set_user_timeout
from logan.cluster.coordinator.client_handler import ClientHandler, ClientServices
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.places import Place, Places, Step
from logan.cluster.coordinator.worker_handler import WorkerHandler
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.handshake import server_handshake
from logan.cluster.limits import (
    EVICTION_S_MAX,
    HANDSHAKE_S_MAX,
    LINGER_S_MAX,
    RECEIVE_BYTES_MAX,
)
from logan.cluster.transport import Transport, TransportLostError, open_transport
from logan.errors import ClusterError, ProtocolError
from logan.log import logger_of
from logan.wire.connection import error_message
from logan.wire.messages import Error, Hello, Welcome

__all__ = ["Identity", "Server", "open_listeners"]

logger = logger_of(__name__)

_EXPECTED_ENDS: Final = (
    TransportLostError,
    ProtocolError,
    OSError,  # also of TLS
    trio.TooSlowError,
    trio.BrokenResourceError,
    trio.ClosedResourceError,
)
"""How connections end by the peer's doing or the network's; logged at debug level."""


@dataclass(frozen=True, slots=True)
class Identity:
    """How a coordinator and its peers authenticate; see `Coordinator`."""

    token: bytes | None
    ssl: SSLContext | None
    certificate_sha256: str


@dataclass(frozen=True, slots=True)
class Server:
    """Accepts connections for a coordinator."""

    identity: Identity
    executor: Executor
    services: ClientServices
    places: Places = field(init=False, default_factory=Places)

    async def run(self, listeners: Sequence[trio.abc.Listener[Any]]) -> None:
        """Accept connections until canceled; closes the listeners then."""
        await trio.serve_listeners(self.serve, list(listeners))

    async def serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        """One connection from beginning to end. Raises nothing."""
        address = _address(stream)
        place = Place(address.rpartition(":")[0])
        self.places.enter(place)
        try:
            await self._handle(stream, place, address)
        except _EXPECTED_ENDS as error:
            logger.debug("a connection ended: %r", error)
        except Exception as error:
            # A fault of ours: shown, though it must not end the others.
            logger.exception("a connection failed")
            self.executor.events.note("alarm", f"internal error: {type(error).__name__}: {error}")
        finally:
            self.places.leave(place)
            await trio.aclose_forcefully(stream)

    async def _handle(
        self, plain: trio.abc.HalfCloseableStream, place: Place, address: str
    ) -> None:
        set_user_timeout(plain, self.executor.limits.lease_s)
        stream: trio.abc.Stream = plain
        context = self.identity.ssl
        if context is not None:
            secure = trio.SSLStream(plain, context, server_side=True, https_compatible=True)
            with place.evictable(), trio.fail_after(HANDSHAKE_S_MAX):
                if isinstance(plain, trio.SocketStream):
                    await trio.lowlevel.wait_readable(plain.socket)
                    place.reach(Step.SPOKEN)
                await secure.do_handshake()
            if place.evicted is not None:
                return
            place.reach(Step.SECURED)
            stream = secure
        heard = partial(place.reach, Step.SPOKEN)
        async with open_transport(stream, "coordinator", on_bytes=heard) as link:
            try:
                with place.evictable():
                    await self._converse(link, place, address)
            except trio.TooSlowError:
                link.post(Error("slow", f"HELLO and AUTH must come within {HANDSHAKE_S_MAX:g} s"))
            except ProtocolError as error:
                logger.debug("%s: %s", address, error)
                link.post(error_message(error))
            except TransportLostError as error:
                logger.debug("%s: %s", address, error)
            linger_s = LINGER_S_MAX
            if place.evicted is not None:
                link.post(Error("busy", place.evicted))
                linger_s = EVICTION_S_MAX
            with trio.move_on_after(linger_s, shield=True):
                await link.flush()
                await _half_close(plain)

    async def _converse(self, link: Transport, place: Place, address: str) -> None:
        executor, identity = self.executor, self.identity

        def refusal(hello: Hello) -> tuple[str, str] | None:
            if hello.session in executor.sessions:
                return "refused", "this session is already connected"
            role: Literal["worker", "client"] = "worker" if hello.role == "worker" else "client"
            full = self.places.admit(place, role)
            return None if full is None else ("busy", full)

        def greeted(hello: Hello) -> None:
            place.reach(Step.GREETED)

        welcome = Welcome(executor.limits.heartbeat_s, executor.limits.lease_s)
        hello = await server_handshake(
            link, identity.token, identity.certificate_sha256, greeted, refusal, welcome
        )
        if hello.role == "worker":
            session = WorkerSession(hello, link, address)
            await WorkerHandler(executor, self.services.follows, session).serve()
        else:
            await ClientHandler(self.services, link, welcome, place).serve()


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Listen. Raises `ClusterError`, with the next step, if that cannot be."""
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


async def _half_close(stream: trio.abc.HalfCloseableStream) -> None:
    """End our side and wait for the other's end: closing at once could take our last words back."""
    try:
        await stream.send_eof()
        while await stream.receive_some(RECEIVE_BYTES_MAX):
            pass
    except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
        pass


def _address(stream: trio.abc.Stream) -> str:
    if not isinstance(stream, trio.SocketStream):
        return "memory"
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:
        return "unknown"  # the peer has gone already
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
