"""Time zones as users name them: IANA names, and offsets such as `+02:00`, `-0530` or `UTC+2`."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Final

__all__ = ["near_zone", "zone_info"]

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")
_EXAMPLES: Final = {
    "CET": "Europe/Paris",
    "CEST": "Europe/Berlin",
    "BST": "Europe/London",
    "EDT": "America/New_York",
    "CDT": "America/Chicago",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "AEST": "Australia/Sydney",
}
"""A zone for each abbreviation that is none, or not all year."""


def zone_info(name: str) -> tzinfo:
    """The time zone of an IANA name or an offset. Raises `ValueError` for what is neither.

    The engine takes the same (`logan_core::time::fixed_zone`); an offset is east of Greenwich.
    """
    if name == "UTC":
        return UTC
    found = _OFFSET.fullmatch(name)
    if found is None:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # most jobs read no local times

        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"no time zone is called {name!r}") from error
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    offset = -offset if sign == "-" else offset
    quarters = timedelta(minutes=15)
    if not timedelta(hours=-12) <= offset <= timedelta(hours=14) or offset % quarters:
        raise ValueError(f"no time zone is {name} from UTC")
    return timezone(offset, name)


def near_zone(text: str) -> str | None:
    """The IANA name that was probably meant: of an abbreviation, a city, or a slip."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    if text.upper() in _EXAMPLES:
        return _EXAMPLES[text.upper()]
    folded = {name.lower(): name for name in sorted(available_timezones())}
    cities = {name.rpartition("/")[2]: full for name, full in folded.items() if "/" in name}
    wanted = text.strip().lower().replace(" ", "_")
    for known in (folded, cities):
        near = get_close_matches(wanted, known, 1, cutoff=0.75)
        if near:
            return known[near[0]]
    return None
