"""All logs of a watch that are on hosts, a `HostFollower` for each host."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from logan._logan import Spec
from logan.live import clock
from logan.live.notices import Notice
from logan.live.remote.follower import HostFollower
from logan.live.remote.log import RemoteLog
from logan.live.remote.start import Start, start_of
from logan.model import Detection
from logan.sources.hosts import Address, parse, shown

__all__ = ["RemoteLogs"]


class RemoteLogs:
    """The logs at `ssh://` URLs; false if there are none.

    Args:
        urls: files, folders and patterns.
        wanted: where to begin, as `starting.parse_from` gives it.
        spec_of: the spec by which a log is read that looks like this.
    """

    def __init__(
        self, urls: Sequence[str], wanted: str | float, spec_of: Callable[[Detection], Spec]
    ) -> None:
        by_host: dict[Address, list[str]] = {}
        for url in urls:
            by_host.setdefault(parse(url).address, []).append(url)
        begin = partial(start_of, spec_of=spec_of)
        self._hosts = [
            HostFollower(address, paths, wanted, begin, clock.now)
            for address, paths in by_host.items()
        ]

    def __bool__(self) -> bool:
        return bool(self._hosts)

    def begin(self) -> None:
        """Start to follow."""
        for each in self._hosts:
            each.begin()

    def notices(self) -> Iterator[Notice]:
        """What happened since the last call."""
        for host in self._hosts:
            while True:
                try:
                    yield host.notices.get_nowait()
                except queue.Empty:
                    break

    def fresh(self) -> Iterator[tuple[RemoteLog, Start]]:
        """Logs that were looked at since the last call, with where each begins."""
        for log in self._all():
            if log.start is not None and not log.announced:
                log.announced = True
                yield log, log.start

    def failed(self, *, final: bool) -> list[tuple[str, str]]:
        """URL and reason of each log that could not be looked at so far, and of each folder and
        pattern of which no log is known and that cannot be looked at now. In the end, `final`, it
        is a failure, too, that a host was not reached yet."""
        found = {
            log.url: log.error for log in self._all() if not log.announced and log.error is not None
        }
        for host in self._hosts:
            for url, why in list(host.errors.items()):
                if url not in host.logs and not host.has_logs:
                    found.setdefault(url, why)
            for url in host.urls if final and not host.reached else ():
                found.setdefault(url, f"{shown(url)}: it was not reached before the watch ended")
        return list(found.items())

    def close(self) -> None:
        """End all connections."""
        for each in self._hosts:
            each.close()

    def _all(self) -> list[RemoteLog]:
        return [log for host in self._hosts for log in list(host.logs.values())]
