"""Types of option values: text to value, with an error that shows what would do."""

from __future__ import annotations

import math
import re
from argparse import ArgumentTypeError
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

from logan.errors import UsageError
from logan.options import step_s

__all__ = [
    "Limit",
    "byte_size",
    "duration",
    "moment",
    "one_of",
    "positive",
    "seconds",
    "share_or_count",
    "step",
    "switch",
    "text",
    "whole",
    "zone",
    "zone_name",
]

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(b?)", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def text(text: str) -> str:
    """Any text, as it is."""
    return text


def byte_size(text: str) -> int:
    """`16MiB` and `16M` are 16 * 2^20 bytes, `16MB` is 16 * 10^6, `4096` is itself."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ArgumentTypeError(
            f"{text!r} is not a valid size; write it like 16MiB, 64k or 1048576"
        )
    number, letter, binary, unit = match.groups()
    base = 1000 if unit and letter and not binary else 1024
    size = int(float(number) * base ** _POWERS[letter.lower()])
    if size < 1:
        raise ArgumentTypeError(f"{text!r} is less than a byte")
    return size


@dataclass(frozen=True, slots=True)
class Limit:
    """Most of something: a count, or a share of all."""

    text: str
    count: int | None
    share: float

    def lines(self, total: int) -> float:
        """Most lines of so many."""
        return self.share * total if self.count is None else self.count


def share_or_count(text: str) -> Limit:
    """`1%` and `0.5%` are shares, `100` is a count."""
    match = re.fullmatch(r"(\d{1,15})|(\d{1,3}(?:\.\d{1,9})?)\s*%", text.strip())
    if match is None or float(match[2] or 0) > 100:
        raise ArgumentTypeError(
            f"{text!r} is not a valid limit; write a count or a share such as 1%"
        )
    count = int(match[1]) if match[1] else None
    return Limit(text.strip(), count, float(match[2] or 0) / 100)


def positive(text: str) -> int:
    """A whole number from 1 on."""
    digits = text.strip()  # of more than int would strip
    if not digits.isdecimal() or int(digits) < 1:
        raise ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(digits)


def whole(text: str) -> int:
    """A whole number from 0 on."""
    digits = text.strip()
    if not digits.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not an integer of at least 0")
    return int(digits)


def moment(text: str) -> datetime:
    """An ISO 8601 time; UTC if it names no time zone."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is not a valid time; write it like 2024-01-24T10:15"
        ) from None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def zone(text: str) -> tzinfo:
    """A time zone by its IANA name or its offset; `local` is this machine's."""
    from logan.planning.zone_names import zone_info
    from logan.report.timezones import Local

    if text.lower() == "local":
        return Local()
    try:
        return UTC if text.upper() == "UTC" else zone_info(text)
    except ValueError:
        raise ArgumentTypeError(_no_zone(text, ", UTC or local")) from None


def zone_name(text: str) -> str:
    """The IANA name of a time zone or its offset, as the engine knows it."""
    from logan import _logan

    try:
        _logan.moment("2000-01-01", input_tz=text)
    except ValueError:
        raise ArgumentTypeError(_no_zone(text, " or UTC")) from None
    return text


def _no_zone(text: str, last: str) -> str:
    from logan.planning.zone_names import near_zone

    near = near_zone(text)
    meant = f"did you mean {near}? or " if near else ""
    return f"{text!r} is not a valid time zone; {meant}write it like Europe/Berlin, +02:00{last}"


def switch(text: str) -> bool:
    """A yes or no from the environment."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ArgumentTypeError("write 1 or 0")


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def step(text: str) -> int:
    """Seconds of a step of time: `30s`, `1m`, `6h`, `1d`."""
    try:
        return step_s(text)
    except UsageError as error:
        raise ArgumentTypeError(f"{error.message}; {error.hint}") from error


class one_of:
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def __call__(self, text: str) -> str:
        """`text`, if it is one of the words."""
        if text not in self._words:
            raise ArgumentTypeError(f"{text!r} is not one of {', '.join(self._words)}")
        return text


def duration(text: str) -> float:
    """Seconds: `60s`, `2m`, `1h30m`, `500ms`, or a number of seconds."""
    number = re.fullmatch(r"\d+(?:\.\d+)?", text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if number is None and "".join(f"{n}{unit}" for n, unit in parts) != text:
        parts = []
    total = float(text) if number else sum(float(n) * _DURATIONS[unit] for n, unit in parts)
    if not 0 < total <= 366 * 86_400:
        raise ArgumentTypeError(f"{text!r} is not a valid duration; write it like 30s, 5m or 1h30m")
    return total


_DURATIONS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
