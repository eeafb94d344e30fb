"""Regular files on this machine: what they are, their identity, and samples of their content.

Knows nothing of formats: it hands out samples and leaves judging them to the caller. Errors name
the path and the next step.

A caller that may not read files by their names passes an `Opener`, which opens a file once and
gives the path of that very file; `by_name` is the one that opens nothing.

A sample is the head of the file and a few places further in, evenly spread, each cut to whole
lines, so a format that starts halfway through a file is seen too.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from logan import _logan
from logan._logan import Cancel
from logan.errors import CancelledError, InputError, UsageError
from logan.limits import SAMPLE_HEAD_BYTES_MAX, SAMPLE_PLACE_BYTES_MAX, SAMPLE_PLACES_MAX
from logan.model import Source
from logan.sources.compression import MAGIC_BYTES, decoded_sample, settled, written_ns
from logan.sources.descriptors import READ_FLAGS, read_at
from logan.sources.pieces import inner_lines, leading_lines

__all__ = [
    "SIZELESS",
    "Opener",
    "Place",
    "by_name",
    "changes_since",
    "identity",
    "input_error",
    "is_regular",
    "layouts",
    "open_file",
    "sample",
    "without_folder",
    "working_directory",
]


SIZELESS: Final = "sizeless"
"""The kind of the error about a file whose size is not that of its content."""


class Place(Protocol):
    """Where a file is read.

    Attributes:
        path: what to give to code that opens a path.
        name: what the file is called.
    """

    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...


Opener = Callable[[str], AbstractContextManager[Place]]
"""Gives the place of a file that goes by a name, good until the context is left. Raises
`InputError`."""


@dataclass(frozen=True, slots=True)
class _Named:
    path: str

    @property
    def name(self) -> str:
        return self.path


@contextmanager
def by_name(path: str) -> Iterator[Place]:
    """The place of a file that is read by its name."""
    yield _Named(path)


def identity(path: str) -> tuple[int, int]:
    """Device and inode: equal for two names of one file. Raises `InputError`."""
    status = _stat(path)
    return status.st_dev, status.st_ino


def is_regular(path: str) -> bool:
    """Whether `path` has a size and offsets. Raises `InputError`, also for a folder."""
    mode = _stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise input_error(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    return stat.S_ISREG(mode)


def open_file(path: str) -> tuple[Source, list[tuple[int, bytes]]]:
    """The source that `path` is now, and samples (offset, bytes) of it.

    Of a compressed file the sample is decoded.

    Raises:
        InputError: it cannot be read; of kind `SIZELESS` if it holds more, or less, than its size
            says. So do files that a kernel makes up when they are read (in /proc the size is 0, in
            /sys that of a page), and those of some network file systems: they can be read to their
            end, but not by offsets.
    """
    try:
        told = os.stat(path).st_size
        looked_at = min(told, MAGIC_BYTES)
        if len(_head(path, looked_at or 1)) != looked_at:
            raise InputError(
                f"{os.fsencode(path).decode('utf-8', 'replace')} does not have its reported size,"
                f" {told:,} bytes: it can only be read to its end, not in chunks",
                input=path,
                kind=SIZELESS,
                hint="run logan analyze where it is",
            )
        fingerprint = _logan.Fingerprint.of(path)
        size = fingerprint.size
        head = _head(path, min(size, MAGIC_BYTES))
        compression, head = settled(head, lambda length: _head(path, min(size, length)))
        if compression is None:
            samples = sample(path, size)
        else:
            samples = [(0, decoded_sample(head, compression))]
    except OSError as error:
        raise input_error(path, error) from error
    source = Source(
        path,
        size,
        fingerprint.to_json(),
        fingerprint.mtime_ns,
        compression=compression,
        written_ns=None if compression is None else written_ns(head, compression),
        content=None if compression is not None else fingerprint.content,
    )
    return source, samples


def content_of(fingerprint: str | None, compression: str | None) -> str | None:
    """`Source.content` of a file elsewhere, by the JSON of its fingerprint; None if it does not
    tell."""
    if fingerprint is None or compression is not None:
        return None
    try:
        return _logan.Fingerprint.from_json(fingerprint).content
    except ValueError:
        return None


def _head(path: str, length: int) -> bytes:
    # Some files that a kernel makes up would wait for what they have not got yet.
    fd = os.open(path, READ_FLAGS)
    try:
        return _read_at(fd, 0, length)
    finally:
        os.close(fd)


def sample(path: str, size: int) -> list[tuple[int, bytes]]:
    """Whole lines from the head of the first `size` bytes and, in larger files, further in."""
    places = SAMPLE_PLACES_MAX
    with open(path, "rb", buffering=0) as file:
        if size <= SAMPLE_HEAD_BYTES_MAX + places * SAMPLE_PLACE_BYTES_MAX:
            data = _read_at(file.fileno(), 0, size)
            return [(0, data)] if data else []
        head = _read_at(file.fileno(), 0, SAMPLE_HEAD_BYTES_MAX)
        samples = [(0, leading_lines(head))]
        stride = (size - SAMPLE_HEAD_BYTES_MAX) // places
        for place in range(places):
            offset = SAMPLE_HEAD_BYTES_MAX + (place + 1) * stride - SAMPLE_PLACE_BYTES_MAX
            data = _read_at(file.fileno(), offset, SAMPLE_PLACE_BYTES_MAX)
            if inner := inner_lines(data):
                samples.append((offset + inner[0], data[slice(*inner)]))
    return samples


def layouts(path: str, size: int, *, cancel: Cancel | None = None) -> dict[str, Any]:
    """Where in the first `size` bytes of a file `#Fields:` lines change its columns.

    Raises `InputError`; one that is canceled gives what the spec of a stream has, for nothing
    of the file will be read.
    """
    try:
        found: dict[str, Any] = json.loads(_logan.layouts(path, size, cancel=cancel))
    except OSError as error:
        raise input_error(path, error) from error
    except CancelledError:
        return {"fields": [], "changes": []}
    except ValueError as error:
        raise InputError(str(error), input=path, kind="layouts") from error
    return found


def changes_since(source: Source, opened: Opener = by_name) -> list[str]:
    """Notes about a file that was written to after the plan was made, though not in its range."""
    another = "another file had its name when the analysis ended; the planned bytes were read"
    try:
        with opened(source.url) as place:
            status = os.stat(place.path)
    except (OSError, InputError) as error:
        if isinstance(error, InputError) and error.kind != "missing":
            return [another]
        return ["its name was gone when the analysis ended; the planned bytes were read"]
    if source.fingerprint is not None:
        planned = json.loads(source.fingerprint)
        if (status.st_dev, status.st_ino) != (planned["device"], planned["inode"]):
            return [another]
    size = source.size or 0
    if status.st_size > size:
        grown = status.st_size - size
        return [f"grew by {grown:,} bytes during the analysis; they were not analyzed"]
    if status.st_size == size and status.st_mtime_ns != source.mtime_ns:
        return ["its modification time moved during the analysis, its size did not"]
    return []


def input_error(path: str, error: OSError) -> InputError:
    """`error` in words that name the path and the next step."""
    name = os.fsencode(path).decode("utf-8", "replace")
    quoted = shlex.quote(name)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            if (gone := without_folder(path)) is not None:
                return gone
            pattern = any(mark in path for mark in "*?[")
            return InputError(
                f"{name}: no such file",
                input=path,
                kind="missing",
                hint="no file matches this pattern" if pattern else "check the path",
            )
        case errno.EISDIR:
            return InputError(
                f"{name} is a folder",
                input=path,
                kind="folder",
                hint=f"name the files in it: logan analyze {quoted.rstrip('/')}/*.log",
            )
        case errno.EACCES | errno.EPERM:
            return InputError(
                f"{name}: no permission to read it",
                input=path,
                kind="permission",
                hint=f"read it as a user with permission: sudo cat {quoted} | logan analyze -",
            )
    reason = error.strerror or str(error)
    return InputError(f"{name}: {reason}", input=path, kind="unreadable")


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise input_error(path, error) from error
    except ValueError as error:
        raise InputError(
            f"{path!r} is not a valid path: {error}", input=path, kind="missing"
        ) from error


def _read_at(fd: int, offset: int, length: int) -> bytes:
    """Up to `length` bytes at `offset`; fewer only where the file ends."""
    pieces = []
    while length > 0:
        try:
            piece = read_at(fd, length, offset)
        except BlockingIOError:
            break
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)


def working_directory() -> str:
    """The absolute path of the process's working directory.

    Raises:
        UsageError: it has been deleted, so that relative names mean nothing.
    """
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise UsageError(
            f"the working directory {_deleted_directory()} has been deleted",
            hint="cd to a folder that exists, then run the command again",
        ) from error


def _deleted_directory() -> str:
    """The name that the working directory had, as far as that is known."""
    try:
        return os.readlink("/proc/self/cwd").removesuffix(" (deleted)")
    except OSError:  # there is no /proc elsewhere than on Linux; shells leave a variable
        return os.environ.get("PWD", "")


def without_folder(path: str) -> InputError | None:
    """The error about a relative path, if the working directory has been deleted."""
    if os.path.isabs(path):
        return None
    try:
        working_directory()
    except UsageError as error:
        name = os.fsencode(path).decode("utf-8", "replace")
        return InputError(f"{name}: {error}", input=path, kind="missing", hint=error.hint)
    return None
