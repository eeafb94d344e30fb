"""Standard input and named pipes: logs without a size, which end when their writers are gone."""

from __future__ import annotations

import os
import select
import stat

from logan.live.notices import Notice, Notices
from logan.sources.streams import stream_error

__all__ = ["Pipe"]


class Pipe:
    """Reads a pipe without waiting.

    Attributes:
        offset: of the byte that `read` gives next.
        ended: whether its writers are gone.
    """

    def __init__(self, name: str, fd: int, notices: Notices, *, owned: bool) -> None:
        self.name = name
        self.fd = fd
        self.offset = 0
        self.ended = False
        self._notices = notices
        self._owned = owned
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    @classmethod
    def open(cls, path: str, notices: Notices) -> Pipe:
        """A pipe by its path, "-" being standard input. Raises `InputError`."""
        try:
            if path == "-":
                os.fstat(0)
                return cls(path, 0, notices, owned=False)
            # To write, too: a pipe that stays open does not end when one of its writers goes.
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            return cls(path, fd, notices, owned=True)
        except OSError as error:
            raise stream_error(path, error) from error

    @property
    def is_file(self) -> bool:
        """Whether it is a file that was redirected: nothing can wait for more of it."""
        return stat.S_ISREG(os.fstat(self.fd).st_mode)

    def read(self, most: int, now: float) -> bytes:
        """The next bytes; none if there are none now, or at its end."""
        if self.ended or not self._poll.poll(0):
            return b""
        try:
            data = os.read(self.fd, most)
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError as error:
            text = str(stream_error(self.name, error))
            self._notices.add(Notice("unreadable", self.name, text, now, True))
            data = b""
        self.ended = not data
        self.offset += len(data)
        return data

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned:
            os.close(self.fd)
            self._owned = False
