"""How a connection begins: each side proves its identity before anything else is sent.

Both functions use a `Transport` that is being written; what a proof is, `wire.auth` knows. Neither
knows what the peers will do for each other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

import trio

from logan import _logan
from logan.cluster.limits import HANDSHAKE_S_MAX, INTRODUCTION_S_MAX
from logan.cluster.transport import Transport, TransportLostError
from logan.errors import ProtocolError
from logan.wire.auth import NONCE_HEX_CHARS, CoordinatorHandshake, PeerHandshake
from logan.wire.connection import Role, error_message
from logan.wire.messages import PROTOCOL_VERSION, Auth, Challenge, Error, Hello, Welcome

__all__ = ["client_handshake", "server_handshake"]

_Kind = TypeVar("_Kind")


async def server_handshake(
    link: Transport,
    token: bytes | None,
    certificate_sha256: str,
    greeted: Callable[[Hello], None],
    refusal: Callable[[Hello], tuple[str, str] | None],
    welcome: Welcome,
) -> Hello:
    """The coordinator's side of the handshake; returns the authenticated peer's HELLO.

    `greeted` is called when HELLO arrived; `refusal` may return the code and the reason why an
    authenticated peer is refused. The peer is told what is wrong.

    Raises `ProtocolError`, `TransportLostError`, `trio.TooSlowError`.
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


async def client_handshake(
    link: Transport, role: Role, id: str, token: bytes | None, certificate_sha256: str
) -> Welcome:
    """The side of a worker or client; returns the coordinator's WELCOME.

    Raises `ProtocolError`, also if the coordinator refuses us, `TransportLostError`,
    `trio.TooSlowError`.
    """
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
                "the server at that address is not a logan coordinator",
                code=error.code,
                hint="check the host and port given to --coordinator",
            ) from error
        link.post(handshake.answer(challenge))
        return await _expect(link, Welcome)


async def _expect(link: Transport, kind: type[_Kind]) -> _Kind:
    message = await link.receive()
    if message is None:
        raise TransportLostError("the other side closed the connection")
    if isinstance(message, Error):
        raise ProtocolError(message.message, code=message.code)
    if not isinstance(message, kind):
        raise ProtocolError(f"{type(message).__name__} arrived out of order", code="order")
    return message
