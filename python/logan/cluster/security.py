"""What keeps strangers out: tokens, TLS, addresses that may be used bare, and folders that may be
read.

Knows nothing of messages; `wire.auth` does the proving. A peer is in the threat model even when it
has the token: a coordinator may be told to read any path, a worker too, so both read only below
their roots, through `Roots`.

How `Roots` holds under attack. A name is resolved (`..` is refused, symbolic links are followed)
and must then lie below a root. It is opened component by component from the root down without
following links, so a link that is swapped in after the check makes the opening fail, not
escape. What was opened must be a regular file. `Opened.path` then names that very open file, for
whoever wants a path; `resolve` alone is a check of this moment.
"""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import ipaddress
import os
import re
import shlex
import ssl
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NoReturn, Self

from logan.errors import InputError, UsageError
from logan.limits import INPUTS_PER_JOB_MAX
from logan.sources.discovery import is_url
from logan.sources.files import input_error, working_directory
from logan.sources.url_roots import UrlRoots
from logan.wire.auth import TOKEN_BYTES_MAX, TOKEN_BYTES_MIN

__all__ = [
    "TOKEN_VARIABLE",
    "Opened",
    "Roots",
    "certificate_sha256",
    "check_exposure",
    "client_context",
    "is_loopback",
    "open_regular",
    "read_token",
    "server_context",
]

TOKEN_VARIABLE: Final = "LOGAN_TOKEN"

ENTRIES_PER_SEARCH_MAX: Final = 1_000_000
"""Names that one search looks at: a minute of a cold disk, and more than a log folder has."""

ERRORS_PER_SEARCH_MAX: Final = 100
"""Folders without permission that are named; nobody reads on."""

PATTERN_COMPONENTS_MAX: Final = 64
"""Deeper patterns are mistakes; the time per name grows with it."""

