"""Ctrl-C and SIGTERM: the first asks for a partial report, the second aborts at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from logan._logan import Cancel

__all__ = ["Aborted", "Interrupts", "signals_abort"]


class Aborted(BaseException):
    """The second signal. Not an `Exception`: nothing but clean-up may happen on its way up."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Interrupts:
    """While entered, the first signal sets `cancel`, the second raises `Aborted` in the main
    thread, the third ends the process even if that is stuck in a read."""

    SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel
        self._before: dict[int, Any] = {}
        self._count = 0
        self.signum: int | None = None

    def __enter__(self) -> Interrupts:
        for signum in self.SIGNALS:
            # A signal that the parent ignores (nohup, a background job) stays ignored.
            if signal.getsignal(signum) is not signal.SIG_IGN:
                self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1:
            self.signum = signum
            self._cancel.set()
        elif self._count == 2:
            raise Aborted(signum)
        else:
            os._exit(128 + signum)


@contextmanager
def signals_abort() -> Iterator[None]:
    """In the block the first signal raises `Aborted` already: what is left is to write the result,
    and whoever waits for the reader of a pipe must be able to give up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not for this thread
        return

    def abort(signum: int, frame: FrameType | None) -> None:
        raise Aborted(signum)

    before = {
        signum: signal.signal(signum, abort)
        for signum in Interrupts.SIGNALS
        if signal.getsignal(signum) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
