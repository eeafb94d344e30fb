"""The log's own metrics for Prometheus: all that was counted since the watch began.

Counters never fall. Routes are labeled first come, first served, up to a bound; the others are
`other`, so that a log with a million paths is no burden to the collector: at most
`ROUTES_MAX + 1` routes with a histogram of 14 series each. Names and units follow the conventions
of Prometheus: base units (seconds, bytes), `_total` for counters, one meaning a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from threading import Lock
from typing import Any, Final

from logan.live.watched import Watched
from logan.report.schema import errors_measured
from logan.report.units import visible

__all__ = ["BOUNDS_S", "ROUTES_MAX", "Exposition", "by_bound"]

ROUTES_MAX: Final = 100
ROWS_MAX: Final = 1_000
OTHER: Final = "other"

BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histograms' buckets: those that Prometheus' client libraries have."""


@dataclass(slots=True)
class _Counts:
    """What is exposed of a route: none of it falls, as counters must not.

    Attributes:
        seconds: the sum of its response times.
        times: how many of these each bucket has, those below it not included.
    """

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    times: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))

    def add(self, other: _Counts) -> None:
        """Count another route's as well."""
        self.requests += other.requests
        self.errors += other.errors
        self.seconds += other.seconds
        self.times = [a + b for a, b in zip(self.times, other.times, strict=True)]

    def raise_to(self, now: _Counts) -> None:
        """Let nothing fall that was exposed before."""
        self.requests = max(self.requests, now.requests)
        self.errors = max(self.errors, now.errors)
        self.seconds = max(self.seconds, now.seconds)
        self.times = [max(a, b) for a, b in zip(self.times, now.times, strict=True)]


