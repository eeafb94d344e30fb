"""Numbers and log text in the form that people read.

Durations come in milliseconds, sizes in bytes, times as RFC 3339 text. A figure without data is
an en dash. No locale: thousands are set apart by commas, decimals by a point, everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

__all__ = [
    "bytes_size",
    "count",
    "duration_ms",
    "moment",
    "number",
    "percent",
    "rate",
    "rates",
    "share",
    "short",
    "span",
    "time_of",
    "visible",
]

NONE = "–"

_LETTERS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1))


def count(value: int | float | None) -> str:
    """`1234567` -> `1,234,567`."""
    return NONE if value is None else f"{value:,.0f}"


def number(value: float) -> str:
    """Three significant digits, thousands set apart: `95.27` -> `95.3`, `5` -> `5.00`; 0 is 0."""
    size = abs(value)
    if not size:
        return "0"
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{value:,.{digits}f}"


def short(n: int, width: int) -> str:
    """A count in at most `width` columns: `1,234,567` or, where that is too long, `1.23M`."""
    text = count(n)
    if len(text) <= width:
        return text
    letter, size = next(pair for pair in _LETTERS if n >= pair[1])
    return f"{number(n / size)}{letter}"


def duration_ms(value: float | None) -> str:
    """Milliseconds in the unit that suits: `0.43` -> `430 µs`, `1234` -> `1.23 s`."""
    if value is None:
        return NONE
    if value == 0:
        return "0 ms"
    for limit, factor, unit in (
        (0.0009995, 1e6, "ns"),
        (0.9995, 1e3, "µs"),
        (999.5, 1.0, "ms"),
        (120_000, 1e-3, "s"),
        (7_200_000, 1 / 60_000, "min"),
    ):
        if abs(value) < limit:
            return f"{number(value * factor)} {unit}"
    return f"{number(value / 3_600_000)} h"


def span(seconds: float | None) -> str:
    """A stretch of time in its two largest units: `3900` -> `1 h 5 min`."""
    if seconds is None:
        return NONE
    if seconds < 60:
        number, _, unit = duration_ms(seconds * 1000).partition(" ")
        short = number.rstrip("0").rstrip(".") if "." in number else number
        return f"{short} {unit}"
    rest = round(seconds)
    parts = []
    for unit, length in (("y", 31_557_600), ("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        whole, rest = divmod(rest, length)
        if whole:
            parts.append(f"{whole:,} {unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts)


def bytes_size(value: float | None) -> str:
    """Bytes with decimal prefixes: `1073741824` -> `1.07 GB`."""
    if value is None:
        return NONE
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size * 0.9995:
            return f"{number(value / size)} {unit}"
    return f"{value:.0f} B"


def percent(ratio: float | None) -> str:
    """A share as percentage; one that is not 0 never reads as 0, nor less than all as 100."""
    if ratio is None:
        return NONE
    if 0 < ratio < 0.0001:
        return "<0.01 %"
    if 0.9995 <= ratio < 1:
        return ">99.9 %"
    return f"{number(ratio * 100)} %"


def share(ratio: float) -> str:
    """A percentage with one decimal, for columns: `0.0152` -> `1.5 %`."""
    return "<0.1 %" if 0 < ratio < 0.001 else f"{ratio * 100:.1f} %"


_RATES = ((1, "/s"), (60, "/min"), (3_600, "/h"), (86_400, "/day"))


def rates(*per_second: float | None) -> list[str]:
    """Rates for the shortest time in which the largest is at least 1: `50.0` -> `50.0/s`, `0.01` ->
    `36.0/h`."""
    largest = max((each for each in per_second if each is not None), default=0)
    seconds, unit = next((each for each in _RATES if largest * each[0] >= 1), _RATES[-1])
    if not largest:
        seconds, unit = _RATES[0]
    return [_rate(each, seconds, unit) for each in per_second]


def rate(per_second: float | None) -> str:
    """One of `rates`."""
    return rates(per_second)[0]


def _rate(per_second: float | None, seconds: int, unit: str) -> str:
    if per_second is None:
        return NONE
    value = per_second * seconds
    return f"<0.01{unit}" if 0 < value < 0.005 else f"{number(value)}{unit}"


def brief(text: str) -> str:
    """A number with its unit as a sentence has it, without zeros at the end: `31.0 %` -> `31 %`."""
    return re.sub(r"(\d)(?:\.0+|(\.\d*[1-9])0+)(?!\d)", r"\1\2", text)


def time_of(text: str | None) -> datetime | None:
    """RFC 3339 text as a moment in the zone it is written in, or None when there is none."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def moment(text: str | None, after: str | None = None) -> str:
    """`2024-01-24 10:15:32`; only the clock when the day is that of `after`."""
    at = time_of(text)
    if at is None:
        return NONE if text is None else visible(text)
    earlier = time_of(after)
    same_day = earlier is not None and earlier.date() == at.date()
    return at.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S")


def visible(text: str) -> str:
    """`text` with every character that could steer a terminal or hide itself spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(char) for char in text)


def _spelled(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    # Cc, Cf, Cs, Co, Cn: controls, bidirectional overrides, lone surrogates, unassigned.
    if unicodedata.category(char).startswith("C") or char in "\u2028\u2029":
        code = ord(char)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
    return char


_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
