"""What the clock explains is no finding: a nightly batch, office hours, an hour clocks skipped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from logan.report.findings import thresholds as limits
from logan.report.findings.grid import Grid, prefix
from logan.report.findings.scan import Found

__all__ = ["Rhythm", "is_skipped_hour", "without_hourly_peaks"]

_DAY_S: Final = 86_400
_HOUR_S: Final = 3_600

_SKIPPING: Final = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York", "America/Santiago"),
    *("Australia/Sydney", "Pacific/Auckland", "Asia/Jerusalem", "Africa/Cairo"),
)
"""Zones that differ in the day or the hour at which clocks go forward."""


class Rhythm:
    """What comes back in a series at the same time of day, or minute of the hour."""

    def __init__(self, grid: Grid, events: Sequence[int], exposure: Sequence[int]) -> None:
        self._grid = grid
        self._events = prefix(events)
        self._exposure = prefix(exposure)

    def has(self, found: Found) -> bool:
        """Whether most other days (or hours) of the log look like an interval at the same time."""
        size, step_s = len(self._grid.times), self._grid.step_s
        if found.end >= size or not self._grid.is_dense:
            return False
        inside, usual = self._level(found.start, found.end), self._level(0, size)
        if inside is None or usual is None:
            return False
        middle, length = (inside + usual) / 2, found.end - found.start
        for period_s in (_DAY_S, _HOUR_S):
            period = period_s // step_s
            if period_s % step_s or length > limits.RHYTHM_SHARE_MAX * period:
                continue
            places = range(found.start % period, size - length + 1, period)
            there = [self._level(at, at + length) for at in places if at != found.start]
            known = [each for each in there if each is not None]
            alike = sum(each >= middle if inside >= middle else each <= middle for each in known)
            enough = limits.RHYTHM_ALIKE_MIN * len(known)
            if len(known) >= limits.RHYTHM_OTHERS_MIN and alike >= enough:
                return True
        return False

    def _level(self, low: int, high: int) -> float | None:
        """Events for each unit of exposure."""
        seen = self._exposure[high] - self._exposure[low]
        return (self._events[high] - self._events[low]) / seen if seen else None


def without_hourly_peaks(counts: Sequence[int], step_s: int) -> list[int]:
    """Counts of neighboring buckets without what cron jobs add at the same minutes of each hour.

    A bucket of the hour has a peak if it exceeds the mean of its neighbors in nearly all hours; the
    median of what it has more is taken off.
    """
    even = list(counts)
    period = _HOUR_S // step_s
    if _HOUR_S % step_s or period < limits.PEAK_PERIOD_BUCKETS_MIN:
        return even
    for phase in range(period):
        places = range(phase or period, len(counts) - 1, period)
        if len(places) < limits.PEAK_HOURS_MIN:
            continue
        more = sorted(2 * counts[i] - counts[i - 1] - counts[i + 1] for i in places)
        if more[int((1 - limits.PEAK_HOURS_SHARE_MIN) * len(more))] > 0:
            peak = more[len(more) // 2] // 2
            for i in range(phase, len(counts), period):
                even[i] = max(even[i] - peak, 0)
    return even


def is_skipped_hour(start: int, end: int | None, step_s: int) -> bool:
    """Whether a silence is an hour that clocks skipped, where timestamps name no zone."""
    if end is None or abs(end - start - 3_600) > 2 * step_s or 2 * step_s > 3_600:
        return False
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    wall = datetime.fromtimestamp((start + end) // 2, UTC).replace(tzinfo=None)
    for name in _SKIPPING:
        try:
            zone = ZoneInfo(name)
        except ZoneInfoNotFoundError:
            continue
        there = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)
        if abs(there - wall) >= timedelta(minutes=30):
            return True
    return False
