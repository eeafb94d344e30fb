"""The files of a rotated set: in what order they are, and which of them holds what was read.

Names are renamed while they are looked at, so files are opened first and compared with their names
afterwards. What a file is, its first bytes tell: they survive renaming, copying and compressing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from logan.live.files import CompressedFile, Generation, OpenFile, Readable, Replaced, head_of
from logan.sources.olddir import folders_below
from logan.sources.rotation import in_time_order, set_of

__all__ = [
    "GENERATIONS_MAX",
    "Member",
    "copy_of",
    "folders_of",
    "members",
    "modified",
    "siblings",
    "status_of",
    "went_to",
]

GENERATIONS_MAX: Final = 64
"""Files of one log that are looked at, the latest: rotation keeps fewer."""

ATTEMPTS_MAX: Final = 10
"""How often a set is looked at again that is renamed meanwhile."""


@dataclass(slots=True)
class Member:
    """A file of a rotated set, open; `size` is None if it is compressed."""

    file: OpenFile
    generation: Generation
    size: int | None
    compression: str | None

    def is_still_there(self) -> bool:
        """Whether its name still means it."""
        return self.file.is_at(self.file.name)


def siblings(file: OpenFile) -> list[str]:
    """The files of its rotated set, itself included, oldest first, in all of its folders."""
    paths = [each for folder in _folders(file) for each in _of_set(file, folder)]
    return _ordered(paths)[-GENERATIONS_MAX:]


def _folders(file: OpenFile) -> list[str]:
    own = os.path.dirname(file.real)
    return list(dict.fromkeys((own, *(os.path.join(own, each) for each in file.folders))))


def _of_set(file: OpenFile, folder: str) -> list[str]:
    """The files of a folder that are of its set, by their names."""
    base = set_of(os.path.basename(file.real))
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    paths = [os.path.join(folder, each) for each in names if set_of(each) == base]
    if (allowed := file.allowed) is not None:
        paths = [each for each in paths if allowed(os.path.realpath(each))]
    return paths


def _ordered(paths: list[str]) -> list[str]:
    """In the order of rotation, whatever folders they are in."""
    names = in_time_order(sorted({os.path.basename(each) for each in paths}))
    places = {name: place for place, name in enumerate(names)}
    return sorted(paths, key=lambda each: (places[os.path.basename(each)], each))


def went_to(file: OpenFile) -> tuple[str, list[str]] | None:
    """The folder that an open file was moved to, if its set was not looked for there so far, with
    the files of the set that were there before it."""
    folder, name = os.path.split(file.where())
    known = [os.path.realpath(each) for each in _folders(file)]
    if folder in known or set_of(name) != set_of(os.path.basename(file.real)):
        return None
    paths = _ordered(_of_set(file, folder))
    for index, each in enumerate(paths):
        if file.is_at(each):
            return folder, paths[:index]
    # It is gone, or was compressed, which keeps its place among the names.
    place = _ordered([*(os.path.basename(each) for each in paths), name]).index(name)
    return folder, paths[:place]


def folders_of(file: OpenFile) -> list[str]:
    """Folders below that of a log that hold files of its set, and no log of its name."""
    found = folders_below(*os.path.split(file.real))
    return [each for each in found if _of_set(file, each)]


def members(current: OpenFile) -> list[Member]:
    """The set's files, open, oldest first, up to the current one or what it was compressed to.

    None if neither is there: what is older than it cannot be told then. Raises `Replaced` if the
    current one was truncated meanwhile.
    """
    for _ in range(ATTEMPTS_MAX):
        paths = siblings(current)
        found, is_settled = _members(current, paths)
        # A file that was renamed to a new name meanwhile would be missing though all others are
        # where they were, so the names must be the same, too.
        is_settled = is_settled and all(each.is_still_there() for each in found)
        if is_settled and siblings(current) == paths:
            break
        for each in found:  # renamed meanwhile: the names say nothing about the order
            each.file.close()
    else:
        return _members(current, siblings(current))[0]
    return found


def _members(current: OpenFile, paths: Sequence[str]) -> tuple[list[Member], bool]:
    """The members among files; and whether each name led to a file."""
    found: list[Member] = []
    is_settled = True
    own = current.beginning()
    for path in paths:
        try:
            file = OpenFile.open(path, current.allowed)
        except OSError as error:
            is_settled &= not isinstance(error, FileNotFoundError)
            continue
        if file.identity == current.identity:
            file.close()
            return found, is_settled
        try:
            head, size, compression = head_of(f"/dev/fd/{file.fd}")
        except OSError:
            file.close()
            continue
        if compression is not None and own.begins(head, size):
            file.close()
            return found, is_settled
        generation = Generation(head, b"", size or 0)
        found.append(Member(file, generation, size, compression))
    for each in found:
        each.file.close()
    return [], is_settled


def copy_of(old: Generation, current: OpenFile) -> tuple[Readable, Generation] | None:
    """A file that holds what was read, and perhaps more, ready to be read on; with all by which it
    is recognized.

    Plain files first: an archive is complete only when the file that it was made of is deleted.
    """
    if not old.head:
        return None
    for _ in range(ATTEMPTS_MAX):
        places = _places(current)
        found = [copy for path in reversed(places) if (copy := _candidate(path, old, current))]
        for path, head, size, compression in sorted(found, key=lambda each: each[3] is not None):
            file = _at_end_of(old, path, compression, current)
            if file is not None:
                return file, Generation(head, b"", size or 0)
        if _places(current) == places:
            break
    return None


def _places(file: OpenFile) -> dict[str, tuple[int, int] | None]:
    """The files of its set, oldest first, by the names that they have now: in the middle of a
    rotation the same names are soon those of others."""
    found = ((path, status_of(path)) for path in siblings(file))
    return {path: status and (status.st_dev, status.st_ino) for path, status in found}


_Candidate = tuple[str, bytes, int | None, str | None]


def _candidate(path: str, old: Generation, current: OpenFile) -> _Candidate | None:
    """Path, first bytes, size and compression of a file that may hold what was read."""
    if current.is_at(path):
        return None
    try:
        head, size, compression = head_of(path)
    except OSError:
        return None
    if head[: len(old.head)] != old.head or (size is not None and size < old.size):
        return None
    return path, head, size, compression


def _at_end_of(
    old: Generation, path: str, compression: str | None, current: OpenFile
) -> Readable | None:
    """A file, ready to be read from where reading ended; None if it holds something else."""
    place = old.size - len(old.tail)
    file: Readable
    try:
        if compression is None:
            file = OpenFile.open(path, current.allowed)
            file.folders = current.folders
            file.seek(place)
        else:
            file = CompressedFile(path, compression, place)
        if _read_exactly(file, len(old.tail)) == old.tail:
            return file
        file.close()
    except (OSError, Replaced):
        pass
    return None


def _read_exactly(file: Readable, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := file.read(size - len(data))):
        data += piece
    return data


def status_of(path: str) -> os.stat_result | None:
    """None if the path leads nowhere; what cannot be looked at counts as there."""
    try:
        return os.stat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        if error.errno in (errno.EACCES, errno.EPERM):
            return os.stat_result((0,) * 10)
        return None


def modified(path: str, otherwise: float) -> float:
    """When it was last written to; `otherwise` if that cannot be told."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return otherwise
