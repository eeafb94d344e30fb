"""Times as users write them: `10:15`, `today`, `yesterday 9:30`, `2 hours ago`, `-2h`, `1d12h`.

Pure: the present moment is an argument. A clock or a day is one of the zone that is given; an
age needs none. What is none of these is left to the native extension, which reads dates.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from logan.planning.zone_names import zone_info

__all__ = ["age_ns", "dated"]

_UNITS: Final = (
    ("ms", 10**6, ("ms", "millisecond", "milliseconds")),
    ("s", 10**9, ("s", "sec", "secs", "second", "seconds")),
    ("m", 60 * 10**9, ("m", "min", "mins", "minute", "minutes")),
    ("h", 3_600 * 10**9, ("h", "hr", "hrs", "hour", "hours")),
    ("d", 86_400 * 10**9, ("d", "day", "days")),
    ("w", 7 * 86_400 * 10**9, ("w", "week", "weeks")),
)
_NANOS: Final = {word: nanos for _, nanos, words in _UNITS for word in words}
_WORDS: Final = "|".join(sorted(_NANOS, key=len, reverse=True))
_PART: Final = re.compile(rf"(\d{{1,9}})\s*({_WORDS})(?![a-z])", re.IGNORECASE)
_AGE: Final = re.compile(
    rf"-?\s*((?:\d{{1,9}}\s*(?:{_WORDS})(?![a-z])[\s,]*)+)(?:ago)?", re.IGNORECASE
)
_COMPACT: Final = re.compile(r"(?<=[a-z])(?=\d)", re.IGNORECASE)
_DAY: Final = re.compile(
    r"(today|yesterday)?(?:\s*(?:at|,)?\s*(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?)?",
    re.IGNORECASE,
)


def age_ns(text: str) -> int | None:
    """Nanoseconds of `2h`, `-2h`, `1d12h`, `2 hours ago`; None if `text` is no age."""
    spaced = _COMPACT.sub(" ", text.strip())
    if spaced.lower() == "now":
        return 0
    found = _AGE.fullmatch(spaced)
    if found is None:
        return None
    return sum(int(n) * _NANOS[unit.lower()] for n, unit in _PART.findall(found[1]))


def dated(text: str, *, now_ns: int, zone: str) -> str | None:
    """`10:15`, `today` or `yesterday 10:15` as a date and a time of the zone; None for all else.

    A clock alone is today's.
    """
    found = _DAY.fullmatch(text.strip())
    if found is None or not found[0]:
        return None
    day, hour, minute, second, fraction = found.groups()
    if int(hour or 0) > 23 or int(minute or 0) > 59 or int(second or 0) > 59:
        return None
    date = datetime.fromtimestamp(now_ns // 10**9, zone_info(zone)).date()
    if day is not None and day.lower() == "yesterday":
        date -= timedelta(days=1)
    return f"{date} {int(hour or 0):02}:{minute or '00'}:{second or '00'}{fraction or ''}"
