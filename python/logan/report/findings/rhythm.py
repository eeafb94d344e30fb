"""What the clock explains is no finding: a nightly batch, office hours, an hour clocks skipped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from logan.report.findings import thresholds as limits
from logan.report.findings.change import Change
from logan.report.findings.grid import Grid, prefix

__all__ = ["is_skipped_hour", "recurs_daily"]

_DAY_S: Final = 86_400

_SKIPPING: Final = (
    *("Europe/London", "Europe/Berlin", "Europe/Athens", "America/New_York", "America/Santiago"),
    *("Australia/Sydney", "Pacific/Auckland", "Asia/Jerusalem", "Africa/Cairo"),
)
"""Zones that differ in the day or the hour at which clocks go forward."""


def recurs_daily(
    change: Change, grid: Grid, events: Sequence[int], exposure: Sequence[int]
) -> bool:
    """Whether most other days of the log look alike at the same time of day.

    `events` by `exposure` is the level that changed, by bucket.
    """
    if change.start is None or change.end is None or not grid.is_dense:
        return False
    step = grid.step_s
    first, last = (change.start - grid.times[0]) // step, (change.end - grid.times[0]) // step
    if _DAY_S % step or change.end - change.start > limits.RHYTHM_SHARE_MAX * _DAY_S:
        return False
    sums, all_ = prefix(events), prefix(exposure)
    size, day = len(grid.times), _DAY_S // step

    def level(low: int, high: int) -> float | None:
        seen = all_[high] - all_[low]
        return (sums[high] - sums[low]) / seen if seen else None

    inside = level(max(first, 0), min(last, size))
    total, seen = sums[-1], all_[-1]
    if inside is None or not seen:
        return False
    middle = (inside + total / seen) / 2
    days = alike = 0
    for offset in range(-size // day * day, size + 1, day):
        low, high = first + offset, last + offset
        if not offset or low < 0 or high > size:
            continue
        there = level(low, high)
        if there is None:
            continue
        days += 1
        alike += there >= middle if inside >= middle else there <= middle
    return days >= limits.RHYTHM_DAYS_MIN and alike >= limits.RHYTHM_ALIKE_MIN * days


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
