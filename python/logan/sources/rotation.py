"""The order of rotated logs: `app.log.2.gz app.log.1 app.log` is oldest first.

Pure: it looks at names alone. Names that differ by compression and by a number or a date belong
to one set; a higher number is older, an earlier date too, and the name without either is the one
that is written to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

__all__ = ["in_time_order", "natural", "set_of"]

_COMPRESSION = r"(?i)(\.tar)?\.(gz|tgz|zst|zstd|bz2|tbz2?|xz|txz|lz4|z|zip|tar)$"
_EXTENSION = r"(?P<ext>\.(?:log|txt|json|jsonl|out|err))"
_DATE = r"\d{4}[-_.]?\d{2}[-_.]?\d{2}(?:[-_.T]?\d{1,6}){0,3}|\d{10}"
_DATED = (
    rf"(?P<base>.+?)[-_.](?P<date>{_DATE}){_EXTENSION}?",
    rf"(?P<date>{_DATE})[-_.](?P<base>.+)",
)
_NUMBERED = rf"(?P<base>.+?)\.(?P<number>\d{{1,4}}){_EXTENSION}?"

Place = tuple[int, str, int]


def in_time_order(paths: Sequence[str]) -> list[str]:
    """`paths` with the members of each rotated set oldest first, in the places that they had.

    What belongs to no set stays where it is.
    """
    if len(paths) < 2:
        return list(paths)
    places: dict[tuple[str, str], list[int]] = {}
    keys = []
    for index, path in enumerate(paths):
        folder, name = os.path.split(path)
        base, place = _parse(name)
        keys.append(place)
        places.setdefault((folder, base), []).append(index)
    ordered = list(paths)
    for members in places.values():
        oldest_first = sorted(members, key=lambda index: keys[index])
        for place_in_list, member in zip(members, oldest_first, strict=True):
            ordered[place_in_list] = paths[member]
    return ordered


def set_of(name: str) -> str:
    """The name that the members of a rotated set share: `app.log` of `app.log.2.gz`."""
    return _parse(name)[0]


def natural(path: str) -> list[tuple[int, str]]:
    """A key by which numbers in names sort as numbers: `a2` before `a10`."""
    parts = re.split(r"(\d+)", path)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _parse(name: str) -> tuple[str, Place]:
    """The set that `name` belongs to, and its place in it: dated, numbered, current."""
    stem = re.sub(_COMPRESSION, "", name)
    for pattern in _DATED:
        if match := re.fullmatch(pattern, stem):
            found = match.groupdict()
            return found["base"] + (found.get("ext") or ""), (0, _digits(found["date"]), 0)
    if match := re.fullmatch(_NUMBERED, stem):
        return match["base"] + (match["ext"] or ""), (1, "", -int(match["number"]))
    return stem, (2, "", 0)


def _digits(date: str) -> str:
    """A date in an order of its own: its parts with zeros in front, so `-1` is before `-10`."""
    parts = re.findall(r"\d+", date)
    if len(parts) >= 3 and len(parts[0]) == 4:
        parts = ["".join(parts[:3]), *parts[3:]]
    return "-".join(part.zfill(10) for part in parts)
