"""What the report's short names mean, in the words that people read.

The JSON report keeps the names: they are for programs. A name that is not listed is shown as it
is, so a newer engine's reports still read well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["input_name", "level", "noun", "plural", "reason", "response_time", "unit", "zone"]

_REASONS: Final = {
    "no_timestamp": "no timestamp",
    "no_known_field": "JSON without a known field",
    "invalid_timestamp": "impossible or incomplete timestamp",
    "invalid_json": "invalid JSON",
    "open_quote": "line break in a quoted value",
    "column_count": "not as many values as columns",
}
_ZONES: Final = {
    "written": "timestamps with time zone",
    "not written": "timestamps without time zone",
    "written in some lines": "some timestamps without time zone",
}
_UNITS: Final = {
    "ns": "in nanoseconds",
    "us": "in microseconds",
    "ms": "in milliseconds",
    "s": "in seconds",
    "by key": "unit by key",
}
_SOURCES: Final = {"in the text": "from the text", "by key": "by key and unit"}


def plural(n: int, noun: str) -> str:
    """`1 line`, `2,000 lines`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def noun(n: int, plural: str) -> str:
    """`request` of one, `requests` of others."""
    return plural.removesuffix("s") if n == 1 else plural


def input_name(path: str) -> str:
    """The name of an input in a report: `-` means nothing to a reader who did not type it."""
    return "standard input" if path == "-" else path


def level(name: str) -> str:
    """A level's name, or that a record has none."""
    return "no level" if name == "NONE" else name


def reason(name: str) -> str:
    """Why a line is malformed."""
    return _REASONS.get(name, name.replace("_", " "))


def zone(format: Mapping[str, Any]) -> str | None:
    """Whether the times of a format's records name their zone."""
    name = format.get("timezone")
    return None if name is None else _ZONES.get(name, name)


def unit(format: Mapping[str, Any]) -> str | None:
    """The unit of a format's response time; None where the text itself names it."""
    return _UNITS.get(format.get("duration_unit") or "")


def response_time(format: Mapping[str, Any]) -> str | None:
    """How the response time of a format's records is read; None where they carry none."""
    if not format.get("duration_field"):
        return None
    told = _SOURCES.get(format.get("duration_unit") or "") or unit(format)
    return f"response time {told or 'from ' + format['duration_field']}"
