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
from dataclasses import dataclass
from typing import Final

from logan._logan import LOOK_BACK_BYTES_MAX
from logan.live.files import (
    Allowed,
    CompressedFile,
    Generation,
    OpenFile,
    Readable,
    Replaced,
    head_of,
)
from logan.live.notices import Notice, Notices, clock_text
from logan.live.places import FilePlace, Place, Role, file_place, found
from logan.live.rotated import (
    GENERATIONS_MAX,
    copy_of,
    folders_of,
    identity_of,
    members,
    modified,
    siblings,
    status_of,
    went_to,
)

__all__ = ["Follower"]

GRACE_S: Final = 1.0
"""How long a file that was renamed within a line is waited for: its writer may finish it."""

CLOCK_TICK_NS: Final = 20_000_000
"""Files that were changed within less may have equal times of modification."""

RETIRED_S: Final = 60.0
"""How long a renamed file is still looked at: writers that were not told yet go on in it."""

RETIRED_MAX: Final = 8
KNOWN_MAX: Final = 2 * GENERATIONS_MAX
"""Files of a log that are recognized: all that are looked at, and as many that are gone."""

VANISHED_S: Final = 2.0
"""A path that is away for less is being rotated."""


_OLDDIR_HINT: Final = "; if it was copied to another folder, name that: --olddir DIR"


@dataclass(slots=True)
class _Retired:
    file: OpenFile
    since: float


