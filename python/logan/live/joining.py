"""Which logs a watch follows: those that are there when it begins, and those that join.

Patterns are looked at again at intervals. Each log is followed once, whatever names it has, and
rotated files that a pattern finds, too, are part of their log.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from logan._logan import LOOK_BACK_BYTES_MAX, Spec, Summary
from logan.errors import SourceChangedError, StateError, UsageError
from logan.live import clock, starting
from logan.live.backlog import BACKLOG_BYTES_MIN, Backlog
from logan.live.counting import LogCounter
from logan.live.followed import FollowedLog
from logan.live.follower import Follower
from logan.live.logs import LOGS_MAX, Current, RotatedSets, check, logs_of
from logan.live.notices import Notice, Notices
from logan.live.pipes import Pipe
from logan.live.remembered import ATTEMPTS_MAX, Memory
from logan.live.remote.logs import RemoteLogs
from logan.live.starting import Beginning
from logan.model import Detection, Source
from logan.options import Options
from logan.planning.spec import identity, spec_json
from logan.sources.hosts import is_remote
from logan.sources.inputs import open_inputs

__all__ = ["Joining"]

DISCOVER_S: Final = 1.0
"""How often patterns are looked at for files that joined."""


class Joining:
    """The logs of a watch.

    Args:
        paths: files, patterns, folders, named pipes and URLs of other hosts.
        pipes: those of them that are pipes.
        start: where to begin in files that are there: as `starting.parse_from` gives it.
        memory: what keeps counts, if they are kept: logs are then read from where they were counted
            to, new ones from their start.
        folders: to which logs are rotated, besides their own; relative ones are in that.
        held: as `Counted.held`.

    Attributes:
        logs: by name, in the order in which they joined.
        patterns: the paths on this machine that are no pipes.
        hosts: the logs on others.

    Raises:
        UsageError, InputError: a path can never be followed.
    """

    def __init__(
        self,
        paths: Sequence[str],
        pipes: Sequence[str],
        options: Options,
        notices: Notices,
        *,
        start: str | float,
        memory: Memory | None,
        folders: Sequence[str],
        held: Callable[[float, float, float], Sequence[str]],
        now: float,
    ) -> None:
        self.logs: dict[str, FollowedLog] = {}
        self._options = options
        self._notices = notices
        self._memory = memory
        self._rotated = RotatedSets(folders)
        self._held = held
        self._discovered: float | None = now
        self._too_many = False
        self._other_names: set[str] = set()
        files = [each for each in paths if each not in pipes]
        check(files)
        self.hosts = RemoteLogs([each for each in files if is_remote(each)], start, self._spec_of)
        files = [each for each in files if not is_remote(each)]
        if self.hosts and memory is not None:
            raise UsageError(
                "--state keeps where files of this machine were read to, not of hosts by ssh",
                hint="leave it out, or run logan on those hosts",
            )
        self.patterns = files
        for each in pipes:
            pipe = Pipe.open(each, notices)
            pipe.others = len(paths) > 1
            self.logs[each] = FollowedLog(pipe, self._count(each, now))

    def begin(self, start: str | float, now: float) -> None:
        """Follow the files that are there."""
        for name, current in self._found(now).items():
            self._add(name, current, start, now)

    def announce(self, now: float) -> None:
        """All that is there was found: look at other hosts, and say so if there is nothing yet."""
        self.hosts.begin()
        closed = [(each, why) for each in self.patterns if (why := _closed(each)) is not None]
        for each, why in closed:
            text = f"{each}: the folder cannot be read: {why}; waiting until it can be read"
            self._notices.add(Notice("unreadable", "", text, now, True))
        if not self.logs and len(closed) < len(self.patterns):
            text = f"no file matches {', '.join(self.patterns)} yet"
            self._notices.add(Notice("waiting", "", text, now, True))

    def go_on(self, memory: Memory, now: float) -> list[Summary]:
        """Begin where the last run ended, and follow what comes; what was written since, counted.

        Raises `StateError`.
        """
        counted: list[Summary] = []
        for _ in range(ATTEMPTS_MAX):
            currents = self._found(now)
            # Opened first, so that they hold whatever is rotated while it is counted.
            followers = {
                name: Follower(name, current, self._notices, now=now, folders=self._rotated.folders)
                for name, current in currents.items()
            }
            try:
                found = memory.catch_up(self.patterns)
            except SourceChangedError:
                for each in followers.values():
                    each.close()
                continue
            if found.new is not None:
                counted.append(found.new.summary)
            added = [
                self._add(name, current, "start", now, followers[name])
                for name, current in currents.items()
            ]
            if all(added):
                return counted
            self.logs.clear()
            for each in followers.values():  # rotated meanwhile
                each.close()
        raise StateError(
            f"{', '.join(self.patterns)}: rotated again and again while it was counted",
            hint="start the watch once more",
        )

    def discover(self, now: float) -> None:
        """Follow files that joined, looked for at intervals."""
        if self._discovered is not None and now - self._discovered < DISCOVER_S:
            return
        self._discovered = now
        if not any(glob.has_magic(each) or os.path.isdir(each) for each in self.patterns):
            return
        for name, current in self._found(now).items():
            if name not in self.logs:
                self._add(name, current, "start", now)
                if name in self.logs:
                    self._notices.add(Notice("joined", name, f"{name} joined", now))

    def look_for_new(self) -> None:
        """Look for files that joined the next time, however short the interval is by then."""
        self._discovered = None

    def _found(self, now: float) -> dict[str, Current]:
        """The logs that are there, without rotated files that a pattern names, too."""
        known = set(self._rotated.logs)
        found = logs_of(self.patterns, self._rotated, self.logs)
        for name in self._rotated.logs.keys() - known:
            log = self._rotated.logs[name]
            text = f"{name}.*: rotated files of {log}, not followed on their own"
            self._notices.add(Notice("joined", name, text, now))
        return found

    def _add(
        self,
        name: str,
        current: Current,
        start: str | float,
        now: float,
        follower: Follower | None = None,
    ) -> bool:
        """Follow a log from now on, unless there are too many, or it is one by another name;
        False if it must be tried again."""
        if len(self.logs) >= LOGS_MAX:
            if follower is not None:
                follower.close()
            if not self._too_many:
                self._too_many = True
                text = f"more than {LOGS_MAX:,} logs match: the others are left out"
                self._notices.add(Notice("unreadable", name, text, now, True))
            return True
        if (other := self._same_file(current())) is not None:
            if follower is not None:
                follower.close()
            if name not in self._other_names:
                self._other_names.add(name)
                text = f"{name} is {other} by another name: it is followed once"
                self._notices.add(Notice("joined", name, text, now, True))
            return True
        joined = follower is None
        if follower is None:
            folders = self._rotated.folders
            follower = Follower(name, current, self._notices, now=now, folders=folders)
        if self._memory is not None:
            begun = self._memory.begin(follower, now, joined=joined)
            if begun is None:
                follower.close()
                return False
            counter, found = begun, Beginning(0)
        else:
            counter, found = self._counter(follower, start, now)
        log = FollowedLog(follower, counter, list(found.cuts), found.skew, follower.offset)
        log.backlog = self._backlog(follower, counter, found, now)
        self.logs[name] = log
        return True

    def _backlog(
        self, follower: Follower, counter: LogCounter, found: Beginning, now: float
    ) -> Backlog | None:
        """What is there already of a log, if it is worth threads."""
        cuts = [(offset, at) for offset, at in found.cuts if at is not None]
        file, spec, start = follower.file, counter.spec, found.offset
        if file is None or spec is None or not cuts or cuts[-1][0] - start < BACKLOG_BYTES_MIN:
            return None
        return Backlog(file, spec, start, cuts, lambda at, later: self._held(at, later, now))

    def join_remote(self, now: float) -> None:
        """Logs on hosts that were looked at meanwhile, and what happened there."""
        for notice in self.hosts.notices():
            self._notices.add(notice)
        for reader, start in self.hosts.fresh():
            if len(self.logs) >= LOGS_MAX:
                continue
            found = start.found
            if found.note is not None:
                text = f"{reader.name}: {found.note}"
                self._notices.add(Notice("start", reader.name, text, now, True))
            counter = self._count(
                reader.name,
                now,
                detection=start.detection,
                start=start.offset,
                before=start.before,
                known_as=identity(Source(reader.url, None), reader.name),
            )
            self.logs[reader.name] = FollowedLog(
                reader, counter, list(found.cuts), found.skew, start.offset
            )

    def _spec_of(self, detection: Detection) -> Spec:
        return Spec(spec_json([detection], self._options, anchor_ns=int(clock.now() * 1e9)))

    def _same_file(self, path: str | None) -> str | None:
        """The log that is being read from this very file."""
        try:
            status = os.stat(path or "")
        except OSError:
            return None
        for name, log in self.logs.items():
            file = log.reader.file if isinstance(log.reader, Follower) else None
            if file is not None and file.identity == (status.st_dev, status.st_ino):
                return name
        return None

    def _counter(
        self, follower: Follower, start: str | float, now: float
    ) -> tuple[LogCounter, Beginning]:
        """A counter that begins where it was asked to, and where what is there belongs."""
        name, file = follower.name, follower.file
        if file is None or file.size == 0:
            return self._count(name, now), Beginning(0)
        path = f"/dev/fd/{file.fd}"
        entry = open_inputs([path], literal=True)[0]
        detection = entry.detection
        if entry.error is not None or detection is None or not detection.formats:
            if start != "end":
                return self._count(name, now), Beginning(0)
            detection = Detection()
        spec = Spec(spec_json([detection], self._options, anchor_ns=int(now * 1e9)))
        status = os.fstat(file.fd)
        found = starting.beginning(path, status.st_size, status.st_mtime, spec, start, now)
        if found.note is not None:
            self._notices.add(Notice("start", name, f"{name}: {found.note}", now, True))
        if found.offset:
            follower.start_at(found.offset)
        return self._from(follower, detection, now), found

    def _from(self, follower: Follower, detection: Detection, now: float) -> LogCounter:
        before = follower.before(LOOK_BACK_BYTES_MAX)
        start = follower.offset
        return self._count(follower.name, now, detection=detection, start=start, before=before)

    def _count(self, name: str, now: float, **how: Any) -> LogCounter:
        return LogCounter(name, self._options, now=now, notices=self._notices, **how)


def _closed(pattern: str) -> str | None:
    """Why the folder that is meant cannot be read, which then looks as if it were empty."""
    folder = pattern if os.path.isdir(pattern) else os.path.dirname(pattern) or "."
    if glob.has_magic(folder) or (folder != pattern and not glob.has_magic(pattern)):
        return None
    try:
        with os.scandir(folder):
            return None
    except OSError as error:
        return (error.strerror or str(error)).lower()
