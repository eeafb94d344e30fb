"""What is new in logs since they were counted: rotated, copied, compressed or grown.

Files are matched with positions by content. What no position fits is a new log, unless another
file of its rotated set has all that it has: then it is a copy of that, or becomes one. A position
that no file fits has lost its log, which is said if lines may be missing. All of this is decided of
one moment, or anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from logan.errors import InputError, SourceChangedError
from logan.limits import CONTENT_EDGE_BYTES
from logan.sources.compression import is_container, without_suffix
from logan.sources.inputs import readable_name
from logan.sources.rotation import in_time_order, set_of
from logan.state.look import Look
from logan.state.positions import LogFile, Position

__all__ = ["Growth", "Part", "find_growth"]

_LOOKS_MAX: Final = 10
"""So often files are looked at anew that are rotated meanwhile."""

_SETTLED_NS: Final = 60 * 10**9
"""A rotated file that was not written to for so long has its last line, even without a newline."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file to be counted: `[start, end)` decoded, all of an archive that is new.

    Attributes:
        file: stays open until `Growth.close`, so that it is this file whatever its name becomes.
        position: of the log of which this is more; None of a new log.
        end: None of an archive that is new.
        edges: `LogFile.edges` of the end; None of an archive.
    """

    file: LogFile
    start: int
    end: int | None
    position: Position | None
    edges: tuple[str, str] | None = None

    @property
    def path(self) -> str:
        """Where the file was when it was found."""
        return self.file.path

    @property
    def compression(self) -> str | None:
        """How it is compressed."""
        return self.file.compression

    def is_unchanged(self) -> bool:
        """Whether the file still holds what was counted."""
        if self.end is None or self.file.is_compressed:
            return True
        try:
            return self.file.edges(self.end) == self.edges
        except InputError:
            return False


@dataclass(slots=True)
class Growth:
    """What to count, which positions moved without anything new, and what must be said."""

    look: Look
    parts: list[Part] = field(default_factory=list)
    moved: list[Position] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[InputError] = field(default_factory=list)

    def close(self) -> None:
        """Close the files."""
        self.look.close()


class _Changed(Exception):
    """A file was truncated while it was looked at."""


def find_growth(
    paths: Iterable[str], positions: Sequence[Position], *, any_text: bool = False
) -> Growth:
    """What is new in `paths`; files beside them, of the same rotated sets, are looked into, too.

    `any_text` is as in `LogFile`. Raises `SourceChangedError` if they are rotated all the time.
    """
    paths = list(paths)
    for _ in range(_LOOKS_MAX):
        growth = Growth(Look(paths, positions, any_text=any_text))
        try:
            growth.errors += growth.look.errors
            _match(growth, positions)
            if growth.look.is_of_one_moment():
                return growth
        except _Changed:
            pass
        except BaseException:
            growth.close()
            raise
        growth.close()
    names = ", ".join(map(readable_name, paths))
    raise SourceChangedError(
        f"{names}: rotated again and again while it was looked at; nothing was counted",
        hint="the next run looks at it again",
    )


def _match(growth: Growth, positions: Sequence[Position]) -> None:
    files, named = growth.look.files, growth.look.named
    taken: dict[str, Position] = {}
    lost = []
    # Those counted furthest first: a shorter log that begins alike must not take their file.
    by_inode = {each.inode: each for each in files.values()}
    for position in sorted(positions, key=lambda each: -each.offset):
        found = _file_of(position, files, by_inode, taken)
        if found is None:
            lost.append(position)
            continue
        taken[found.path] = position
        _continue(position, found, growth)
    for position in lost:
        growth.dropped.append(position.log)
        has_copy = any(each.holds(position) for each in files.values())
        if not has_copy and not (position.complete and _is_rotated(position.path)):
            growth.notes.append(
                f"{readable_name(position.path)} was counted up to byte {position.offset:,}; it is "
                "not there any more, nor a copy of it: lines that were added since are not counted"
            )
    fresh = {**_missed(growth.look, taken, lost), **named}
    fresh = {path: file for path, file in fresh.items() if path not in taken}
    # What is counted already is the original, then what was named.
    ordered = dict.fromkeys([*taken, *named, *files])
    sets: dict[tuple[str, str], list[LogFile]] = {}
    for path in ordered:
        sets.setdefault(growth.look.set_of(path), []).append(files[path])
    for path, file in fresh.items():
        original = growth.look.original_of(file, sets[growth.look.set_of(path)])
        if original is not None:
            _note_copy(file, original, growth)
        else:
            _begin(file, taken, growth)


def _missed(look: Look, taken: dict[str, Position], lost: Sequence[Position]) -> dict[str, LogFile]:
    """Files that came and went between two looks: of a counted log's rotated set, and newer than
    the first of it that was counted, oldest first."""
    files = look.files
    found: dict[str, LogFile] = {}
    sets: dict[tuple[str, str], list[str]] = {}
    for path in files:
        sets.setdefault(look.set_of(path), []).append(path)
    for key, members in sets.items():
        ordered = in_time_order(sorted(members))
        counted = [index for index, path in enumerate(ordered) if path in taken]
        written = [each.stored[1] for each in lost if look.set_of(each.path) == key]
        if counted:
            newer = ordered[counted[0] + 1 :]
        elif written:
            newer = [path for path in ordered if files[path].stored[1] > max(written)]
        else:
            continue
        found |= {path: files[path] for path in newer}
    return found


def _file_of(
    position: Position,
    files: dict[str, LogFile],
    by_inode: dict[tuple[int, int], LogFile],
    taken: dict[str, Position],
) -> LogFile | None:
    """The file that a position goes on in: its own, or the copy that has most."""
    own = by_inode.get(position.inode)
    if own is not None and own.path not in taken and own.holds(position):
        return own
    free = (each for each in files.values() if each.path not in taken)
    copies = [each for each in free if each.holds(position)]

    def preferred(file: LogFile) -> tuple[int, bool, bool, str]:
        return -_length(file), file.path != position.path, file.is_compressed, file.path

    return copies[0] if len(copies) == 1 else min(copies, key=preferred, default=None)


def _length(file: LogFile) -> int:
    try:
        return file.length()
    except (OSError, EOFError, ValueError):
        return -1  # not complete


def _continue(position: Position, file: LogFile, growth: Growth) -> None:
    """Note what is new in the file of a log that was counted before."""
    try:
        end, complete = _end(file, position.offset)
    except (OSError, EOFError, ValueError) as error:
        growth.errors.append(_incomplete(file, error))
        return
    if end > position.offset:
        growth.parts.append(Part(file, position.offset, end, position, _edges(file, end)))
        return
    moved = Position(
        position.log,
        position.name,
        os.path.realpath(file.path),
        position.offset,
        position.head,
        position.tail,
        file.inode,
        file.stored,
        complete,
    )
    if moved != position:
        growth.moved.append(moved)


def _note_copy(file: LogFile, original: LogFile, growth: Growth) -> None:
    """Nothing of it counts; one that is still being written is nothing to speak of."""
    if time.time_ns() - file.stored[1] < _SETTLED_NS and _length(file) < _length(original):
        return
    name = readable_name(file.path)
    if without_suffix(file.path) == original.path:
        growth.notes.append(f"{name} is a copy, counted once")
    else:
        growth.notes.append(f"{name} has the lines of {readable_name(original.path)}, counted once")


def _begin(file: LogFile, taken: dict[str, Position], growth: Growth) -> None:
    """Note a new log, unless it has the lines of one that was counted and is kept elsewhere."""
    files = growth.look.files
    if file.compression is not None and not is_container(file.compression):
        try:
            file.length()
        except (OSError, EOFError, ValueError) as error:
            # While it is being written, its plain file is still there, or was counted.
            if file.beginning or without_suffix(file.path) not in files:
                growth.errors.append(_incomplete(file, error))
            return
    for path, position in taken.items():
        is_of_set = growth.look.set_of(path) == growth.look.set_of(file.path)
        if file.holds(position) and _begin_alike(file, files[path], position, is_of_set=is_of_set):
            growth.notes.append(
                f"{readable_name(file.path)} has the lines of {readable_name(position.path)}, "
                "counted once"
            )
            return
    if file.compression is not None:
        growth.parts.append(Part(file, 0, None, None))
        return
    end, _ = _end(file, 0)
    if end:
        growth.parts.append(Part(file, 0, end, None, _edges(file, end)))


def _begin_alike(file: LogFile, other: LogFile, position: Position, *, is_of_set: bool) -> bool:
    """Whether one has what the other has as far as both go: not only a beginning in common.

    In a rotated set it takes more to be a copy that goes on longer than its original: short logs
    may begin alike, such as with a banner.
    """
    if is_of_set and position.offset < CONTENT_EDGE_BYTES:
        return False
    try:
        common = min(file.length(), other.length())
        return file.edges(common) == other.edges(common)
    except (InputError, OSError, EOFError, ValueError):
        return False


def _edges(file: LogFile, end: int) -> tuple[str, str] | None:
    if file.is_compressed:
        return None
    try:
        return file.edges(end)
    except InputError as error:
        raise _Changed from error


def _end(file: LogFile, start: int) -> tuple[int, bool]:
    """Up to where a file can be counted, and whether that is its end."""
    if file.is_compressed:
        return file.length(), True
    end = file.end_of_lines(start)
    size, mtime_ns = file.stored
    if end < size and _is_rotated(file.path) and time.time_ns() - mtime_ns > _SETTLED_NS:
        return size, True
    return end, end == size


def _is_rotated(path: str) -> bool:
    name = os.path.basename(path)
    return set_of(name) != name


def _incomplete(file: LogFile, error: Exception) -> InputError:
    return InputError(
        f"{readable_name(file.path)} is damaged or not yet complete: {error}",
        input=file.path,
        kind="archive",
        hint="nothing of it was counted; the next run looks at it again",
    )
