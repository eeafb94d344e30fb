"""Logs on hosts that have no logan, followed over the system's ssh.

One thread for each host asks, over one connection, what became of its logs; nothing runs there
between two questions, and the shell that answers ends as the connection does. The thread puts bytes
and notices into bounded queues; `RemoteLog.read` hands them to the watch, as a `Follower` does.

A log is known by the inode of its current file, by the offset in it, and by sums of what stands
before that offset:

- another inode has the name: the old file is looked for beside it, by its inode, and read to its
  end; members of the rotated set between the two are read whole; what is not there is named;
- the file is shorter, or the sums differ: it was copied and truncated; the rest is read from a copy
  beside it that has the same beginning; what came between copying and truncating is named;
- the connection breaks: it is made again after pauses that grow, and reading goes on at the last
  byte that was counted, across rotations meanwhile.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from logan._logan import Cancel
from logan.errors import CancelledError, InputError
from logan.limits import MIB
from logan.live.notices import Notice, clock_text
from logan.live.remote.log import Place, RemoteLog
from logan.live.remote.rotated import answered, copy_of, missed, stat_of
from logan.live.remote.start import Start
from logan.sources.compression import packed_by_name
from logan.sources.hosts import Address, parse, shown, url_of
from logan.sources.rotation import in_time_order, set_of
from logan.sources.ssh.listing import listing
from logan.sources.ssh.refusals import HostError
from logan.sources.ssh.script import EDGE_BYTES
from logan.sources.ssh.session import Denied, Lost, Session, Stat

__all__ = ["HostFollower"]

Begin = Callable[[str, Session, Stat, str | float, float], Start]

POLL_S: Final = 0.4
DISCOVER_S: Final = 5.0
READ_BYTES_MAX: Final = 1 * MIB

PAUSE_S_MIN: Final = 1.0
PAUSE_S_MAX: Final = 30.0

GRACE_S: Final = 1.0
"""How long a file that was renamed is read on before the new one: its writer may not know yet."""

RETIRED_S: Final = 60.0
RETIRED_MAX: Final = 4
RETIRED_POLL_S: Final = 2.0


class HostFollower:
    """Follows the logs of one host.

    Args:
        address: of the host.
        urls: files, folders and patterns on it.
        wanted: where to begin in files that are there, as `starting.parse_from` gives it.
        begin: looks at a file and says where it begins.
        clock: seconds since 1970.

    Attributes:
        logs: by URL.
        errors: why a folder or a pattern cannot be looked at now, by its URL.
        reached: whether there ever was a connection.
    """

    def __init__(
        self,
        address: Address,
        urls: list[str],
        wanted: str | float,
        begin: Begin,
        clock: Callable[[], float],
    ) -> None:
        self.address = address
        self.logs: dict[str, RemoteLog] = {}
        self.errors: dict[str, str] = {}
        self.reached = False
        self.notices: queue.SimpleQueue[Notice] = queue.SimpleQueue()
        self.urls = urls
        self._wanted = wanted
        self._begin = begin
        self._clock = clock
        self._cancel = Cancel()
        self._stop = threading.Event()
        self._looked = -DISCOVER_S
        self._lost_at: float | None = None
        self._said: str | None = None
        for url in urls:
            remote = parse(url)
            if not remote.is_pattern and not remote.path.endswith("/"):
                self.logs[url] = self._log(url, wanted)
        self._thread = threading.Thread(target=self._run, name="logan-host", daemon=True)

    @property
    def has_logs(self) -> bool:
        """Whether a log is known that no URL names itself: of a folder or a pattern."""
        return any(each not in self.urls for each in list(self.logs))

    def begin(self) -> None:
        """Start to follow."""
        host = self.address.netloc
        text = f"{host}: connecting over ssh"
        self.notices.put(Notice("waiting", host, text, self._clock()))
        self._thread.start()

    def close(self) -> None:
        """End the connection, and the thread."""
        self._cancel.set()
        self._stop.set()
        self._thread.join(10)

    # The thread.

    def _run(self) -> None:
        pause_s = PAUSE_S_MIN
        while not self._stop.is_set():
            session = None
            try:
                session = Session(self.address, self._cancel)
                self.reached = True
                self._found_again()
                while not self._stop.is_set():
                    began = monotonic()
                    any_more = self._round(session)
                    pause_s = PAUSE_S_MIN
                    if not any_more:
                        # A slow host is not kept busy by being asked.
                        self._stop.wait(max(POLL_S, 4 * (monotonic() - began)))
            except (Lost, HostError) as error:
                self._say_lost(error)
                self._stop.wait(pause_s)
                pause_s = min(PAUSE_S_MAX, 2 * pause_s)
            except CancelledError:
                return
            except Exception as error:
                self._fail(error)
                raise
            finally:
                if session is not None:
                    session.close()

    def _fail(self, error: Exception) -> None:
        """It is the follower's own fault, which must not look like silence."""
        text = f"{self.address.netloc}: internal error: {error!r}: it is not followed any more"
        for log in self.logs.values():
            log.error = text
        self.notices.put(Notice("unreadable", self.address.netloc, text, self._clock(), True))

    def _say_lost(self, error: Exception) -> None:
        hint = f"; {error.hint}" if isinstance(error, HostError) else ""
        host = self.address.netloc
        if self._lost_at is None:
            self._lost_at = self._clock()
        text = f"{host}: {error}{hint}; it is tried again after pauses of up to {PAUSE_S_MAX:g} s"
        for log in self.logs.values():
            log.error = f"{log.name}: {error}{hint}"
        self.errors = {url: f"{shown(url)}: {error}{hint}" for url in self.urls}
        if text != self._said:
            self._said = text
            self.notices.put(Notice("unreadable", host, text, self._clock(), True))

    def _found_again(self) -> None:
        if self._lost_at is None:
            return
        away_s = self._clock() - self._lost_at
        places = [f"byte {each.fetched:,} of {each.name}" for each in self.logs.values()]
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        where = f"; it goes on at {', '.join(places[:3])}{more}" if places else ""
        text = f"{self.address.netloc} is back after {away_s:.0f} s{where}"
        self.notices.put(Notice("returned", self.address.netloc, text, self._clock(), True))
        self._lost_at = self._said = None
        self.errors = {}
        for log in self.logs.values():
            log.error = None

    def _round(self, session: Session) -> bool:
        """Ask once about every log; whether there is more at once."""
        self._discover(session)
        more = False
        for log in list(self.logs.values()):
            try:
                more |= self._ask(session, log)
            except Denied as error:
                self._say_denied(log, str(error))
            except InputError as error:
                log.error = f"{error}{f'; {error.hint}' if error.hint else ''}"
                self._tell(log, "unreadable", log.error)
        return more

    def _discover(self, session: Session) -> None:
        """Logs that folders and patterns stand for now."""
        if monotonic() - self._looked < DISCOVER_S:
            return
        is_first, self._looked = self._looked < 0, monotonic()
        for url in self.urls:
            remote = parse(url)
            if url in self.logs and (self.logs[url].start is not None or not is_first):
                continue
            try:
                found = listing(session, url, remote)
            except InputError as error:
                if self.errors.get(url) != str(error):
                    self.notices.put(Notice("unreadable", url, str(error), self._clock(), True))
                self.errors[url] = str(error)
                continue
            self.errors.pop(url, None)
            if not found.is_folder and not remote.is_pattern:
                continue
            if found.is_folder:
                self.logs.pop(url, None)
            sets: dict[tuple[str, str], list[str]] = {}
            for each in found.names:
                path = parse(each).path
                folder, _, name = path.rpartition("/")
                if found.is_folder and folder.rstrip("/") != remote.path.rstrip("/"):
                    continue
                if not packed_by_name(path) and each != url:
                    sets.setdefault((folder, set_of(name)), []).append(path)
            for (folder, base), paths in sets.items():
                stands_for = f"{folder}/{base}" if folder or remote.path[:1] == "/" else base
                path = stands_for if stands_for in paths else in_time_order(sorted(paths))[-1]
                name = url_of(self.address, path)
                if name not in self.logs:
                    self.logs[name] = self._log(name, self._wanted if is_first else "start")

    def _log(self, url: str, wanted: str | float) -> RemoteLog:
        return RemoteLog(shown(url), url, parse(url).path, wanted)

    # One log.

    def _ask(self, session: Session, log: RemoteLog) -> bool:
        try:
            now = stat_of(session, log.path, self._cancel)
        except Denied as error:
            # Renamed, and not yet made anew: its writer may go on in it.
            if str(error) == "missing" and log.place is not None and log.place.inode:
                with suppress(Denied):
                    if self._read(session, log, log.place):
                        return True
            raise
        if log.place is None:
            log.start = self._begin(log.url, session, now, log.wanted, self._clock())
            log.place = Place(log.path, now.inode, log.start.offset, log.start.head)
            log.place.tail = log.start.before[-EDGE_BYTES:]
            log.offset = log.fetched = log.start.offset
            log.error = None
        if log.told is not None:
            self._tell(log, "returned", f"{log.name} is being read", lasts=False)
            log.told = log.error = None
        while log.before:
            try:
                if self._read(session, log, log.before[0]):
                    return True
            except Denied:
                text = f"{log.before[0].path} changed while it was read: its rest is lost"
                self._lose(log, text, certain=True)
            done = log.before.popleft()
            if not done.is_copy:  # whose writer goes on in the middle of its line
                self._retire(log, done)
                self._end_line(log)
        place = log.place
        if now.inode != place.inode:
            return self._renamed(session, log, place, now)
        log.left_at = None
        if now.size < place.offset:
            return self._truncated(session, log, place, "is shorter")
        if now.size > place.offset:
            return self._read(session, log, place, now)
        log.behind = 0
        self._late(session, log)
        return False

    def _read(
        self, session: Session, log: RemoteLog, place: Place, now: Stat | None = None
    ) -> bool:
        """Read on in a file; whether there was more."""
        now = stat_of(session, place.path, self._cancel, place.inode) if now is None else now
        length = min(now.size - place.offset, READ_BYTES_MAX)
        if length <= 0:
            return False
        planned = place.offset if place.is_known else 0
        answer, data = answered(
            session,
            place.path,
            place.offset,
            length,
            inode=place.inode,
            planned=planned,
            cancel=self._cancel,
        )
        after = answer.after
        if after is None or after.inode != place.inode or after.size < place.offset + length:
            return True  # it changed meanwhile: what became of it is asked for next
        if planned and answer.sums not in ("-", place.sums):
            if place is not log.place:
                raise Denied("changed")
            return self._truncated(session, log, place, "was rewritten")
        log.behind = now.size - place.offset - len(data)
        place.took(data)
        self._give(log, data)
        return True

    def _give(self, log: RemoteLog, data: bytes) -> None:
        log.fetched += len(data)
        log.at_line_start = data.endswith(b"\n")
        while not self._stop.is_set():
            try:
                log.pieces.put(data, timeout=0.2)
            except queue.Full:
                continue
            return
        raise CancelledError("the watch has ended")

    def _end_line(self, log: RemoteLog) -> None:
        if not log.at_line_start:
            self._give(log, b"\n")  # as each file ends its last line

    def _renamed(self, session: Session, log: RemoteLog, place: Place, now: Stat) -> bool:
        """Another file has the name: the old one is read to its end, and what came between."""
        if log.left_at is None:
            log.left_at = monotonic()
        try:
            if self._read(session, log, place):
                return True
            if monotonic() - log.left_at < GRACE_S:
                return False
        except Denied:
            at = f"after byte {log.fetched:,} of the log"
            self._lose(
                log,
                f"{log.name} goes on in a new file, and the old one is not beside it: lines "
                f"written to it {at} are lost if there were any",
            )
            place.inode = ""
        self._end_line(log)
        found, packed = missed(session, log, place, now, self._cancel) if place.inode else ([], [])
        for path in packed:
            text = f"{path} came and went between two looks: it is not read"
            self._lose(log, text, certain=True)
        for each in found:
            text = f"{each.path} came and went between two looks: it is read"
            self._tell(log, "rotated", text, lasts=False)
        log.before.extend(found)
        if place.inode:
            self._retire(log, place)
        log.place, log.left_at = Place(log.path, now.inode), None
        self._tell(log, "rotated", f"{log.name} goes on in a new file", lasts=False)
        return True

    def _retire(self, log: RemoteLog, place: Place) -> None:
        place.since = place.looked = monotonic()
        log.retired = [*log.retired, place][-RETIRED_MAX:]

    def _truncated(self, session: Session, log: RemoteLog, place: Place, how: str) -> bool:
        """The file no longer holds what was read: a copy may have it, and more."""
        copy = copy_of(session, log, place, self._cancel) if place.is_known else None
        after = f"after byte {log.fetched:,} of the log"
        if copy is None:
            self._lose(
                log,
                f"{log.name} {how} than what was read of it: it was truncated; lines written "
                f"{after} before {clock_text(self._clock())} are lost if there were any",
            )
            self._end_line(log)
        else:
            self._lose(
                log,
                f"{log.name} was copied to {copy.path} and truncated: the rest is read from the "
                f"copy; lines written between the two, {after}, are lost if there were any",
            )
            log.before.append(copy)
        log.place = Place(log.path, place.inode)
        return True

    def _late(self, session: Session, log: RemoteLog) -> None:
        """Whole lines that were written to renamed files after the new one was begun."""
        for each in list(log.retired):
            if monotonic() - each.since > RETIRED_S:
                log.retired.remove(each)
            elif monotonic() - each.looked >= RETIRED_POLL_S and log.at_line_start:
                each.looked = monotonic()
                try:
                    now = stat_of(session, each.path, self._cancel, each.inode)
                    length = min(now.size - each.offset, READ_BYTES_MAX)
                    if length <= 0:
                        continue
                    _, data = answered(
                        session,
                        each.path,
                        each.offset,
                        length,
                        inode=each.inode,
                        planned=0,
                        cancel=self._cancel,
                    )
                except Denied:
                    log.retired.remove(each)
                    continue
                if whole := data.rfind(b"\n") + 1:
                    each.took(data[:whole])
                    self._give(log, data[:whole])

    # Notices.

    def _say_denied(self, log: RemoteLog, why: str) -> None:
        texts = {
            "missing": "does not exist; waiting for it",
            "denied": "cannot be read: no permission; waiting until it can be read",
            "folder": "is a folder now; waiting until it can be read",
            "special": "is a pipe, a socket or a device now; waiting until it is a file",
        }
        text = f"{log.name} {texts.get(why, 'cannot be read; waiting until it can be read')}"
        if log.start is None or why != "missing":
            log.error = text
        self._tell(log, "waiting" if why == "missing" else "unreadable", text)

    def _tell(self, log: RemoteLog, kind: str, text: str, *, lasts: bool = True) -> None:
        """Say it, a state that lasts only once."""
        if lasts and log.told == text:
            return
        if lasts:
            log.told = text
        self.notices.put(Notice(kind, log.name, text, self._clock(), lasts))

    def _lose(self, log: RemoteLog, text: str, *, certain: bool = False) -> None:
        at, start = self._clock(), log.fetched
        self.notices.put(Notice("lost", log.name, text, at, True, start, certain=certain))
