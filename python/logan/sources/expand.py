"""Patterns and folders: from what the user named to the files that are meant.

`logs/**/*.gz` in quotes is expanded here as a shell would, sorted with numbers as numbers. A
folder means the logs below it: what is hidden, empty, binary, of no known format or no file at all
is left out there, and said; a file that was named or matched is never left out silently. Links to
folders are followed, each folder is entered once, so loops end. Members of a rotated set come
oldest first.

Looks at names and kinds alone; what is in a file is `logan.sources`'s concern.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from logan.errors import UsageError
from logan.limits import FOLDER_ENTRIES_MAX, INPUTS_PER_JOB_MAX
from logan.sources import rotation

__all__ = ["WITHOUT_PERMISSION", "Folder", "Named", "expand", "is_url"]

WITHOUT_PERMISSION: Final = "without permission"
"""Why something in a folder is left out that this user may not look at."""

_MARKS = frozenset("*?[")


@dataclass(slots=True)
class Folder:
    """A folder that was named: what of it is left out, and why, or why it could not be listed."""

    path: str
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    error: OSError | None = None

    def skip(self, why: str, name: str) -> None:
        """Leave out `name` for the reason `why`."""
        self.skipped[why] += 1
        self.examples.setdefault(why, []).append(name)


@dataclass(frozen=True, slots=True)
class Named:
    """One path to read, and the folder in which it was found, if it was not named itself."""

    path: str
    folder: Folder | None = None


def is_url(path: str) -> bool:
    """Whether `path` is read from a server."""
    scheme, mark, _ = path.partition("://")
    return bool(mark) and scheme.isalnum() and not os.path.exists(path)


def expand(paths: Iterable[str]) -> tuple[list[Named], list[Folder]]:
    """All files meant by `paths`, in order, and the folders among them.

    A pattern that matches nothing stays as it is. Raises `UsageError` for more than
    `INPUTS_PER_JOB_MAX` files.
    """
    named: list[Named] = []
    folders: list[Folder] = []
    for path in paths:
        if path == "-" or is_url(path):
            named.append(Named(path))
        elif os.path.isdir(path):
            folder = Folder(path)
            folders.append(folder)
            found = sorted(_walk(folder), key=rotation.natural)
            named.extend(Named(each, folder) for each in found)
        else:
            named.extend(Named(each) for each in _matches(path))
        if len(named) > INPUTS_PER_JOB_MAX:
            raise UsageError(
                f"more than {INPUTS_PER_JOB_MAX:,} inputs do not fit into one report",
                hint="analyse them in groups, or as one stream: cat … | logan analyze -",
            )
    folder_of = {each.path: each.folder for each in reversed(named)}
    ordered = rotation.in_time_order([each.path for each in named])
    return [Named(path, folder_of[path]) for path in ordered], folders


def _matches(path: str) -> list[str]:
    """What a pattern stands for; the path itself where it is none, or nothing matches."""
    if not _MARKS.intersection(path) or os.path.lexists(path) or "\0" in path:
        return [path]
    found = [each for each in glob.iglob(path, recursive=True) if not os.path.isdir(each)]
    return sorted(found, key=rotation.natural) or [path]


def _walk(folder: Folder) -> Iterator[str]:
    """Every file below `folder` that is not hidden."""
    waiting = [folder.path]
    entered: set[tuple[int, int]] = set()
    entries = 0
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            listed = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            if current == folder.path:
                folder.error = error
            else:
                folder.skip(_unreadable(error), current)
            continue
        entries += len(listed)
        if entries > FOLDER_ENTRIES_MAX:
            raise UsageError(
                f"{folder.path}: more than {FOLDER_ENTRIES_MAX:,} files",
                hint="name a folder further down, or a pattern",
            )
        for entry in listed:
            if entry.name.startswith("."):
                folder.skip("hidden", entry.path)
                continue
            try:
                mode = entry.stat().st_mode
            except OSError as error:
                lost = error.errno in (errno.ENOENT, errno.ELOOP)
                folder.skip("leading nowhere" if lost else _unreadable(error), entry.path)
                continue
            if stat.S_ISDIR(mode):
                waiting.append(entry.path)
            elif stat.S_ISREG(mode):
                yield entry.path
            else:
                folder.skip("not a file", entry.path)


def _unreadable(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return WITHOUT_PERMISSION
    return f"unreadable: {error.strerror or error}"
