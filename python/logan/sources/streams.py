"""Standard input, FIFOs and whatever else has no size that is true: streams, readable once.

The first bytes are read here, because detection needs them before a spec can exist; the rest is
read by the engine from the same descriptor. Waiting for a slow writer ends when `cancel` is set.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from logan._logan import Cancel
from logan.errors import InputError
from logan.limits import SAMPLE_HEAD_BYTES_MAX
from logan.sources import compression
from logan.sources.descriptors import READ_FLAGS, make_blocking, waiting
from logan.sources.files import input_error

__all__ = ["Stream", "identity", "open_stream", "stream_error"]

WAIT_MS = 100
"""How long a wait for bytes lasts before `cancel` is looked at again."""


@dataclass(slots=True)
class Stream:
    """An open descriptor and the bytes that were already taken from it.

    `pieces`, where there are such, follow the head instead of the descriptor's bytes.
    """

    fd: int
    head: bytes
    ended: bool
    owned: bool
    pieces: Iterator[bytes] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it ended without a byte."""
        return self.ended and not self.head

    def close(self) -> None:
        """Close the descriptor unless it is the process's own standard input."""
        if self.owned:
            os.close(self.fd)
            self.owned = False


def identity() -> tuple[int, int] | None:
    """Device and inode of standard input, when it has an identity to compare."""
    try:
        status = os.fstat(_stdin_fd())
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_stream(path: str, *, cancel: Cancel | None = None) -> Stream:
    """Open `path` ("-" is standard input) and read its head. Raises `InputError`."""
    try:
        fd = _stdin_fd() if path == "-" else _open_waiting(path)
    except OSError as error:
        raise stream_error(path, error) from error
    stream = Stream(fd, b"", ended=False, owned=path != "-")
    try:
        stream.head, stream.ended = _read_head(fd, SAMPLE_HEAD_BYTES_MAX, cancel)

        def more(length: int) -> bytes:
            if not stream.ended:
                piece, stream.ended = _read_head(fd, length - len(stream.head), cancel)
                stream.head += piece
            return stream.head

        compression.settled(stream.head, more)
        if stream.owned:
            make_blocking(fd)
    except OSError as error:
        stream.close()
        raise stream_error(path, error) from error
    return stream


def stream_error(path: str, error: OSError) -> InputError:
    """`error` in words that name the input, "-" being standard input, and the next step."""
    if path != "-":
        return input_error(path, error)
    if error.errno == errno.EBADF:
        return InputError(
            "standard input is not open for reading", input="-", hint="pipe a log into it"
        )
    why = error.strerror or str(error)
    return InputError(f"standard input cannot be read: {why}", input="-")


def _stdin_fd() -> int:
    if sys.__stdin__ is None:
        raise InputError("standard input is closed", input="-", hint="pipe a log into it")
    return sys.__stdin__.fileno()


def _open_waiting(path: str) -> int:
    # Without O_NONBLOCK opening a FIFO blocks until it has a writer, deaf to Ctrl-C.
    fd = os.open(path, READ_FLAGS)
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        os.close(fd)
        raise IsADirectoryError(21, "Is a directory")
    return fd


def _read_head(fd: int, wanted: int, cancel: Cancel | None) -> tuple[bytes, bool]:
    """The first `wanted` bytes, or fewer and True when the stream ended before.

    Once canceled, whatever there is: the job still ends with a partial report of it.
    """
    has_bytes = waiting(fd, WAIT_MS)
    head = bytearray()
    while len(head) < wanted and not (cancel is not None and cancel.is_set()):
        if not has_bytes():
            continue
        try:
            piece = os.read(fd, wanted - len(head))
        except BlockingIOError:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                return bytes(head), True  # all that a file made up by the kernel has now
            continue
        if not piece:
            return bytes(head), True
        head += piece
    return bytes(head), False
