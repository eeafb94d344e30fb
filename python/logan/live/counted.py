"""What a watch has counted, by time, for those who ask: views, reports, timelines.

Views are looked at twice a second and show neither clients nor user agents nor groups; these
tables are most of a summary. So each part is kept twice: without them, ready to be added up, for
views; and whole, for reports that are asked for. Both wait in a file once their time is over, and
say the same of what both have, in slots that are finer for views.
The whole sum of all is that of what is older than the ring and of the ring: adding each part to it
would cost more than all else.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from logan._logan import Summary
from logan.live import timeline
from logan.live.ring import PIECES_MAX, Ring, RunningSum
from logan.live.spill import Spill
from logan.live.timeline import Point, Timeline
from logan.live.windows import SLOT_S

__all__ = ["FIGURES", "Counted", "Groups", "Part"]

TABLES: Final = ("clients", "dimensions", "slowest", "by")
"""What views do not show."""

FIGURES: Final = frozenset(
    {
        *("avg_response_time", "bytes_sent", "error_rate", "errors", "levels", "lines"),
        *("malformed", "malformed_lines", "messages", "requests_per_second"),
        *("response_time_ms", "routes", "status", "templates", "throughput", "time"),
        "total_requests",
    }
)
"""The sections of a report that summaries for views have."""

FIGURES_SIZES: Final = ((SLOT_S, 660), (60, 3_900), (300, 4_500))
WHOLE_SIZES: Final = ((SLOT_S, 75), (15, 390), (60, 720), (300, 4_500))
"""Slots and the ages up to which they are kept, in seconds. Each goes on for a slot of the next
size beyond the longest view that it is for, so that no coarser one reaches into that view. Whole
slots are large: at 10,000 lines a second and 44,000 clients one of 5 s takes some 900 kB, packed
300 kB, one of 300 s hardly more than twice that. So a report of 5 minutes has up to 15 s more."""


class Part(NamedTuple):
    """Lines of a log that follow those of another part: what they count but for the metrics `held`,
    which a later part has, and the time that they belong to."""

    summary: Summary
    at: float
    held: Sequence[str] = ()


class Groups(NamedTuple):
    """Parts that follow one another, added up as far as they are not told apart."""

    parts: Sequence[Part]
    figures: Sequence[Part]
    whole: Sequence[Part]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Groups:
        """Those of parts the last of which holds nothing."""
        figures, whole = [], []
        first_figures = first_whole = 0
        for past, part in enumerate(parts, start=1):
            if set(part.held) <= set(TABLES):
                group = [each.summary.without(TABLES) for each in parts[first_figures:past]]
                figures.append(Part(Summary.sum(group), part.at))
                first_figures = past
            if not part.held:
                group = [each.summary for each in parts[first_whole:past]]
                whole.append(Part(Summary.sum(group), part.at))
                first_whole = past
        assert first_figures == first_whole == len(parts), "a part is missing"
        return cls(parts, figures, whole)


class Counted:
    """Counts of the last hour by time, and of all.

    Args:
        empty: the summary of nothing.
        reach_s: how far back is looked, beside the hour.
    """

    def __init__(self, empty: Summary, reach_s: float, now: float) -> None:
        spill = Spill()
        self._figures = Ring(empty, FIGURES_SIZES, reach_s, spill=spill)
        self._old = RunningSum(empty)
        self._whole = Ring(empty, WHOLE_SIZES, reach_s, spill=spill, dropped=self._old.add)
        self._figures_of_all = RunningSum(empty)
        self._empty = empty
        self._older: RunningSum | None = None
        self._fresh: list[Summary] = []
        self._fresh_at = 0.0
        self._timeline = Timeline(now)

    def add(self, part: Summary, at: float, now: float) -> None:
        """Count a part that arrived, or whose records were written, at `at`."""
        figures = part.without(TABLES)
        self._figures.add(figures, at, now)
        self._timeline.add(part, at, now)
        self._figures_of_all.add(figures)
        if at // SLOT_S != self._fresh_at // SLOT_S or len(self._fresh) >= PIECES_MAX:
            self._settle(now)
        self._fresh.append(part)
        self._fresh_at = at

    def held(self, at: float, later: float, now: float) -> Sequence[str]:
        """The metrics that need not tell apart what arrived at these two times."""
        if self._whole.slot_of(at, now) != self._whole.slot_of(later, now):
            return ()
        same = self._figures.slot_of(at, now) == self._figures.slot_of(later, now)
        return timeline.TABLES if same else TABLES

    def add_groups(self, groups: Groups, now: float) -> None:
        """Count parts that arrived before, `held` as said above."""
        self._settle(now)
        for part in groups.parts:
            self._timeline.add(part.summary, part.at, now)
        for figures in groups.figures:
            self._figures.add(figures.summary, figures.at, now)
        for whole in groups.whole:
            if self._whole.slot_of(whole.at, now) is None:
                self.add_old(whole.summary)
            else:
                self._whole.add(whole.summary, whole.at, now)
                self._figures_of_all.add(whole.summary.without(TABLES))

    def add_old(self, part: Summary) -> None:
        """Count a part that is older than any window: it is in the sum of all alone."""
        self._older = self._older or RunningSum(self._empty)
        self._older.add(part)

    def _settle_old(self) -> None:
        """Put what came old into the sums of all, added up once: both have most of it."""
        if self._older is not None:
            older, self._older = self._older.value, None
            self._old.add(older)
            self._figures_of_all.add(older.without(TABLES))

    def whole(self, seconds: float | None, now: float) -> Summary:
        """The summary of the last `seconds`, or of all with None."""
        self._settle(now)
        if seconds is not None:
            return self._whole.view(seconds, now)
        self._settle_old()
        kept = self._whole.view(inf, now)  # first: what it drops is old by then
        return self._old.value.merge(kept)

    def _settle(self, now: float) -> None:
        """Put the whole parts of a slot into the ring, added up once."""
        if self._fresh:
            part = self._fresh[0] if len(self._fresh) == 1 else Summary.sum(self._fresh)
            self._whole.add(part, self._fresh_at, now)
            self._fresh = []

    def figures(self, seconds: float | None, now: float) -> Summary:
        """The same without the tables that views do not show."""
        if seconds is None:
            self._settle_old()
            return self._figures_of_all.value
        return self._figures.view(seconds, now)

    def points(self, window: str, now: float) -> tuple[int, list[Point]]:
        """The timeline of a window: the seconds of its steps, and a point for each."""
        return self._timeline.points(window, now)

    @property
    def entries(self) -> dict[str, int]:
        """How many summaries each part holds: bounded, however long it runs."""
        return {
            "figures": self._figures.entries,
            "whole": self._whole.entries,
            "timeline": self._timeline.entries,
        }
