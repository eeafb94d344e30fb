"""From an address to a connected stream, through TLS if a context is given. Knows no protocol."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import trio

from logan.cluster.limits import CONNECT_S_MAX, HANDSHAKE_S_MAX, PORT_DEFAULT, RESEND_S_MAX
from logan.cluster.security import certificate_sha256
from logan.errors import UsageError

__all__ = ["Address", "Connect", "connect", "is_refused", "set_user_timeout"]

_MILLISECONDS: Final = 1_000

_TCP_RTO_MAX_MS: Final = 44
"""A socket option of Linux 6.15 and later; Python has no name for it yet."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse `localhost:8000`, `http://localhost:8000`, `[::1]:8000` or `localhost`.

        The scheme is ignored, the protocol is always logan's. Raises `UsageError`.
        """
        wrong = UsageError(
            f"{text!r} is not a valid address of a coordinator",
            hint="write it like localhost:8000",
        )
        try:
            parts = urlsplit(text if "://" in text else f"tcp://{text}")
            port = parts.port
        except ValueError:
            raise wrong from None
        if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.username:
            raise wrong
        return cls(parts.hostname, PORT_DEFAULT if port is None else port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


Connect = Callable[[Address, ssl.SSLContext | None], Awaitable[tuple[trio.abc.Stream, str]]]
"""The signature of `connect`, for callers that connect by other means."""


async def connect(address: Address, context: ssl.SSLContext | None) -> tuple[trio.abc.Stream, str]:
    """A connected stream, and the hex SHA-256 of the other side's certificate ("" without TLS).

    Raises `OSError` (no connection), `ssl.SSLError`, `trio.TooSlowError`.
    """
    with trio.fail_after(CONNECT_S_MAX):
        plain = await trio.open_tcp_stream(address.host, address.port)
    if context is None:
        return plain, ""
    secure = trio.SSLStream(plain, context, server_hostname=address.host, https_compatible=True)
    try:
        with trio.fail_after(HANDSHAKE_S_MAX):
            await secure.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(secure)
        if isinstance(error.__cause__, ssl.SSLError):
            raise error.__cause__ from error
        raise ConnectionResetError("the other side aborted the TLS handshake") from error
    except BaseException:
        await trio.aclose_forcefully(secure)
        raise
    return secure, certificate_sha256(secure.getpeercert(binary_form=True) or b"")


def is_refused(error: OSError) -> bool:
    """Whether an address of the host refused the connection."""
    causes = getattr(error.__cause__, "exceptions", (error,))
    return any(isinstance(each, ConnectionRefusedError) for each in causes)


def set_user_timeout(stream: trio.abc.Stream, seconds: float) -> None:
    """Let the system close a connection whose bytes are not acknowledged for so long.

    Without it a vanished host is noticed after minutes. Until then it sends again at least every
    `RESEND_S_MAX`. Where the system has no such options, only the lease tells.
    """
    if isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    if not isinstance(stream, trio.SocketStream) or not sys.platform.startswith("linux"):
        return
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * _MILLISECONDS))
    with suppress(OSError):  # an older kernel doubles its pauses, up to the timeout
        stream.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, int(RESEND_S_MAX * _MILLISECONDS))
