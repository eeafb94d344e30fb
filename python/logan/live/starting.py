"""Where to begin in a log that is there already, and to which time its lines belong.

A file's lines are placed on the axis of arrival as if each had arrived when it was written: the
last one when the file was last modified, the others as much earlier as their timestamps are. So a
log whose time zone is not written is placed right, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from logan import _logan
from logan._logan import LOOK_BACK_BYTES_MAX, Spec
from logan.errors import UsageError
from logan.live.windows import SLOT_S

__all__ = ["CATCH_UP_S", "Beginning", "beginning", "parse_from"]

CATCH_UP_S: Final = 300.0
"""So much is read of what was written before the watch: it fills the 5-minute view."""

SLACK_S: Final = 60.0
"""By so much the native search reaches back beyond what is asked, for records out of order; places
on the axis of time need not be that careful."""

FINE_S: Final = 700.0
"""The last minutes are cut exactly where the ring's slots of 5 s are."""

TIMELINE_S: Final = 86_400.0
"""The timeline of all goes back so far."""

_PART: Final = r"(\d{1,9})(s|m|h|d)"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where to begin.

    Attributes:
        offset: in the file; a line begins there.
        cuts: (offset, time) of places up to which lines belong to a time, in order; with None
            their own timestamps tell, plus `skew`. What comes after the last is placed when it is
            read.
        skew: how much later than its timestamp the last line arrived, in seconds.
        note: what could not be done as asked; None if all could.
    """

    offset: int
    cuts: tuple[tuple[int, float | None], ...] = ()
    skew: float = 0.0
    note: str | None = None


def parse_from(text: str) -> str | float:
    """`start`, `end`, or seconds of a duration such as 2h or 1h30m; -2h, as `--since` may have it,
    is the same. Raises `UsageError`."""
    if text in ("start", "end"):
        return text
    if not re.fullmatch(f"-?(?:{_PART})+", text):
        raise UsageError(
            f"cannot parse --from {text!r}: expected start, end, or a duration such as 2h"
        )
    return float(sum(int(n) * _SECONDS[unit] for n, unit in re.findall(_PART, text)))


def beginning(
    path: str, size: int, modified: float, spec: Spec, wanted: str | float, now: float
) -> Beginning:
    """Where to begin in a file of `size` bytes. `wanted` is as `parse_from` gives it.

    Raises `OSError`.
    """
    modified = min(modified, now)  # nothing arrives in the future, whatever a clock said
    end = _line_start(path, size)
    if wanted == "end" or not end:
        return Beginning(end)
    last_ns = _logan.last_time(path, end, spec)
    reach = None if wanted == "start" else float(wanted)
    found = None
    if last_ns is not None:
        found = _seek(path, end, spec, last_ns, TIMELINE_S if reach is None else reach)
    if last_ns is None or found is None:
        if reach is None:
            return Beginning(0, ((end, modified),))
        why = "its records have no time" if last_ns is None else "its records are not in order"
        return Beginning(end, note=f"{why}: it is followed from its end on")
    # None of the records asked for may be left out, even if some are not in order.
    offset = 0 if reach is None else found
    skew = modified - last_ns / 1e9
    borders = list(_borders(reach, modified, now))
    times = [int((border - skew) * 1e9) for border, _ in borders]
    places = _logan.places(path, offset, end, spec, times)
    cuts: list[tuple[int, float]] = []
    last = offset
    # Of borders at one place the earliest counts.
    for place, at in zip((*places, end), (*(at for _, at in borders), modified), strict=True):
        if place > last:
            cuts.append((place, at))
            last = place
    return Beginning(offset, tuple(cuts), skew)


def _borders(reach: float | None, modified: float, now: float) -> Iterator[tuple[float, float]]:
    """When records arrived at which parts end, in order, each with the time that the records of the
    part before it belong to: as fine as the ring's slots of that age."""
    older = max(0.0, now - modified)
    ages, age = [], FINE_S
    most = TIMELINE_S if reach is None else min(TIMELINE_S, reach)
    while age < most:
        ages.append(age)
        age += 60 if age + older < 7_000 else 300
    if age >= most > FINE_S:
        ages.append(most)
    if reach is not None and reach > most:
        ages.append(reach)
    before = None
    for age in reversed(ages):
        yield modified - age, modified - (age if before is None else (age + before) / 2)
        before = age
    slot = (modified - FINE_S) // SLOT_S + 1
    while slot * SLOT_S <= modified:
        yield slot * SLOT_S, (slot - 0.5) * SLOT_S
        slot += 1


def _seek(path: str, size: int, spec: Spec, last_ns: int, age: float) -> int | None:
    """Where the records begin that are at most so much older than the last one; None if they are
    not in order. It may lie up to `SLACK_S` earlier."""
    text = json.loads(spec.to_json())
    text["meaning"] = {"since_ns": last_ns - int(age * 1e9)}
    found, start, _ = _logan.seek(path, size, Spec(json.dumps(text)))
    return start if found == "range" else None


def _line_start(path: str, size: int) -> int:
    """The start of the line that the last byte belongs to, or its end if it is whole."""
    with open(path, "rb") as file:
        for at in range(size, 0, -LOOK_BACK_BYTES_MAX):
            low = max(0, at - LOOK_BACK_BYTES_MAX)
            file.seek(low)
            found = file.read(at - low).rfind(b"\n")
            if found >= 0:
                return low + found + 1
    return 0
