"""Folders to which logs are rotated (logrotate's `olddir`) where they are below the log's own.

Looks at names of folders and files alone.
"""

from __future__ import annotations

import os
from typing import Final

from logan.sources.rotation import set_of

__all__ = ["Folders", "folders_below"]

FOLDERS_MAX: Final = 64
"""Folders in that of a log that are looked at."""


def folders_below(folder: str, name: str) -> list[str]:
    """As `Folders.below`, of this moment."""
    return Folders().below(folder, name)


class Folders:
    """Folders that are listed once each, for those who ask of many logs at one moment."""

    def __init__(self) -> None:
        self._below: dict[str, list[str]] = {}
        self._held: dict[str, tuple[set[str], set[str]]] = {}

    def below(self, folder: str, name: str) -> list[str]:
        """The folders in that of a log to which it is rotated: they hold files of its set, but no
        log of its name. A log whose own name has a date or a number is not looked for in others."""
        if set_of(name) != name:
            return []
        if folder not in self._below:
            self._below[folder] = _folders_in(folder)
        return [each for each in self._below[folder] if self._holds(each, name)]

    def _holds(self, folder: str, name: str) -> bool:
        if folder not in self._held:
            try:
                names = os.listdir(folder)
            except OSError:
                names = []
            self._held[folder] = set(names), set(map(set_of, names))
        names_in, sets_in = self._held[folder]
        return name not in names_in and name in sets_in


def _folders_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            found = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return sorted(found)[:FOLDERS_MAX]
