"""`Memory`: what a watch counts is kept in a state folder, so that the next one goes on from there.

What was written while no watch ran is counted as `analyze --state` counts it. Then each log that is
followed has its counts, and how far each of its files was read, committed in one transaction about
once a second. A killed watch therefore loses nothing that is still in files, and counts no line
twice. Lines count when they are whole; the rest of a file belongs to the next watch.
"""

from __future__ import annotations

import glob
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from logan._logan import LOOK_BACK_BYTES_MAX, Summary
from logan.errors import StateError
from logan.limits import SERIES_POINTS_MAX
from logan.live.counting import LogCounter
from logan.live.files import Generation, Given, OpenFile
from logan.live.follower import Follower
from logan.live.notices import Notice, Notices
from logan.live.read_files import ReadFile, position_of
from logan.live.retired import RETIRED_S
from logan.model import Detection
from logan.options import Execution, Options, Presentation
from logan.planning.given_spec import GivenSpec
from logan.report import Report, assemble, input_entry
from logan.report.builder import selection
from logan.sources.inputs import open_inputs
from logan.sources.rotation import in_time_order
from logan.state.folder import StateFolder
from logan.state.look import Seen
from logan.state.positions import Position
from logan.state.run import Counted, count, report_of_folder
from logan.summaries.saved import Saved, merge

__all__ = ["Memory"]

COMMIT_S: Final = 1.0
COMMIT_SHARE: Final = 10
"""A commit is made at most once a second, and takes at most a tenth of the time."""

ATTEMPTS_MAX: Final = 100
"""How often the beginning is tried again when logs are rotated meanwhile."""


@dataclass(slots=True)
class _Log:
    """What is known of a log that is followed: its files, and what was counted since a commit."""

    name: str
    origin: str
    files: dict[object, ReadFile] = field(default_factory=dict)
    unfinished: list[ReadFile] = field(default_factory=list)
    parts: list[Summary] = field(default_factory=list)
    missing: int = 0


