"""Mutual authentication: both sides prove that they have the same token, without sending it.

Pure: nonces come as arguments (`secrets.token_hex(NONCE_HEX_CHARS // 2)`), so does the token.

HELLO brings the peer's nonce, CHALLENGE the coordinator's and its proof, AUTH the peer's proof. A
proof is the HMAC-SHA256 under the token of: which side proves, the protocol's version, the peer's
role, id and session, both nonces, and the SHA-256 of the coordinator's TLS certificate where there
is one. Each part is preceded by its length, so no two different lists give the same bytes.

What follows from it: a proof is not valid in another connection (fresh nonces), for the other side
(the side is named), for another role, id or session, or through a man in the middle with another
certificate. The coordinator proves itself first, so an impostor learns nothing but a nonce; any
client can obtain the coordinator's proof and test guesses against it, hence `TOKEN_BYTES_MIN`.

Without a token both proofs are empty. That works only if neither side has one: a side with a token
refuses an empty proof, one without refuses any other.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from logan.errors import ProtocolError
from logan.wire.messages import PROTOCOL_VERSION, Auth, Challenge, Hello

__all__ = [
    "NONCE_HEX_CHARS",
    "TOKEN_BYTES_MIN",
    "CoordinatorHandshake",
    "PeerHandshake",
    "proof",
]

NONCE_HEX_CHARS: Final = 64
"""Hex digits of a nonce: 256 random bits never repeat."""

TOKEN_BYTES_MIN: Final = 16
"""Guesses can be tried offline against a CHALLENGE; 16 random characters are out of reach."""

TOKEN_BYTES_MAX: Final = 4096
"""A token is a line, not a file."""

_NONCE: Final = re.compile(f"[0-9a-f]{{{NONCE_HEX_CHARS}}}")


def proof(
    token: bytes | None, side: str, hello: Hello, nonce: str, certificate_sha256: str = ""
) -> str:
    """What `side` ("coordinator" or "peer") must show; 64 hex characters, or "" without a token.

    `nonce` is the coordinator's; `certificate_sha256` the hex digest of its certificate (DER).
    """
    if token is None:
        return ""
    parts = (
        "logan",
        str(PROTOCOL_VERSION),
        side,
        hello.role,
        hello.id,
        hello.session,
        hello.nonce,
        nonce,
        certificate_sha256,
    )
    text = b"".join(len(part).to_bytes(4, "big") + part for part in map(str.encode, parts))
    return hmac.new(token, text, hashlib.sha256).hexdigest()


class CoordinatorHandshake:
    """The coordinator's side of one connection. `nonce` must be fresh; each step works once."""

    def __init__(self, token: bytes | None, *, nonce: str, certificate_sha256: str = "") -> None:
        _check_token(token)
        _check_own(nonce)
        self._token = token
        self._nonce: str | None = nonce
        self._certificate = certificate_sha256
        self._expected: str | None = None

    def challenge(self, hello: Hello) -> Challenge:
        """The answer to HELLO. Raises `ProtocolError` for a nonce that is none or our own."""
        nonce, self._nonce = self._nonce, None
        if nonce is None:
            raise ProtocolError("a second HELLO", code="auth")
        _check_nonce(hello.nonce, nonce)
        self._expected = proof(self._token, "peer", hello, nonce, self._certificate)
        return Challenge(nonce, proof(self._token, "coordinator", hello, nonce, self._certificate))

    def verify(self, auth: Auth) -> None:
        """Judge AUTH. Raises `ProtocolError` with code "auth"; there is no second try."""
        expected, self._expected = self._expected, None
        if expected is None:
            raise ProtocolError("AUTH without a challenge", code="auth")
        if not _same(auth.proof, expected):
            if self._token is not None and not auth.proof:
                raise ProtocolError(
                    "this coordinator asks for a token",
                    code="auth",
                    hint="give --token-file or LOGAN_TOKEN",
                )
            raise ProtocolError("the token is not the coordinator's", code="auth")


class PeerHandshake:
    """The side of a worker or client, for one connection; `hello` holds its fresh nonce."""

    def __init__(self, token: bytes | None, hello: Hello, *, certificate_sha256: str = "") -> None:
        _check_token(token)
        _check_own(hello.nonce)
        self._token = token
        self._hello: Hello | None = hello
        self._certificate = certificate_sha256

    def answer(self, challenge: Challenge) -> Auth:
        """The answer to CHALLENGE, once the coordinator has proved itself.

        Raises:
            ProtocolError: code "auth"; not a coordinator with our token. Nothing was given away.
        """
        hello, self._hello = self._hello, None
        if hello is None:
            raise ProtocolError("a second CHALLENGE", code="auth")
        _check_nonce(challenge.nonce, hello.nonce)
        sealed = self._certificate
        expected = proof(self._token, "coordinator", hello, challenge.nonce, sealed)
        if not _same(challenge.proof, expected):
            if self._token is None:
                message, hint = (
                    "the coordinator asks for a token",
                    "give --token-file or LOGAN_TOKEN",
                )
            elif not challenge.proof:
                message, hint = (
                    "the coordinator has no token, so its identity cannot be verified",
                    "start it with the same --token-file, or drop the token here",
                )
            else:
                message, hint = (
                    "the coordinator has another token",
                    "compare the token files of both sides",
                )
            raise ProtocolError(message, code="auth", hint=hint)
        return Auth(proof(self._token, "peer", hello, challenge.nonce, sealed))


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("ascii"))


def _check_nonce(theirs: str, ours: str) -> None:
    if not _NONCE.fullmatch(theirs):
        raise ProtocolError(f"a nonce has {NONCE_HEX_CHARS} hex digits", code="auth")
    if hmac.compare_digest(theirs, ours):
        raise ProtocolError("the nonce is our own", code="auth")


def _check_own(nonce: str) -> None:
    if not _NONCE.fullmatch(nonce):
        raise ValueError(f"a nonce has {NONCE_HEX_CHARS} hex digits")


def _check_token(token: bytes | None) -> None:
    if token is not None and not TOKEN_BYTES_MIN <= len(token) <= TOKEN_BYTES_MAX:
        raise ValueError(f"a token has from {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} bytes")
