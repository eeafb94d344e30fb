"""How far a log was counted, and whether a file is that log, be it renamed, copied or compressed.

A log is known by its content: the hash of the first 4 KiB and of the 4 KiB before the counted
offset. A file that is long enough and has both is its continuation; names and inodes only say where
to look first.

A position says that the bytes of a content up to an offset are counted. That stays true whatever
becomes of the files that hold it, so a position is replaced only by one further on of the same
content, and dropped only when no file holds it any more.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from logan import _logan
from logan.errors import InputError
from logan.limits import CONTENT_EDGE_BYTES
from logan.sources.compression import compression_of
from logan.sources.files import input_error

__all__ = ["LogFile", "Position", "decoded_pieces"]

_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log was counted.

    Attributes:
        log: which log it is, for all of its life: "12 /var/log/app.log".
        name: the log's name when it was first seen.
        path: the file that it was in at last.
        offset: decoded bytes counted, up to the beginning of a line or the end of the log.
        head: hash of the first 4 KiB, or of all that was counted if that is less.
        tail: hash of the 4 KiB before `offset`, or of all before it.
        inode: device and inode of the file; a hint.
        stored: size and modification time (ns) of the file when it was read, by which one that is
            complete is known without decoding it.
        complete: the file was read to its end.
    """

    log: str
    name: str
    path: str
    offset: int
    head: str
    tail: str
    inode: tuple[int, int]
    stored: tuple[int, int]
    complete: bool


class LogFile:
    """A file that may be a log that was counted before. Closed by `close`."""

    def __init__(self, path: str, *, any_text: bool = False) -> None:
        """Raises `InputError`. With `any_text` all text in a container is part of the log, as where
        a format is forced."""
        self.path = path
        self.any_text = any_text
        try:
            self._file: IO[bytes] = open(path, "rb", buffering=0)  # noqa: SIM115
            status = os.fstat(self._file.fileno())
            self.inode = status.st_dev, status.st_ino
            self.stored = status.st_size, status.st_mtime_ns
            self.compression = compression_of(os.pread(self._file.fileno(), 1 << 16, 0))
        except OSError as error:
            raise input_error(path, error) from error
        self._length: int | None = status.st_size if self.compression is None else None
        self._beginning: bytes | None = None
        self._opened_with = self._plain_edges()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def is_unchanged(self) -> bool:
        """Whether it still holds what it held when it was opened. An archive is never truncated:
        one that is still being written has no end yet, so it has no lines."""
        return self.compression is not None or (
            self._opened_with is not None and self._plain_edges() == self._opened_with
        )

    def _plain_edges(self) -> tuple[str, str] | None:
        """`edges` of what a plain file held when it was opened; None if that is gone."""
        if self.compression is not None:
            return None
        try:
            return self.edges(self.stored[0])
        except InputError:
            return None

    @property
    def beginning(self) -> bytes:
        """The first bytes, at most `CONTENT_EDGE_BYTES`, as far as they can be decoded."""
        if self._beginning is None:
            self._beginning = self._read_beginning()
        return self._beginning

    def _read_beginning(self) -> bytes:
        size = CONTENT_EDGE_BYTES
        data = b""
        try:
            if self.compression is None:
                return os.pread(self._file.fileno(), min(size, self.stored[0]), 0)
            for piece in decoded_pieces(self.path, self.compression, any_text=self.any_text):
                data += piece
                if len(data) >= size:
                    break
        except (OSError, ValueError):
            pass  # not complete: this is what there is
        return data[:size]

    def begins(self, other: LogFile) -> bool:
        """Whether all that it holds is the beginning of `other`, or all of it.

        An archive that is not yet complete is judged by its first bytes.
        """
        head = self.beginning
        if not head or other.beginning[: len(head)] != head:
            return False
        try:
            size = self.length()
        except (OSError, EOFError, ValueError):
            return True
        try:
            return size <= other.length() and self.edges(size) == other.edges(size)
        except (InputError, OSError, EOFError, ValueError):
            return False

    @property
    def is_compressed(self) -> bool:
        """Whether offsets are not those of the stored bytes."""
        return self.compression is not None

    def holds(self, position: Position) -> bool:
        """Whether it is the log of a position, as far as that was counted.

        An archive that is damaged or not yet complete holds nothing.
        """
        if self.compression is None and self.stored[0] < position.offset:
            return False
        known = (position.stored, position.inode) == (self.stored, self.inode)
        if self.compression is not None and known and position.complete:
            return True
        size = min(CONTENT_EDGE_BYTES, position.offset)
        if len(self.beginning) < size or _hash(self.beginning[:size]) != position.head:
            return False
        try:
            return _hash(self.read(position.offset - size, size)) == position.tail
        except (OSError, EOFError, ValueError):
            return False

    def edges(self, offset: int) -> tuple[str, str]:
        """`Position.head` and `Position.tail` of what lies before `offset`. Raises `InputError`."""
        size = min(CONTENT_EDGE_BYTES, offset)
        try:
            return _hash(self.read(0, size)), _hash(self.read(offset - size, size))
        except (OSError, EOFError, ValueError) as error:
            raise InputError(f"{self.path} changed while it was read", input=self.path) from error

    def read(self, offset: int, size: int) -> bytes:
        """That many decoded bytes. Raises `OSError`, `EOFError` or `ValueError` if it cannot."""
        if self.compression is None:
            data = os.pread(self._file.fileno(), size, offset)
        else:
            data = b""
            at = 0
            for piece in decoded_pieces(self.path, self.compression, any_text=self.any_text):
                if at + len(piece) > offset:
                    data += piece[max(0, offset - at) :]
                at += len(piece)
                if len(data) >= size:
                    break
            data = data[:size]
        if len(data) < size:
            raise EOFError(f"{self.path} has ended")
        return data

    def length(self) -> int:
        """Decoded bytes in all. Raises as `read`."""
        if self._length is None:
            assert self.compression is not None
            self._length = sum(
                map(len, decoded_pieces(self.path, self.compression, any_text=self.any_text))
            )
        return self._length

    def end_of_lines(self, start: int) -> int:
        """One past the last newline from `start` on; `start` if there is none. Plain files only, as
        they were when they were opened."""
        end = self.stored[0]
        while end > start:
            at = max(start, end - _PIECE)
            found = os.pread(self._file.fileno(), end - at, at).rfind(b"\n")
            if found >= 0:
                return at + found + 1
            end = at
        return start


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def decoded_pieces(path: str, compression: str, *, any_text: bool) -> Iterator[bytes]:
    """The decoded bytes of an archive, which its offsets count. Raises `OSError` or `ValueError`
    where it ends too early or is damaged."""
    try:
        decoder = _logan.Decoder(path, compression, any_text=any_text)
        while piece := decoder.read():
            yield piece
    except InputError as error:
        raise OSError(str(error)) from error
