"""`Watch`: logs that are followed, counted and looked at, driven by a clock that the caller gives.

Knows no trio and no terminal: `step` reads what there is, `view` gives the report of a window,
`finish` the one of all. Threads may share it; one of them works at a time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Any, Final

from logan._logan import LOOK_BACK_BYTES_MAX, Summary
from logan.limits import MIB
from logan.live import starting
from logan.live.allocator import give_back
from logan.live.by_log import last_time
from logan.live.followed import FollowedLog
from logan.live.follower import Follower
from logan.live.joining import Joining
from logan.live.notices import Notice
from logan.live.pipes import Pipe
from logan.live.remembered import Memory
from logan.live.remote.log import RemoteLog
from logan.live.watched import Watched
from logan.live.windows import SLOT_S
from logan.options import Options
from logan.planning.prepare import check_format
from logan.sources.hosts import as_url
from logan.sources.inputs import origin_of, shown_name
from logan.state.folder import StateFolder

__all__ = ["Watch"]

STEP_BYTES_MAX: Final = 8 * MIB
"""Read of each log in one step: windows are looked at between two steps, whatever is behind."""

READ_BYTES_MAX: Final = 1 * MIB


class Watch(Watched):
    """Follows and counts logs.

    Args:
        paths: files, patterns, folders, named pipes, "-".
        options: what is computed.
        start: where to begin in files that are there: as `starting.parse_from` gives it.
        reach_s: how far back `summary` can be asked for, beside the hour.
        now: seconds since 1970.
        state: an open folder in which counts are kept; logs are then read from where they were
            counted to, new ones from their start, and `start` says nothing.
        folders: to which logs are rotated, besides their own; relative ones are in that.

    Attributes:
        notices: what happened to the logs.
        memory: what keeps the counts; None without `state`.

    Raises:
        UsageError, InputError: a path can never be followed.
        StateError: what was written meanwhile cannot be counted.
    """

    _logs: dict[str, FollowedLog]

    def __init__(
        self,
        paths: Sequence[str],
        options: Options,
        *,
        start: str | float = starting.CATCH_UP_S,
        reach_s: float = 0.0,
        now: float,
        anonymize: bool = False,
        state: StateFolder | None = None,
        folders: Sequence[str] = (),
    ) -> None:
        check_format(options.format)
        urls = list(dict.fromkeys(as_url(each) for each in paths))
        super().__init__(urls, options, reach_s=reach_s, now=now, anonymize=anonymize)
        self._ended = False
        if state is not None:
            self.memory = Memory(state, options, self.notices)
        self._joining = Joining(
            urls,
            [each for each in urls if each == "-" or _is_pipe(each)],
            options,
            self.notices,
            start=start,
            memory=self.memory,
            folders=folders,
            held=self._counted.held,
            now=now,
        )
        self._logs = self._joining.logs
        if self.memory is None:
            self._joining.begin(start, now)
        else:
            for each in self._joining.go_on(self.memory, now):
                self._counted.add(each, last_time(each, now), now)
        self._joining.announce(now)

    # Reading.

    def step(self, now: float) -> bool:
        """Read what there is, up to a bound; whether there may be more at once."""
        with self._lock:
            self._joining.discover(now)
            self._joining.join_remote(now)
            if int(now // SLOT_S) != int(self.last_step // SLOT_S):
                self._take_parts(self.last_step)  # they arrived in the slot that is over
            self.last_step = now
            more = False
            behind = next((log for log in self._logs.values() if log.backlog is not None), None)
            for log in self._logs.values():
                if log.backlog is None:
                    more |= self._read(log, now)
            if behind is not None:
                self._catch_up(behind, now)
                more = True
            if self.memory is not None and self.memory.is_due(now):
                self._commit(self.memory, now)
            return more

    def look_for_new(self) -> None:
        with self._lock:
            self._joining.look_for_new()

    def _commit(self, memory: Memory, now: float, *, last: bool = False) -> None:
        self._take_parts(now)
        counters = {name: log.counter for name, log in self._logs.items()}
        memory.commit(counters, now, last=last)

    def _read(self, log: FollowedLog, now: float) -> bool:
        left = STEP_BYTES_MAX
        while left > 0:
            data = log.reader.read(min(left, READ_BYTES_MAX), now)
            if not data:
                log.counter.settle(now)
                if isinstance(log.reader, Pipe) and log.reader.ended:
                    log.counter.close()
                return False
            self.last_data = now
            left -= len(data)
            if self.memory is not None and isinstance(log.reader, Follower):
                self.memory.took(log.counter.name, data, log.reader.given)
            while log.cuts and log.cuts[0][0] <= log.read + len(data):
                offset, at = log.cuts.pop(0)
                first, data = data[: offset - log.read], data[offset - log.read :]
                log.counter.push(first, now)
                log.read += len(first)
                self._take_part(log, at, now)
            log.counter.push(data, now)
            log.read += len(data)
        return True

    def _catch_up(self, log: FollowedLog, now: float) -> None:
        """Take in what threads have counted meanwhile."""
        reader = log.reader
        assert isinstance(reader, Follower)
        assert log.backlog is not None
        counted = log.backlog.next(lambda end, edges: reader.passed(end, edges, now))
        log.read = reader.offset
        if counted is None:
            self._end_backlog(log, now)
            return
        log.cuts = [each for each in log.cuts if each[0] > log.read]
        self._counted.add_groups(counted, now)
        self.last_data = now

    def _end_backlog(self, log: FollowedLog, now: float) -> None:
        """From here on it is read, not counted by threads."""
        reader = log.reader
        assert isinstance(reader, Follower)
        if log.backlog is not None and reader.file is not None:
            log.backlog.close()
            reader.say_cut_short(log.backlog.end, now)
            log.counter.passed(log.read, reader.before(LOOK_BACK_BYTES_MAX), reader.file.head)
        log.backlog = None
        give_back()

    def _take_parts(self, at: float, now: float | None = None) -> None:
        for log in self._logs.values():
            if not log.cuts:
                self._take_part(log, at, at if now is None else now)

    def _take_part(self, log: FollowedLog, at: float | None, now: float) -> None:
        part = log.counter.part()
        if part is None:
            return
        if self.memory is not None:
            self.memory.counted(log.counter.name, part)
        self._counted.add(part, last_time(part, now, log.skew) if at is None else at, now)

    # What can be seen.

    @property
    def ended(self) -> bool:
        """Whether nothing more can come: all logs are pipes whose writers are gone."""
        with self._lock:
            return (
                bool(self._logs)
                and not self._joining.patterns
                and not self._joining.hosts
                and all(
                    isinstance(log.reader, Pipe) and log.reader.ended for log in self._logs.values()
                )
            )

    def pipes(self) -> list[Pipe]:
        """Those that can be waited for."""
        with self._lock:
            readers = [log.reader for log in self._logs.values()]
        return [each for each in readers if isinstance(each, Pipe) and not each.is_file]

    def folders(self) -> set[str]:
        """The folders in which something may happen."""
        with self._lock:
            found = set()
            for log in self._logs.values():
                if isinstance(log.reader, Follower) and log.reader.file is not None:
                    found.add(os.path.dirname(log.reader.file.real))
                    found.add(os.path.dirname(os.path.abspath(log.reader.file.name)))
            for pattern in self._joining.patterns:
                folder = pattern if os.path.isdir(pattern) else os.path.dirname(pattern) or "."
                found.add(os.path.abspath(folder))
            return {each for each in found if os.path.isdir(each)}

    def summary(self, seconds: float | None, now: float) -> Summary:
        """The summary of the last `seconds`, or of all with None."""
        with self._lock:
            self._look(now)
            return self._counted.whole(seconds, now)

    def figures(self, seconds: float | None, now: float) -> Summary:
        """The same without the tables that views do not show; see `counted`."""
        with self._lock:
            self._look(now)
            return self._counted.figures(seconds, now)

    def _look(self, now: float) -> None:
        for log in self._logs.values():
            log.counter.settle(now)
        self._take_parts(now)

    def total(self) -> Summary:
        """The summary of all that was counted: of one log byte for byte that of `analyze` of the
        same bytes under the same spec."""
        with self._lock:
            self._take_parts(self.last_step)
            total = self._counted.whole(None, self.last_step)
            if self.memory is None:  # else a log is several sources, one for each run
                for source, name in self._names_of_sources(total).items():
                    total = self._logs[name].counter.identified(total, source)
            return total

    def finish(self, now: float) -> Summary:
        """Nothing follows: count last lines without a newline. The summary of all."""
        with self._lock:
            if self.memory is not None:  # a last line without its end is the next run's
                self._commit(self.memory, now, last=True)
                self._ended = True
                return self.total()
            for log in self._logs.values():
                if log.backlog is not None:
                    self._end_backlog(log, now)
                log.counter.close()
                if log.cuts:  # it was still catching up
                    self._say_unread(log, now)
                    self._take_part(log, log.cuts[0][1], now)
                    log.cuts.clear()
            self._take_parts(now)
            self._ended = True
            return self.total()

    def _say_unread(self, log: FollowedLog, now: float) -> None:
        """What was there already and was not come to has no place in any figure."""
        name, end = log.counter.name, log.cuts[-1][0]
        text = f"{name}: {end - log.read:,} bytes that were there already were not read"
        self.notices.add(Notice("unread", name, text, now, True, log.read, end, certain=True))

    def _never_read(self, *, final: bool) -> list[tuple[str, str | None, str]]:
        failed = self._joining.hosts.failed(final=final)
        return [(shown_name(url), origin_of(url), why) for url, why in failed]

    def _origin_and_error(self, name: str, log: FollowedLog) -> tuple[str | None, str | None]:
        if isinstance(log.reader, RemoteLog):
            return origin_of(log.reader.url), log.reader.error
        return None, log.reader.error if isinstance(log.reader, Follower) else None

    def behind(self) -> int:
        """Bytes that are written already and not counted yet, of files that are read now."""
        with self._lock:
            total = 0
            for log in self._logs.values():
                if isinstance(log.reader, Follower) and log.reader.file is not None:
                    try:
                        total += max(0, log.reader.file.size - log.reader.file.position)
                    except OSError:
                        continue
                elif isinstance(log.reader, RemoteLog):
                    total += log.reader.fetched - log.reader.offset + log.reader.behind
            return total

    @property
    def hosts(self) -> Sequence[Any]:
        """The hosts of logs that are read elsewhere; none here."""
        return ()

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            self._joining.hosts.close()
            for log in self._logs.values():
                if log.backlog is not None:
                    log.backlog.close()
                log.reader.close()


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