@dataclass(frozen=True, slots=True)
class Given:
    """Which bytes of which file `read` gave: `end` is one past the last of them."""

    file: Readable
    content: object
    end: int


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
        error: why the file cannot be read now; None if it can, or if there is none.
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
        self._folders = list(folders)
        self.offset = 0
        self.given: Given | None = None
        self._current = current
        self._notices = notices
        self._file: OpenFile | None = None
        self._before: deque[Readable] = deque()
        self._lost: dict[int, tuple[str, float]] = {}
        self._retired: list[_Retired] = []
        self._known: list[Generation] = []
        self._at_line_start = True
        self._goes_on = False
        self._left_at: float | None = None
        self._away_since: float | None = None
        self._cut_seen = 0
        self._told: str | None = None
        self._last_read = now
        self._allowed = allowed
        self._given_by: Readable | None = None
        self._giver: Readable | None = None
        self._finished: FilePlace | None = None
        self._place: Place | None = None
        self.error: str | None = None
        self._knows_set = False
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
        self._known = list(generations)[-KNOWN_MAX:]
        self._knows_set = True

    def sibling(self, path: str) -> OpenFile | None:
        """A file of its set, unread; None if it cannot be opened."""
        try:
            return OpenFile.open(path, self._allowed)
        except OSError:
            return None

    def retire(self, file: OpenFile, now: float) -> None:
        """Look for what is still written to a renamed file, from where it was read to."""
        self._retired.append(_Retired(file, now))
        while len(self._retired) > RETIRED_MAX:
            self._retired.pop(0).file.close()

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
        files += [(self._file, current), *((each.file, "retired") for each in self._retired)]
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
                self._tell("unreadable", f"{self._file.name}: {error.strerror}", now, fault=True)
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
        if data and is_first and self._queue_missed(file, now):
            # What it held before was copied and truncated since it was looked at.
            file.go_on(0, b"", b"")
            file.was_cut = True
            return None
        return data

    def close(self) -> None:
        """Close all files."""
        for each in (self._file, *self._before, *(each.file for each in self._retired)):
            if each is not None:
                each.close()
        self._file, self._retired = None, []
        self._before.clear()

    def _note(self, file: Readable) -> None:
        """What was just read of a file is what `read` gives."""
        self.given = Given(file, file.content, file.position)
        if self.error is not None and self.error.startswith(f"{file.name}: "):
            self._told = self.error = None  # it can be read again

    def _given(self, data: bytes, now: float) -> bytes:
        self.offset += len(data)
        self._given_by, self._giver = self._giver, None
        self._goes_on = False
        self._at_line_start = data.endswith(b"\n")
        self._last_read = now
        return data

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
        self._look_below(file)
        found = copy_of(old, file)
        self._know(old)
        copy = None
        if found is not None:
            copy, whole = found
            copy.content = file.content
            self._know(whole)
            self._before.append(copy)
            self._lost[id(copy)] = (file.name, modified(copy.name, now))
            self._tell("truncated", f"{file.name} was copied to {copy.name} and truncated", now)
        else:
            between = f"{clock_text(self._last_read)} and {clock_text(now)}"
            text = f"{file.name} was truncated: {self._perhaps_lost(between)}{_OLDDIR_HINT}"
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
        if not self._knows_set:
            self._know_siblings(file)
        if self._place is not None:
            self._restore(file, now)
        if self._told is not None:
            self._tell("returned", f"{self.name} is being read", now)
            self._told = self.error = None

    def _open(self, path: str, now: float) -> OpenFile | None:
        try:
            file = OpenFile.open(path, self._allowed)
            file.folders = self._folders
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
        self._know(old.generation)
        self._finished = file_place(old, "read")
        if (moved := went_to(old)) is not None:
            folder, older = moved
            self._folders.append(folder)
            self._know_files(older)
        self._queue_missed(fresh, now)
        self.retire(old, now)
        self._file, self._left_at = fresh, None
        self._tell("rotated", f"{self.name} goes on in a new file", now)
        self._told = self.error = None

    def _queue_missed(self, current: OpenFile, now: float) -> bool:
        """Read what came and went since the last look: members of the set that were never seen,
        up to the current file. Whether there are any."""
        self._look_below(current)
        files = [current, *(each.file for each in self._retired)]
        files += [each for each in self._before if isinstance(each, OpenFile)]
        files += [] if self._file is None else [self._file]
        held = {each.identity for each in files}
        try:
            current.beginning()
            # What is open here is read from here, whatever copies of it there are.
            known = [*self._known, *(_beginning_of(each) for each in files if each.position)]
            unread = [_beginning_of(each) for each in files if not each.position]
            around = members(current)
        except Replaced:  # the next read says so
            return False
        plain = [each.generation for each in around if each.compression is None]
        any_missed = False
        for each in around:
            file, generation = each.file, each.generation
            head, size = generation.head, each.size
            is_known = any(one.begins(head, size) for one in known)
            # A copy of what was not read yet: it is read after all if its original is truncated.
            is_copy = any(one.begins(head, size) for one in unread)
            # What is being compressed is still there, and whole.
            is_copy |= each.compression is not None and any(one.begins(head, None) for one in plain)
            if file.identity in held or not head or is_known or is_copy:
                if is_known and head:
                    self._know(generation)  # as long as its file is there
                file.close()
                continue
            missed: Readable = file
            if each.compression is not None:
                missed = CompressedFile(f"/dev/fd/{file.fd}", each.compression)
                missed.name = file.name
                file.close()
            self._know(generation)
            known.append(generation)
            self._before.append(missed)
            any_missed = True
            self._tell("rotated", f"{file.name} came and went between two looks: it is read", now)
        return any_missed

    def _know(self, generation: Generation) -> None:
        """Recognize it from now on: each file once, however often it was met, so that those that
        are there are not forgotten for those that are gone."""
        head, size = generation.head, generation.size
        self._known = [each for each in self._known if not each.begins(head, size)]
        self._known.append(generation)
        del self._known[:-KNOWN_MAX]

    def _know_siblings(self, file: OpenFile) -> None:
        """Files of the set that were there before are no part of what is followed."""
        self._look_below(file)
        self._know_files(siblings(file), but=file.identity)

    def _look_below(self, file: OpenFile) -> None:
        """Folders below that hold files of the set by now are looked at from now on."""
        self._folders += [each for each in folders_of(file) if each not in self._folders]

    def _know_files(self, paths: Sequence[str], but: tuple[int, int] | None = None) -> None:
        for path in paths[-GENERATIONS_MAX:]:
            try:
                if identity_of(path) != but:
                    head, size, _ = head_of(path)
                    self._know(Generation(head, b"", size or 0))
            except OSError:
                continue

    def _late(self, now: float) -> bytes:
        """Whole lines that were written to renamed files after the new one was begun."""
        if not self._at_line_start:
            return b""
        for each in list(self._retired):
            file = each.file
            try:
                data = file.read(1 << 20)
            except (OSError, Replaced):
                data = b""
                each.since = now - RETIRED_S
            whole = data.rfind(b"\n") + 1
            if len(data) > whole:
                file.seek(file.position - (len(data) - whole))
            if whole:
                each.since = now
                self._know(file.generation)
                self._note(file)
                return data[:whole]
            if now - each.since >= RETIRED_S:
                file.close()
                self._retired.remove(each)
                if data:
                    self.given = Given(file, file.content, file.position + len(data))
                    return data + b"\n"  # this line is not ended any more
        return b""

    def _away(self, now: float) -> None:
        if self._away_since is None:
            self._away_since = now
        elif now - self._away_since >= VANISHED_S:
            self._tell("vanished", f"{self.name} is gone; waiting for it to come back", now)

    def _back(self, path: str, now: float) -> None:
        self._away_since = self._left_at = None
        if self._told is not None:
            self._tell("returned", f"{path} is back", now)
            self._told = self.error = None

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
        """Say it, a state that lasts only once. What is `lost` may be, what is `gone` is for
        certain."""
        lasts = kind in ("waiting", "unreadable", "vanished")
        if lasts and self._told == text:
            return
        if lasts:
            self._told = text
            self.error = text if kind == "unreadable" else None
        lost |= gone
        start = self.offset if lost else None
        is_fault = fault or lasts or lost
        self._notices.add(Notice(kind, self.name, text, now, is_fault, start, certain=gone))


def _beginning_of(file: OpenFile) -> Generation:
    """What it holds, or held when it was read."""
    try:
        return file.beginning()
    except Replaced:
        return file.generation
