"""What is new in logs since they were counted: rotated, copied, compressed or grown.

Files are matched with positions by content. What no position fits is a new log; a position that no
file fits has lost its log, which is said if lines may be missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from logan.errors import InputError
from logan.sources import discovery
from logan.sources.compression import is_container, without_suffix
from logan.sources.inputs import readable_name
from logan.sources.olddir import folders_below
from logan.sources.rotation import in_time_order, set_of
from logan.state.positions import LogFile, Position

__all__ = ["Growth", "Part", "find_growth"]

_LOOKS_MAX: Final = 3
"""A log is lost if it is not found in so many looks: one that is copied and truncated meanwhile is
neither in its file nor yet in its copy."""

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
            return self.file.size_now >= self.end and self.file.edges(self.end) == self.edges
        except InputError:
            return False


@dataclass(slots=True)
class Growth:
    """What to count, which positions moved without anything new, and what must be said."""

    parts: list[Part] = field(default_factory=list)
    moved: list[Position] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    errors: list[InputError] = field(default_factory=list)
    files: list[LogFile] = field(default_factory=list)

    def close(self) -> None:
        """Close the files."""
        for each in self.files:
            each.close()


def find_growth(
    paths: Iterable[str], positions: Sequence[Position], *, any_text: bool = False
) -> Growth:
    """What is new in `paths`; files beside them, of the same rotated sets, are looked into, too.

    `any_text` is as in `LogFile`.
    """
    paths = list(paths)
    for _ in range(_LOOKS_MAX - 1):
        growth = _look(paths, positions, any_text)
        if not growth.dropped:
            return growth
        growth.close()
    return _look(paths, positions, any_text)


def _look(paths: Sequence[str], positions: Sequence[Position], any_text: bool) -> Growth:
    growth, ignored = Growth(), Growth()
    named = [each.path for each in discovery.expand(paths)[0]]
    try:
        files = _opened(named, growth, any_text)
        beside = _opened(_beside(named, positions), ignored, any_text)
        growth.files += ignored.files
        _match(files, {**beside, **files}, positions, growth)
    except BaseException:
        growth.close()
        raise
    return growth


def _opened(paths: Iterable[str], growth: Growth, any_text: bool) -> dict[str, LogFile]:
    found: dict[str, LogFile] = {}
    inodes: set[tuple[int, int]] = set()
    for path in paths:
        full = os.path.abspath(path)
        if (
            path == "-"
            or discovery.is_url(path)
            or (os.path.exists(path) and not os.path.isfile(path))
        ):
            growth.errors.append(
                InputError(
                    f"{'standard input' if path == '-' else readable_name(path)} is not a file: "
                    "where it was read to cannot be kept",
                    input=path,
                    hint="leave out --state, or write it to a file first",
                )
            )
            continue
        try:
            file = LogFile(full, any_text=any_text)
        except InputError as error:
            growth.errors.append(error)
            continue
        if file.inode in inodes or full in found:
            file.close()
            continue
        inodes.add(file.inode)
        found[full] = file
        growth.files.append(file)
    return found


def _beside(named: Sequence[str], positions: Sequence[Position]) -> list[str]:
    """Files in the folders of logs that belong to their rotated sets and were not named."""
    sets: dict[str, set[str]] = {}
    for path in [*map(os.path.abspath, named), *(each.path for each in positions)]:
        folder, name = os.path.split(path)
        sets.setdefault(folder, set()).add(set_of(name))
        for below in folders_below(folder, set_of(name)):
            sets.setdefault(below, set()).add(set_of(name))
    known = set(map(os.path.abspath, named))
    found = []
    for folder, names in sets.items():
        try:
            entries = sorted(os.listdir(folder))
        except OSError:
            continue
        for entry in entries:
            path = os.path.join(folder, entry)
            if set_of(entry) in names and path not in known and os.path.isfile(path):
                found.append(path)
    return found


def _match(
    named: dict[str, LogFile],
    files: dict[str, LogFile],
    positions: Sequence[Position],
    growth: Growth,
) -> None:
    taken: dict[str, Position] = {}
    lost = []
    # Those counted furthest first: a shorter log that begins alike must not take their file.
    for position in sorted(positions, key=lambda each: -each.offset):
        found = _file_of(position, files, taken)
        if found is None:
            lost.append(position)
            continue
        taken[found.path] = position
        _continue(position, found, growth)
    for position in lost:
        growth.dropped.append(position.log)
        if not (position.complete and _is_rotated(position.path)):
            growth.notes.append(
                f"{readable_name(position.path)} was counted up to byte {position.offset:,}; it is "
                "not there any more, nor a copy of it: lines that were added since are not counted"
            )
    for path, file in {**_missed(files, taken, lost), **named}.items():
        if path not in taken:
            _begin(file, taken, files, growth)


def _missed(
    files: dict[str, LogFile], taken: dict[str, Position], lost: Sequence[Position]
) -> dict[str, LogFile]:
    """Files that came and went between two looks: of a counted log's rotated set, and newer than
    the first of it that was counted, oldest first."""
    found: dict[str, LogFile] = {}
    sets: dict[tuple[str, str], list[str]] = {}
    for path in files:
        sets.setdefault(_set(path), []).append(path)
    for key, members in sets.items():
        ordered = in_time_order(sorted(members))
        counted = [index for index, path in enumerate(ordered) if path in taken]
        written = [each.stored[1] for each in lost if _set(each.path) == key]
        if counted:
            newer = ordered[counted[0] + 1 :]
        elif written:
            newer = [path for path in ordered if files[path].stored[1] > max(written)]
        else:
            continue
        found |= {path: files[path] for path in newer}
    return found


def _set(path: str) -> tuple[str, str]:
    folder, name = os.path.split(path)
    return folder, set_of(name)


def _file_of(
    position: Position, files: dict[str, LogFile], taken: dict[str, Position]
) -> LogFile | None:
    def distance(file: LogFile) -> tuple[bool, bool, bool, str]:
        return (
            file.inode != position.inode,
            file.path != position.path,
            file.is_compressed,
            file.path,
        )

    free = [each for each in files.values() if each.path not in taken]
    return next((each for each in sorted(free, key=distance) if each.holds(position)), None)


def _continue(position: Position, file: LogFile, growth: Growth) -> None:
    """Note what is new in the file of a log that was counted before."""
    try:
        end, complete = _end(file, position.offset)
    except (OSError, EOFError, ValueError) as error:
        growth.errors.append(_incomplete(file, error))
        return
    if end > position.offset:
        edges = None if file.is_compressed else file.edges(end)
        growth.parts.append(Part(file, position.offset, end, position, edges))
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


def _begin(
    file: LogFile, taken: dict[str, Position], files: dict[str, LogFile], growth: Growth
) -> None:
    """Note a new log, unless it is a copy of one that was counted."""
    if file.compression is not None and not is_container(file.compression):
        try:
            file.length()
        except (OSError, EOFError, ValueError) as error:
            # While it is being written, its plain file is still there, or was counted.
            growth.errors.append(_incomplete(file, error))
            return
        plain = files.get(without_suffix(file.path))
        if plain is not None and _is_copy(file, plain):
            growth.notes.append(f"{readable_name(file.path)} is a copy, counted once")
            return
    for path, position in taken.items():
        if file.holds(position) and _begin_alike(file, files[path]):
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
        growth.parts.append(Part(file, 0, end, None, file.edges(end)))


def _begin_alike(file: LogFile, other: LogFile) -> bool:
    """Whether one has what the other has as far as both go: not only a beginning in common."""
    try:
        common = min(file.length(), other.length())
        return file.edges(common) == other.edges(common)
    except (InputError, OSError, EOFError, ValueError):
        return False


def _is_copy(file: LogFile, plain: LogFile) -> bool:
    size = file.length()
    if plain.is_compressed or plain.stored[0] < size or not size:
        return False
    return file.edges(size) == plain.edges(size)


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
