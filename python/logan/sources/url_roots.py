"""Prefixes of URLs below which objects may be read, when another machine says what to read.

A URL is compared as the server would read it: scheme, host, port and decoded components of the
path. A URL that clients and servers may read in different ways is not below a root: one with `.` or
`..` as a component (however often it is encoded), a backslash or a control character. Knows
nothing of requests; `web` applies it to each redirect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from logan.errors import InputError, UsageError

__all__ = ["UrlRoots", "is_outside", "shown"]

URL_BYTES_MAX: Final = 8 * 1024
"""Longer than any server accepts; the time to decode one grows with it."""

DECODINGS_MAX: Final = 4
"""How often a path is decoded to see what it hides: proxies in a row each decode it once."""

_PORTS: Final = {"http": 80, "https": 443}
_SAME_STORE: Final = {"s3a": "s3"}

_OUTSIDE: Final = "is not below a root of"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a URL leads: `server` tells apart what may be different servers or buckets."""

    server: tuple[str, ...]
    path: tuple[bytes, ...]


class UrlRoots:
    """URLs below which objects may be read; without any, none may.

    A root is a folder: `s3://bucket/log` has what is below `s3://bucket/log/`, and neither
    `s3://bucket/log` itself nor `s3://bucket/logs-secret`. What follows a `?` in a URL (a
    signature) makes no difference, nor do user and password in `http(s)://`.

    Attributes:
        given: the roots, as they were given.

    Args:
        owner: the command that has these roots, for messages.
    """

    def __init__(self, urls: Iterable[str] = (), *, owner: str = "worker") -> None:
        """Raises `UsageError` for a root that is not a plain URL."""
        self.given = tuple(urls)
        self._owner = owner
        self._roots = [_root(url) for url in self.given]

    def allows(self, url: str) -> bool:
        """Whether the object at `url` is below a root."""
        return self.root_of(url) is not None

    def root_of(self, url: str) -> str | None:
        """The root that the object at `url` is below; None if there is none."""
        place = _place(url)
        for given, root in zip(self.given, self._roots, strict=True):
            if (
                place is not None
                and place.server == root.server
                and len(place.path) > len(root.path)
                and place.path[: len(root.path)] == root.path
            ):
                return given
        return None

    def refusal(self, url: str, *, from_url: str | None = None) -> InputError:
        """That `url` is not read, to which `from_url` redirects if it is given."""
        name = shown(url)
        # A person copies this: the folder of what was asked for, not one above it.
        folder = name[: name.rfind("/") + 1] or name
        by = f"{shown(from_url)} redirects to " if from_url is not None else ""
        return InputError(
            f"{by}{name}{', which' if by else ''} {_OUTSIDE} the {self._owner}",
            input=from_url or url,
            kind="permission",
            hint=f"give it one: logan {self._owner} --root {folder}",
        )


def shown(url: str) -> str:
    """`url` without what may be secret: user, password, query; nor what a terminal would obey."""
    plain = url.partition("?")[0].partition("#")[0]
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    # Whom ssh logs in as is no secret, and makes a difference.
    user = host.rpartition("@")[0].partition(":")[0] if scheme.lower() == "ssh" else ""
    host = f"{user}{'@' if user else ''}{host.rpartition('@')[2]}"
    text = f"{scheme.lower()}{mark}{host}{slash}{path}" if mark else plain
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def is_outside(why: str) -> bool:
    """Whether a sentence is that of `UrlRoots.refusal`, which is not about credentials."""
    return _OUTSIDE in why


def _root(url: str) -> _Place:
    place = _place(url)
    parts = urlsplit(url) if place is not None else None
    if place is None or parts is None or parts.query or parts.fragment:
        raise UsageError(
            f"--root {shown(url)} is not a URL without '..', '?' and '#'",
            hint="write it like s3://bucket/logs/, https://logs.example/ or ssh://web1/var/log/",
        )
    path = place.path[:-1] if place.path and not place.path[-1] else place.path
    return _Place(place.server, path)


def _place(url: str) -> _Place | None:
    """Where a URL leads; None for what is not a URL, or may be read as another one."""
    if len(url) > URL_BYTES_MAX or url != url.strip() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        scheme = _SAME_STORE.get(parts.scheme, parts.scheme)
        is_web = scheme in _PORTS
        port = parts.port or _PORTS[scheme] if is_web else 0
    except ValueError:
        return None
    if not parts.netloc or (is_web and not parts.hostname):
        return None
    # Stores name buckets and containers there, in which case matters.
    server = (scheme, parts.hostname or "", str(port)) if is_web else (scheme, parts.netloc)
    path = parts.path.encode("utf-8", "surrogateescape")
    if (is_web and b"\\" in path) or "\\" in parts.netloc or _hides_folder(path):
        return None
    # All paths begin with a slash, or are empty.
    return _Place(server, tuple(unquote_to_bytes(each) for each in path.split(b"/")[1:]))


def _hides_folder(path: bytes) -> bool:
    """Whether some reading of `path` has a component that leads elsewhere."""
    for _ in range(DECODINGS_MAX):
        components = path.replace(b"\\", b"/").split(b"/")
        # Some servers cut parameters off: `..;x` is `..` to them.
        if any(each.partition(b";")[0].strip() in (b".", b"..") for each in components):
            return True
        if any(byte < 0x20 or byte == 0x7F for byte in path):
            return True
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return False
        path = decoded
    return True
