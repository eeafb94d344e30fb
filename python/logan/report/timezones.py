"""A report's times written in another zone, for the text output.

Pure: a report in UTC goes in, a copy comes out whose times name the same moments with the zone's
own clock and offset. Knows which keys hold times, and nothing of how they are printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from logan.report.findings import sentence
from logan.report.units import time_of

__all__ = ["Local", "in_zone", "zone_name"]

_TIMES: Final = frozenset({"first", "last", "t", "time", "since", "until"})
_PARTS: Final = ("time", "series", "response_times", "messages", "slowest", "selection")
_ZONE: Final = "shown_in"


class Local(tzinfo):
    """The zone of this machine, whose rules only the C library knows: moments are moved into it,
    and carry the offset of their own time of year."""

    def __str__(self) -> str:
        return "local time"

    def fromutc(self, dt: datetime) -> datetime:
        """The same moment with the local clock; its zone is that one offset."""
        return dt.replace(tzinfo=UTC).astimezone()

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """The offset at a local time."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Always None: not known."""
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        """The name that is shown."""
        return str(self)


def in_zone(report: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """A copy of `report` with its times in `zone`, those that findings say among them."""
    moved = {key: _moved(report[key], zone) for key in _PARTS if key in report}
    if report.get("findings"):
        moved["findings"] = [{**each, "text": sentence(each, zone)} for each in report["findings"]]
    return {**report, **moved, _ZONE: str(zone)}


def zone_name(report: Mapping[str, Any]) -> str:
    """What the times of `report` are in."""
    return str(report.get(_ZONE, "UTC"))


def _moved(part: Any, zone: tzinfo) -> Any:
    if isinstance(part, Mapping):
        return {
            key: _time(value, zone) if key in _TIMES else _moved(value, zone)
            for key, value in part.items()
        }
    if isinstance(part, list | tuple):
        return [_moved(each, zone) for each in part]
    return part


def _time(value: Any, zone: tzinfo) -> Any:
    moment = time_of(value) if isinstance(value, str) else None
    return value if moment is None else moment.astimezone(zone).isoformat()
