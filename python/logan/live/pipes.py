"""Standard input and named pipes: logs without a size, which end when their writers are gone.

A named pipe does not end with its writers. One that is removed and made anew, as scripts do that
start a program, is another pipe by the same name: it is opened when what was in the first is read.
"""

from __future__ import annotations

import os
import select
import stat
from contextlib import suppress
from typing import Final

from logan.live.notices import Notice, Notices
from logan.sources.streams import stream_error

__all__ = ["Pipe"]

LOOK_S: Final = 1.0
"""How often it is looked whether the name of a pipe still means it."""


class Pipe:
    """Reads a pipe without waiting.

    Attributes:
        offset: of the byte that `read` gives next.
        ended: whether its writers are gone.
        others: whether other logs are watched that go on when it ends.
    """

    def __init__(self, name: str, fd: int, notices: Notices, *, owned: bool) -> None:
        self.name = name
        self.fd = fd
        self.offset = 0
        self.ended = False
        self.others = False
        self._looked = 0.0
        self._is_away = False
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
        if self.ended:
            return b""
        if not self._poll.poll(0):
            self._look(now)
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
        if self.ended and not self.is_file:
            name = "standard input" if self.name == "-" else self.name
            text = f"{name} has ended after {self.offset:,} bytes: nothing more will come of it"
            self._notices.add(Notice("ended", self.name, text, now, self.others))
        return data

    def _look(self, now: float) -> None:
        """Go on with another pipe that has the name now."""
        if not self._owned or abs(now - self._looked) < LOOK_S:
            return
        self._looked = now
        own = os.fstat(self.fd)
        try:
            found = os.stat(self.name)
        except OSError:
            self._tell_away(f"{self.name} is gone; waiting for it to come back", now)
            return
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino):
            if self._is_away:
                self._tell_back(f"{self.name} is back", now)
        elif not stat.S_ISFIFO(found.st_mode):
            self._tell_away(
                f"{self.name} is not a pipe any more; waiting until it is one again", now
            )
        else:
            with suppress(OSError):
                fd = os.open(self.name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                # The number stays, as others wait for it.
                os.dup2(fd, self.fd, inheritable=False)
                os.close(fd)
                self._tell_back(f"{self.name} was made anew: it is read from now on", now)

    def _tell_away(self, text: str, now: float) -> None:
        if not self._is_away:
            self._is_away = True
            self._notices.add(Notice("vanished", self.name, text, now, True))

    def _tell_back(self, text: str, now: float) -> None:
        self._is_away = False
        self._notices.add(Notice("returned", self.name, text, now, True))

    def close(self) -> None:
        """Close what was opened here."""
        if self._owned:
            os.close(self.fd)
            self._owned = False
