"""Connections to hosts, shared by all that is read there: a few at a time, kept for a moment."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from logan._logan import Cancel
from logan.errors import CancelledError
from logan.sources.hosts import Address
from logan.sources.ssh.refusals import HostError
from logan.sources.ssh.session import Denied, Session

__all__ = ["Host", "close_all", "host_of", "pause"]

SESSIONS_PER_HOST_MAX: Final = 4
"""Connections to one host: servers admit ten that are not let in yet, and fewer are polite."""

KEPT_S: Final = 15.0
"""An idle connection is kept for so long."""

FAILED_S: Final = 10.0
"""For so long a host that could not be reached is not tried again for its next file."""

CONNECT_TRIES_MAX: Final = 3

PAUSE_S_MIN: Final = 0.25

PAUSE_S_MAX: Final = 5.0


class Host:
    """A host, and the connections to it. Threads may share it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._places = threading.BoundedSemaphore(SESSIONS_PER_HOST_MAX)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Session]] = []
        self._failed: tuple[float, HostError] | None = None

    @contextmanager
    def session(self, cancel: Cancel | None = None) -> Iterator[Session]:
        """A connection for one user at a time; one in which something failed is given up.

        Raises `HostError`, `CancelledError`.
        """
        while not self._places.acquire(timeout=0.1):
            check_cancel(cancel)
        try:
            session = self._taken() or self._connected(cancel)
            try:
                yield session
            except BaseException as error:
                if isinstance(error, Denied):  # an answer like any other
                    self._keep(session)
                else:
                    session.close()
                raise
            self._keep(session)
        finally:
            self._places.release()

    def close(self, older_than_s: float = 0.0) -> None:
        """End idle connections."""
        with self._lock:
            now = time.monotonic()
            old = [each for at, each in self._idle if now - at >= older_than_s]
            self._idle = [(at, each) for at, each in self._idle if each not in old]
        for session in old:
            session.close()

    def _taken(self) -> Session | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()[1]
            if not session.is_over:
                return session
            session.close()

    def _keep(self, session: Session) -> None:
        if session.is_over:
            session.close()
            return
        with self._lock:
            self._idle.append((time.monotonic(), session))
        timer = threading.Timer(KEPT_S, self.close, [KEPT_S])
        timer.daemon = True
        timer.start()

    def _connected(self, cancel: Cancel | None) -> Session:
        if sys.platform == "win32":
            raise HostError(
                "logs of other hosts cannot be read by ssh on Windows",
                "copy the log here, or run logan on Linux or macOS, or in WSL",
            )
        with self._lock:
            if self._failed is not None and time.monotonic() - self._failed[0] < FAILED_S:
                raise self._failed[1]
        for attempt in range(1, CONNECT_TRIES_MAX + 1):
            try:
                session = Session(self.address, cancel)
            except HostError as error:
                if not error.passes or attempt == CONNECT_TRIES_MAX:
                    with self._lock:
                        self._failed = time.monotonic(), error
                    raise
                pause(attempt, cancel)
            else:
                with self._lock:
                    self._failed = None
                return session
        raise AssertionError("the last try returns or raises")


_hosts: dict[Address, Host] = {}
_hosts_lock = threading.Lock()


def host_of(address: Address) -> Host:
    """The one `Host` of an address in this process."""
    with _hosts_lock:
        if not _hosts:
            atexit.register(close_all)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_forget)
        return _hosts.setdefault(address, Host(address))


def close_all() -> None:
    for each in list(_hosts.values()):
        each.close()


def _forget() -> None:
    """A fork shares its parent's connections, which two cannot use."""
    _hosts.clear()


def pause(attempt: int, cancel: Cancel | None = None) -> None:
    """Wait before the next try; longer each time. Raises `CancelledError`."""
    until = time.monotonic() + min(PAUSE_S_MAX, PAUSE_S_MIN * 2 ** (attempt - 1))
    while (left := until - time.monotonic()) > 0:
        check_cancel(cancel)
        time.sleep(min(left, 0.1))


def check_cancel(cancel: Cancel | None) -> None:
    if cancel is not None and cancel.is_set():
        raise CancelledError("stopped on request before all input was read")
