"""Reading by descriptor on systems that may lack parts of POSIX. Imports nothing of logan.

Windows has neither `pread` nor a way to wait for the bytes of a pipe, and changes the ends of lines
unless it is told not to. Only what analyzes here has to run there: see `logan.cli.NOT_ON_WINDOWS`.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Final

__all__ = ["READ_FLAGS", "make_blocking", "read_at", "waiting"]

READ_FLAGS: Final[int] = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
"""To open a file, or a pipe without waiting for its writer."""


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Up to `length` bytes at `offset`; where the system lacks `pread`, this moves the position,
    so that no other thread may read the descriptor meanwhile. Raises `OSError`."""
    if hasattr(os, "pread"):
        return os.pread(fd, length, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, length)


def waiting(fd: int, timeout_ms: int) -> Callable[[], bool]:
    """A function that waits for bytes for so long: whether there are some, or an end. Where the
    system cannot wait, always True: then reading waits."""
    if not hasattr(select, "poll"):
        return lambda: True
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return lambda: bool(poll.poll(timeout_ms))


def make_blocking(fd: int) -> None:
    """Let reads of a descriptor that was opened with `READ_FLAGS` wait. Raises `OSError`."""
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(fd, True)
