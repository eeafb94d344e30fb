"""One log on a host: where reading is in its files, and the bytes that wait to be counted."""

from __future__ import annotations

import queue
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from logan.live.remote.start import Start
from logan.sources.cksum import cksum
from logan.sources.ssh.script import EDGE_BYTES

__all__ = ["Place", "RemoteLog"]

QUEUED_MAX: Final = 8
"""Pieces that wait for the watch, for each log."""


@dataclass(slots=True)
class Place:
    """A file of a log, and what is known of what was read of it."""

    path: str
    inode: str
    offset: int = 0
    head: bytes = b""
    tail: bytes = b""
    since: float = 0.0
    looked: float = 0.0
    is_copy: bool = False

    def took(self, data: bytes) -> None:
        """Note bytes that were read."""
        if self.offset < EDGE_BYTES and len(self.head) == self.offset:
            self.head += data[: EDGE_BYTES - len(self.head)]
        self.tail = (self.tail + data)[-EDGE_BYTES:]
        self.offset += len(data)

    @property
    def sums(self) -> str:
        """What the host says of what precedes the offset, if it is the same still."""
        head, tail = self.head[: self.offset], self.tail[-min(EDGE_BYTES, self.offset) :]
        return f"{cksum(head)},{len(head)},{cksum(tail)},{len(tail)}"

    @property
    def is_known(self) -> bool:
        """Whether sums tell it from others."""
        edge = min(EDGE_BYTES, self.offset)
        return edge > 0 and len(self.head) >= edge and len(self.tail) >= edge


@dataclass(slots=True)
class RemoteLog:
    """One log on a host.

    Attributes:
        name: what notices and reports call it.
        offset: of the byte that `read` gives next.
        start: where it begins and how it is read; None until it was looked at.
        error: why it was not looked at yet, or is not read now.
    """

    name: str
    url: str
    path: str
    wanted: str | float
    offset: int = 0
    start: Start | None = None
    error: str | None = None
    announced: bool = False
    behind: int = 0
    place: Place | None = None
    before: deque[Place] = field(default_factory=deque)
    retired: list[Place] = field(default_factory=list)
    fetched: int = 0
    left_at: float | None = None
    told: str | None = None
    at_line_start: bool = True
    pieces: queue.Queue[bytes] = field(default_factory=lambda: queue.Queue(QUEUED_MAX))
    rest: bytes = b""
    ended: bool = False

    def read(self, most: int, now: float) -> bytes:
        """The next bytes of the log; none if there are none now."""
        if not self.rest:
            try:
                self.rest = self.pieces.get_nowait()
            except queue.Empty:
                return b""
        data, self.rest = self.rest[:most], self.rest[most:]
        self.offset += len(data)
        return data

    def close(self) -> None:
        """Its host's thread is ended by the watch."""
