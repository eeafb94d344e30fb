"""What a report's charts draw: the series without far-off clocks, and response times over time.

Pure, and knows neither characters nor pixels. Where a few records lie far from all others, the
middle 99.9 % of the records are drawn and the others named: one wrong clock would make the chart a
single bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from logan.report import labels, units

__all__ = ["Drawn", "drawn", "heatmap", "percentiles"]

Point = Mapping[str, Any]

_LEFT_OUT_MAX: Final = 0.001
"""Share of the records that may be left out, half of it at each end."""

_RECORDS_MIN: Final = 100
"""Of fewer records, one is too large a share to be left out."""

_FAR_MIN: Final = 4.0
"""A record is far off if the others span less than 1/4 of the time that it makes."""


class Drawn(NamedTuple):
    """The part of the series that is drawn.

    Attributes:
        points: in order of time.
        step_s: seconds that each stands for.
        notes: a sentence for each end at which records were left out.
        records, requests: their sums over `points`.
        span_s: seconds from the first point to the end of the last.
    """

    points: Sequence[Point]
    step_s: int
    notes: Sequence[str]
    records: int
    requests: int
    span_s: float

    @property
    def is_whole(self) -> bool:
        """Whether no record was left out."""
        return not self.notes


def drawn(report: Mapping[str, Any]) -> Drawn:
    """The points of the series that charts draw, and the names of those that they do not."""
    step_s = report["series"]["step_s"] or 1
    timed = [
        (moment.timestamp(), point)
        for point in report["series"]["points"] or ()
        if (moment := units.time_of(point["t"])) is not None
    ]
    timed.sort(key=lambda each: each[0])
    low, high = _middle(timed, step_s)
    notes = []
    if low > 0:
        notes.append(_named(timed[:low], timed[low][0] - timed[0][0], "before"))
    if high < len(timed):
        notes.append(_named(timed[high:], timed[-1][0] - timed[high - 1][0], "after"))
    kept = timed[low:high]
    return Drawn(
        [point for _, point in kept],
        step_s,
        notes,
        sum(point["records"] for _, point in kept),
        sum(point["requests"] for _, point in kept),
        kept[-1][0] - kept[0][0] + step_s if kept else 0.0,
    )


def _middle(timed: Sequence[tuple[float, Point]], step_s: int) -> tuple[int, int]:
    """The range of the points that are not far off."""
    total = sum(point["records"] for _, point in timed)
    if total < _RECORDS_MIN or len(timed) < 2:
        return 0, len(timed)
    allowed = max(1.0, total * _LEFT_OUT_MAX / 2)
    low, high = 0, len(timed)
    left = right = 0
    while low < high - 1 and left + timed[low][1]["records"] <= allowed:
        left += timed[low][1]["records"]
        low += 1
    while high - 1 > low and right + timed[high - 1][1]["records"] <= allowed:
        right += timed[high - 1][1]["records"]
        high -= 1
    first, last = timed[low][0], timed[high - 1][0] + step_s
    whole = timed[-1][0] + step_s - timed[0][0]
    if whole < _FAR_MIN * (last - first):
        return 0, len(timed)
    # What is near the middle belongs to it.
    near = last - first
    while low > 0 and first - timed[low - 1][0] <= near:
        low -= 1
    while high < len(timed) and timed[high][0] - last <= near:
        high += 1
    return low, high


def _named(left_out: Sequence[tuple[float, Point]], distance_s: float, side: str) -> str:
    count = sum(point["records"] for _, point in left_out)
    verb = "lies" if count == 1 else "lie"
    first, last = left_out[0][1]["t"], left_out[-1][1]["t"]
    where = units.moment(first) if first == last else f"{units.moment(first)} to {last[:10]}"
    return (
        f"{labels.plural(count, 'record')} {verb} up to {units.span(distance_s)} {side} the rest "
        f"({where}): not drawn"
    )


def percentiles(report: Mapping[str, Any]) -> tuple[Sequence[Point], str | None]:
    """Response times over time, each point with `t`, and the name of the best key that all have:
    "p95_ms", else "mean_ms", else None."""
    times = report.get("response_times") or {}
    if any(point.get("p95_ms") is not None for point in times.get("points") or ()):
        return times["points"], "p95_ms"
    points = report["series"]["points"] or ()
    if any(point.get("mean_ms") is not None for point in points):
        return points, "mean_ms"
    return (), None


def heatmap(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Bounds and counts of response times over time; None if the report has none that fit."""
    times = report.get("response_times") or {}
    found = times.get("heatmap")
    if not found or len(found["counts"]) != len(times.get("points") or ()):
        return None
    cells = len(found["bounds_ms"]) - 1
    return found if cells > 0 and all(len(row) == cells for row in found["counts"]) else None
