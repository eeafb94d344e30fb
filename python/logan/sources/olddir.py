"""Folders to which logs are rotated (logrotate's `olddir`) where they are below the log's own.

Looks at names of folders and files alone.
"""

from __future__ import annotations

import os
from typing import Final

from logan.sources.rotation import set_of

__all__ = ["folders_below"]

FOLDERS_MAX: Final = 64
"""Folders in that of a log that are looked at."""


def folders_below(folder: str, name: str) -> list[str]:
    """The folders in that of a log to which it is rotated: they hold files of its set, but no log
    of its name. A log whose own name has a date or a number is not looked for in others."""
    if set_of(name) != name:
        return []
    try:
        with os.scandir(folder) as entries:
            found = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [each for each in sorted(found)[:FOLDERS_MAX] if _holds(each, name)]


def _holds(folder: str, name: str) -> bool:
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return name not in names and any(set_of(each) == name for each in names)
