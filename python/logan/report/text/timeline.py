"""The series as a chart: points put into as many bins as there are columns, drawn with blocks.

Knows nothing of colors or terminals: it gives lines of characters and says which cells show
errors. Bins are whole multiples of the series' step and start at round times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from logan.report.units import time_of

__all__ = ["Bin", "Timeline", "add_times", "axis", "bars", "sparkline", "timeline"]

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"

_MIN: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_BIN_SECONDS: Final = (
    *(1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30),
    *(each * _MIN for each in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
    *(each * _HOUR for each in (1, 2, 3, 4, 6, 8, 12)),
    *(each * _DAY for each in (1, 2, 3, 4, 5, 7, 10, 14, 30)),
)
_LONGER_MAX: Final = 4
"""How much longer than necessary a bin may be to be of a round length."""

_BIN_COLUMNS_MAX: Final = 8
"""A lone bin wider than this looks like a wall."""


@dataclass(slots=True)
class Bin:
    """Counts of one column of the chart; `ms` is the highest of its points' response times."""

    records: int = 0
    requests: int = 0
    errors: int = 0
    ms: float | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bins of `bin_s` seconds from `start` on, each drawn `columns` wide."""

    start: datetime
    bin_s: int
    columns: int
    bins: Sequence[Bin]

    @property
    def end(self) -> datetime:
        """The end of the last bin."""
        return self.start + timedelta(seconds=self.bin_s * len(self.bins))


def timeline(points: Sequence[Mapping[str, Any]], step_s: int, width: int) -> Timeline | None:
    """`points` in at most `width` columns; None when no point has a readable time.

    Bins start at round times of the zone that the first point is written in.
    """
    timed = [(moment, point) for point in points if (moment := time_of(point["t"])) is not None]
    if not timed or width < 1:
        return None
    zone = timed[0][0].tzinfo
    offset = int((timed[0][0].utcoffset() or timedelta()).total_seconds())
    seconds = [(int(moment.timestamp()) + offset, point) for moment, point in timed]
    first = min(second for second, _ in seconds)
    last = max(second for second, _ in seconds)
    bin_s = _bin_seconds(first, last, max(1, step_s), width)
    start = first // bin_s
    bins = [Bin() for _ in range(last // bin_s - start + 1)]
    for second, point in seconds:
        each = bins[second // bin_s - start]
        each.records += point["records"]
        each.requests += point["requests"]
        each.errors += point["errors"] or 0
    columns = max(1, min(_BIN_COLUMNS_MAX, width // len(bins)))
    return Timeline(datetime.fromtimestamp(start * bin_s - offset, zone), bin_s, columns, bins)


def add_times(
    chart: Timeline, points: Sequence[Mapping[str, Any]], key: str, step_s: int = 1
) -> None:
    """Give each bin with records the highest value of `key` among those of `points`, which stand
    for `step_s` seconds each, that lie in it or that it lies in."""
    for point in points:
        moment, value = time_of(point["t"]), point.get(key)
        if moment is None or value is None:
            continue
        since = (moment - chart.start).total_seconds()
        first = int(since // chart.bin_s)
        last = int(max(since, since + step_s - 1) // chart.bin_s)
        for each in chart.bins[max(0, first) : max(0, last + 1)]:
            if each.records:
                each.ms = value if each.ms is None else max(each.ms, value)


def bars(values: Sequence[float], height: int, columns: int = 1, full_min: float = 0) -> list[str]:
    """`height` lines, top first, of bars as high as `values`, of which the largest, or `full_min`
    if that is more, fills them; one that is not 0 shows."""
    most = max(full_min, *values, 0) or 1
    heights = [_eighths(value, most, height * 8) for value in values]
    return [
        "".join(EIGHTHS[min(8, max(0, each - 8 * row))] * columns for each in heights)
        for row in reversed(range(height))
    ]


def sparkline(values: Sequence[float], columns: int = 1, full_min: float = 0) -> str:
    """One line of bars."""
    return bars(values, 1, columns, full_min)[0]


def axis(chart: Timeline, margin: int) -> str:
    """Times below a chart: its first, its last and, with room, those between."""
    width = len(chart.bins) * chart.columns
    seconds = chart.bin_s * len(chart.bins)
    clock = "%H:%M:%S" if chart.bin_s < 60 else "%H:%M"
    if seconds > 400 * 86_400:
        pattern = "%Y-%m-%d"
    elif chart.start.date() != chart.end.date() and seconds > 86_400:
        pattern = "%m-%d" if chart.bin_s >= 86_400 else "%m-%d %H:%M"
    else:
        pattern = clock
    label_width = len(chart.start.strftime(pattern))
    gaps = min(6, width // (label_width * 2 + 1))
    line = [" "] * (margin + width + label_width)
    for index in range(gaps + 1):
        column = width * index // max(1, gaps)
        column -= column % chart.columns
        moment = chart.start + (chart.end - chart.start) * (column / width)
        text = moment.strftime(pattern)
        begin = margin + (column if index == 0 else column - label_width * index // gaps)
        line[begin : begin + len(text)] = text
    return "".join(line).rstrip()


def _eighths(value: float, most: float, full: int) -> int:
    return 0 if value <= 0 else max(1, round(value * full / most))


def _bin_seconds(first: int, last: int, step_s: int, width: int) -> int:
    """The smallest round length that is a multiple of the step and needs at most `width` bins; of
    steps that only much longer round lengths are multiples of, the smallest that does."""

    def fits(length: int) -> bool:
        return last // length - first // length < width

    least = step_s * max(1, (last - first) // (step_s * width))
    while not fits(least):
        least += step_s
    rounds = [each for each in _BIN_SECONDS if each % step_s == 0]
    for length in rounds:
        if fits(length) and length <= _LONGER_MAX * least:
            return length
    if _BIN_SECONDS[-1] not in rounds or least < _BIN_SECONDS[-1]:
        return least
    length = _BIN_SECONDS[-1]
    while not fits(length):
        length *= 2
    return length
