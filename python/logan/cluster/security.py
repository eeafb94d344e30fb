"""Tokens, TLS, and which addresses may be used without them.

Knows nothing of messages and of files that may be read (`sources.roots`); `wire.auth` does the
proving.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shlex
import ssl
import stat
from collections.abc import Mapping
from typing import Final, NoReturn

from logan.errors import UsageError
from logan.wire.auth import TOKEN_BYTES_MAX, TOKEN_BYTES_MIN

__all__ = [
    "TOKEN_VARIABLE",
    "certificate_sha256",
    "check_exposure",
    "client_context",
    "is_loopback",
    "read_token",
    "server_context",
]

TOKEN_VARIABLE: Final = "LOGAN_TOKEN"

# --- Tokens ------------------------------------------------------------------------------------


def read_token(
    path: str | None, environ: Mapping[str, str], *, of_peer: bool = False
) -> bytes | None:
    """The token of the file, else of the variable LOGAN_TOKEN, else None. White space around it
    does not count. `of_peer`: workers and clients are told to copy a token, not to make one.

    Raises:
        UsageError: the file cannot be read, others may read it, or it holds no fit token.
    """
    if path is not None:
        return _fit_token(_read_secret(path, of_peer), f"the token in {path}", path, of_peer)
    if TOKEN_VARIABLE in environ:
        return _fit_token(os.fsencode(environ[TOKEN_VARIABLE]), TOKEN_VARIABLE, "token", of_peer)
    return None


def _read_secret(path: str, of_peer: bool) -> bytes:
    try:
        # Not blocking: a FIFO would make us wait for ever before we could refuse it.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"the token file {path!r} cannot be read: {why}", hint=_get_token(path, of_peer)
        ) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(
                f"the token file {path} is not a regular file", hint=_get_token(path, of_peer)
            )
        if status.st_mode & 0o077:
            raise UsageError(
                f"the token file {path} is open to other users "
                f"(mode {stat.S_IMODE(status.st_mode):04o}; it must be 0600)",
                hint=f"chmod 600 {shlex.quote(path)}",
            )
        if status.st_uid not in (os.geteuid(), 0):
            raise UsageError(
                f"the token file {path} belongs to another user",
                hint=f"have one of your own: {_get_token(path, of_peer)}",
            )
        return os.read(fd, TOKEN_BYTES_MAX + 2)
    finally:
        os.close(fd)


def _fit_token(data: bytes, name: str, path: str, of_peer: bool) -> bytes:
    token = data.strip()
    if not TOKEN_BYTES_MIN <= len(token) <= TOKEN_BYTES_MAX:
        size = "is too long" if len(token) > TOKEN_BYTES_MAX else f"has {len(token)} characters"
        raise UsageError(
            f"{name} {size}; it must have from {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}",
            hint=_get_token(path, of_peer),
        )
    return token


def _get_token(path: str, of_peer: bool) -> str:
    if of_peer:
        return f"copy the coordinator's token file to {path}, mode 0600"
    return f"(umask 077; openssl rand -hex 32 > {shlex.quote(path)})"


# --- Addresses and TLS -------------------------------------------------------------------------


def is_loopback(host: str) -> bool:
    """Whether only this machine can be at `host`. Other names than localhost are not looked up."""
    name = host.strip("[]")
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, *, token: bool, tls: bool, insecure: bool) -> None:
    """Refuse to listen on, or connect to, another machine's reach without protection.

    Raises:
        UsageError: `host` is not loopback, and a token or TLS is missing, and not `insecure`.
    """
    if insecure or is_loopback(host) or (token and tls):
        return
    absent = [name for name, there in (("a token", token), ("TLS", tls)) if not there]
    missing = f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing"
    raise UsageError(
        f"{host or 'every address'} can be reached from other machines, and {missing}",
        hint="give --token-file and --tls-cert with --tls-key (coordinator) or --tls-ca (worker, "
        "client); or --insecure if everyone on this network may read the logs",
    )


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS for the coordinator; both are names of PEM files. Raises `UsageError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # No renegotiation and no compression: both were ways in before.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        # An empty password: a key that has one fails rather than asks on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        _tls_fault(f"--tls-cert {certificate} with --tls-key {key}", error)
    return context


def client_context(authority: str) -> ssl.SSLContext:
    """TLS for workers and clients: only certificates that `authority` (a PEM file) signed, for the
    host that was asked for. Raises `UsageError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_verify_locations(cafile=authority)
    except (OSError, ValueError) as error:
        _tls_fault(f"--tls-ca {authority}", error)
    return context


def certificate_sha256(certificate: str | bytes) -> str:
    """Hex digest that `wire.auth` binds proofs to: of a PEM file's first certificate (by name), or
    of a certificate as bytes (DER, what `getpeercert(True)` gives). Raises `UsageError`."""
    if isinstance(certificate, bytes):
        return hashlib.sha256(certificate).hexdigest()
    try:
        with open(certificate, encoding="ascii", errors="replace") as file:
            text = file.read(1 << 20)
        begin, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER)
        der = ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])
    except (OSError, ValueError) as error:
        _tls_fault(f"--tls-cert {certificate}", error)
    return hashlib.sha256(der).hexdigest()


def _tls_fault(what: str, error: Exception) -> NoReturn:
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    raise UsageError(
        f"{what}: {why}", hint="they must be PEM files, the key without a password"
    ) from error
