"""Where in a log a reader stands, in a form that outlives its process; and the way back to it.

A `Place` is taken between two lines. It names the files that were being read: the one that is
written to, those before it that were not read to their end, and those that were renamed a moment
ago, whose writers may not know yet. A file is named by what was read of it (hashes of its first
bytes and of those before the position), so that it is found again whatever became of its name: it
may have been renamed, copied or compressed meanwhile. Nothing of the log's text is in a place.

`found` looks for these files among those of the rotated set. What comes after the file that was
read last, in the order of rotation, was not read; so files of which nothing was read need not be
in a place. If the file that was read last is gone for good, so is the rest of it, and what was
written to since the place was taken is read from its beginning.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from logan.live.files import (
    HEAD_BYTES_MAX,
    TAIL_BYTES_MAX,
    CompressedFile,
    Generation,
    OpenFile,
    Readable,
    Replaced,
    head_of,
)
from logan.live.rotated import Member, members

__all__ = ["FilePlace", "Found", "Place", "Role", "file_place", "found"]

Role = Literal["read", "queued", "current", "cut", "retired"]
"""Read to its end last; to be read before the current one; written to now, perhaps after it was
truncated ("cut"); renamed a moment ago."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file up to where it was read.

    Attributes:
        head, tail: hashes of its first `head_bytes` bytes, and of the `tail_bytes` before
            `position`; "" of none.
    """

    role: Role
    position: int
    device: int
    inode: int
    head_bytes: int
    head: str
    tail_bytes: int
    tail: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands in a log.

    Attributes:
        offset: of the log's next byte; a line begins there.
        files: in the order in which they are to be read; retired ones last.
        queued: how many files were to be read before the current one.
        at: when it was taken, by the clock of the host, in seconds since 1970.
    """

    offset: int
    files: tuple[FilePlace, ...] = ()
    queued: int = 0
    at: float = 0.0


@dataclass(slots=True)
class Found:
    """What is there of a place.

    Attributes:
        queue: what is to be read before the current file.
        retired: renamed files, each read up to its place.
        was_cut: whether the current file goes on where a copy of it ends.
        before: the bytes that precede the place, as far as they are there.
        lost: what is gone for good, in words.
        late_lost: retired files that are gone: nothing is known to be missing.
    """

    queue: list[Readable] = field(default_factory=list)
    retired: list[OpenFile] = field(default_factory=list)
    was_cut: bool = False
    before: bytes = b""
    lost: list[str] = field(default_factory=list)
    late_lost: int = 0


def file_place(file: Readable, role: Role, unread: int = 0) -> FilePlace | None:
    """Where a file was read to, without the last `unread` bytes; None if it changed meanwhile."""
    position = file.position - unread
    device, inode = file.identity
    if isinstance(file, CompressedFile):
        head, tail = file.head[:position], file.recent[: len(file.recent) - unread]
        tail = tail[-TAIL_BYTES_MAX:]
    else:
        assert isinstance(file, OpenFile)
        head = file.head[:position]
        try:
            tail = file.bytes_before(position, TAIL_BYTES_MAX)
        except OSError:
            return None
        if len(tail) != min(position, TAIL_BYTES_MAX):
            return None
    return FilePlace(role, position, device, inode, len(head), _hash(head), len(tail), _hash(tail))


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest() if data else ""


def found(place: Place, current: OpenFile, before_bytes: int) -> Found:
    """Look for the files of a place beside `current`, which is then at the right position.

    Raises `OSError` if `current` itself cannot be read.
    """
    result = Found()
    around = members(current)
    matches = {each: _match(each, current, around) for each in place.files if each.position}
    by_role = {each.role: each for each in place.files}
    last = by_role.get("queued") or by_role.get("current") or by_role.get("cut")
    written = by_role.get("current") or by_role.get("cut")
    is_same = written is not None and current.identity == (written.device, written.inode)
    match = None
    if last is not None and last.position:
        match = matches[last]
        if match is None:
            result.lost.append(
                f"the file that was read to byte {last.position:,} is gone: its rest"
            )
        elif isinstance(match, OpenFile):
            match.seek(last.position)
        if match is not None and match is not current:
            result.queue.append(match)
    elif last is not None:
        last = None
    if match is None and "read" in by_role:
        match = matches[by_role["read"]]
    result.queue += _after(match, matches.values(), around, current, place.at)
    was_cut_since = bool(result.queue) and not place.queued
    result.was_cut = is_same and ("cut" in by_role or was_cut_since)
    for each in place.files:
        if each.role == "retired":
            _retire(matches.get(each), each, result)
    result.before = _bytes_before(place, matches, before_bytes)
    kept: list[Readable] = [*result.queue, *result.retired, current]
    for file in [*(each.file for each in around), *matches.values()]:
        if file is not None and not any(file is each for each in kept):
            file.close()
    return result


