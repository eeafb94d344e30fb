"""Where the live page is served, and to whom: settings and their checks, without a web server."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import stat
from dataclasses import dataclass
from typing import Final

from logan.errors import UsageError
from logan.live import PAGE_ADDRESS

__all__ = ["Serving", "settings_of"]

TOKEN_CHARS_MIN: Final = 16
TOKEN_BYTES_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class Serving:
    """Settings of the page.

    Attributes:
        token: what viewers must know; None if all who reach the address may look.
    """

    host: str
    port: int
    token: str | None
    cert: str | None
    key: str | None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return _is_loopback(self.host)


def settings_of(
    address: str,
    *,
    token_file: str | None,
    cert: str | None,
    key: str | None,
    insecure: bool,
) -> Serving:
    """Check what was asked for.

    Raises `UsageError`: the address is not valid, the page would be open to others, the token is
    not secret, or the web server is not installed.
    """
    host, port = _address(address)
    if (cert is None) != (key is None):
        raise UsageError("--serve-cert and --serve-key belong together", hint="give both")
    token = None if token_file is None else _token(token_file)
    if not _is_loopback(host):
        if token is None:
            raise UsageError(
                f"others can reach {host}: the page needs a token",
                hint="--serve-token-file FILE, with a token of 16 characters or more",
            )
        if cert is None and not insecure:
            raise UsageError(
                f"others can reach {host}: the page needs TLS",
                hint="--serve-cert and --serve-key, or --insecure on a network that you trust",
            )
    for name in ("starlette", "hypercorn"):
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"--serve needs {name}", hint="pip install 'logan-analyzer[web]'")
    return Serving(host, port, token, cert, key)


def _address(text: str) -> tuple[str, int]:
    default = PAGE_ADDRESS.rpartition(":")
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = (default[0], text) if text.isdecimal() else (text, default[2])
    host = host.strip("[]") or default[0]
    if not port.isdecimal() or not 0 <= int(port) < 65_536:
        raise UsageError(
            f"cannot parse --serve {text!r}: expected HOST:PORT, such as {PAGE_ADDRESS}"
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token(path: str) -> str:
    try:
        status = os.stat(path)
        with open(path, "rb") as file:
            token = file.read(TOKEN_BYTES_MAX).decode().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"cannot read the token in {path}: {why}") from error
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        raise UsageError(f"{path} can be read by others", hint=f"chmod 600 {path}")
    if len(token) < TOKEN_CHARS_MIN:
        raise UsageError(
            f"the token in {path} is shorter than {TOKEN_CHARS_MIN} characters",
            hint=f"openssl rand -hex 24 > {path}",
        )
    return token
