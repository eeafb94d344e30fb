"""Ctrl-C and SIGTERM: the first asks to end in good order, the second aborts at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["SIGNALS", "Aborted", "Signals", "signals_abort"]

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Aborted(BaseException):
    """The second signal. Not an `Exception`: nothing but clean-up may happen on its way up."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Signals:
    """The first signal calls `first`, the second raises `Aborted`, the third ends the process even
    if that is stuck in a read. Use `handled` in plain code, `watch` under trio.

    Attributes:
        signum: the first signal; None if none came.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self._count = 0

    @contextmanager
    def handled(self, first: Callable[[], object]) -> Iterator[Signals]:
        """In the block, signals interrupt the main thread."""
        before = {
            each: signal.signal(each, lambda signum, frame: self._receive(signum, first))
            for each in _wanted()
        }
        try:
            yield self
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    async def watch(self, first: Callable[[], object]) -> None:
        """Receive signals until canceled."""
        import trio

        wanted = _wanted()
        if not wanted:
            await trio.sleep_forever()
        with trio.open_signal_receiver(*wanted) as received:
            async for signum in received:
                self._receive(signum, first)

    def _receive(self, signum: int, first: Callable[[], object]) -> None:
        self._count += 1
        if self._count == 1:
            self.signum = signum
            first()
        elif self._count == 2:
            raise Aborted(signum)
        else:
            os._exit(128 + signum)


def _wanted() -> list[signal.Signals]:
    """A signal that the parent ignores (nohup, a background job) stays ignored."""
    return [each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]


@contextmanager
def signals_abort() -> Iterator[None]:
    """In the block the first signal raises `Aborted` already: what is left is to write the result,
    and a user who waits for the reader of a pipe must be able to give up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not for this thread
        return

    def abort(signum: int, frame: FrameType | None) -> None:
        raise Aborted(signum)

    before = {signum: signal.signal(signum, abort) for signum in _wanted()}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
