"""`Look`: the files of logs as they were at one moment.

Names are renamed, and files copied, truncated and compressed, while they are looked at. So all
files are opened first; what is found out about them is of the moment after that, provided that
afterwards `is_of_one_moment` finds the same names for the same files, none of them truncated. At
one moment whatever was written and not deleted is in some file: a copy is complete before its
original is truncated, an archive before the file is deleted that it was made of.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from logan.errors import InputError
from logan.sources import discovery
from logan.sources.inputs import readable_name
from logan.sources.olddir import Folders
from logan.sources.rotation import set_of
from logan.state.positions import LogFile, Position

__all__ = ["Look", "Seen", "SeenFile"]

_Identity = tuple[int, int]
"""Device and inode."""

_Set = tuple[str, str]
"""A rotated set: the folder of its log, and the name that its members share."""


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that was there: its first bytes, and its size, None of an archive."""

    identity: _Identity
    head: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was there: which file each name meant, the files, and the folders to which logs are
    rotated, with those of their logs."""

    names: Mapping[str, _Identity | None] = field(default_factory=dict)
    files: Mapping[_Identity, SeenFile] = field(default_factory=dict)
    homes: Mapping[_Set, str] = field(default_factory=dict)

    def set_of(self, path: str) -> _Set:
        """Which rotated set a file is of."""
        return _set_of_path(path, self.homes)


class Look:
    """Files that are named, and those beside them of the same rotated sets. Closed by `close`.

    Args:
        paths: files, patterns, folders.
        positions: where counted logs were at last; the sets of those files are looked at, too.
        any_text: as in `LogFile`.

    Attributes:
        named: the named files, by their full paths.
        files: all files; each once, however many names it has.
        errors: of named paths that cannot be read.
    """

    def __init__(
        self, paths: Sequence[str], positions: Sequence[Position], *, any_text: bool
    ) -> None:
        self.named: dict[str, LogFile] = {}
        self.files: dict[str, LogFile] = {}
        self.errors: list[InputError] = []
        self._any_text = any_text
        named = [each.path for each in discovery.expand(paths)[0]]
        local = [each for each in named if self._can_be_kept(each)]
        self._given = [os.path.abspath(each) for each in local]
        self._sets, self._homes = _sets([*self._given, *(each.path for each in positions)])
        self._names = self._listed()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the files."""
        for each in (*self.named.values(), *self.files.values()):
            each.close()

    def is_of_one_moment(self) -> bool:
        """Whether nothing was renamed, added, deleted or truncated since the files were opened."""
        return (
            self._listed() == self._names
            and all(file.inode == self._names[path] for path, file in self.files.items())
            and all(file.is_unchanged() for file in self.files.values())
        )

    def seen(self) -> Seen:
        """What is left of it when it is closed."""
        files = [
            SeenFile(each.inode, each.beginning, None if each.is_compressed else each.stored[0])
            for each in self.files.values()
        ]
        return Seen(self._names, {each.identity: each for each in files}, self._homes)

    def set_of(self, path: str) -> _Set:
        """Which rotated set a file is of."""
        return _set_of_path(path, self._homes)

    def original_of(self, file: LogFile, among: Iterable[LogFile]) -> LogFile | None:
        """Another file `among` those of its rotated set that has all that it has: it is a copy, or
        becomes one. Of equal ones the first is the original."""
        before = True
        for each in among:
            if each is file:
                before = False
            elif file.begins(each) and (before or not each.begins(file)):
                return each
        return None

    def _can_be_kept(self, path: str) -> bool:
        is_file = not os.path.exists(path) or os.path.isfile(path)
        if path != "-" and not discovery.is_url(path) and is_file:
            return True
        self.errors.append(
            InputError(
                f"{'standard input' if path == '-' else readable_name(path)} is not a file: "
                "where it was read to cannot be kept",
                input=path,
                hint="leave out --state, or write it to a file first",
            )
        )
        return False

    def _listed(self) -> dict[str, _Identity | None]:
        """The names of the files, and which file each means."""
        found = dict.fromkeys(self._given)
        for folder, sets in self._sets.items():
            try:
                entries = sorted(os.listdir(folder))
            except OSError:
                continue
            paths = [os.path.join(folder, each) for each in entries if set_of(each) in sets]
            found |= dict.fromkeys(each for each in paths if os.path.isfile(each))
        return {path: _identity(path) for path in found}

    def _open(self) -> None:
        beside: dict[str, LogFile] = {}
        opened: set[_Identity] = set()
        for path in self._names:
            is_named = path in self._given
            try:
                file = LogFile(path, any_text=self._any_text)
            except InputError as error:
                if is_named:
                    self.errors.append(error)
                continue
            if file.inode in opened:
                file.close()
                continue
            opened.add(file.inode)
            (self.named if is_named else beside)[path] = file
        self.files = {**beside, **self.named}


def _set_of_path(path: str, homes: Mapping[_Set, str]) -> _Set:
    folder, name = os.path.split(path)
    base = set_of(name)
    return homes.get((folder, base), folder), base


def _sets(paths: Iterable[str]) -> tuple[dict[str, set[str]], dict[_Set, str]]:
    """The rotated sets of these files by folder, and of those below another its log's folder."""
    found: dict[str, set[str]] = {}
    homes: dict[_Set, str] = {}
    folders = Folders()
    for path in paths:
        folder, base = _set_of_path(path, {})
        found.setdefault(folder, set()).add(base)
        for below in folders.below(folder, base):
            found.setdefault(below, set()).add(base)
            homes[below, base] = folder
    return found, homes


def _identity(path: str) -> _Identity | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
