"""Accepts the coordinator's connections, and sees them through their handshake.

One task per connection; whatever goes wrong there ends that connection alone. What is said after
WELCOME is read by `worker_handler` and `client_handler`; which connection makes room when there are
too many is `places`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import trio

from logan.cluster.connect import set_user_timeout
from logan.cluster.coordinator.client_handler import ClientHandler
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
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.transport import Transport, TransportLostError
from logan.errors import ProtocolError
from logan.log import logger_of
from logan.wire.connection import error_message
from logan.wire.messages import Error, Hello, Welcome

if TYPE_CHECKING:
    from logan.cluster.coordinator.coordinator import Coordinator

__all__ = ["Server"]

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


class Server:
    """Accepts connections for a coordinator."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._places = Places()

    async def serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        """One connection from beginning to end. Raises nothing."""
        address = _address(stream)
        place = Place(address.rpartition(":")[0], trio.current_time())
        self._places.enter(place)
        try:
            await self._handle(stream, place, address)
        except _EXPECTED_ENDS as error:
            logger.debug("a connection ended: %r", error)
        except Exception as error:
            # A fault of ours: shown, though it must not end the others.
            logger.exception("a connection failed")
            self._coordinator.note("alarm", f"internal error: {type(error).__name__}: {error}")
        finally:
            self._places.leave(place)
            await trio.aclose_forcefully(stream)

    async def _handle(
        self, plain: trio.abc.HalfCloseableStream, place: Place, address: str
    ) -> None:
        coordinator = self._coordinator
        set_user_timeout(plain, coordinator.limits.lease_s)
        stream: trio.abc.Stream = plain
        if coordinator.ssl is not None:
            secure = trio.SSLStream(plain, coordinator.ssl, server_side=True, https_compatible=True)
            with place.evictable(), trio.fail_after(HANDSHAKE_S_MAX):
                if isinstance(plain, trio.SocketStream):
                    await trio.lowlevel.wait_readable(plain.socket)
                    place.reach(Step.SPOKEN)
                await secure.do_handshake()
            if place.evicted is not None:
                return
            place.reach(Step.SECURED)
            stream = secure
        link = Transport(stream, "coordinator", on_bytes=partial(place.reach, Step.SPOKEN))
        async with open_flat_nursery() as nursery:
            nursery.start_soon(_write, link, nursery.cancel_scope)
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
            nursery.cancel_scope.cancel()

    async def _converse(self, link: Transport, place: Place, address: str) -> None:
        coordinator = self._coordinator

        def refusal(hello: Hello) -> tuple[str, str] | None:
            if hello.session in coordinator.sessions:
                return "refused", "this session is already connected"
            role: Literal["worker", "client"] = "worker" if hello.role == "worker" else "client"
            full = self._places.admit(place, role)
            return None if full is None else ("busy", full)

        def greeted(hello: Hello) -> None:
            place.reach(Step.GREETED)

        welcome = Welcome(coordinator.limits.heartbeat_s, coordinator.limits.lease_s)
        hello = await server_handshake(
            link, coordinator.token, coordinator.certificate_sha256, greeted, refusal, welcome
        )
        if hello.role == "worker":
            await WorkerHandler(coordinator, WorkerSession(hello, link, address)).serve()
        else:
            await ClientHandler(coordinator, link, welcome, place).serve()


async def _write(link: Transport, scope: trio.CancelScope) -> None:
    """Write until the connection breaks; then nothing needs to read from it any more."""
    try:
        await link.run()
    except TransportLostError:
        scope.cancel()


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