class Exposition:
    """What was exposed last; the basis of what is exposed next."""

    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._lock = Lock()
        self._routes: dict[str, _Counts] = {}
        self._other = _Counts()
        self._all = _Counts()

    def text(self, now: float) -> bytes:
        """The exposition in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        with self._lock:
            summary = self._watch.figures(None, now)
            figures = json.loads(summary.evaluate(top=ROWS_MAX, series_points=1, analysis=False))
            times = json.loads(summary.distributions(ROWS_MAX))
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_Collected(list(self._families(figures, times))))
            text: bytes = generate_latest(registry)
            return text

    def _families(self, figures: dict[str, Any], times: dict[str, Any]) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

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
        overall = _measured(figures["response_time_ms"], times["response_time"])
        self._all.raise_to(overall)
        by_route = list(self._by_route(figures, times))
        for route, counts in by_route:
            requests.add_metric([route], counts.requests)
            errors.add_metric([route], counts.errors)
        yield requests
        yield errors
        yield _histogram("logan_response_time_seconds", "Response times.", [((), self._all)])
        yield _histogram(
            "logan_request_response_time_seconds",
            "Response times of requests, by route.",
            [((route,), counts) for route, counts in by_route if any(counts.times)],
            labels=["route"],
        )
        quantiles = GaugeMetricFamily(
            "logan_response_time_quantile_seconds",
            "Quantiles of all response times.",
            labels=["quantile"],
        )
        for name, quantile in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")):
            if figures["response_time_ms"][name] is not None:
                quantiles.add_metric([quantile], figures["response_time_ms"][name] / 1e3)
        yield quantiles
        yield GaugeMetricFamily(
            "logan_watch_behind_bytes", "Bytes not read yet.", value=self._watch.behind()
        )

    def _by_route(
        self, figures: dict[str, Any], times: dict[str, Any]
    ) -> Iterator[tuple[str, _Counts]]:
        """The counts of each route that has a label, and of all others together."""
        rows = self._rows(figures, times)
        rows.pop(OTHER, None)  # is counted among the others
        for name, now in rows.items():
            if name in self._routes or len(self._routes) < ROUTES_MAX:
                self._routes.setdefault(name, _Counts()).raise_to(now)
        yield from sorted(self._routes.items())
        named = _Counts()
        for each in self._routes.values():
            named.add(each)
        of_all = sum(row["errors"] or 0 for row in figures["routes"]["top"])
        failed = of_all - sum(now.errors for name, now in rows.items() if name in self._routes)
        rest = _Counts(
            figures["total_requests"] - named.requests,
            failed,
            self._all.seconds - named.seconds,
            _rest(self._all.times, named.times),
        )
        self._other.raise_to(rest)
        if self._other.requests:
            yield OTHER, self._other

    def _rows(self, figures: dict[str, Any], times: dict[str, Any]) -> dict[str, _Counts]:
        """Routes by the names that are exposed: those that look the same are one label, as twice
        the same would make the whole text invalid."""
        measured = {each["route"]: each["times"] for each in times["routes"]}
        rows: dict[str, _Counts] = {}
        for row in figures["routes"]["top"]:
            now = _measured({"mean": row["mean_ms"]}, measured.get(row["route"]))
            now.requests, now.errors = row["requests"], row["errors"] or 0
            rows.setdefault(visible(self._masked(row["route"])), _Counts()).add(now)
        return rows

    def _masked(self, route: str) -> str:
        if not self._watch.anonymize:
            return route
        from logan.report.anonymize import scrubbed

        return scrubbed(route)


def by_bound(times: Mapping[str, Any]) -> list[int]:
    """How many response times of a distribution of `Summary.distributions` each bucket of
    `BOUNDS_S` has, the last one those above all bounds. Those that the engine's own bucket cannot
    tell from a bound count as below it if most of that bucket is; it is at most 6.3 % wide."""
    bounds = [round(each * 1e9) for each in BOUNDS_S]
    found = [0] * (len(bounds) + 1)
    bits, place = times["bits"], 0
    for index, count in enumerate(times["counts"]):
        if not count:
            continue
        middle = _middle_ns(times["first"] + index, bits)
        while place < len(bounds) and middle > bounds[place]:
            place += 1
        found[place] += count
    return found


def _rest(total: Sequence[int], part: Sequence[int]) -> list[int]:
    """By bucket what is not in `part`. Its values may be counted one bucket off those of `total`,
    as the engine's own buckets are coarser for routes: what one bucket lacks its neighbor has."""
    rest = [a - b for a, b in zip(total, part, strict=True)]
    for order in (range(len(rest)), range(len(rest) - 1, -1, -1)):
        for at, after in pairwise(order):
            if rest[at] < 0:
                rest[at], rest[after] = 0, rest[after] + rest[at]
    return rest


def _middle_ns(bucket: int, bits: int) -> int:
    """The middle of a bucket of the engine, which cuts powers of two in `1 << bits` parts."""
    if bucket < 2 << bits:
        return bucket
    shift = (bucket >> bits) - 1
    return ((bucket - (shift << bits)) << shift) + ((1 << shift) - 1) // 2


def _measured(row: Mapping[str, Any], times: Mapping[str, Any] | None) -> _Counts:
    """Response times as they are exposed; `row` has their mean in milliseconds."""
    if times is None:
        return _Counts()
    found = by_bound(times)
    return _Counts(seconds=sum(found) * (row["mean"] or 0.0) / 1e3, times=found)


def _histogram(
    name: str,
    text: str,
    rows: Sequence[tuple[Sequence[str], _Counts]],
    labels: Sequence[str] | None = None,
) -> Any:
    from prometheus_client.core import HistogramMetricFamily
    from prometheus_client.utils import floatToGoString

    family = HistogramMetricFamily(name, text, labels=labels)
    bounds = [*map(floatToGoString, BOUNDS_S), "+Inf"]
    for values, counts in rows:
        buckets = list(zip(bounds, accumulate(counts.times), strict=True))
        family.add_metric(list(values), buckets, counts.seconds)
    return family


class _Collected:
    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> list[Any]:
        return self._families
