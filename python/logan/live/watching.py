"""`Watch`: logs that are followed, counted and looked at, driven by a clock that the caller gives.

Knows no trio and no terminal: `step` reads what there is, `view` gives the report of a window,
`finish` the one of all. Threads may share it; one of them works at a time.
"""

from __future__ import annotations

import glob
import json
import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Final

from logan._logan import LOOK_BACK_BYTES_MAX, Spec, Summary, __version__
from logan.errors import MergeError, SourceChangedError, StateError, UsageError
from logan.limits import MIB, SERIES_POINTS_MAX
from logan.live import clock, starting
from logan.live.by_log import by_log_of, last_time, log_of_each
from logan.live.counting import LogCounter
from logan.live.follower import Follower
from logan.live.logs import LOGS_MAX, Current, RotatedSets, check, logs_of
from logan.live.notices import Notice, Notices
from logan.live.pipes import Pipe
from logan.live.remembered import ATTEMPTS_MAX, Memory
from logan.live.remote.log import RemoteLog
from logan.live.remote.logs import RemoteLogs
from logan.live.starting import Beginning
from logan.live.timeline import Point, Timeline
from logan.live.windows import SLOT_S, WINDOWS
from logan.model import Detection, Source
from logan.options import Options
from logan.planning.prepare import check_format
from logan.planning.spec import identity, spec_json
from logan.report import Report, assemble, input_entry
from logan.report.additions import with_additions
from logan.report.builder import ALL_ROWS, selection, with_groups
from logan.report.findings import find, unexplained
from logan.report.rows import keep_rows
from logan.sources.hosts import as_url, is_remote
from logan.sources.inputs import open_inputs, origin_of, shown_name
from logan.state.folder import StateFolder
from logan.summaries.saved import Saved

__all__ = ["Watch"]

STEP_BYTES_MAX: Final = 8 * MIB
"""Read of each log in one step: windows are looked at between two steps, whatever is behind."""

READ_BYTES_MAX: Final = 1 * MIB
DISCOVER_S: Final = 1.0
"""How often patterns are looked at for files that joined."""

NOTES_SHOWN_MAX: Final = 20


@dataclass(slots=True)
class _Log:
    reader: Follower | Pipe | RemoteLog
    counter: LogCounter
    cuts: list[tuple[int, float | None]] = field(default_factory=list)
    skew: float = 0.0
    read: int = 0


