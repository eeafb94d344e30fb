"""How far each file of a log was read, with the bytes by which it is found again.

Positions are of bytes as they were read: whatever becomes of the file afterwards, be it truncated
within the same moment, they stay true.
"""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass

from logan.limits import CONTENT_EDGE_BYTES
from logan.live.files import OpenFile, Readable
from logan.state.positions import Position

__all__ = ["ReadFile", "hash_of", "position_of"]


_Where = tuple[str, tuple[int, int], tuple[int, int]]
"""Path, device and inode, size and time of modification."""


@dataclass(slots=True)
class ReadFile:
    """How far a file was read and counted, with the bytes by which it is found again.

    `line` and `line_tail` are of the last newline that was counted, `end` and `tail` of what was
    read.
    """

    file: Readable
    content: object
    log: str | None = None
    head: bytes = b""
    end: int = 0
    tail: bytes = b""
    line: int = 0
    line_tail: bytes = b""
    row: Position | None = None
    where: _Where | None = None

    @property
    def is_open(self) -> bool:
        """Whether its file is, and still holds what was read."""
        return self.file.fd >= 0 and self.file.content is self.content

    def took(self, data: bytes, end: int) -> bool:
        """Note what was read of it; whether a line is unfinished."""
        self.look()
        if end - len(data) > self.end:  # a hole was skipped
            self.go_to(end - len(data))
        fresh = data[: end - self.end]
        self.head += fresh[: CONTENT_EDGE_BYTES - len(self.head)]
        newline = fresh.rfind(b"\n") + 1
        if newline:
            self.line = self.end + newline
            self.line_tail = (self.tail + fresh[:newline])[-CONTENT_EDGE_BYTES:]
        self.tail = (self.tail + fresh[-CONTENT_EDGE_BYTES:])[-CONTENT_EDGE_BYTES:]
        self.end = end
        return self.line < self.end

    def look(self) -> None:
        """Note where it is, as far as that can be told."""
        if self.is_open:
            status = os.fstat(self.file.fd)
            inode, stored = (status.st_dev, status.st_ino), (status.st_size, status.st_mtime_ns)
            self.where = _path_of(self.file), inode, stored

    def ended(self) -> None:
        """Its last line went on elsewhere, or will not be finished: all of it counts."""
        self.line, self.line_tail = self.end, self.tail

    def go_to(self, end: int) -> None:
        """All up to `end` was read elsewhere."""
        size = min(CONTENT_EDGE_BYTES, end)
        self.head = os.pread(self.file.fd, size, 0)
        self.tail = os.pread(self.file.fd, size, end - size)
        self.end = end

    @classmethod
    def counted(cls, file: OpenFile, row: Position) -> ReadFile | None:
        """A file of which all up to a position was counted, which goes on there; None if it does
        not hold that, or not any more. All of what is found out is of the same bytes."""
        size = min(CONTENT_EDGE_BYTES, row.offset)
        try:
            head, tail = file.edges(row.offset, size, size)
        except OSError:
            return None
        if (hash_of(head), hash_of(tail)) != (row.head, row.tail):
            return None
        file.go_on(row.offset, head, tail)
        end = row.offset
        return cls(file, file.content, row.log, head, end, tail, line=end, line_tail=tail, row=row)


def position_of(file: ReadFile, name: str) -> Position:
    """The position of a file: the last one's where it is closed and nothing was read of it."""
    assert file.log is not None
    row = file.row
    if not file.is_open and row is not None and row.offset == file.line:
        return row
    file.look()
    path, inode, stored = file.where or (name, (0, 0), (0, time.time_ns()))
    head = hash_of(file.head[: min(CONTENT_EDGE_BYTES, file.line)])
    is_plain = isinstance(file.file, OpenFile)
    return Position(
        *(file.log, name, path, file.line, head, hash_of(file.line_tail), inode, stored),
        complete=is_plain and stored[0] == file.line,
    )


def _path_of(file: Readable) -> str:
    """Where an open file is now, as far as the system tells."""
    try:
        found = os.readlink(f"/proc/self/fd/{file.fd}")
        return found.removesuffix(" (deleted)")
    except OSError:
        return os.path.realpath(file.name)


def hash_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
