"""The files of a rotated set on a host: which of them holds what was read, which were missed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from logan._logan import Cancel
from logan.live.remote.log import Place, RemoteLog
from logan.sources.compression import packed_by_name
from logan.sources.rotation import in_time_order, set_of
from logan.sources.ssh.session import Answer, Denied, Session, Stat

__all__ = ["answered", "copy_of", "missed", "stat_of"]

CANDIDATES_MAX: Final = 32
"""Members of a rotated set that are looked at, the latest."""


def answered(
    session: Session,
    path: str,
    start: int,
    length: int,
    *,
    inode: str | None,
    planned: int,
    cancel: Cancel,
) -> tuple[Answer, bytes]:
    """Bytes of a file, and what the host says of it; see `Session.read`."""
    answer: list[Answer] = []
    pieces = session.read(
        path, start, length, answer=answer, inode=inode, planned=planned, cancel=cancel
    )
    data = b"".join(pieces)
    return answer[0], data


def stat_of(session: Session, path: str, cancel: Cancel, inode: str | None = None) -> Stat:
    """What a file is now; with an inode, the file that has it, here or beside. Raises `Denied`,
    `Lost`."""
    return answered(session, path, 0, 0, inode=inode, planned=0, cancel=cancel)[0].before


def missed(
    session: Session, log: RemoteLog, old: Place, now: Stat, cancel: Cancel
) -> tuple[list[Place], list[str]]:
    """Members of the rotated set between the old file and the current one: those that can be read,
    oldest first, and paths of compressed ones."""
    found: list[Place] = []
    packed: list[str] = []
    is_after = False
    for path, status in _members(session, log, cancel):
        if status.inode == old.inode:
            found, packed, is_after = [], [], True
        elif status.inode != now.inode and is_after:
            if packed_by_name(path):
                packed.append(path)
            else:
                found.append(Place(path, status.inode))
    return (found, packed) if is_after else ([], [])


def copy_of(session: Session, log: RemoteLog, place: Place, cancel: Cancel) -> Place | None:
    """A member that holds what was read of a file that was truncated, ready to be read on."""
    for path, status in reversed(list(_members(session, log, cancel))):
        if status.size < place.offset or status.inode == place.inode or packed_by_name(path):
            continue
        answer, _ = answered(
            session, path, 0, 0, inode=status.inode, planned=place.offset, cancel=cancel
        )
        if answer.sums == place.sums:
            return Place(path, status.inode, place.offset, place.head, place.tail, is_copy=True)
    return None


def _members(session: Session, log: RemoteLog, cancel: Cancel) -> Iterator[tuple[str, Stat]]:
    """The files of the log's rotated set but for the current one, oldest first."""
    folder, slash, name = log.path.rpartition("/")
    parts = ((f"{folder}{slash}", False), ("*", True))
    entries = list(session.entries("glob", f"{folder}{slash}*", parts, cancel=cancel))
    names = [os.fsdecode(each[1:]).removeprefix("./") for each in entries]
    own, base = log.path.removeprefix("./"), set_of(name)
    same = [each for each in names if set_of(each.rpartition("/")[2]) == base and each != own]
    for path in in_time_order(same)[-CANDIDATES_MAX:]:
        try:
            yield path, stat_of(session, path, cancel)
        except Denied:
            continue
