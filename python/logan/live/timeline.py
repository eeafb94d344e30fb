"""The timeline of each window: records, errors and p95 by step, from the ring and beyond it.

What falls out of the ring leaves its point here, so that the timeline of a day costs no summaries.
"""

from __future__ import annotations

import json
from typing import Any, Final

from logan._logan import Summary
from logan.live.windows import Windows
from logan.report.schema import errors_measured

__all__ = ["HISTORY", "Point", "Timeline"]

Point = dict[str, Any]
"""`t` (its first second), `records`, `errors` (None if there are none to be seen), `p95` in
milliseconds (None with fewer than 20 response times)."""

VALUES_MIN: Final = 20

HISTORY: Final = {"1m": (5, 60), "5m": (5, 300), "1h": (60, 3_600), "all": (300, 86_400)}
"""By window: the seconds of a step of its timeline, and of all of it."""

STEPS: Final = ((5, 600), (60, 3_600))
STEPS_MIN: Final = 12
"""Steps of the timeline of all as long as it is no older than so many seconds, as the ring's slots
allow; and how many steps there are at least."""

SETTLED_S: Final = 10.0
"""Steps that ended so long ago are kept as points: nothing is added to them but what is caught up
with."""

DAY_S: Final = 90_000


class Timeline:
    """The windows of a watch, and their timelines.

    Attributes:
        windows: the ring.
    """

    def __init__(self, empty: Summary, reach_s: float, now: float) -> None:
        self.windows = Windows(empty, reach_s, self._dropped)
        self._first_at = now
        self._points: dict[int, dict[int, Point]] = {}
        self._latest: dict[int, dict[int, tuple[Summary | None, Point]]] = {}
        self._day: dict[int, Point] = {}

    def add(self, part: Summary, at: float, now: float) -> None:
        """As `Windows.add`."""
        self._first_at = min(self._first_at, at)
        if now - at > SETTLED_S:
            self._points.clear()  # the past has changed
        self.windows.add(part, at, now)

    def points(self, window: str, now: float) -> tuple[int, list[Point]]:
        """The seconds of a step, and the steps of a window. "all" has at most the last day, in
        steps as fine as the ring still has them."""
        step, seconds = HISTORY[window]
        if window == "all":
            age = now - self._first_at
            step = next((each for each, most in STEPS if age < most), step)
            seconds = min(seconds, max(int(age) + step, STEPS_MIN * step))
        known = self._points.setdefault(step, {})
        if step == HISTORY["all"][0]:
            known.update(self._day)
        points = []
        latest: dict[int, tuple[Summary | None, Point]] = {}
        before = self._latest.get(step, {})
        for at, summary in self.windows.history(seconds, step, now, known):
            seen = before.get(at)
            if (point := known.get(at)) is None:
                same = seen is not None and seen[0] is summary
                point = seen[1] if seen is not None and same else _point(at, summary)
                latest[at] = summary, point
            if at + step + SETTLED_S < now:
                known[at] = point
            points.append(point)
        self._latest[step] = latest
        for old in [
            old for old in known if old <= now - DAY_S or (step < 300 and old < now - 4_000)
        ]:
            del known[old]
        return step, points

    def _dropped(self, at: int, summary: Summary) -> None:
        """Keep the point of what leaves the ring; parts that come late add to its counts."""
        point, known = _point(at, summary), self._day.get(at)
        if known is not None:
            point["records"] += known["records"]
            if known["errors"] is not None:
                point["errors"] = (point["errors"] or 0) + known["errors"]
            point["p95"] = max(filter(None, (point["p95"], known["p95"])), default=None)
        self._day[at] = point
        for old in [old for old in self._day if old < at - DAY_S]:
            del self._day[old]


def _point(at: int, summary: Summary | None) -> dict[str, Any]:
    point: dict[str, Any] = {"t": at, "records": 0, "errors": None, "p95": None}
    if summary is not None:
        figures = json.loads(summary.evaluate(top=1, series_points=1))
        point["records"] = figures["lines"]["parsed"]
        point["errors"] = figures["errors"]["total"] if errors_measured(figures) else None
        times = figures["response_time_ms"]
        point["p95"] = times["p95"] if times["count"] >= VALUES_MIN else None
    return point
