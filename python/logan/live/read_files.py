"""How far each file of a log was read, with the bytes by which it is found again.

Positions are of bytes as they were read: whatever becomes of the file afterwards, be it truncated
within the same moment, they stay true.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from logan.limits import CONTENT_EDGE_BYTES
from logan.live.files import OpenFile, Readable
from logan.state.positions import Position

__all__ = ["ReadFile", "hash_of", "position_of"]


@dataclass(slots=True)
class ReadFile:
    """How far a file was read and counted, with the bytes by which it is found again.

    `line` and `line_tail` are of the last newline that was counted, `end` and `tail` of what was
    read.
    """

    file: Readable
    log: str | None = None
    head: bytes = b""
    end: int = 0
    tail: bytes = b""
    line: int = 0
    line_tail: bytes = b""
    row: Position | None = None

    def took(self, data: bytes, end: int) -> bool:
        """Note what was read of it; whether a line is unfinished."""
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

    def ended(self) -> None:
        """Its last line went on elsewhere, or will not be finished: all of it counts."""
        self.line, self.line_tail = self.end, self.tail

    def go_to(self, end: int) -> None:
        """All up to `end` was read elsewhere."""
        size = min(CONTENT_EDGE_BYTES, end)
        self.head = os.pread(self.file.fd, size, 0)
        self.tail = os.pread(self.file.fd, size, end - size)
        self.end = end


def position_of(file: ReadFile, name: str) -> Position:
    """The position of a file: the last one's where it is closed and nothing was read of it."""
    assert file.log is not None
    row = file.row
    if file.file.fd < 0 and row is not None and row.offset == file.line:
        return row
    path, inode, stored = name, (0, 0), (0, 0)
    if file.file.fd >= 0:
        status = os.fstat(file.file.fd)
        inode, stored = (status.st_dev, status.st_ino), (status.st_size, status.st_mtime_ns)
        path = _path_of(file.file)
    elif row is not None:
        path, inode, stored = row.path, row.inode, row.stored
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
