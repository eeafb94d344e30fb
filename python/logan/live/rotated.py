"""The files of a rotated set: in what order they are, and which of them holds what was read.

Names are renamed while they are looked at, so files are opened first and compared with their names
afterwards. What a file is, its first bytes tell: they survive renaming, copying and compressing.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Final

from logan.live.files import CompressedFile, Generation, OpenFile, Readable, Replaced, head_of
from logan.sources.rotation import in_time_order, set_of

__all__ = [
    "GENERATIONS_MAX",
    "Member",
    "copy_of",
    "identity_of",
    "members",
    "modified",
    "siblings",
    "status_of",
]

GENERATIONS_MAX: Final = 64
"""Files of one log that are looked at, the latest: rotation keeps fewer."""

ATTEMPTS_MAX: Final = 5
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
        try:
            return identity_of(self.file.name) == self.file.identity
        except OSError:
            return False


def identity_of(path: str) -> tuple[int, int]:
    """Device and inode. Raises `OSError`."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def siblings(file: OpenFile) -> list[str]:
    """The files of its rotated set, itself included, oldest first."""
    folder, name = os.path.split(file.real)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    base = set_of(name)
    paths = [os.path.join(folder, each) for each in names if set_of(each) == base]
    if (allowed := file.allowed) is not None:
        paths = [each for each in paths if allowed(os.path.realpath(each))]
    return in_time_order(paths)[-GENERATIONS_MAX:]


def members(current: OpenFile) -> list[Member]:
    """The set's files, open, oldest first, up to the current one or what it was compressed to.

    None if neither is there: what is older than it cannot be told then. Raises `Replaced` if the
    current one was truncated meanwhile.
    """
    for _ in range(ATTEMPTS_MAX):
        found, is_settled = _members(current)
        if is_settled and all(each.is_still_there() for each in found):
            break
        for each in found:  # renamed meanwhile: the names say nothing about the order
            each.file.close()
    else:
        return _members(current)[0]
    return found


def _members(current: OpenFile) -> tuple[list[Member], bool]:
    """The members; and whether each name led to a file."""
    found: list[Member] = []
    is_settled = True
    own = current.beginning()
    for path in siblings(current):
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
    if not old.size:
        return None
    for _ in range(ATTEMPTS_MAX):
        paths = siblings(current)
        found = [copy for path in reversed(paths) if (copy := _candidate(path, old, current))]
        for path, head, size, compression in sorted(found, key=lambda each: each[3] is not None):
            file = _at_end_of(old, path, compression, current)
            if file is not None:
                return file, Generation(head, b"", size or 0)
        if siblings(current) == paths:
            break
    return None


_Candidate = tuple[str, bytes, int | None, str | None]


def _candidate(path: str, old: Generation, current: OpenFile) -> _Candidate | None:
    """Path, first bytes, size and compression of a file that may hold what was read."""
    try:
        if identity_of(path) == current.identity:
            return None
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
