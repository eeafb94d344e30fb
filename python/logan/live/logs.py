"""From paths and patterns to logs: a rotated set is one log, and new ones may join."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Callable, Sequence

from logan.errors import InputError, UsageError
from logan.sources.compression import settled
from logan.sources.discovery import is_url
from logan.sources.hosts import is_remote, parse
from logan.sources.rotation import in_time_order, set_of

__all__ = ["LOGS_MAX", "PACKED", "check", "logs_of", "newest"]

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


def logs_of(paths: Sequence[str]) -> dict[str, Current]:
    """The logs of these paths as of now, by name; call it again for those that joined.

    A folder means the logs in it, without folders below.
    """
    found: dict[str, Current] = {}
    for path in paths:
        if path == "-":
            continue
        pattern = path
        if os.path.isdir(path) and not glob.has_magic(path):
            pattern = os.path.join(glob.escape(path), "*")
        if not glob.has_magic(pattern):
            found.setdefault(path, _always(path))
            continue
        sets: dict[tuple[str, str], list[str]] = {}
        for name in sorted(glob.glob(pattern, recursive=True)):
            if os.path.isfile(name):
                folder, last = os.path.split(name)
                sets.setdefault((folder, set_of(last)), []).append(name)
        for (folder, base), members in sets.items():
            plain = [each for each in members if not each.lower().endswith(PACKED)]
            if not plain:
                continue
            stands_for_set = os.path.join(folder, base)
            if stands_for_set in plain:
                found.setdefault(stands_for_set, _always(stands_for_set))
            else:
                found.setdefault(stands_for_set, _newest_of(pattern, folder, base))
    return found


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
