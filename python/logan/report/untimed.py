"""What figures over time lack: records that have no time are in no window and in no rate.

Where there are few of them a rate is right all the same, unless they are what it counts: 14 of
2,000 records, and all of the errors. So what is counted is compared, not only the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["is_over_time", "left_out", "untimed_errors"]

_OVER_TIME: Final = ("error_rate", "errors.per_minute", "requests_per_second")

_SHARE_MAX: Final = 0.01
"""So much without a time changes such a figure by no more than it is compared to."""

_TIMES_SHARE_MAX: Final[Mapping[str, float]] = {
    **{"p95": 0.005, "p99": 0.001},
    **{"mean": 0.001, "avg_response_time": 0.001},
}
"""Of percentiles a tenth of the requests that are slower. Of a mean so few that it changes by no
more than it is compared to, though each of them be ten times as slow."""


def is_over_time(name: str) -> bool:
    """Whether a figure of the whole log is divided by time."""
    return name in _OVER_TIME or name.startswith("throughput.")


def left_out(report: Mapping[str, Any], name: str, *, windows: bool) -> str | None:
    """Why a figure over time would lack too much of what it counts; None if it does not.

    Args:
        report: a report.
        name: the metric.
        windows: whether it is asked for in windows of time, not as a rate of the whole log.
    """
    records = (report.get("lines") or {}).get("parsed") or 0
    untimed = (report.get("time") or {}).get("untimed") or 0
    if not untimed:
        return None
    last = name.rpartition(".")[2]
    share_max = _TIMES_SHARE_MAX.get(last, _SHARE_MAX) if windows else _SHARE_MAX
    if untimed > records * share_max:
        return _sentence(untimed, records, "record")
    if name.startswith("err"):
        return _counted(untimed_errors(report), (report.get("errors") or {}).get("total"), "error")
    if last.endswith("requests") or "requests" in name or last == "observed_rps":
        total = report.get("total_requests")
        return _counted(_untimed(report, "requests", total), total, "request")
    if windows and last == "max":
        return _slowest(report)
    return None


def untimed_errors(report: Mapping[str, Any]) -> int:
    """Errors that have no time."""
    return _untimed(report, "errors", (report.get("errors") or {}).get("total"))


def _untimed(report: Mapping[str, Any], column: str, total: int | None) -> int:
    """What of a total is in no step of the series."""
    if not total or not (report.get("time") or {}).get("untimed"):
        return 0
    points = (report.get("series") or {}).get("points") or ()
    return total - sum(point[column] or 0 for point in points)


def _counted(untimed: int, total: int | None, noun: str) -> str | None:
    return _sentence(untimed, total, noun) if total and untimed > total * _SHARE_MAX else None


def _sentence(untimed: int, total: int, noun: str) -> str:
    verb = "has" if untimed == 1 else "have"
    nouns = noun if total == 1 else f"{noun}s"
    return f"{untimed:,} of {total:,} {nouns} {verb} no time, and would be left out"


def _slowest(report: Mapping[str, Any]) -> str | None:
    """Whether the slowest request is none of those in the series."""
    slowest = (report.get("response_time_ms") or {}).get("max")
    points = (report.get("series") or {}).get("points") or ()
    seen = max((point.get("max_ms") or 0.0 for point in points), default=0.0)
    if slowest is None or slowest <= seen:
        return None
    return f"the slowest request, {slowest:,.6g} ms, has no time, and would be left out"
