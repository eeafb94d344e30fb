"""Output beside work that must go on: a reader that reads nothing, or a disk that is full, holds up
neither reading nor alerts.

Both write in a thread of their own. What cannot be written is said to be missing once, and tried
again with what comes next.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import trio

from logan.errors import OutputError

__all__ = ["Sayer", "StdoutLines"]

SAID_MAX: Final = 1_000
"""Lines that wait for a reader of stderr; of more the oldest are dropped, and counted."""

END_S: Final = 2.0
"""How long the end waits for such a reader."""

BUSY_S: Final = 2.0
"""How long a reader of stdout may take until that is said, when it is waited for."""


class Sayer:
    """Says lines on stderr, in order."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._ends = False
        self._thread: threading.Thread | None = None

    def say(self, text: str) -> None:
        """A line; never waits."""
        with self._changed:
            if len(self._lines) >= SAID_MAX:
                self._lines.popleft()
                self._dropped += 1
            self._lines.append(text)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="logan-say", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is said: wait a moment until all is written."""
        with self._changed:
            self._ends = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(END_S)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._ends:
                    self._changed.wait()
                if not self._lines:
                    return
                text = self._lines.popleft()
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._say(f"{dropped:,} lines are left out here: nothing read them")
            self._say(text)


class StdoutLines:
    """Lines of data on stdout, at intervals.

    Args:
        complain: says what goes wrong.
    """

    def __init__(self, complain: Callable[[str], object]) -> None:
        self._complain = complain
        self._lock = threading.Lock()
        self._is_torn = False
        self._failed = False

    async def write(self, make: Callable[[], str]) -> None:
        """Write what `make` gives. Raises `BrokenPipeError` when the reader has gone; what else
        goes wrong is said. Being canceled leaves a write alone that does not end."""
        await trio.to_thread.run_sync(partial(self._write, make), abandon_on_cancel=True)

    def finish(self) -> None:
        """Wait until nothing is being written any more."""
        if not self._lock.acquire(timeout=BUSY_S):
            self._complain(
                "nothing reads standard output: the report of all waits until something does; "
                "-o FILE writes it elsewhere"
            )
            self._lock.acquire()
        self._lock.release()
        if self._is_torn:
            with suppress(OSError):
                os.write(_stdout(), b"\n")

    def _write(self, make: Callable[[], str]) -> None:
        with self._lock:
            data = make().encode("utf-8", "backslashreplace")
            try:
                # A line that was cut short ends here, so that only itself is damaged.
                view = memoryview(b"\n" + data if self._is_torn else data)
                while view:
                    self._is_torn = True
                    view = view[os.write(_stdout(), view) :]
                self._is_torn = self._failed = False
            except BrokenPipeError:
                raise
            except OSError as error:
                if not self._failed:
                    self._failed = True
                    why = (error.strerror or str(error)).lower()
                    self._complain(
                        f"cannot write to standard output: {why}: lines are missing there until it "
                        "can be written again; the watch goes on"
                    )


def _stdout() -> int:
    if sys.stdout is None or sys.stdout.closed:
        raise OutputError("standard output is closed", hint="open it, or redirect it: > FILE")
    return sys.stdout.fileno()
