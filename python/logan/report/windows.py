"""Metrics over windows of time, from a report's series: `errors.ratio < 1% in every 5m`.

Pure. Windows are aligned to the epoch, so that they are the same whatever the log's first record
is; those without records are skipped. A metric of a window is exact where it is a sum; a percentile
over several steps lies at or below the largest of theirs, which is what is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from logan.report import units

__all__ = ["METRICS", "Window", "windows_of"]

Point = Mapping[str, Any]


@dataclass(slots=True)
class Window:
    """The records of `seconds` from `start` (epoch seconds) on.

    Attributes:
        whole: whether the log covers all of its time.
        times: the highest of each percentile.
    """

    start: int
    seconds: int
    whole: bool = True
    records: int = 0
    requests: int = 0
    errors: int | None = 0
    total_ms: float = 0.0
    timed: int = 0
    max_ms: float | None = None
    times: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.start, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _ratio(window: Window) -> float | None:
    return None if window.errors is None else window.errors / window.records


def _per_minute(window: Window) -> float | None:
    return None if window.errors is None else window.errors * 60 / window.seconds


def _mean(window: Window) -> float | None:
    return window.total_ms / window.timed if window.timed else None


def _rate(window: Window) -> float:
    return window.requests / window.seconds


def _percentile(name: str) -> Callable[[Window], float | None]:
    return lambda window: window.times.get(name)


METRICS: Final[Mapping[str, Callable[[Window], float | None]]] = {
    "errors.ratio": _ratio,
    "errors.total": lambda window: window.errors,
    "errors.per_minute": _per_minute,
    "error_rate": _per_minute,
    "total_requests": lambda window: window.requests,
    "lines.parsed": lambda window: window.records,
    "requests_per_second": _rate,
    "throughput.requests_per_second": _rate,
    "throughput.observed_rps": _rate,
    "avg_response_time": _mean,
    "response_time_ms.mean": _mean,
    "response_time_ms.max": lambda window: window.max_ms,
    "response_time_ms.p50": _percentile("p50_ms"),
    "response_time_ms.p95": _percentile("p95_ms"),
    "response_time_ms.p99": _percentile("p99_ms"),
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
    for start, point in _placed(series["points"], seconds):
        window = found.setdefault(start, Window(start, seconds))
        window.records += point["records"]
        window.requests += point["requests"]
        errors = point["errors"]
        window.errors = None if errors is None or window.errors is None else window.errors + errors
        if point.get("mean_ms") is not None:
            window.total_ms += point["mean_ms"] * point["requests"]
            window.timed += point["requests"]
        if point.get("max_ms") is not None:
            window.max_ms = max(window.max_ms or 0.0, point["max_ms"])
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
                    known = found[start].times
                    known[key] = max(known.get(key, value), value)
    windows = [found[start] for start in sorted(found) if found[start].records]
    _mark_edges(report, windows)
    return windows, None


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
