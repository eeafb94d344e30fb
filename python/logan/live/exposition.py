"""The log's own metrics for Prometheus: all that was counted since the watch began.

Counters never fall. Routes are labeled first come, first served, up to a bound; the others are
`other`, so that a log with a million paths is no burden to the collector.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Lock
from typing import Any, Final

from logan.live.watching import Watch
from logan.report.schema import errors_measured
from logan.report.units import visible

__all__ = ["ROUTES_MAX", "Exposition"]

ROUTES_MAX: Final = 100
OTHER: Final = "other"


class Exposition:
    """What was exposed last; the basis of what is exposed next."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._lock = Lock()
        self._routes: dict[str, tuple[int, int, float]] = {}
        self._other = (0, 0, 0.0)

    def text(self, now: float) -> bytes:
        """The exposition in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        with self._lock:
            summary = self._watch.summary(None, now)
            figures = json.loads(summary.evaluate(top=1_000, series_points=1))
            if self._watch.anonymize:
                from logan.report.anonymize import anonymized

                figures["routes"] = anonymized({"routes": figures["routes"]})["routes"]
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_Collected(list(self._families(figures))))
            text: bytes = generate_latest(registry)
            return text

    def _families(self, figures: dict[str, Any]) -> Iterator[Any]:
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            SummaryMetricFamily,
        )

        lines = CounterMetricFamily("logan_lines", "Lines read, by class.", labels=["class"])
        for name in ("parsed", "malformed", "blank", "continuation", "header", "filtered"):
            lines.add_metric([name], figures["lines"][name])
        yield lines
        if errors_measured(figures):
            total = figures["errors"]["total"]
            yield CounterMetricFamily("logan_errors", "Records that are errors.", value=total)
        statuses = CounterMetricFamily("logan_responses", "Requests by status.", labels=["status"])
        for status, number in figures["status"].items():
            statuses.add_metric([status], number)
        yield statuses
        levels = CounterMetricFamily("logan_records", "Records by level.", labels=["level"])
        for level, number in figures["levels"].items():
            levels.add_metric([level], number)
        yield levels
        requests = CounterMetricFamily("logan_requests", "Requests by route.", labels=["route"])
        errors = CounterMetricFamily(
            "logan_request_errors", "Requests that are errors, by route.", labels=["route"]
        )
        for route, (number, failed, _) in self._by_route(figures):
            requests.add_metric([route], number)
            errors.add_metric([route], failed)
        yield requests
        yield errors
        times = figures["response_time_ms"]
        yield SummaryMetricFamily(
            "logan_response_time_seconds",
            "Response times.",
            count_value=times["count"],
            sum_value=times["count"] * (times["mean"] or 0.0) / 1e3,
        )
        quantiles = GaugeMetricFamily(
            "logan_response_time_quantile_seconds",
            "Quantiles of all response times.",
            labels=["quantile"],
        )
        for name, quantile in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")):
            if times[name] is not None:
                quantiles.add_metric([quantile], times[name] / 1e3)
        yield quantiles
        yield GaugeMetricFamily(
            "logan_watch_behind_bytes", "Bytes not read yet.", value=self._watch.behind()
        )

    def _by_route(self, figures: dict[str, Any]) -> Iterator[tuple[str, tuple[int, int, float]]]:
        """Requests, errors and seconds by route, and of all others together."""
        # Names that look the same are one label: twice the same would make the whole text invalid.
        rows: dict[str, tuple[int, int]] = {}
        for row in figures["routes"]["top"]:
            name = visible(row["route"])
            requests, failed = rows.get(name, (0, 0))
            rows[name] = requests + row["requests"], failed + (row["errors"] or 0)
        rows.pop(OTHER, None)  # is counted among the others
        for name, now in rows.items():
            if name in self._routes or len(self._routes) < ROUTES_MAX:
                before = self._routes.get(name, (0, 0, 0.0))
                self._routes[name] = (max(before[0], now[0]), max(before[1], now[1]), 0.0)
        yield from sorted(self._routes.items())
        named = sum(each[0] for each in self._routes.values())
        rest = max(self._other[0], figures["total_requests"] - named)
        of_all = sum(row["errors"] or 0 for row in figures["routes"]["top"])
        failed = of_all - sum(now[1] for name, now in rows.items() if name in self._routes)
        self._other = (rest, max(self._other[1], failed), 0.0)
        if rest:
            yield OTHER, self._other


class _Collected:
    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        return self._families
