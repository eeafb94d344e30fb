"""The folders and URLs below which files may be read, when a name comes from another machine.

A peer is in the threat model even when it has the token: a coordinator may be asked to read any
path, a worker too, so both read only below their roots. Knows nothing of tokens, connections and
messages.

How `Roots` holds under attack. A name is resolved (`..` is refused, symbolic links are followed)
and must then lie below a root. It is opened component by component from the root down without
following links, so a link that is swapped in after the check makes the opening fail, not
escape. What was opened must be a regular file. `Opened.path` then names that very open file, for
code that needs a path; `resolve` alone is a check of this moment.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from logan.errors import InputError, UsageError
from logan.limits import INPUTS_PER_JOB_MAX
from logan.sources.discovery import is_url
from logan.sources.files import input_error, working_directory
from logan.sources.globs import Glob, States
from logan.sources.url_roots import UrlRoots

__all__ = ["Opened", "Roots", "check_patterns", "open_regular"]

ENTRIES_PER_SEARCH_MAX: Final = 1_000_000
"""Names that one search looks at: a minute of a cold disk, and more than a log folder has."""

ERRORS_PER_SEARCH_MAX: Final = 100
"""Unreadable folders that are listed; users do not read longer lists."""

PATTERN_COMPONENTS_MAX: Final = 64
"""Deeper patterns are mistakes; the time per name grows with it."""

PATH_BYTES_MAX: Final = 4_096
"""PATH_MAX of Linux: a longer name cannot be opened anyway."""

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

    def __exit__(self, *_: object) -> None:
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
                raise UsageError(f"--root {folder} is not a folder", hint="check the path")
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

    def search(
        self, patterns: Iterable[str], *, keeps_links: bool = False
    ) -> tuple[list[str], list[str]]:
        """Regular files below the roots that match a pattern, resolved and sorted; and what went
        wrong on the way, in words. If it `keeps_links`, a link that leads to a file which matches
        by no name of its own is given instead of that file.

        `*`, `?` and `[…]` stand for parts of a name, `**` for any number of folders; none of them
        for a leading dot. A pattern is absolute or relative to each root.
        """
        found: set[str] = set()
        links: dict[str, str] = {}
        errors: list[str] = []
        for pattern in patterns:
            try:
                search = _Search(self, pattern)
            except InputError as error:
                errors.append(error.message)
                continue
            for given, root in zip(self._given, self._roots, strict=True):
                for path, name in search.below(root, given):
                    if len(found) + len(links) >= INPUTS_PER_JOB_MAX:
                        errors.append(f"{pattern}: more than {INPUTS_PER_JOB_MAX:,} files match")
                        return _named(found, links), errors
                    if keeps_links and path != name:
                        links[path] = min(name, links.get(path, name))
                    else:
                        found.add(path)
            errors += search.errors
        return _named(found, links), errors

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders, as they were given, absolute."""
        return tuple(self._given)

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
    """The files that one pattern from another machine matches below the roots."""

    def __init__(self, roots: Roots, pattern: str) -> None:
        parts = _parts_of(pattern)
        self.errors: list[str] = []
        self._roots = roots
        self._pattern = pattern
        self._absolute = os.path.isabs(pattern)
        self._glob = Glob(parts)
        self._entries_left = ENTRIES_PER_SEARCH_MAX

    def below(self, root: str, given: str) -> Iterator[tuple[str, str]]:
        """Files below `root`, which the user may have called `given`: each resolved, and by its
        name, which may be a link, in a resolved folder."""
        states = self._glob.start
        if self._absolute:
            reached = [
                self._glob.walk(states, filter(None, path.split("/"))) for path in {root, given}
            ]
            states = frozenset().union(*reached)
        seen: set[tuple[str, States]] = set()
        todo = [(root, states)]
        while todo:
            folder, states = todo.pop()
            if not states or (folder, states) in seen:
                continue
            seen.add((folder, states))
            for name in self._names(folder):
                after = self._glob.step(states, name)
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
                        after = self._glob.step(states, name, deeper=False)
                    todo.append((path, after))
                elif kind == "file" and self._glob.is_match(after):
                    yield path, os.path.join(folder, name)

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


def _named(found: set[str], links: Mapping[str, str]) -> list[str]:
    """What was found, with the links that lead to what is not."""
    return sorted(found | {name for path, name in links.items() if path not in found})


def _parts_of(pattern: str) -> list[str]:
    """The components of a pattern. Raises `InputError` for one that is not valid."""
    _check_name(pattern)
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if len(parts) > PATTERN_COMPONENTS_MAX:
        raise InputError(
            f"{_printable(pattern)}: a pattern has at most {PATTERN_COMPONENTS_MAX} components",
            input=pattern,
        )
    return parts


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
    """Open a regular file by its name, for a caller that is not confined to roots. Raises
    `InputError`, also for what could block, such as a FIFO that has taken its place."""
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


def check_patterns(patterns: Iterable[str], *, packed: tuple[str, ...] = ()) -> None:
    """Raise `UsageError` for a pattern of files on workers that no worker can ever match: `packed`
    are endings of compressed files, where these are left out."""
    for pattern in patterns:
        shown = _printable(pattern)
        why = None
        if not any(part not in ("", ".") for part in pattern.split("/")):
            why = "names no file"
        elif ".." in pattern.split("/"):
            why = "has '..' in it, and workers read only below their roots"
        elif is_url(pattern):
            why = "is a URL, and workers look for files of their own"
        elif packed and pattern.lower().endswith(packed):
            why = "is of compressed files, to which nothing is added any more"
        if why is None:
            try:
                _parts_of(pattern)
            except InputError as error:
                raise UsageError(f"--on-workers {error.message}", hint=_PATTERN_HINT) from error
            continue
        raise UsageError(f"--on-workers {shown!r} {why}", hint=_PATTERN_HINT)


_PATTERN_HINT: Final = (
    "give a pattern that is absolute or below a worker's --root, such as '/var/log/nginx/*.log'"
)


def _check_name(url: str) -> None:
    if not url or "\0" in url or not _encodes(url) or len(os.fsencode(url)) > PATH_BYTES_MAX:
        raise InputError(f"{_printable(url)} is not a valid path", input=url, kind="missing")
    if ".." in url.split("/"):
        raise InputError(
            f"{_printable(url)}: '..' is not accepted from other machines",
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
