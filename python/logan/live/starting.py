"""Where to begin in a log that is there already, and to which time its lines belong.

A file's lines are placed on the axis of arrival as if each had arrived when it was written: the
last one when the file was last modified, the others as much earlier as their timestamps are. So a
log whose time zone is not written is placed right, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

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

READ_BYTES: Final = 4096

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
    offset, before_age = 0, 0.0
    cuts: list[tuple[int, float]] = []
    before: int | None = None
    for age in _ages(reach, now - modified):
        found = None if last_ns is None else _seek(path, end, spec, last_ns, age - SLACK_S)
        if found is None:
            if wanted == "start":
                return Beginning(0, ((end, modified),))
            why = "its records have no time" if last_ns is None else "its records are not in order"
            return Beginning(end, note=f"{why}: it is followed from its end on")
        if before is not None and found < before:
            cuts.append((before, modified - (age + before_age) / 2))
        elif before is None and found < end:
            cuts.append((end, modified - age / 2))
        before, before_age, offset = found, age, found
        if found == 0:
            break
    if offset:
        cuts.append((offset, modified - before_age))
        # None of the records asked for may be left out, even if some are not in order.
        offset = 0 if reach is None else _seek(path, end, spec, last_ns or 0, reach) or 0
    fine = max(offset, _seek(path, end, spec, last_ns or 0, FINE_S) or 0)
    placed = sorted(cuts)
    if last_ns is not None and fine < end:
        coarse = [each for each in placed if each[0] <= fine]
        if fine > offset and (not coarse or coarse[-1][0] < fine):
            coarse.append((fine, modified - FINE_S))
        placed = [*coarse, *_slots(path, fine, end, spec, last_ns, modified)]
    return Beginning(offset, tuple(placed), modified - (last_ns or 0) / 1e9)


def _ages(reach: float | None, silent_s: float) -> Iterator[float]:
    """How long before the last record cuts are made: as fine as the ring's slots of that age."""
    age = 0.0
    most = min(86_400.0, reach) if reach is not None else 86_400.0
    while age < most:
        older = age + max(0.0, silent_s)
        age += 5 if older < 600 else 60 if older < 7_000 else 300
        yield min(age, most)
    if reach is not None and reach > most:
        yield reach


def _seek(path: str, size: int, spec: Spec, last_ns: int, age: float) -> int | None:
    """Where the records begin that are at most so much older than the last one; None if they are
    not in order. It may lie up to `SLACK_S` earlier."""
    text = json.loads(spec.to_json())
    text["meaning"] = {"since_ns": last_ns - int(age * 1e9)}
    found, start, _ = _logan.seek(path, size, Spec(json.dumps(text)))
    return start if found == "range" else None


def _slots(
    path: str, start: int, end: int, spec: Spec, last_ns: int, modified: float
) -> list[tuple[int, float]]:
    """Cuts after `start` at the borders of slots, each with the middle of the slot before it."""
    skew = modified - last_ns / 1e9
    cuts = {end: modified}
    high, border = end, modified // SLOT_S * SLOT_S
    with open(path, "rb") as file:
        while high > start and border > modified - FINE_S:
            holds = partial(_is_before, path, spec, int((border - skew) * 1e9))
            high = _line_at(file, (start, high), holds)
            cuts[high] = border - SLOT_S / 2  # of borders at one place the earliest counts
            border -= SLOT_S
    return sorted(each for each in cuts.items() if each[0] > start)


def _is_before(path: str, spec: Spec, until_ns: int, at: int) -> bool:
    """Whether the last record before a line start is older than that."""
    last_ns = _logan.last_time(path, at, spec)
    return last_ns is None or last_ns < until_ns


def _line_at(file: IO[bytes], within: tuple[int, int], holds: Callable[[int], bool]) -> int:
    """The last line start of a range for which a condition holds that does not hold after it."""
    low, high = within
    if holds(high):
        return high
    above = high
    while above - low > 1:
        middle = (low + above) // 2
        line = _line_after(file, middle, high)
        if line is None or line >= high:
            above = middle
        elif holds(line):
            low = line
        else:
            above, high = middle, line
    return low


def _line_after(file: IO[bytes], at: int, end: int) -> int | None:
    """The first line start after the byte at `at`, before `end`; None if there is none."""
    file.seek(at)
    while at < end:
        data = file.read(min(READ_BYTES, end - at))
        if not data:
            return None
        if (found := data.find(b"\n")) >= 0:
            return at + found + 1
        at += len(data)
    return None


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
