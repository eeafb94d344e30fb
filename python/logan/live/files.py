"""One file of a log while it is read: plain, growing, cut short under the reader, or compressed.

A plain file is read through a descriptor that stays open, so that renaming or deleting it loses
nothing. That it was truncated and has grown again past the old offset shows in the bytes before
the offset and in its first bytes, which are read again together with what is new.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Final, NamedTuple, Protocol

from logan import _logan
from logan.errors import InputError

__all__ = [
    "HEAD_BYTES_MAX",
    "TAIL_BYTES_MAX",
    "Allowed",
    "CompressedFile",
    "Edges",
    "Generation",
    "Given",
    "OpenFile",
    "Readable",
    "Replaced",
    "head_of",
]

HEAD_BYTES_MAX: Final = 4096
"""By so many first bytes a file is known again, under whatever name."""

TAIL_BYTES_MAX: Final = 256
"""So many bytes before the offset are compared whenever more is read."""

SHORT_HEAD_BYTES: Final = 64
"""A shorter beginning proves little; the length must then agree, too."""

PIECE_BYTES: Final = 256 * 1024


Allowed = Callable[[str], bool]
"""Whether the file of a path without links may be read."""


class Edges(NamedTuple):
    """The first bytes of a file, and the last ones before some place: see `OpenFile.edges_at`."""

    head: bytes
    tail: bytes


class Replaced(Exception):
    """The file no longer holds what was read of it: it was truncated or rewritten."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What is known of a file that was read: by this it is recognized in copies.

    Attributes:
        head: its first bytes, at most `HEAD_BYTES_MAX`.
        tail: the last bytes before `size`.
        size: how many of its bytes were read.
    """

    head: bytes
    tail: bytes
    size: int

    def begins(self, head: bytes, size: int | None) -> bool:
        """Whether a file with these first bytes is this one or a copy; `size` if it is known."""
        common = min(len(head), len(self.head))
        if common == 0 or head[:common] != self.head[:common]:
            return False
        if common >= SHORT_HEAD_BYTES:
            return True
        # What is compressed is as long as its first bytes, if these are so few.
        return len(head) <= len(self.head) if size is None else size == self.size


class Readable(Protocol):
    """A file of a log that is read in pieces.

    Attributes:
        position: of the byte that is read next, decoded.
        content: stands for what the file holds: another object once it was truncated, the same one
            for a copy of it.
        fd: its descriptor; negative once it is closed.
    """

    name: str
    identity: tuple[int, int]
    position: int
    content: object

    @property
    def fd(self) -> int: ...

    def read(self, most: int) -> bytes:
        """The next bytes; none if there are none now. Raises `OSError`, `Replaced`."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Given:
    """Which bytes of which file a reader gave: `end` is one past the last of them."""

    file: Readable
    content: object
    end: int


