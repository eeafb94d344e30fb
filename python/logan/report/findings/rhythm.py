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
_PERIODS_S: Final = (3_600, 1_800, 1_200, 900, 600, 300)
"""How often jobs run, from `cron`'s own field of minutes."""

_SKIPPING: Final = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York", "America/Santiago"),
    *("Australia/Sydney", "Pacific/Auckland", "Asia/Jerusalem", "Africa/Cairo"),
)
"""Zones that differ in the day or the hour at which clocks go forward."""


class Rhythm:
    """What comes back in a series at the same time of day, or minute of the hour.

    `least` is by how much its level must rise to matter.
    """

    def __init__(
        self, grid: Grid, events: Sequence[int], exposure: Sequence[int], least: float
    ) -> None:
        self._grid = grid
        self._least = least
        self._events = prefix(events)
        self._exposure = prefix(exposure)

    def has(self, found: Found, usual: float | None = None) -> bool:
        """Whether most other days (or hours) of the log look like an interval at the same time:
        their level is nearer to its own than to the usual one (that of the whole log if None)."""
        return self._period(found, usual) is not None

    def places(self, found: Found) -> list[tuple[int, int]]:
        """An interval and where it comes back, with what its edges may have left beside each."""
        period = self._period(found, None)
        size, length = len(self._grid.times), found.end - found.start
        beside = 1 + length // 8
        if period is None:
            return []
        return [
            (max(at - beside, 0), min(at + length + beside, size))
            for at in range(found.start % period - period, size, period)
            if at + length > 0 and self._is_alike(found, at, None)
        ]

    def peaks(self) -> list[tuple[int, int]]:
        """Buckets that stand out nearly each hour, or part of an hour, such as a job makes that
        always fails: too short for an interval, and as dispersion they hide one."""
        if not self._grid.is_dense:
            return []
        size, found = len(self._grid.times), []
        lifts = [self._lift(at) for at in range(size)]
        for period_s in _PERIODS_S:
            period = period_s // self._grid.step_s
            if period_s % self._grid.step_s or period < limits.PEAK_PERIOD_BUCKETS_MIN:
                continue
            for phase in range(period):
                known = sorted(each for each in lifts[phase::period] if each is not None)
                if len(known) < limits.PEAK_HOURS_MIN:
                    continue
                nearly_least = known[int((1 - limits.PEAK_HOURS_SHARE_MIN) * len(known))]
                median = known[len(known) // 2]
                if median >= self._least and nearly_least > median / 2:
                    found += [(at, at + 1) for at in range(phase, size, period)]
        return found

    def _lift(self, at: int) -> float | None:
        """By how much the level of a bucket exceeds that of the two beside it."""
        if not 0 < at < len(self._grid.times) - 1:
            return None
        before, own, after = (self._level(each, each + 1) for each in (at - 1, at, at + 1))
        return (
            None if before is None or own is None or after is None else own - (before + after) / 2
        )

    def _period(self, found: Found, usual: float | None) -> int | None:
        """After how many buckets an interval comes back."""
        size, step_s = len(self._grid.times), self._grid.step_s
        if found.end >= size or not self._grid.is_dense:
            return None
        length = found.end - found.start
        for period_s in (_DAY_S, _HOUR_S):
            period = period_s // step_s
            if period_s % step_s or length > limits.RHYTHM_SHARE_MAX * period:
                continue
            places = range(found.start % period, size - length + 1, period)
            there = [self._is_alike(found, at, usual) for at in places if at != found.start]
            known = [each for each in there if each is not None]
            enough = limits.RHYTHM_ALIKE_MIN * len(known)
            if len(known) >= limits.RHYTHM_OTHERS_MIN and sum(known) >= enough:
                return period
        return None

    def _is_alike(self, found: Found, at: int, usual: float | None) -> bool | None:
        """Whether the level from a bucket on is nearer to that of an interval than to the usual
        one; None where it is not known."""
        size = len(self._grid.times)
        if usual is None:
            usual = self._level(0, size)
        inside = self._level(found.start, found.end)
        there = self._level(max(at, 0), min(at + found.end - found.start, size))
        if inside is None or usual is None or there is None:
            return None
        middle = (inside + usual) / 2
        return there >= middle if inside >= middle else there <= middle

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
