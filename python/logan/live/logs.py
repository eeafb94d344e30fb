"""From paths and patterns to logs: a rotated set is one log, and new ones may join."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Callable, Iterable, Sequence

from logan.errors import InputError, UsageError
from logan.sources.compression import settled
from logan.sources.discovery import is_url
from logan.sources.hosts import is_remote, parse
from logan.sources.olddir import folders_below
from logan.sources.rotation import in_time_order, set_of

__all__ = ["LOGS_MAX", "PACKED", "RotatedSets", "check", "logs_of", "newest"]

LOGS_MAX = 1_000
"""Each has an open file and a scanner."""

PACKED = (".gz", ".tgz", ".zst", ".zstd", ".bz2", ".tbz2", ".xz", ".txz", ".lz4", ".zip", ".tar")

Current = Callable[[], str | None]
"""Gives the path of a log that is written to now."""


def check(paths: Sequence[str]) -> None:
    """Raises `UsageError`, `InputError` for what cannot be followed, now or later."""
    for path in paths:
        if is_remote(path):
            parse(path)
            continue
        if is_url(path):
            raise UsageError(
                f"{path} cannot be followed: watch reads files and pipes of this machine, and files"
                " of hosts by ssh",
                hint="read it once: logan analyze",
            )
        if not glob.has_magic(path) and path.lower().endswith(PACKED):
            raise UsageError(
                f"{path} is compressed: nothing is added to it any more",
                hint=f"read it once: logan analyze {path}",
            )
        folder = os.path.dirname(path) or "."
        if not glob.has_magic(path) and not os.path.exists(path) and not os.path.isdir(folder):
            raise InputError(
                f"{path} does not exist, and neither does its folder",
                input=path,
                hint="create the folder first, or correct the path",
            )
        _check_name(path)
        if os.path.isfile(path):
            _check_content(path)


def _check_name(path: str) -> None:
    try:
        os.stat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            why = (error.strerror or "not a valid name").lower()
            raise InputError(f"{path} can never be followed: {why}", input=path) from error
    except ValueError as error:
        raise InputError(f"{path!r} is not a valid name: {error}", input=path) from error


def _check_content(path: str) -> None:
    try:
        with open(path, "rb") as file:
            head = file.read(64 * 1024)
    except OSError:
        return  # the follower says so, and waits
    compression, _ = settled(head, lambda most: head)
    if compression is not None:
        raise InputError(
            f"{path} cannot be followed: its content is {compression}",
            input=path,
            hint=f"read it once: logan analyze {path}",
        )


class RotatedSets:
    """Rotated files that a pattern finds in another folder than that of their log: they are part
    of that log, and no log of their own.

    Args:
        folders: to which logs are rotated, besides folders below theirs; relative ones are in that.

    Attributes:
        logs: by the name of each set that was met, the log that it belongs to.
    """

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self.folders = folders
        self.logs: dict[str, str] = {}

    def has(self, name: str, logs: Iterable[str]) -> bool:
        """Whether a set without a file of its own name is of one of these logs. What it was once
        it is for good: its log may be away while it is rotated."""
        if name not in self.logs and (log := self._log_of(name, logs)) is not None:
            self.logs[name] = log
        return name in self.logs

    def _log_of(self, name: str, logs: Iterable[str]) -> str | None:
        folder, base = os.path.split(os.path.abspath(name))
        for log in logs:
            own, last = os.path.split(os.path.abspath(log))
            if last != base or own == folder:
                continue
            named = [os.path.realpath(os.path.join(own, each)) for each in self.folders]
            if folder in folders_below(own, base) or os.path.realpath(folder) in named:
                return log
        return None


def logs_of(
    paths: Sequence[str], rotated: RotatedSets | None = None, followed: Iterable[str] = ()
) -> dict[str, Current]:
    """The logs of these paths as of now, by name; call it again for those that joined.

    A folder means the logs in it, without folders below. Sets of `rotated` are left out; their
    logs are among those found, or `followed`.
    """
    found: dict[str, Current] = {}
    alone: set[str] = set()
    for path in paths:
        if path == "-":
            continue
        pattern = path
        if os.path.isdir(path) and not glob.has_magic(path):
            pattern = os.path.join(glob.escape(path), "*")
        if not glob.has_magic(pattern):
            found.setdefault(path, _always(path))
            continue
        for name, is_there in _sets_of(pattern).items():
            if is_there:
                found.setdefault(name, _always(name))
            elif name not in found:
                found[name] = _newest_of(pattern, *os.path.split(name))
                alone.add(name)
    if rotated is not None:
        logs = [*(each for each in found if each not in alone), *followed]
        for name in alone:
            if rotated.has(name, logs):
                del found[name]
    return found


def _sets_of(pattern: str) -> dict[str, bool]:
    """The rotated sets that a pattern finds, by the name that stands for each, and whether there
    is a file of that name. Sets of compressed files alone are left out."""
    sets: dict[str, list[str]] = {}
    for name in sorted(glob.glob(pattern, recursive=True)):
        if os.path.isfile(name) and not name.lower().endswith(PACKED):
            folder, last = os.path.split(name)
            sets.setdefault(os.path.join(folder, set_of(last)), []).append(name)
    return {name: name in members for name, members in sets.items()}


def newest(pattern: str) -> str | None:
    """The last file, in the order of rotation, that matches a pattern."""
    names = [each for each in glob.glob(pattern, recursive=True) if os.path.isfile(each)]
    plain = [each for each in names if not each.lower().endswith(PACKED)]
    return in_time_order(sorted(plain))[-1] if plain else None


def _always(path: str) -> Current:
    return lambda: path


def _newest_of(pattern: str, folder: str, base: str) -> Current:
    def current() -> str | None:
        names = glob.glob(pattern, recursive=True)
        members = [
            each
            for each in names
            if os.path.dirname(each) == folder
            and set_of(os.path.basename(each)) == base
            and not each.lower().endswith(PACKED)
        ]
        return in_time_order(sorted(members))[-1] if members else None

    return current
