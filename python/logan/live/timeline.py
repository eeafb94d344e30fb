"""The timeline of each window: records, errors and p95 by step.

Steps are summaries without tables, packed but for the one that was added to last: a kilobyte each,
so that a day of them costs little. What is added to a step later, as it is caught up with, counts
in it as if it had come in time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from logan._logan import PackedSummary, Summary
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
"""Steps of the timeline of all as long as it is no older than so many seconds; and how many steps
there are at least."""

REACH_S: Final = {5: 660, 60: 4_260, 300: 86_700}
"""By step, how far back it is kept: as far as timelines reach."""

TABLES: Final = (
    *("series", "grid", "routes", "clients", "messages", "templates", "dimensions"),
    *("slowest", "by"),
)
"""What points need nothing of."""


@dataclass(slots=True)
class _Step:
    counted: Summary | PackedSummary
    point: Point | None = None

    def add(self, part: Summary) -> None:
        self.counted = self.summary().merge(part)
        self.point = None

    def summary(self) -> Summary:
        return self.counted.summary() if isinstance(self.counted, PackedSummary) else self.counted

    def pack(self) -> None:
        if not isinstance(self.counted, PackedSummary):
            self.counted = PackedSummary(self.counted)


class Timeline:
    """The steps of a watch."""

    def __init__(self, now: float) -> None:
        self._first_at = now
        self._steps: dict[int, dict[int, _Step]] = {step: {} for step in REACH_S}
        self._unpacked: dict[int, _Step] = {}  # by the length of steps
        self._forgot_at = now

    def add(self, part: Summary, at: float, now: float) -> None:
        """Count a part that arrived, or whose records were written, at `at`."""
        self._first_at = min(self._first_at, at)
        if now - self._forgot_at >= min(REACH_S):
            self._forget(now)
        counted = part.without(TABLES)
        for step, steps in self._steps.items():
            if now - at > REACH_S[step]:
                continue
            key = int(at) // step * step
            if (known := steps.get(key)) is None:
                known = steps[key] = _Step(counted)
            else:
                known.add(counted)
            last = self._unpacked.get(step)
            if last is not None and last is not known:
                last.pack()
            self._unpacked[step] = known

    def points(self, window: str, now: float) -> tuple[int, list[Point]]:
        """The seconds of a step, and the steps of a window. "all" has at most the last day, in
        steps as fine as there are."""
        step, seconds = HISTORY[window]
        if window == "all":
            age = now - self._first_at
            step = next((each for each, most in STEPS if age < most), step)
            seconds = min(seconds, max(int(age) + step, STEPS_MIN * step))
        first, last = int(now - seconds) // step, int(now) // step
        return step, [self._point(step, key * step) for key in range(first + 1, last + 1)]

    @property
    def entries(self) -> int:
        """How many steps are kept."""
        return sum(map(len, self._steps.values()))

    def _point(self, step: int, key: int) -> Point:
        known = self._steps[step].get(key)
        if known is None:
            return {"t": key, "records": 0, "errors": None, "p95": None}
        if known.point is None:
            known.point = _point(key, known.summary())
        return known.point

    def _forget(self, now: float) -> None:
        """Let go of steps that no timeline reaches."""
        self._forgot_at = now
        for step, steps in self._steps.items():
            for old in [key for key in steps if now - key - step > REACH_S[step]]:
                del steps[old]


def _point(at: int, counted: Summary) -> Point:
    figures = json.loads(counted.evaluate(top=1, series_points=1, analysis=False))
    times = figures["response_time_ms"]
    return {
        "t": at,
        "records": figures["lines"]["parsed"],
        "errors": figures["errors"]["total"] if errors_measured(figures) else None,
        "p95": times["p95"] if times["count"] >= VALUES_MIN else None,
    }