class Memory:
    """Counts of a watch that outlive it.

    Args:
        folder: open as long as this is used.

    Attributes:
        repeated: the folder had counts when the watch began that no run has reported.
    """

    def __init__(self, folder: StateFolder, options: Options, notices: Notices) -> None:
        self.repeated = folder.pending is not None
        self._folder = folder
        self._options = options
        self._notices = notices
        self._logs: dict[str, _Log] = {}
        self._positions: tuple[Position, ...] = ()
        self._seen = Seen()
        self._due = 0.0
        self._failed = False
        self._started = time.perf_counter()
        self._bytes = 0
        self._total_spec: dict[str, Any] | None = None
        self._ends: dict[str, int] = {}

    # The beginning.

    def catch_up(self, patterns: Iterable[str]) -> Counted:
        """Count what was written since the last run. Raises as `logan.state.run.count`."""
        paths = dict.fromkeys(path for each in patterns for path in _files_of(each))
        found = count(
            list(paths), self._folder, self._options, Presentation(errors="report"), Execution()
        )
        self._bytes += int((found.performance or {}).get("bytes", 0))
        now = time.time()
        for note in [*found.growth.notes, *map(str, found.growth.errors)]:
            self._notices.add(Notice("state", "", note, now, True))
        self._positions = self._folder.positions
        self._seen = found.seen
        total = self._folder.total
        if total is not None:
            self._total_spec = json.loads(total.spec.to_json())
            self._ends = _ends(total)
        return found

    def begin(self, follower: Follower, now: float, *, joined: bool) -> LogCounter | None:
        """Have `follower` go on where its file was counted to, and count what it reads; None if the
        file was rotated since, so that what was written before must be counted first. A log that
        `joined` may have lines that were not counted."""
        name = os.path.abspath(follower.name)
        log = _Log(follower.name, self._origin(name))
        start = self._ends.get(log.origin, 0)
        file = follower.file
        row = None if file is None else self._go_on(log, file)
        if not joined:
            if not self._is_as_seen(follower, row):
                return None
            self._know_set(follower)
        if file is not None:
            self._look_back(follower, log, file, now)
        offset = 0 if row is None else row.offset
        start = max(start, offset)
        follower.offset = start
        detection = None if file is None or row is None else _detected(file, offset, start)
        self._logs[follower.name] = log
        return LogCounter(
            follower.name,
            self._options,
            now=now,
            detection=detection,
            start=start,
            before=follower.before(LOOK_BACK_BYTES_MAX) if detection is not None else b"",
            known_as={"origin": log.origin, "name": name},
            reading=self._reading,
        )

    def _origin(self, name: str) -> str:
        """Which log of the folder it is: the one that a watch counted before, or a new one."""
        for each in (self._total_spec or {}).get("sources", ()):
            identity = each["identity"]
            if identity["name"] == name and identity["origin"].partition(" ")[0].endswith("w"):
                return str(identity["origin"])
        number, _, path = self._folder.new_logs([name])[0].partition(" ")
        return f"{number}w {path}"  # as a watch counts: on through rotation

    def _reading(self, spec: str) -> str:
        """A log is read as it was by earlier runs."""
        if self._total_spec is None:
            return spec
        return GivenSpec(str(self._folder.path), self._total_spec, {}, is_lenient=True).applied_to(
            spec
        )

    def _go_on(self, log: _Log, file: OpenFile) -> Position | None:
        """Have a file read on from where its content was counted to."""
        rows = sorted(self._positions, key=lambda each: (each.inode != file.identity, -each.offset))
        for row in rows:
            if row.offset and (known := ReadFile.counted(file, row)) is not None:
                log.files[file.content] = known
                return row
        return None

    def _is_as_seen(self, follower: Follower, row: Position | None) -> bool:
        """Whether what a log is written to is what was counted: the file that its path meant then,
        up to its row, or all of it that is a line by now."""
        file, path = follower.file, follower.current
        meant = None if path is None else self._seen.names.get(os.path.abspath(path))
        if file is None:
            return meant is None and not (path is not None and os.path.exists(path))
        if meant is not None and meant != file.identity:
            return False
        seen = self._seen.files.get(file.identity)
        return row is not None or (seen is not None and b"\n" not in seen.head)

    def _know_set(self, follower: Follower) -> None:
        """All of the rotated set that was there when it was counted is known; nothing else is."""
        file, names = follower.file, self._seen.names
        own = self._seen.set_of(os.path.abspath(follower.name) if file is None else file.real)
        paths = in_time_order(sorted(path for path in names if self._seen.set_of(path) == own))
        if file is not None and not paths:
            return  # the log's path is a link, and was new: all that is there was there before
        found = []
        for path in paths:
            identity = names[path]
            seen = None if identity is None else self._seen.files.get(identity)
            if seen is not None and (file is None or identity != file.identity):
                found.append(Generation(seen.head, b"", seen.size or 0))
        follower.know(found)

    def _look_back(self, follower: Follower, log: _Log, file: OpenFile, now: float) -> None:
        """Writers that were not told of a rotation yet may go on in a renamed file."""
        for row in self._positions:
            in_set = self._seen.set_of(row.path) == self._seen.set_of(file.real)
            recent = now - row.stored[1] / 1e9 < RETIRED_S
            if in_set and recent and row.inode != file.identity:
                old = follower.sibling(row.path)
                if old is None:
                    continue
                known = ReadFile.counted(old, row) if old.identity == row.inode else None
                if known is None:  # it was renamed, or compressed
                    old.close()
                    continue
                log.files[old.content] = known
                follower.retire(old, now)

    # While it runs.

    def took(self, name: str, data: bytes, given: Given | None) -> None:
        """Note where bytes that are counted now were read."""
        self._bytes += len(data)
        log = self._logs[name]
        if given is None:  # a newline that no file has
            for each in log.unfinished:
                each.ended()
            log.unfinished.clear()
            return
        file = log.files.get(given.content)
        if file is None:
            file = log.files[given.content] = ReadFile(given.file, given.content)
        file.file = given.file
        is_ended = len(data) > given.end - file.end  # by a newline that its file does not have
        is_unfinished = file.took(data, given.end)
        if b"\n" in data:
            for each in log.unfinished:
                if each is not file:
                    each.ended()
            log.unfinished.clear()
            if is_ended:
                file.ended()
                is_unfinished = False
        if is_unfinished and file not in log.unfinished:
            log.unfinished.append(file)

    def counted(self, name: str, part: Summary) -> None:
        """Take what was counted of what was noted."""
        self._logs[name].parts.append(part)

    def is_due(self, now: float) -> bool:
        """Whether `commit` should be called."""
        return now >= self._due

    def commit(self, counters: Mapping[str, LogCounter], now: float, *, last: bool = False) -> None:
        """Commit all that was counted and where. What fails is tried again later, but for the
        `last` commit. Raises `StateError`, `MergeError`."""
        started = time.perf_counter()
        try:
            self._commit(counters)
            self._failed = False
        except StateError as error:
            if last:
                raise
            if not self._failed:
                self._failed = True
                text = f"{error}; counting goes on, and this is tried again"
                self._notices.add(Notice("state", "", text, now, True))
        self._due = now + max(COMMIT_S, COMMIT_SHARE * (time.perf_counter() - started))

    def _commit(self, counters: Mapping[str, LogCounter]) -> None:
        saved, rows, done = [], [], []
        for name, log in self._logs.items():
            counter = counters[name]
            if not log.parts or counter.spec is None:
                continue
            summary = Summary.sum(log.parts)
            log.parts = [summary]  # one, however long commits fail
            saved.append(self._saved(log, counter, summary))
            moved = [each for each in log.files.values() if each.line]
            new = [each for each in moved if each.log is None]
            names = self._folder.new_logs([os.path.abspath(name)] * len(new))
            for file, number in zip(new, names, strict=True):
                file.log = number
            rows += [(file, position_of(file, os.path.abspath(name))) for file in moved]
            done.append(log)
        changed = [(file, row) for file, row in rows if row != file.row]
        if not saved:
            return
        self._folder.commit(merge(saved), [row for _, row in changed])
        for file, row in changed:
            file.row = row
        known = {each.log: each for each in self._positions}
        self._positions = tuple((known | {row.log: row for _, row in rows}).values())
        for log in done:
            log.parts.clear()
            log.missing = len(counters[log.name].missing)
            for content, file in list(log.files.items()):
                if file.file.fd < 0 and file not in log.unfinished:
                    del log.files[content]

    def _saved(self, log: _Log, counter: LogCounter, summary: Summary) -> Saved:
        assert counter.spec is not None
        name = os.path.abspath(counter.name)
        figures = json.loads(summary.evaluate(top=1, series_points=1, analysis=False))
        detection = counter.detection or Detection()
        missing = [
            {"input": name, "start": each.start, "end": each.end, "why": each.why}
            for each in counter.missing[log.missing :]
        ]
        report = assemble(
            figures,
            [input_entry(name, figures["sources"][0], assumed=detection.assumed)],
            input_of_source=[0],
            missing=missing,
            selection=selection(self._options),
            findings=[],
        )
        return Saved.read(summary, counter.spec, report, self._options, {0: 0})

    # The end.

    def report(self, *, total: bool) -> tuple[Report, Saved]:
        """Of what was not reported yet, or of all that was ever counted; and its summary."""
        return report_of_folder(
            self._folder,
            self._options,
            total=total,
            repeated=self.repeated and not total,
            series_points=SERIES_POINTS_MAX,
            read=(self._bytes, time.perf_counter() - self._started),
        )

    def reported(self) -> None:
        """The report has reached the user: the next one does not repeat it."""
        self._folder.clear_pending()


def _files_of(pattern: str) -> list[str]:
    """The files that a path, a pattern or a folder of a watch means now."""
    if os.path.isdir(pattern):
        pattern = os.path.join(glob.escape(pattern), "*")
    names = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]
    return [each for each in names if os.path.isfile(each)]


def _detected(file: OpenFile, position: int, start: int) -> Detection | None:
    """What a log looks like of which byte `position` of a file is byte `start`; None if that cannot
    be told."""
    entry = open_inputs([f"/dev/fd/{file.fd}"], literal=True)[0]
    found = entry.detection
    if entry.error is not None or found is None or not found.formats:
        return None
    if found.layouts is not None:
        before = [index for at, index in found.layouts["changes"] if at < position]
        changes = [[start - 1, before[-1]]] if before else []
        return replace(found, layouts={"fields": found.layouts["fields"], "changes": changes})
    return found


def _ends(total: Saved) -> dict[str, int]:
    """Up to where each log of a summary is counted, by its origin."""
    sources: Sequence[Any] = json.loads(total.spec.to_json())["sources"]
    found: dict[str, int] = {}
    for source, _, end in total.summary.segments():
        origin = sources[source]["identity"]["origin"]
        found[origin] = max(end, found.get(origin, 0))
    return found
