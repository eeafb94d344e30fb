"""What the page's charts draw, as data for its script: numbers and fixed words, no log text.

Times are seconds of the clock of the report's zone, as the script draws them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from logan.report import charts, units, view
from logan.report.text.timeline import timeline

__all__ = ["chart_data"]

Data = Mapping[str, Any]

_HEIGHT: Final = 180
_POINTS_MAX: Final = 600
"""Points of a line: more cannot be told apart on a screen."""

_LOG_FROM: Final = 30
"""Largest response time over the smallest from which on the axis is logarithmic."""

_PERCENTILES: Final = (("p50", "--p50"), ("p95", "--p95"), ("p99", "--p99"))


def chart_data(report: Data) -> dict[str, Any]:
    """The charts of the page in their order, and the time that all of them span."""
    drawn = charts.drawn(report)
    if len(drawn.points) < 2:
        return {"range": None, "charts": []}
    first, last = _seconds(drawn.points[0]["t"]), _seconds(drawn.points[-1]["t"])
    found = [*_counts(report, drawn)]
    if (report["response_time_ms"]["count"] or 0) >= view.VALUES_MIN:
        # Of fewer, the tables have each.
        found += [each for each in (_times(report), _heat(report)) if each]
    return {"range": [first, last + drawn.step_s], "charts": found}


def _seconds(text: str) -> float:
    moment = units.time_of(text)
    assert moment is not None
    return moment.replace(tzinfo=UTC).timestamp()


def _counts(report: Data, drawn: charts.Drawn) -> list[dict[str, Any]]:
    """Volume and errors, with zeros where the series has no points; neighbors are put together
    where there are more than can be told apart."""
    noun = view.subject(report)
    times: list[float] = []
    volume: list[int] = []
    errors: list[int] = []

    def add(t: float, count: int, failed: int) -> None:
        times.append(t)
        volume.append(count)
        errors.append(failed)

    chart = timeline(drawn.points, drawn.step_s, _POINTS_MAX)
    assert chart is not None
    for index, each in enumerate(chart.bins):
        t = chart.start.replace(tzinfo=UTC).timestamp() + index * chart.bin_s
        count = each.requests if noun == "requests" else each.records
        is_amid_zeros = (
            not count
            and not each.records
            and 0 < index < len(chart.bins) - 1
            and not (chart.bins[index - 1].records or chart.bins[index + 1].records)
        )
        if not is_amid_zeros:
            add(t, count, each.errors)
    add(times[-1] + chart.bin_s, 0, 0)  # where the last step ends
    step = units.span(chart.bin_s)
    made = [_lines(f"{noun.capitalize()} per {step}", times, [(noun, "volume", volume, True)])]
    if any(errors):
        made.append(_lines(f"Errors per {step}", times, [("errors", "errors", errors, True)]))
    return made


def _lines(
    title: str,
    times: Sequence[float],
    series: Sequence[tuple[str, str, Sequence[float | None], bool]],
    unit: str = "",
) -> dict[str, Any]:
    """A chart of (label, key, values, filled) over times."""
    colors = {"volume": "--volume", "errors": "--bad", "mean": "--p50", **dict(_PERCENTILES)}
    values = [each for _, _, row, _ in series for each in row if each]
    is_log = unit == "ms" and bool(values) and max(values) > _LOG_FROM * min(values)
    return {
        "title": title,
        "kind": "lines",
        "height": _HEIGHT,
        "log": is_log,
        "t": list(times),
        "series": [
            {"label": label, "key": key, "color": colors[key], "fill": filled, "unit": unit}
            for label, key, _, filled in series
        ],
        "values": [
            [each or None for each in row] if is_log else list(row) for _, _, row, _ in series
        ],
    }


def _times(report: Data) -> dict[str, Any] | None:
    points, key = charts.percentiles(report)
    if key is None:
        return None
    times = [_seconds(point["t"]) for point in points]
    if key == "mean_ms":
        times, values = _means(times, points)
        return _lines("Mean response time", times, [("mean", "mean", values, False)], "ms")
    series = [
        (name, name, [point.get(f"{name}_ms") for point in points], False)
        for name, _ in _PERCENTILES
        if any(point.get(f"{name}_ms") is not None for point in points)
    ]
    error = report["response_times"].get("relative_error")
    exact = f" (±{units.percent(error)})" if error else ""
    return _lines(f"Response time{exact}", times, series, "ms")


def _means(
    times: Sequence[float], points: Sequence[Data]
) -> tuple[list[float], list[float | None]]:
    """Means of as many neighbors as leave no more points than can be told apart."""
    size = -(-len(points) // _POINTS_MAX)
    starts, values = [], []
    for index in range(0, len(points), size):
        some = [each for each in points[index : index + size] if each["mean_ms"] is not None]
        count = sum(each["requests"] for each in some)
        total = sum(each["mean_ms"] * each["requests"] for each in some)
        starts.append(times[index])
        values.append(total / count if count else None)
    return starts, values


def _heat(report: Data) -> dict[str, Any] | None:
    found = charts.heatmap(report)
    if found is None:
        return None
    used = [
        index
        for index in range(len(found["bounds_ms"]) - 1)
        if any(row[index] for row in found["counts"])
    ]
    if not used:
        return None
    low, high = used[0], used[-1] + 1
    return {
        "title": "Requests by response time",
        "kind": "heat",
        "height": _HEIGHT,
        "step": report["response_times"]["step_s"],
        "t": [_seconds(point["t"]) for point in report["response_times"]["points"]],
        "bounds": found["bounds_ms"][low : high + 1],
        "cells": [row[low:high] for row in found["counts"]],
    }