PATH_BYTES_MAX: Final = 4_096
"""PATH_MAX of Linux: a longer name cannot be opened anyway."""


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
                f"the token file {path} is no regular file", hint=_get_token(path, of_peer)
            )
        if status.st_mode & 0o077:
            raise UsageError(
                f"the token file {path} is open to other users "
                f"(mode {stat.S_IMODE(status.st_mode):04o}, 0600 is due)",
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
            f"{name} {size}, from {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} are due",
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
        "client); or --insecure if everybody on this network may read the logs",
    )


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """TLS for the coordinator; both are names of PEM files. Raises `UsageError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Nobody should renegotiate, and nobody needs compression: both were ways in before.
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
        f"{what}: {why}", hint="PEM files are due, the key without a password"
    ) from error


# --- Folders that may be read ------------------------------------------------------------------

_NEVER: Final = ("/proc", "/sys", "/dev")
"""Not logs, though some look like regular files; only a root in there opens them."""


@dataclass(slots=True)
class Opened:
    """An open regular file below a root. A context manager; leaving it closes the file.

    Attributes:
        fd: its descriptor, for reading by offset.
        name: its resolved name, for people.
        path: what to give to code that opens a path itself: this very file, whatever happens to
            its name meanwhile. Good until the file is closed.
    """

    fd: int
    name: str

    @property
    def path(self) -> str:
        link = f"/proc/self/fd/{self.fd}"
        # Elsewhere than on Linux the name must do.
        return link if os.path.exists(link) else self.name

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Roots:
    """The folders below which files may be read, by default the working directory; and the URLs
    below which objects on servers may be, by default none.

    Names are paths, absolute or relative to a root; of several roots the first that has the file
    counts. Every method raises `InputError` for a name that may not or cannot be read; what lies
    outside the roots is refused in the same words whether it exists or not.

    Attributes:
        urls: the roots on servers.
    """

    def __init__(self, folders: Sequence[str] = (".",), *, owner: str = "worker") -> None:
        """`owner`: the command that has these roots, for messages.

        Raises `UsageError` for a folder or URL that is not valid, and for a folder that is relative
        to a working directory that was deleted.
        """
        self._given: list[str] = []
        self._roots: list[str] = []
        self.urls = UrlRoots((each for each in folders if is_url(each)), owner=owner)
        for folder in folders:
            if is_url(folder):
                continue
            given = folder if os.path.isabs(folder) else os.path.join(working_directory(), folder)
            real = os.path.realpath(given)
            if not os.path.isdir(real):
                raise UsageError(f"--root {folder} is no folder", hint="check the path")
            self._given.append(os.path.abspath(given))
            self._roots.append(real)

    def __repr__(self) -> str:
        return f"Roots({self._roots!r})"

    def allows(self, url: str) -> bool:
        """Whether an object on a server lies below a root that is a URL."""
        return self.urls.allows(url)

    def resolve(self, url: str) -> str:
        """The resolved absolute path of a regular file below a root, as of this moment."""
        with self.open(url) as opened:
            return opened.name

    def has_folder(self, path: str) -> bool:
        """Whether it is a folder, and a root or below one."""
        try:
            return _kind(self._confine(path)[0]) == "folder"
        except InputError:
            return False

    def open(self, url: str) -> Opened:
        """Open a regular file below a root for reading."""
        real, root = self._confine(url)
        try:
            return Opened(_open_below(root, real), real)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self._outside(url) from error
            raise input_error(url, error) from error

    def search(self, patterns: Iterable[str]) -> tuple[list[str], list[str]]:
        """Regular files below the roots that match a pattern, resolved and sorted; and what went
        wrong on the way, in words.

        `*`, `?` and `[…]` stand for parts of a name, `**` for any number of folders; none of them
        for a leading dot. A pattern is absolute or relative to each root.
        """
        found: set[str] = set()
        errors: list[str] = []
        for pattern in patterns:
            try:
                search = _Search(self, pattern)
            except InputError as error:
                errors.append(error.message)
                continue
            for given, root in zip(self._given, self._roots, strict=True):
                for path in search.below(root, given):
                    if len(found) >= INPUTS_PER_JOB_MAX:
                        errors.append(f"{pattern}: more than {INPUTS_PER_JOB_MAX:,} files match")
                        return sorted(found), errors
                    found.add(path)
            errors += search.errors
        return sorted(found), errors

    def find(self, real: str) -> str | None:
        """The root that a resolved path lies below, if any."""
        for root in self._roots:
            if _is_below(real, root):
                pseudo = any(_is_below(real, p) and not _is_below(root, p) for p in _NEVER)
                return None if pseudo else root
        return None

    def _confine(self, url: str) -> tuple[str, str]:
        """The resolved path and its root."""
        _check_name(url)
        first: tuple[str, str] | None = None
        for base in ("",) if os.path.isabs(url) else self._roots:
            try:
                real = os.path.realpath(os.path.join(base, url))
            except OSError as error:  # a link that vanished between two looks at it
                raise input_error(url, error) from error
            root = self.find(real)
            if root is None:
                continue
            if os.path.lexists(real):
                return real, root
            first = first or (real, root)
        if first is None:
            raise self._outside(url)
        return first

    def _outside(self, url: str) -> InputError:
        return InputError(
            f"{_printable(url)} lies outside the folders that may be read here",
            input=url,
            kind="permission",
            hint="allow it with --root FOLDER where the file is to be read",
        )


class _Search:
    """One pattern, as a small automaton over the components of a path.

    A state is how many components of the pattern were matched; `**` matches none or more, so
    several states can hold at once.
    """

    def __init__(self, roots: Roots, pattern: str) -> None:
        _check_name(pattern)
        self.errors: list[str] = []
        self._roots = roots
        self._pattern = pattern
        self._absolute = os.path.isabs(pattern)
        self._parts = [part for part in pattern.split("/") if part not in ("", ".")]
        if len(self._parts) > PATTERN_COMPONENTS_MAX:
            raise InputError(
                f"{_printable(pattern)}: a pattern has at most {PATTERN_COMPONENTS_MAX} components",
                input=pattern,
            )
        self._matchers = [re.compile(fnmatch.translate(part)) for part in self._parts]
        self._entries_left = ENTRIES_PER_SEARCH_MAX

    def below(self, root: str, given: str) -> Iterator[str]:
        """Resolved files below `root`, which the user may have called `given`."""
        states = self._closure({0})
        if self._absolute:
            reached = [self._walk_down(states, path) for path in {root, given}]
            states = frozenset().union(*reached)
        seen: set[tuple[str, frozenset[int]]] = set()
        todo = [(root, states)]
        while todo:
            folder, states = todo.pop()
            if not states or (folder, states) in seen:
                continue
            seen.add((folder, states))
            for name in self._names(folder):
                after = self._step(states, name)
                if not after:
                    continue
                try:
                    path = os.path.realpath(os.path.join(folder, name))
                except OSError:
                    continue  # it vanished
                if self._roots.find(path) is None:
                    continue  # a link out: as if it were not there
                kind = _kind(path)
                if kind == "folder":
                    # Links to folders are entered by name only, as shells do: `**` would go round.
                    if os.path.islink(os.path.join(folder, name)):
                        after = self._step(states, name, deeper=False)
                    todo.append((path, after))
                elif kind == "file" and len(self._parts) in after:
                    yield path

    def _names(self, folder: str) -> list[str]:
        names = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if self._entries_left == 0:
                        self.errors.append(
                            f"{_printable(self._pattern)}: given up after "
                            f"{ENTRIES_PER_SEARCH_MAX:,} names; give a narrower pattern"
                        )
                    self._entries_left -= 1
                    if self._entries_left < 0:
                        break
                    names.append(entry.name)
        except OSError as error:
            if len(self.errors) < ERRORS_PER_SEARCH_MAX:
                self.errors.append(f"{_printable(folder)}: {error.strerror or error}")
        return names

    def _walk_down(self, states: frozenset[int], path: str) -> frozenset[int]:
        for name in path.split("/"):
            if name:
                states = self._step(states, name)
        return states

    def _step(self, states: frozenset[int], name: str, *, deeper: bool = True) -> frozenset[int]:
        """The states behind `name`; `deeper`: `**` may go on below it."""
        after = set()
        for state in states:
            if state == len(self._parts):
                continue
            part = self._parts[state]
            if name.startswith(".") and not part.startswith("."):
                continue
            if part == "**":
                if deeper:
                    after.add(state)
            elif self._matchers[state].match(name):
                after.add(state + 1)
        return self._closure(after)

    def _closure(self, states: set[int]) -> frozenset[int]:
        for state in sorted(states):
            at = state
            while at < len(self._parts) and self._parts[at] == "**":
                at += 1
                states.add(at)
        return frozenset(states)


def _open_below(root: str, real: str) -> int:
    """Open `real`, which has no links, from `root` down without following any. Raises `OSError`."""
    folders = os.path.relpath(real, root).split("/")
    name = folders.pop()
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for folder in folders:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(folder, flags, dir_fd=at)
            os.close(at)
            at = below
        # Asked before opening, since to open a device may already do something; and after it.
        _check_regular(os.stat(name, dir_fd=at, follow_symlinks=False))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=at)
    finally:
        os.close(at)
    try:
        _check_regular(os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def open_regular(path: str) -> Opened:
    """Open a regular file by its name, for who may read any. Raises `InputError`, also for what
    would have to be waited for, such as a FIFO that has come in its place."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        _check_regular(os.stat(path))
        fd = os.open(path, flags)
        try:
            _check_regular(os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise input_error(path, error) from error
    return Opened(fd, path)


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    raise OSError(errno.EINVAL, "not a regular file")


def _kind(path: str) -> str:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return "gone"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def _check_name(url: str) -> None:
    if not url or "\0" in url or not _encodes(url) or len(os.fsencode(url)) > PATH_BYTES_MAX:
        raise InputError(f"{_printable(url)} is no path", input=url, kind="missing")
    if ".." in url.split("/"):
        raise InputError(
            f"{_printable(url)}: '..' is not taken from other machines",
            input=url,
            kind="permission",
            hint="name the file by its path below the root",
        )


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def _printable(text: str) -> str:
    shown = os.fsencode(text).decode("utf-8", "replace") if _encodes(text) else ascii(text)
    clean = "".join(char if char.isprintable() else "\ufffd" for char in shown)
    return clean if len(clean) <= 200 else clean[:199] + "…"


def _encodes(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True