def _retire(match: Readable | None, each: FilePlace, result: Found) -> None:
    if match is None:
        result.late_lost += 1 if each.position else 0
    elif isinstance(match, OpenFile):
        if not any(match is one for one in result.queue):
            match.seek(each.position)
            result.retired.append(match)
    else:
        result.queue.insert(0, match)


def _after(
    last: Readable | None,
    matched: Iterable[Readable | None],
    around: Sequence[Member],
    current: OpenFile,
    at: float,
) -> list[Readable]:
    """The members between the file that was read last and the current one."""
    if last is current:
        return []
    known: list[Generation] = [current.beginning()]
    index = next((n for n, each in enumerate(around) if last and each.file.name == last.name), None)
    if index is not None:
        known.append(around[index].generation)
        rest = list(around[index + 1 :])
    else:  # nothing was read, or nothing of it is there: what was written to since
        rest = [each for each in around if _modified(each.file) > at]
    held = {id(each) for each in matched}
    unread: list[Readable] = []
    for each in rest:
        head, size = each.generation.head, each.size
        if not head or id(each.file) in held or any(one.begins(head, size) for one in known):
            continue
        known.append(each.generation)
        unread.append(each.file if each.compression is None else _decoded(each))
    return unread


def _modified(file: OpenFile) -> float:
    try:
        return os.fstat(file.fd).st_mtime
    except OSError:
        return 0.0


def _decoded(member: Member, position: int = 0) -> CompressedFile:
    assert member.compression is not None
    file = CompressedFile(f"/dev/fd/{member.file.fd}", member.compression, position)
    file.name = member.file.name
    return file


def _match(each: FilePlace, current: OpenFile, around: Sequence[Member]) -> Readable | None:
    """The file that holds what was read, itself or a copy; itself first."""
    plain = [current, *(one.file for one in around if one.compression is None)]
    plain.sort(key=lambda file: file.identity != (each.device, each.inode))
    for file in plain:
        if _holds(file, each):
            return file
    for member in around:
        if member.compression is None:
            continue
        try:
            head, _, _ = head_of(f"/dev/fd/{member.file.fd}", HEAD_BYTES_MAX)
            if _hash(head[: each.head_bytes]) != each.head:
                continue
            file_before = _decoded(member, each.position - each.tail_bytes)
            tail = b""
            while len(tail) < each.tail_bytes:
                piece = file_before.read(each.tail_bytes - len(tail))
                if not piece:
                    break
                tail += piece
            if len(tail) == each.tail_bytes and _hash(tail) == each.tail:
                return file_before
            file_before.close()
        except (OSError, Replaced):
            continue
    return None


def _holds(file: OpenFile, each: FilePlace) -> bool:
    try:
        if file.size < each.position:
            return False
        head = file.bytes_before(each.head_bytes, each.head_bytes)
        tail = file.bytes_before(each.position, each.tail_bytes)
    except OSError:
        return False
    return _hash(head) == each.head and _hash(tail) == each.tail


def _bytes_before(place: Place, matches: dict[FilePlace, Readable | None], most: int) -> bytes:
    """What precedes the place: the end of what was read of the file that was read last, and of
    the one that was renamed before it."""
    order = [each for each in place.files if each.role == "queued" and each.position][:1]
    order += [each for each in place.files if each.role in ("current", "cut") and each.position]
    order += [each for each in reversed(place.files) if each.role in ("read", "retired")][:1]
    data = b""
    for each in order:
        file = matches.get(each)
        if isinstance(file, OpenFile) and len(data) < most:
            data = file.bytes_before(each.position, most - len(data)) + data
    return data
