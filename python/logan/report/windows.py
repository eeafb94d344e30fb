"""Metrics over windows of time, from a report's series: `errors.ratio < 1% in every 5m`.

Pure. Windows are aligned to the epoch, so that they are the same whatever the log's first record
is. Those without records have no share, mean or percentile and are skipped; what is counted is 0 in
them (`empty_between`), so that a lower bound on it does not hold through an outage. A metric of a
window is exact where it is a sum. A percentile over several steps, and a mean where it is not known
how many of their requests have a time, lie between the least and the largest of theirs: the one
that is less likely to meet the expectation is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from logan.report import units

__all__ = ["METRICS", "Bounds", "Window", "empty_between", "windows_of"]

Point = Mapping[str, Any]

Bounds = tuple[float, float]
"""Between which a value lies; twice the same where it is exact."""


@dataclass(slots=True)
class Window:
    """The records of `seconds` from `start` (epoch seconds) on.

    Attributes:
        whole: whether the log covers all of its time.
        times: by name, the least and the largest of the means and percentiles of its steps.
    """

    start: int
    seconds: int
    whole: bool = True
    records: int = 0
    requests: int = 0
    errors: int | None = 0
    max_ms: float | None = None
    times: dict[str, Bounds] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.start, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def widen(self, name: str, value: float) -> None:
        """A step of it has this value."""
        low, high = self.times.get(name, (value, value))
        self.times[name] = min(low, value), max(high, value)


def _ratio(window: Window) -> float | None:
    return None if window.errors is None or not window.records else window.errors / window.records


def _per_minute(window: Window) -> float | None:
    return None if window.errors is None else window.errors * 60 / window.seconds


def _rate(window: Window) -> float:
    return window.requests / window.seconds


def _exactly(value_of: Callable[[Window], float | None]) -> Callable[[Window], Bounds | None]:
    def bounds(window: Window) -> Bounds | None:
        value = value_of(window)
        return None if value is None else (value, value)

    return bounds


def _between(name: str) -> Callable[[Window], Bounds | None]:
    return lambda window: window.times.get(name)


METRICS: Final[Mapping[str, Callable[[Window], Bounds | None]]] = {
    "errors.ratio": _exactly(_ratio),
    "errors.total": _exactly(lambda window: window.errors),
    "errors.per_minute": _exactly(_per_minute),
    "error_rate": _exactly(_per_minute),
    "total_requests": _exactly(lambda window: window.requests),
    "lines.parsed": _exactly(lambda window: window.records),
    "requests_per_second": _exactly(_rate),
    "throughput.requests_per_second": _exactly(_rate),
    "throughput.observed_rps": _exactly(_rate),
    "avg_response_time": _between("mean_ms"),
    "response_time_ms.mean": _between("mean_ms"),
    "response_time_ms.max": _exactly(lambda window: window.max_ms),
    "response_time_ms.p50": _between("p50_ms"),
    "response_time_ms.p95": _between("p95_ms"),
    "response_time_ms.p99": _between("p99_ms"),
}
"""The metrics that a window has, by the name that they have of the whole log."""


def windows_of(
    report: Mapping[str, Any], name: str, seconds: int
) -> tuple[list[Window], str | None]:
    """The windows with records, in order, and why there is no data, if there is none."""
    series = report.get("series") or {}
    why = _too_coarse("series", series.get("step_s"), seconds)
    if why is not None or not series.get("points"):
        return [], why or "the report has no series"
    found: dict[int, Window] = {}
    means: dict[int, list[tuple[float, int]]] = {}
    for start, point in _placed(series["points"], seconds):
        window = found.setdefault(start, Window(start, seconds))
        window.records += point["records"]
        window.requests += point["requests"]
        errors = point["errors"]
        window.errors = None if errors is None or window.errors is None else window.errors + errors
        if point.get("mean_ms") is not None:
            means.setdefault(start, []).append((point["mean_ms"], point["requests"]))
        if point.get("max_ms") is not None:
            window.max_ms = max(window.max_ms or 0.0, point["max_ms"])
    for start, steps in means.items():
        _take_mean(found[start], steps, all_timed=_all_timed(report))
    if name.rpartition(".")[2] in ("p50", "p95", "p99"):
        times = report.get("response_times") or {}
        if not times.get("points"):
            return [], "the report has no percentiles over time"
        why = _too_coarse("response_times", times.get("step_s"), seconds)
        if why is not None:  # the step is chosen by how many values there are, unless it is given
            return [], f"{why} (--step {units.span(seconds).replace(' ', '')} asks for others)"
        for start, point in _placed(times["points"], seconds):
            for key in ("p50_ms", "p95_ms", "p99_ms"):
                value = point.get(key)
                if value is not None and start in found:
                    found[start].widen(key, value)
    windows = [found[start] for start in sorted(found) if found[start].records]
    _mark_edges(report, windows)
    return windows, None


def empty_between(
    report: Mapping[str, Any], windows: Sequence[Window]
) -> tuple[Window | None, int]:
    """The first window without records between those that have some, and how many there are.
    What lies before or after most of the log by far (`time.typical`) makes none."""
    typical = (report.get("time") or {}).get("typical") or {}
    first, last = units.time_of(typical.get("first")), units.time_of(typical.get("last"))
    empty, count = None, 0
    for before, after in pairwise(windows):
        if first is not None and before.start + before.seconds <= first.timestamp():
            continue
        if last is not None and after.start > last.timestamp():
            break
        missing = (after.start - before.start) // before.seconds - 1
        if missing and empty is None:
            empty = Window(before.start + before.seconds, before.seconds)
        count += missing
    return empty, count


def _all_timed(report: Mapping[str, Any]) -> bool:
    """Whether each request has a time, so that a mean can be weighted by requests."""
    times = report.get("response_time_ms") or {}
    return times.get("count") == report.get("total_requests")


def _take_mean(window: Window, steps: Sequence[tuple[float, int]], *, all_timed: bool) -> None:
    """The mean of a window, from the mean and the number of requests of each step."""
    if not all_timed:
        for mean, _ in steps:
            window.widen("mean_ms", mean)
        return
    total = sum(requests for _, requests in steps)
    window.widen("mean_ms", sum(mean * requests for mean, requests in steps) / total)


def _too_coarse(name: str, step_s: int | None, seconds: int) -> str | None:
    if step_s and (step_s > seconds or seconds % step_s):
        kept = units.span(step_s)
        return (
            f"{name} has steps of {kept}, of which windows of {units.span(seconds)} cannot be made"
        )
    return None


def _placed(points: Sequence[Point], seconds: int) -> Iterator[tuple[int, Point]]:
    """Each point with the start of its window."""
    for point in points:
        moment = units.time_of(point["t"])
        if moment is not None:
            at = int(moment.timestamp())
            yield at - at % seconds, point


def _mark_edges(report: Mapping[str, Any], windows: Sequence[Window]) -> None:
    """The log may begin within the first window, and end within the last."""
    time = report.get("time") or {}
    first, last = units.time_of(time.get("first")), units.time_of(time.get("last"))
    for window in windows:
        begins = first is not None and first.timestamp() > window.start
        ends = last is not None and last.timestamp() < window.start + window.seconds - 1
        window.whole = not (begins or ends)