class Watch:
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
        self._rotated = RotatedSets(folders)
        self.anonymize = anonymize
        check_format(options.format)
        self.notices = Notices()
        self.memory = None if state is None else Memory(state, options, self.notices)
        self._paths = list(dict.fromkeys(as_url(each) for each in paths))
        self._options = options
        self._lock = RLock()
        self._logs: dict[str, _Log] = {}
        self._discovered = now
        self._too_many = False
        self._other_names: set[str] = set()
        self._empty_spec = Spec(spec_json([Detection()], options, anchor_ns=int(now * 1e9)))
        self._timeline = Timeline(Summary.empty(self._empty_spec), reach_s, now)
        self._windows = self._timeline.windows
        self._ended = False
        self.last_data = now
        pipes = [each for each in self._paths if each == "-" or _is_pipe(each)]
        files = [each for each in self._paths if each not in pipes]
        check(files)
        self._hosts = RemoteLogs([each for each in files if is_remote(each)], start, self._spec_of)
        files = [each for each in files if not is_remote(each)]
        if self._hosts and state is not None:
            raise UsageError(
                "--state keeps where files of this machine were read to, not of hosts by ssh",
                hint="leave it out, or run logan on those hosts",
            )
        self._patterns = files
        for each in pipes:
            pipe = Pipe.open(each, self.notices)
            self._logs[each] = _Log(pipe, LogCounter(each, options, now=now))
        if self.memory is not None:
            self._go_on(self.memory, now)
        else:
            for name, current in self._found(now).items():
                self._add(name, current, start, now)
        self._hosts.begin()
        if not self._logs and files:
            self.notices.add(
                Notice("waiting", "", f"no file matches {', '.join(files)} yet", now, True)
            )

    def _go_on(self, memory: Memory, now: float) -> None:
        """Begin where the last run ended: count what was written since, and follow what comes."""
        for _ in range(ATTEMPTS_MAX):
            currents = self._found(now)
            # Opened first, so that they hold whatever is rotated while it is counted.
            followers = {
                name: Follower(name, current, self.notices, now=now, folders=self._rotated.folders)
                for name, current in currents.items()
            }
            try:
                found = memory.catch_up(self._patterns)
            except SourceChangedError:
                for each in followers.values():
                    each.close()
                continue
            if found.new is not None:
                self._timeline.add(found.new.summary, last_time(found.new.summary, now), now)
            added = [
                self._add(name, current, "start", now, followers[name])
                for name, current in currents.items()
            ]
            if all(added):
                return
            self._logs.clear()
            for each in followers.values():  # rotated meanwhile
                each.close()
        raise StateError(
            f"{', '.join(self._patterns)}: rotated again and again while it was counted",
            hint="start the watch once more",
        )

    # Reading.

    def step(self, now: float) -> bool:
        """Read what there is, up to a bound; whether there may be more at once."""
        with self._lock:
            self._discover(now)
            self._join_remote(now)
            if int(now // SLOT_S) != int(self.last_step // SLOT_S):
                self._take_parts(self.last_step)  # they arrived in the slot that is over
            self.last_step = now
            more = False
            for log in self._logs.values():
                more |= self._read(log, now)
            if self.memory is not None and self.memory.is_due(now):
                self._commit(self.memory, now)
            return more

    def _commit(self, memory: Memory, now: float, *, last: bool = False) -> None:
        self._take_parts(now)
        counters = {name: log.counter for name, log in self._logs.items()}
        memory.commit(counters, now, last=last)

    last_step: float = 0.0

    def _read(self, log: _Log, now: float) -> bool:
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

    def _take_parts(self, at: float, now: float | None = None) -> None:
        for log in self._logs.values():
            if not log.cuts:
                self._take_part(log, at, at if now is None else now)

    def _take_part(self, log: _Log, at: float | None, now: float) -> None:
        part = log.counter.part()
        if part is None:
            return
        if self.memory is not None:
            self.memory.counted(log.counter.name, part)
        self._timeline.add(part, last_time(part, now, log.skew) if at is None else at, now)

    def _discover(self, now: float) -> None:
        if now - self._discovered < DISCOVER_S:
            return
        self._discovered = now
        if not any(glob.has_magic(each) or os.path.isdir(each) for each in self._patterns):
            return
        for name, current in self._found(now).items():
            if name not in self._logs:
                self._add(name, current, "start", now)
                if name in self._logs:
                    self.notices.add(Notice("joined", name, f"{name} joined", now))

    def _found(self, now: float) -> dict[str, Current]:
        """The logs that are there, without rotated files that a pattern names, too."""
        known = set(self._rotated.logs)
        found = logs_of(self._patterns, self._rotated, self._logs)
        for name in self._rotated.logs.keys() - known:
            log = self._rotated.logs[name]
            text = f"{name}.*: rotated files of {log}, not followed on their own"
            self.notices.add(Notice("joined", name, text, now))
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
        if len(self._logs) >= LOGS_MAX:
            if follower is not None:
                follower.close()
            if not self._too_many:
                self._too_many = True
                text = f"more than {LOGS_MAX:,} logs match: the others are left out"
                self.notices.add(Notice("unreadable", name, text, now, True))
            return True
        if (other := self._same_file(current())) is not None:
            if follower is not None:
                follower.close()
            if name not in self._other_names:
                self._other_names.add(name)
                text = f"{name} is {other} by another name: it is followed once"
                self.notices.add(Notice("joined", name, text, now, True))
            return True
        joined = follower is None
        if follower is None:
            folders = self._rotated.folders
            follower = Follower(name, current, self.notices, now=now, folders=folders)
        if self.memory is not None:
            begun = self.memory.begin(follower, now, joined=joined)
            if begun is None:
                follower.close()
                return False
            counter, found = begun, Beginning(0)
        else:
            counter, found = self._counter(follower, start, now)
        log = _Log(follower, counter, list(found.cuts), found.skew, follower.offset)
        self._logs[name] = log
        return True

    def _join_remote(self, now: float) -> None:
        """Logs on hosts that were looked at meanwhile, and what happened there."""
        for notice in self._hosts.notices():
            self.notices.add(notice)
        for reader, start in self._hosts.fresh():
            if len(self._logs) >= LOGS_MAX:
                continue
            found = start.found
            if found.note is not None:
                text = f"{reader.name}: {found.note}"
                self.notices.add(Notice("start", reader.name, text, now, True))
            counter = LogCounter(
                reader.name,
                self._options,
                now=now,
                detection=start.detection,
                start=start.offset,
                before=start.before,
                known_as=identity(Source(reader.url, None), reader.name),
            )
            self._logs[reader.name] = _Log(
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
        for name, log in self._logs.items():
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
            return LogCounter(name, self._options, now=now), Beginning(0)
        path = f"/dev/fd/{file.fd}"
        entry = open_inputs([path], literal=True)[0]
        detection = entry.detection
        if entry.error is not None or detection is None or not detection.formats:
            if start != "end":
                return LogCounter(name, self._options, now=now), Beginning(0)
            detection = Detection()
        spec = Spec(spec_json([detection], self._options, anchor_ns=int(now * 1e9)))
        status = os.fstat(file.fd)
        found = starting.beginning(path, status.st_size, status.st_mtime, spec, start, now)
        if found.note is not None:
            self.notices.add(Notice("start", name, f"{name}: {found.note}", now, True))
        if found.offset:
            follower.start_at(found.offset)
        return self._from(follower, detection, now), found

    def _from(self, follower: Follower, detection: Detection, now: float) -> LogCounter:
        return LogCounter(
            follower.name,
            self._options,
            now=now,
            detection=detection,
            start=follower.offset,
            before=follower.before(LOOK_BACK_BYTES_MAX),
        )

    # What can be seen.

    @property
    def paths(self) -> list[str]:
        """What is watched, as it was given."""
        return list(self._paths)

    @property
    def options(self) -> Options:
        """What is computed."""
        return self._options

    @property
    def names(self) -> list[str]:
        """The logs, in the order in which they joined."""
        with self._lock:
            return list(self._logs)

    @property
    def ended(self) -> bool:
        """Whether nothing more can come: all logs are pipes whose writers are gone."""
        with self._lock:
            return (
                bool(self._logs)
                and not self._patterns
                and not self._hosts
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
            for pattern in self._patterns:
                folder = pattern if os.path.isdir(pattern) else os.path.dirname(pattern) or "."
                found.add(os.path.abspath(folder))
            return {each for each in found if os.path.isdir(each)}

    def summary(self, seconds: float | None, now: float) -> Summary:
        """The summary of the last `seconds`, or of all with None."""
        with self._lock:
            for log in self._logs.values():
                log.counter.settle(now)
            self._take_parts(now)
            return self._windows.view(seconds, now)

    def total(self) -> Summary:
        """The summary of all that was counted: of one log byte for byte that of `analyze` of the
        same bytes under the same spec."""
        with self._lock:
            parts = [total for log in self._logs.values() if (total := log.counter.total())]
            total = Summary.empty(self._empty_spec)
            try:
                for each in parts:
                    total = total.merge(each)
            except MergeError:
                # Logs of equal content are copies elsewhere; here each was written on its own.
                self._take_parts(self.last_step)
                return self._windows.view(None, self.last_step)
            return total if len(parts) != 1 else parts[0]

    def finish(self, now: float) -> Summary:
        """Nothing follows: count last lines without a newline. The summary of all."""
        with self._lock:
            if self.memory is not None:  # a last line without its end is the next run's
                self._commit(self.memory, now, last=True)
                self._ended = True
                return self.total()
            for log in self._logs.values():
                log.counter.close()
            self._take_parts(now)
            self._ended = True
            return self.total()

    def specs(self) -> dict[str, Spec]:
        """How each log is read, by name; those of which no line has come are left out."""
        with self._lock:
            return {
                name: log.counter.spec
                for name, log in self._logs.items()
                if log.counter.spec is not None
            }

    def spec(self) -> Spec:
        """How all logs are read, one source for each, in the order of `specs`: what is saved beside
        the summary of all."""
        specs = [json.loads(each.to_json()) for each in self.specs().values()]
        if not specs:
            return self._empty_spec
        sources = [source for each in specs for source in each["sources"]]
        return Spec(json.dumps({**specs[0], "sources": sources}))

    def view(self, window: str, now: float, *, finds: bool = True) -> Report:
        """The report of a window of `WINDOWS`, as it may be shown; without findings unless it
        `finds`, which costs more than all else."""
        seconds = WINDOWS[window]
        report = self.report(self.summary(seconds, now), final=False, finds=finds)
        return report.anonymize() if self.anonymize else report

    def shown(self, data: Any) -> Any:
        """Plain data of a view, masked where views are anonymized."""
        if not self.anonymize:
            return data
        from logan.report.anonymize import masked_text

        return masked_text(data, [*self.names, *self._paths])

    def report(self, summary: Summary, *, final: bool, finds: bool = True) -> Report:
        """A summary of these logs as a report, with what happened to them, and with findings if it
        `finds`."""
        asked = self._options
        # Whole tables only where rows are chosen among all of them: once a second is often.
        whole = final or asked.sort != "requests" or bool(asked.rows)
        top = ALL_ROWS if whole else asked.top
        figures = json.loads(summary.evaluate(top=top, series_points=SERIES_POINTS_MAX))
        figures.setdefault("sources", [])
        figures = with_groups(figures, asked.by)
        found = find(figures) if finds else []
        findings = unexplained(found, "a watch reads no lines again")
        if final:
            figures = with_additions(figures, summary, user_agents=asked.user_agents)
        figures = keep_rows(figures, top=asked.top, sort=asked.sort, named=asked.rows)
        with self._lock:
            has_full_names = self.memory is not None
            places = log_of_each(figures["sources"], list(self._logs), full=has_full_names)
            by_log = by_log_of(figures["sources"], places)
            entries = [
                self._entry(name, log, by_log.get(index), final)
                for index, (name, log) in enumerate(self._logs.items())
            ]
            # What was never read has a place in the report, too.
            entries += [
                input_entry(name, error=why, origin=origin)
                for name, origin, why in self._never_read(final=final)
            ]
            missing = [
                {"input": name, "start": each.start, "end": each.end, "why": each.why}
                for name, log in self._logs.items()
                for each in log.counter.missing
            ]
            missing += [
                {"input": each.log, "start": each.start, "end": each.end, "why": each.text}
                for each in self.notices.gone
                if each.log in self._logs
            ]
        most = max((each["source"] for each in figures["sources"]), default=-1)
        order = [0] * (most + 1)
        for each in figures["sources"]:
            order[each["source"]] = places[each["source"]]
        return assemble(
            figures,
            entries,
            input_of_source=order,
            missing=missing,
            selection=selection(self._options),
            findings=findings,
            logan_version=__version__,
        )

    def _never_read(self, *, final: bool) -> list[tuple[str, str | None, str]]:
        """What matches and could not be read so far: its name, its host if it is elsewhere, why."""
        return [
            (shown_name(url), origin_of(url), why) for url, why in self._hosts.failed(final=final)
        ]

    def _origin_and_error(self, name: str, log: _Log) -> tuple[str | None, str | None]:
        """The host that a log is read on, None for this one; and why it cannot be read now."""
        if isinstance(log.reader, RemoteLog):
            return origin_of(log.reader.url), log.reader.error
        return None, log.reader.error if isinstance(log.reader, Follower) else None

    def saved(self, summary: Summary, report: Report) -> Saved:
        """The summary of all as a file of saved summaries holds it."""
        names = list(self.specs())
        places = {name: index for index, name in enumerate(self.names)}
        sources = {places[name]: source for source, name in enumerate(names)}
        return Saved.read(summary, self.spec(), report, self._options, sources)

    def _entry(
        self, name: str, log: _Log, evaluated: Mapping[str, Any] | None, final: bool
    ) -> dict[str, Any]:
        origin, error = self._origin_and_error(name, log)
        faults = [each for each in self.notices.of(name) if each.is_fault]
        notices = [each for each in faults if each.text != error]
        notes = list(dict.fromkeys(each.text for each in notices[-NOTES_SHOWN_MAX:]))
        if len(notices) > NOTES_SHOWN_MAX:
            notes.insert(0, f"{len(notices) - NOTES_SHOWN_MAX} earlier notices are not shown")
        if final and evaluated and evaluated["bytes"] and not evaluated["formats"]:
            asked = "FILE" if name == "-" else shlex.quote(name)
            notes.append(f"no line matches a known format; see: logan detect {asked}")
        detection = log.counter.detection or Detection()
        return input_entry(
            *(name, evaluated),
            assumed=detection.assumed,
            notes=notes,
            error=error,
            origin=origin,
        )

    def history(self, window: str, now: float) -> tuple[int, list[Point]]:
        """The timeline of a window: the seconds of its steps, and a point for each."""
        with self._lock:
            return self._timeline.points(window, now)

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
            self._hosts.close()
            for log in self._logs.values():
                log.reader.close()


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False