@dataclass(slots=True)
class OpenFile:
    """A plain file, read from `position` on; `real` is its path without links. If it is `allowed`
    that decides by its path without links which files of its set may be opened, too. `folders` are
    those that its set is rotated to, besides its own."""

    name: str
    fd: int
    identity: tuple[int, int]
    real: str
    position: int = 0
    head: bytes = b""
    tail: bytes = b""
    was_cut: bool = False
    allowed: Allowed | None = None
    folders: Sequence[str] = ()
    content: object = field(default_factory=object)

    @classmethod
    def open(cls, path: str, allowed: Allowed | None = None) -> OpenFile:
        """Raises `OSError`; also for what is not a regular file, or not `allowed`."""
        # Looked at first: a pipe that is opened has its writer go on, and a tape may rewind.
        _check_kind(path, os.stat(path))
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            _check_kind(path, status)
            real = os.path.realpath(path)
            if allowed is not None and not (allowed(real) and allowed(_opened(fd, real))):
                raise PermissionError(1, "it is outside of what may be read", path)
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd, (status.st_dev, status.st_ino), real, allowed=allowed)

    def bytes_before(self, position: int, most: int) -> bytes:
        """At most so many bytes that end at `position`, wherever it is read now."""
        size = min(most, position)
        return self._pread(size, position - size)

    def is_at(self, path: str) -> bool:
        """Whether a path leads to it now."""
        try:
            status = os.stat(path)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self.identity

    def where(self) -> str:
        """The path that it has now, or had before it was deleted, as far as the system tells."""
        try:
            return os.readlink(f"/proc/self/fd/{self.fd}").removesuffix(" (deleted)")
        except OSError:
            return self.real

    def seek(self, position: int) -> None:
        """Go on at `position`, as if what comes before had been read."""
        self.go_on(position, *self.edges_at(position))

    def edges_at(self, position: int) -> Edges:
        """By what it is seen, once it is read up to `position`, whether it is still the same."""
        return Edges(*self.edges(position, HEAD_BYTES_MAX, TAIL_BYTES_MAX))

    def remember(self, edges: Edges) -> None:
        """What is read next is what began so when it was looked at."""
        self.head = edges.head

    def holds(self, position: int, edges: Edges) -> bool:
        """Whether it has these edges there, and still what was read of it."""
        before = len(self.tail)
        try:
            return (
                self.edges_at(position) == edges
                and edges.head.startswith(self.head)
                and self._pread(before, self.position - before) == self.tail
                and self.size >= position
            )
        except OSError:
            return False

    def edges(self, position: int, head_most: int, tail_most: int) -> tuple[bytes, bytes]:
        """At most so many first bytes, and so many before `position`, as they are now; fewer if
        the file is shorter."""
        head = self._pread(min(head_most, position), 0)
        return head, self.bytes_before(position, tail_most)

    def go_on(self, position: int, head: bytes, tail: bytes) -> None:
        """Go on at `position`, what comes before having been these bytes."""
        self.head = head[:HEAD_BYTES_MAX]
        self.tail = tail[-TAIL_BYTES_MAX:]
        self.position = position

    @property
    def size(self) -> int:
        """Its size now."""
        return os.fstat(self.fd).st_size

    @property
    def generation(self) -> Generation:
        """By what it is recognized."""
        return Generation(self.head, self.tail, self.position)

    def beginning(self) -> Generation:
        """What it holds now, be it read or not. Raises `Replaced` if that is not what was read."""
        try:
            now = Generation(self._pread(HEAD_BYTES_MAX, 0), b"", self.size)
        except OSError:
            return self.generation
        if now.size < self.position or not now.head.startswith(self.head):
            raise Replaced
        return now

    def read(self, most: int) -> bytes:
        """The next bytes; none at its end."""
        fresh = self._pread(most, self.position)
        # Only now: what was read is the file's if it is still the same afterwards.
        before = len(self.tail)
        if self._pread(before, self.position - before) != self.tail:
            raise Replaced
        if not fresh:
            return b""
        if self.head and self._pread(len(self.head), 0) != self.head:
            raise Replaced
        if self.was_cut and self.position == 0 and fresh[:1] == b"\0":
            return self._behind_hole(most)
        self._advance(fresh)
        return fresh

    def restart(self) -> None:
        """It was truncated: read it from its beginning."""
        self.position, self.head, self.tail, self.was_cut = 0, b"", b"", True
        self.content = object()

    def close(self) -> None:
        """Let go of it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _advance(self, fresh: bytes) -> None:
        if len(self.head) < HEAD_BYTES_MAX and self.position == len(self.head):
            self.head += fresh[: HEAD_BYTES_MAX - len(self.head)]
        self.tail = (self.tail + fresh[-TAIL_BYTES_MAX:])[-TAIL_BYTES_MAX:]
        self.position += len(fresh)

    def _behind_hole(self, most: int) -> bytes:
        """A writer that does not append goes on at its old offset: zeros come before."""
        with contextlib.suppress(OSError):
            self.position = os.lseek(self.fd, 0, os.SEEK_DATA)
        while True:
            data = self._pread(PIECE_BYTES, self.position)
            text = data.lstrip(b"\0")
            self.position += len(data) - len(text)
            if text:
                text = text[:most]
                self.tail = text[-TAIL_BYTES_MAX:]
                self.position += len(text)
                return text
            if not data:
                return b""

    def _pread(self, size: int, offset: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (part := os.pread(self.fd, size, offset)):
            parts.append(part)
            size, offset = size - len(part), offset + len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_kind(path: str, status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(mode), "a device")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", path)


def _opened(fd: int, otherwise: str) -> str:
    """The path of an open file, which a link that was swapped in cannot change."""
    try:
        path = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return otherwise
    # A file that was renamed or deleted since is the one that its name meant.
    return path if os.path.isabs(path) and not path.endswith(" (deleted)") else otherwise


class CompressedFile:
    """What a compressed file of a log decodes to, from `position` on.

    Attributes:
        head: its first bytes, if it was read from there; `recent`: those that were read last.
    """

    def __init__(self, path: str, compression: str, position: int = 0) -> None:
        self.name = path
        self._file: IO[bytes] = open(path, "rb")  # noqa: SIM115
        status = os.fstat(self._file.fileno())
        self.identity = status.st_dev, status.st_ino
        self._pieces = _decoded(self._file, compression)
        self._kept = b""
        self.head = b""
        self.recent = b""
        self.position = position
        self.content = object()
        self._skip(position)

    @property
    def fd(self) -> int:
        """The descriptor of the stored bytes."""
        return -1 if self._file.closed else self._file.fileno()

    def _skip(self, position: int) -> None:
        while position > 0:
            piece = next(self._pieces, b"")
            if not piece:
                return
            self._take_head(piece[:position])
            self.recent = (self.recent + piece[:position])[-TAIL_BYTES_MAX:]
            if len(piece) > position:
                self._kept = piece[position:]
            position -= len(piece)

    def read(self, most: int) -> bytes:
        """The next decoded bytes; none at the end. Raises `OSError`."""
        if not self._kept:
            self._kept = next(self._pieces, b"")
        data, self._kept = self._kept[:most], self._kept[most:]
        if data:
            self._take_head(data)
            self.position += len(data)
            self.recent = self.recent[-TAIL_BYTES_MAX:] + data
        return data

    def _take_head(self, data: bytes) -> None:
        if len(self.head) < HEAD_BYTES_MAX:
            self.head += data[: HEAD_BYTES_MAX - len(self.head)]

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def head_of(path: str, most: int = HEAD_BYTES_MAX) -> tuple[bytes, int | None, str | None]:
    """The first bytes of a log file, decoded, its size if it is plain, and its compression.

    Raises `OSError`.
    """
    _check_kind(path, os.stat(path))
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        _check_kind(path, status)
        head = os.pread(fd, max(most, 1024), 0)
    finally:
        os.close(fd)
    compression = _logan.compression(head)
    if compression not in _DECODABLE:
        return head[:most], status.st_size, None
    file = CompressedFile(path, compression)
    try:
        decoded = b""
        while len(decoded) < most and (piece := file.read(most - len(decoded))):
            decoded += piece
    finally:
        file.close()
    return decoded, None, compression


_DECODABLE: Final = ("gzip", "bzip2", "xz", "zstd", "lz4")


def _decoded(file: IO[bytes], compression: str) -> Iterator[bytes]:
    """Decoded pieces; they end where the file is damaged or not yet whole. Raises `OSError`."""
    try:
        # It opens the file anew, which may have another name by now.
        decoder = _logan.Decoder(f"/dev/fd/{file.fileno()}", compression)
        while piece := decoder.read():
            yield piece
    except InputError as error:
        raise OSError(errno.EIO, str(error), file.name) from None
    except ValueError:
        return
