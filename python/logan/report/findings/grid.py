"""The series of an evaluated summary, as the tests want them: dense, trimmed, with prefix sums.

`analysis` lists only buckets that are not empty. Here a few far ones are set apart (a wrong clock),
the rest lies on one grid without gaps where the gaps are few, and the first and last bucket are
left out, as they are covered in part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

from logan.report.findings import thresholds as limits

__all__ = ["OUTCOMES", "Grid", "RouteSeries", "prefix"]

_FIELDS: Final = ("requests", "errors", "measured", "log_sum", "log_sq")
OUTCOMES: Final[Mapping[str, tuple[int, ...]]] = {
    "unanswered": (0, 444, 460, 463, 499),
    "throttled": (429,),
    "denied": (401, 403),
}
"""How requests end that findings watch beside the errors, with the statuses that say so. 0 is a
request whose answer is not known; 444 and 499 are nginx's words for a connection that it or the
client closed, 460 and 463 those of AWS's load balancer."""
_LADDER: Final = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400, 2_592_000)
_DENSE_MAX: Final = 2_048
"""Buckets of a grid without gaps."""


def prefix(values: Sequence[int]) -> list[int]:
    """Sums of the first 0, 1, … values."""
    return list(accumulate(values, initial=0))


@dataclass(frozen=True, slots=True)
class RouteSeries:
    """Counts of a route, or of all records, by bucket of the grid."""

    name: str | None
    requests: list[int]
    errors: list[int]
    measured: list[int]
    log_sum: list[int]
    log_sq: list[int]


@dataclass(frozen=True, slots=True)
class Grid:
    """Buckets `[times[i], times[i] + step_s)`.

    Attributes:
        is_dense: they follow one another without a gap.
        far: (first, last, records) of buckets far from the others, in seconds.
        records: by bucket.
        outcomes: requests by bucket of each of `OUTCOMES`; empty where an older version counted.
        first_s, last_s: of the part that most records are in, with the buckets left out here.
    """

    step_s: int
    times: list[int]
    records: list[int]
    total: RouteSeries
    routes: list[RouteSeries]
    routes_exact: bool
    is_dense: bool
    outcomes: Mapping[str, list[int]] = field(default_factory=dict)
    far: list[tuple[int, int, int]] = field(default_factory=list)
    first_s: int = 0
    last_s: int = 0

    @classmethod
    def of(cls, analysis: Mapping[str, Any]) -> Grid | None:
        """The grid of `analysis`; None where there are too few buckets for any judgment."""
        step, times = analysis["step_s"], analysis["buckets"]
        low, high, far = _main_part(times, analysis["records"], step)
        first, last = low + 1, high - 1  # covered in part
        if last - first < limits.BUCKETS_MIN:
            return None
        kept = times[first:last]
        length = (kept[-1] - kept[0]) // step + 1
        is_dense = length <= _DENSE_MAX and len(kept) >= limits.TRAFFIC_FILLED_MIN * length
        if is_dense:
            at = {first + i: (t - kept[0]) // step for i, t in enumerate(kept)}
            grid_times = [kept[0] + i * step for i in range(length)]
        else:
            at = {first + i: i for i in range(len(kept))}
            grid_times = list(kept)

        def spread(values: Sequence[int], places: Sequence[int] | range) -> list[int]:
            dense = [0] * len(grid_times)
            for place, value in zip(places, values, strict=True):
                if place in at:
                    dense[at[place]] = value
            return dense

        everywhere = range(len(times))
        return cls(
            step_s=step,
            times=grid_times,
            records=spread(analysis["records"], everywhere),
            total=RouteSeries(None, *(spread(analysis[key], everywhere) for key in _FIELDS)),
            routes=[
                RouteSeries(each["name"], *(spread(each[key], each["at"]) for key in _FIELDS))
                for each in _judged(analysis["routes"])
            ],
            routes_exact=analysis["routes_exact"],
            is_dense=is_dense,
            outcomes={
                name: spread(analysis[name], everywhere)
                for name in OUTCOMES
                if analysis.get(name) is not None
            },
            far=far,
            first_s=times[low],
            last_s=times[high - 1] + step,
        )

    def resolution(self, events: float | None = None, excess: float | None = None) -> int:
        """To how many seconds the edges of an interval are known: the finest step of the ladder in
        which enough of the events, and of those that are too many, are expected. Both by bucket."""
        least = float(self.step_s)
        if events is not None:
            least = max(least, self.step_s * limits.BUCKET_EVENTS_MIN / max(events, 1e-9))
        if excess is not None:
            least = max(least, self.step_s * limits.EDGE_EVENTS_MIN / max(excess, 1e-9))
        return next((each for each in _LADDER if each >= least), _LADDER[-1])

    def start_of(self, index: int) -> int:
        """When an interval from `index` on begins: with the log, if it is there from the first
        bucket that is judged."""
        return self.times[index] if index else self.first_s

    def end_of(self, index: int) -> int | None:
        """When an interval up to `index` (not with it) ends; None if it lasts to the log's end."""
        if index >= len(self.times):
            return None
        return self.times[index - 1] + self.step_s


def _judged(routes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those with the most requests and with the most errors."""
    half = limits.ROUTES_MAX // 2
    by_requests = sorted(routes, key=lambda each: (-sum(each["requests"]), each["name"]))
    by_errors = sorted(routes, key=lambda each: (-sum(each["errors"]), each["name"]))
    chosen = {each["name"]: each for each in by_requests[:half]}
    for each in by_errors:
        if len(chosen) >= limits.ROUTES_MAX:
            break
        chosen.setdefault(each["name"], each)
    return list(chosen.values())


def _main_part(
    times: Sequence[int], records: Sequence[int], step: int
) -> tuple[int, int, list[tuple[int, int, int]]]:
    """First and one past the last bucket of the period that most records are in; and what is far
    from it: (first, last, records)."""
    parts: list[list[int]] = []
    for i, time in enumerate(times):
        if parts and time - times[i - 1] - step < limits.CLOCK_GAP_MIN_S:
            parts[-1].append(i)
        else:
            parts.append([i])
    if len(parts) < 2:
        return 0, len(times), []
    total = sum(records)
    sums = [sum(records[i] for i in part) for part in parts]
    main = max(range(len(parts)), key=lambda i: (sums[i], -i))
    if total - sums[main] > limits.CLOCK_SHARE_MAX * total:
        return 0, len(times), []
    far = [
        (times[part[0]], times[part[-1]] + step, count)
        for i, (part, count) in enumerate(zip(parts, sums, strict=True))
        if i != main
    ]
    return parts[main][0], parts[main][-1] + 1, far
