"""A log: the bytes that rotation strings together, each once, whatever becomes of its files.

`Follower.read` gives the next bytes of the log. The file at hand is read to its end before anything
else is looked at; then its path is. What is to be read before the current file goes on stands in a
queue: the rest of a file that was copied and truncated, and files that came and went between two
looks. What is read late of a file that was renamed (its writer did not know yet) is given in whole
lines, between lines of the current one.

No clock is read here and nothing sleeps: the caller says what time it is.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from logan._logan import LOOK_BACK_BYTES_MAX
from logan.live.files import Allowed, Edges, Generation, Given, OpenFile, Readable, Replaced
from logan.live.known_files import KnownFiles
from logan.live.log_notices import LogNotices
from logan.live.notices import Notices, clock_text
from logan.live.places import FilePlace, Place, Role, file_place, found
from logan.live.retired import RetiredFiles
from logan.live.rotated import GENERATIONS_MAX, copy_of, modified, status_of, went_to

__all__ = ["Follower"]

GRACE_S: Final = 1.0
"""How long a file that was renamed within a line is waited for: its writer may finish it."""

CLOCK_TICK_NS: Final = 20_000_000
"""Files that were changed within less may have equal times of modification."""

VANISHED_S: Final = 2.0
"""A path that is away for less is being rotated."""


_OLDDIR_HINT: Final = "; if it was copied to another folder, name that: --olddir DIR"


class Follower:
    """Follows one log.

    Args:
        name: what notices call it.
        current: gives the path that is written to now; None if there is none. It may be another
            one each time (names with dates).
        notices: where events go.
        allowed: decides, by their paths without links, which files may be read; None for all.
        folders: to which its files are rotated, besides its own; relative ones are in that. Those
            that files are moved to are found out.

    Attributes:
        offset: of the byte that `read` gives next.
        waits: whether nothing could be opened so far.
        given: where what `read` gave at last comes from; None of a newline that no file has.
    """

    def __init__(
        self,
        name: str,
        current: Callable[[], str | None],
        notices: Notices,
        *,
        now: float,
        allowed: Allowed | None = None,
        folders: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.offset = 0
        self.given: Given | None = None
        self._current = current
        self._notices = LogNotices(name, notices)
        self._file: OpenFile | None = None
        self._before: deque[Readable] = deque()
        self._lost: dict[int, tuple[str, float]] = {}
        self._retired = RetiredFiles()
        self._known = KnownFiles(folders)
        self._at_line_start = True
        self._goes_on = False
        self._left_at: float | None = None
        self._away_since: float | None = None
        self._cut_seen = 0
        self._last_read = now
        self._allowed = allowed
        self._given_by: Readable | None = None
        self._giver: Readable | None = None
        self._finished: FilePlace | None = None
        self._place: Place | None = None
        self._open_first(now)

    @property
    def waits(self) -> bool:
        """Whether no file could be opened so far."""
        return self._file is None

    @property
    def path(self) -> str | None:
        """The file that is read now."""
        return None if self._file is None else self._file.name

    @property
    def file(self) -> OpenFile | None:
        """The file that is read now, as it is open."""
        return self._file

    @property
    def error(self) -> str | None:
        """Why the file cannot be read now; None if it can, or if there is none."""
        return self._notices.error

    @property
    def current(self) -> str | None:
        """The path that is written to now."""
        return self._current()

    def retry(self, now: float) -> None:
        """Look whether there is a file by now."""
        if self._file is None:
            self._open_first(now)

    def start_at(self, position: int, offset: int | None = None) -> None:
        """Begin with byte `position` of the first file, which is byte `offset` of the log, by
        default the same."""
        if position:
            assert self._file is not None
            self._file.seek(position)
        self.offset = position if offset is None else offset

    def know(self, generations: Iterable[Generation]) -> None:
        """Files of the set that were counted, or are no part of what is followed, oldest first:
        all others are, as soon as there is a file that is written to."""
        self._known.replace(generations)

    def sibling(self, path: str) -> OpenFile | None:
        """A file of its set, unread; None if it cannot be opened."""
        try:
            return OpenFile.open(path, self._allowed)
        except OSError:
            return None

    def retire(self, file: OpenFile, now: float) -> None:
        """Look for what is still written to a renamed file, from where it was read to."""
        self._retired.add(file, now)

    def before(self, most: int) -> bytes:
        """The last bytes before the place where it starts; none if they are gone."""
        if self._file is None:
            return b""
        found = self._file.bytes_before(self._file.position, most)
        return found if found.endswith(self._file.tail) else b""

    def place(self, unread: int, now: float) -> Place | None:
        """Where it stands, without the last `unread` bytes that it gave, behind which no line has
        ended. None if that cannot be said just now."""
        if self._file is None:
            return None
        current: Role = "cut" if self._file.was_cut else "current"
        files: list[tuple[Readable, Role]] = [
            (each, "queued") for each in self._before if each.position
        ][:1]
        files += [(self._file, current), *((each, "retired") for each in self._retired.files)]
        places = [
            file_place(each, role, unread if each is self._given_by else 0) for each, role in files
        ]
        known = tuple(each for each in places if each is not None)
        if self._finished is not None:
            known = (self._finished, *known)
        if len(known) < len(places) or (unread and not any(self._given_by is f for f, _ in files)):
            return None
        return Place(self.offset - unread, known, len(self._before), now)

    def resume(self, place: Place, now: float) -> bytes:
        """Go on at a place, in whatever files its bytes are now; nothing was read before. The
        bytes that precede it, as far as they are there. Says what is gone for good."""
        self.offset = place.offset
        self._place = place
        return b"" if self._file is None else self._restore(self._file, now)

    def _restore(self, file: OpenFile, now: float) -> bytes:
        place, self._place = self._place, None
        assert place is not None
        there = found(place, file, LOOK_BACK_BYTES_MAX)
        file.was_cut = there.was_cut
        self._before.extend(there.queue)
        for each in there.retired:
            self.retire(each, now)
        since = f"between {clock_text(place.at)} and {clock_text(now)}"
        for what in there.lost:
            text = f"{self.name}: {what}, and what was written {since} to files that are gone, "
            self._tell("lost", f"{text}is lost, {self._after_byte()}", now, gone=True)
        if there.late_lost:
            text = f"{self.name}: {there.late_lost} renamed files are gone that had been read"
            self._tell("rotated", text, now)
        return there.before

    def read(self, most: int, now: float) -> bytes:
        """The next bytes of the log; none if there are none now. Never raises `OSError`."""
        self.given = None
        for _ in range(GENERATIONS_MAX):
            if data := self._from_queue(most, now):
                return self._given(data, now)
            if self._file is None:
                self._open_first(now)
                if self._file is None:
                    return b""
            try:
                read = self._read_current(self._file, most, now)
            except Replaced:
                if not self._replaced(self._file, now) and not self._at_line_start:
                    return self._given(b"\n", now)  # the line's rest is lost
                continue
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                text = f"{self._file.name}: {why}; it is tried again and again"
                self._tell("unreadable", text, now, fault=True)
                return b""
            if read is None:
                continue
            self._giver = self._file if read else None
            if read:
                self._left_at = None
                self._note(self._file)
                return self._given(read, now)
            if late := self._late(now):
                return self._given(late, now)
            before = self._file
            if not self._follow_path(now):
                break
            if not self._at_line_start and self._file is not before:
                return self._given(b"\n", now)  # as each file ends its last line
        return b""

    def _read_current(self, file: OpenFile, most: int, now: float) -> bytes | None:
        """The next bytes of the current file; None if others come first. Raises as its `read`."""
        if self._begins_again(file) and self._queue_missed(file, now):
            file.was_cut = True
            return None
        is_first = file.position == 0
        data = file.read(most)
        if data and is_first and self._came_before(file, now):
            file.go_on(0, b"", b"")
            return None
        return data

    def _came_before(self, file: OpenFile, now: float) -> bool:
        """Whether others are to be read before the first bytes of the current file: what it held
        before was copied and truncated since it was looked at, or perhaps was, as that happened to
        these bytes meanwhile."""
        if self._queue_missed(file, now) is False:
            return False
        file.was_cut = True
        return True

    def close(self) -> None:
        """Close all files."""
        for each in (self._file, *self._before):
            if each is not None:
                each.close()
        self._retired.close()
        self._file = None
        self._before.clear()

    def _note(self, file: Readable) -> None:
        """What was just read of a file is what `read` gives."""
        self.given = Given(file, file.content, file.position)
        self._notices.was_read(file.name)

    def _given(self, data: bytes, now: float) -> bytes:
        self._gave(len(data), now, at_line_start=data.endswith(b"\n"))
        return data

    def _gave(self, length: int, now: float, *, at_line_start: bool) -> None:
        self.offset += length
        self._given_by, self._giver = self._giver, None
        self._goes_on = False
        self._at_line_start = at_line_start
        self._last_read = now

    def say_cut_short(self, end: int, now: float) -> None:
        """Say so if the current file, which began as it does now, went on up to `end` before."""
        file = self._file
        if file is None:
            return
        try:
            left = file.beginning().size
        except Replaced:  # the next read says so
            return
        if left < end:
            text = f"{self.name} was cut from {end:,} to {left:,} bytes before all of it was read"
            self._tell("lost", f"{text}: the rest is lost", now, gone=True)

    def passed(self, end: int, edges: Edges, now: float) -> bool:
        """Whole lines up to `end` of the current file were read elsewhere, which had these edges
        before. False if they are not what comes next: then they were not read."""
        file = self._file
        if file is None or self._before or not file.holds(end, edges):
            return False
        if file.position == 0 and self._came_before(file, now):
            return False
        length = end - file.position
        file.go_on(end, *edges)
        self._giver, self._left_at = file, None
        self._note(file)
        self._gave(length, now, at_line_start=True)
        return True

    # What comes before the current file.

    def _from_queue(self, most: int, now: float) -> bytes:
        while self._before:
            if data := self._read_queued(most, now):
                return data
            if not self._at_line_start and not self._goes_on:
                return b"\n"
        return b""

    def _read_queued(self, most: int, now: float) -> bytes:
        file = self._before[0]
        try:
            data = file.read(most)
            self._giver = file if data else None
        except (OSError, Replaced) as error:
            why = getattr(error, "strerror", None) or "it changed while it was read"
            self._tell("lost", f"{file.name}: {why}: its rest is lost", now, gone=True)
            data = b""
        if data:
            self._note(file)
        else:
            self._before.popleft()
            self._finished = file_place(file, "read")
            # The writer of a file that was copied and truncated goes on in the middle of its line.
            self._goes_on = self._file is not None and self._file.was_cut
            if id(file) not in self._lost and isinstance(file, OpenFile):
                self.retire(file, now)
            else:
                self._say_lost(file, now)
                file.close()
        return data

    def _say_lost(self, file: Readable, now: float) -> None:
        """A copy was read to its end: what came between copying and truncating is not in it."""
        found = self._lost.pop(id(file), None)
        if found is None:
            return
        path, copied_at = found
        between = (
            f"{clock_text(copied_at)} (end of the copy) and {clock_text(now)} (seen truncated)"
        )
        text = f"{path} was copied and truncated: the rest was read from {file.name}; "
        self._tell("lost", text + self._perhaps_lost(between), now, lost=True)

    def _perhaps_lost(self, between: str) -> str:
        return f"lines written between {between}, {self._after_byte()}, are lost if there were any"

    def _after_byte(self) -> str:
        return f"after byte {self.offset:,} of the log"

    # The file at hand was cut short.

    def _replaced(self, file: OpenFile, now: float) -> bool:
        """Go on with what was not read of it, then from its beginning; whether a copy has it."""
        old = file.generation
        self._known.look_below(file)
        found = copy_of(old, file)
        self._known.add(old)
        copy = None
        if found is not None:
            copy, whole = found
            copy.content = file.content
            self._known.add(whole)
            self._before.append(copy)
            # What was compressed since was written to after it was copied.
            self._lost[id(copy)] = (file.name, min(modified(copy.name, now), now))
            self._tell("truncated", f"{file.name} was copied to {copy.name} and truncated", now)
        else:
            between = f"{clock_text(self._last_read)} and {clock_text(now)}"
            text = (
                f"{file.name} was truncated, and is read from its start: "
                f"{self._perhaps_lost(between)}{_OLDDIR_HINT}"
            )
            self._tell("lost", text, now, lost=True)
        file.restart()
        self._queue_missed(file, now)
        return copy is not None

    # The path may name another file.

    def _open_first(self, now: float) -> None:
        path = self._current()
        if path is None:
            self._tell("waiting", f"{self.name} does not exist; waiting for it", now)
            return
        file = self._open(path, now)
        if file is None:
            return
        self._file = file
        if not self._known.is_given:
            self._known.add_siblings(file)
        if self._place is not None:
            self._restore(file, now)
        self._notices.returned(f"{self.name} is being read", now)

    def _open(self, path: str, now: float) -> OpenFile | None:
        try:
            file = OpenFile.open(path, self._allowed)
            file.folders = self._known.folders
            return file
        except FileNotFoundError:
            if self._file is None:
                self._tell("waiting", f"{path} does not exist; waiting for it", now)
            return None
        except IsADirectoryError:
            why = "is a folder now" if self._file is not None else "is a folder"
        except OSError as error:
            why = f"cannot be read: {(error.strerror or str(error)).lower()}"
        hint = "waiting until it can be read"
        self._tell("unreadable", f"{path} {why}; {hint}", now, fault=True)
        return None

    def _follow_path(self, now: float) -> bool:
        """Whether there is more to read: the path names another file, which is opened."""
        file = self._file
        assert file is not None
        path = self._current()
        found = None if path is None else status_of(path)
        if path is None or found is None:
            self._away(now)
            return False
        if (found.st_dev, found.st_ino) == file.identity:
            self._back(path, now)
            return False
        self._away_since = None
        if self._left_at is None:
            self._left_at = now
            return self._grown(file)
        if not self._at_line_start and now - self._left_at < GRACE_S:
            return False
        fresh = self._open(path, now)
        if fresh is None:
            return False
        if self._grown(file):
            fresh.close()
            return True
        self._switch(file, fresh, now)
        return True

    def _begins_again(self, file: OpenFile) -> bool:
        """Whether a file changed before any of it was read: it may have been copied and truncated
        meanwhile."""
        if file.position:
            return False
        changed = os.fstat(file.fd).st_mtime_ns
        if changed == self._cut_seen:
            return False
        # A clock so coarse has one time for several writes: it proves nothing until it has moved.
        self._cut_seen = changed if time.time_ns() - changed > CLOCK_TICK_NS else 0
        return True

    def _grown(self, file: OpenFile) -> bool:
        try:
            return file.size != file.position
        except OSError:
            return False

    def _switch(self, old: OpenFile, fresh: OpenFile, now: float) -> None:
        self._known.add(old.generation)
        self._finished = file_place(old, "read")
        if (moved := went_to(old)) is not None:
            folder, older = moved
            self._known.folders.append(folder)
            self._known.add_paths(older)
        self._queue_missed(fresh, now)
        self.retire(old, now)
        self._file, self._left_at = fresh, None
        self._tell("rotated", f"{self.name} goes on in a new file", now)
        self._notices.forget()

    def _queue_missed(self, current: OpenFile, now: float) -> bool | None:
        """Read what came and went since the last look: members of the set that were never seen,
        up to the current file. Whether there are any; None if that cannot be told."""
        files = [current, *self._retired.files]
        files += [each for each in self._before if isinstance(each, OpenFile)]
        files += [] if self._file is None else [self._file]
        missed = self._known.missed(current, files)
        if missed is None:
            return None
        for each in missed:
            self._before.append(each)
            self._tell("rotated", f"{each.name} came and went between two looks: it is read", now)
        return bool(missed)

    def _late(self, now: float) -> bytes:
        """Whole lines that were written to renamed files after the new one was begun."""
        if not self._at_line_start:
            return b""
        data, given = self._retired.read(now, self._known.add)
        if given is not None:
            self.given = given
            self._notices.was_read(given.file.name)
        return data

    def _away(self, now: float) -> None:
        if self._away_since is None:
            self._away_since = now
        elif now - self._away_since >= VANISHED_S:
            path = self._current() or self.name
            how = "is a link that leads nowhere now" if os.path.islink(path) else "is gone"
            self._tell("vanished", f"{self.name} {how}; waiting for it to come back", now)

    def _back(self, path: str, now: float) -> None:
        self._away_since = self._left_at = None
        self._notices.returned(f"{path} is back", now)

    def _tell(
        self,
        kind: str,
        text: str,
        now: float,
        *,
        fault: bool = False,
        lost: bool = False,
        gone: bool = False,
    ) -> None:
        """Say it. What is `lost` may be, what is `gone` is for certain."""
        lost_at = self.offset if lost or gone else None
        self._notices.tell(kind, text, now, fault=fault, lost_at=lost_at, gone=gone)
