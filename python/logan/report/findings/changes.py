"""From the grid to changes: what differs, from when to when, in which series.

Each kind has its own test; this module asks all of them and joins what is one incident: the errors
of all records and those of a route that carries them are one finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from logan.report.findings import thresholds as limits
from logan.report.findings.change import Change, where_entry
from logan.report.findings.grid import Grid, RouteSeries, prefix
from logan.report.findings.messages import with_messages
from logan.report.findings.outcomes import outcome_changes
from logan.report.findings.rhythm import Rhythm, is_skipped_hour
from logan.report.findings.scan import Found, Mean, Ratio, find_intervals
from logan.report.findings.traffic import covered_parts, find_steps, is_explained_by_messages

__all__ = ["changes_of"]


def changes_of(
    figures: Mapping[str, Any], ranges: Sequence[tuple[int, int]], *, judges_traffic: bool
) -> list[Change]:
    """All that stands out, not ordered. `ranges` are first and last second of each input."""
    analysis = figures["analysis"]
    grid = Grid.of(analysis)
    if grid is None:
        return []
    templates = [
        {**each, "first": each["first"] // 10**9, "last": each["last"] // 10**9}
        for each in analysis["templates"]
        if each["first"] is not None
    ]
    found = [*_errors(grid), *outcome_changes(grid), *_latency(grid)]
    if judges_traffic:
        found += _traffic(grid, ranges, templates)
    found += _clocks(grid, figures)
    found = with_messages(found, grid, templates)
    return found


def _errors(grid: Grid) -> list[Change]:
    """Errors of all records, and of the routes."""
    total = grid.total
    if sum(total.errors) < limits.EVENTS_MIN:
        return []
    by_requests = sum(total.requests) * 20 >= sum(grid.records)
    exposure = total.requests if by_requests else grid.records
    found = _error_changes(grid, total.errors, exposure)
    routes: list[Change] = []
    for route in grid.routes:
        if sum(route.errors) < limits.EVENTS_MIN:
            continue
        for change in _error_changes(grid, route.errors, route.requests):
            routes.append(replace(change, within=route.name))
    joined = [_with_routes(each, grid, exposure) for each in found]
    for change in sorted(routes, key=lambda each: -each.score):
        at = next((i for i, other in enumerate(joined) if change.overlaps(other)), None)
        if at is None:
            joined.append(_with_routes(change, grid, exposure))
        elif _carries(change, joined[at]) and change.score > joined[at].score:
            # The route's own series is clearer than that of all records.
            joined[at] = _with_routes(
                replace(joined[at], start=change.start, end=change.end, score=change.score),
                *(grid, exposure),
            )
    return joined


def _error_changes(grid: Grid, errors: Sequence[int], exposure: Sequence[int]) -> list[Change]:
    rhythm = Rhythm(grid, errors, exposure, limits.ERRORS_POINTS_MIN)
    found = find_intervals(Ratio(errors, exposure), limits.LIKELIHOOD_MIN, rhythm)
    return [_change("errors", "errors.ratio", grid, each, exposure) for each in found]


def _carries(route: Change, total: Change) -> bool:
    return any(each["field"] == "route" and each["value"] == route.within for each in total.where)


def _change(kind: str, metric: str, grid: Grid, found: Found, exposure: Sequence[int]) -> Change:
    per_bucket = sum(exposure) / len(exposure)
    return Change(
        kind,
        grid.start_of(found.start),
        grid.end_of(found.end),
        metric,
        found.outside,
        found.inside,
        found.excess,
        grid.resolution(per_bucket),
        found.score,
    )


def _indices(grid: Grid, start: int, end: int | None) -> tuple[int, int]:
    """The buckets of an interval."""
    inside = [i for i, t in enumerate(grid.times) if t >= start and (end is None or t < end)]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)


def _with_routes(change: Change, grid: Grid, exposure: Sequence[int]) -> Change:
    """The change with the routes that carry it, as far as the first pass proves it."""
    assert change.start is not None
    first, last = _indices(grid, change.start, change.end)
    total = sum(grid.total.errors[first:last])
    seen = sum(exposure[first:last])
    rest_total, rest_seen = sum(grid.total.errors) - total, sum(exposure) - seen
    expected = seen * (rest_total / rest_seen) if rest_seen else 0.0
    excess = max(total - expected, 1e-9)
    if change.within is None:
        # What was before stays: another incident is not the usual share.
        change = replace(change, during=total / seen if seen else 0.0)
    # Of failed requests: a message about each of them must not hide what they have in common.
    failed = sum(sum(route.errors[first:last]) for route in grid.routes)
    rest_failed = sum(sum(route.errors) for route in grid.routes) - failed
    if failed >= limits.EXPLAINS_COVERED_MIN * total:
        expected_failed = seen * (rest_failed / rest_seen) if rest_seen else 0.0
        excess_failed = max(failed - expected_failed, 1e-9)
    else:
        failed, rest_failed, excess_failed = total, rest_total, excess
    found = []
    for route in grid.routes:
        errors = sum(route.errors[first:last])
        requests = sum(route.requests[first:last])
        if change.within is not None and route.name != change.within:
            continue
        if errors < limits.EVENTS_MIN // 2 or not requests:
            continue
        rest_errors = sum(route.errors) - errors
        rest_requests = sum(route.requests) - requests
        usual = rest_errors / rest_requests if rest_requests else 0.0
        more = errors - requests * usual
        # Its errors grew by more than its traffic says.
        others = max(failed - errors, 0) / max(seen - requests, 1)
        stands_out = errors / requests > limits.EXPLAINS_RISK_MIN * others
        if change.within is not None or (
            stands_out and more >= limits.EXPLAINS_SHARE_MIN * excess_failed
        ):
            share = min(1.0, errors / max(failed, 1))
            outside = min(1.0, rest_errors / rest_failed) if rest_failed else 0.0
            found.append(where_entry("route", route.name, share, outside))
    found.sort(key=lambda each: (-each["share"], each["value"]))
    if found and grid.is_dense:
        times = _times_as_many(grid, found[0]["value"], first, last)
        if times is not None:
            change = replace(change, details={**change.details, "times_as_many": times})
    per_bucket = excess / max(last - first, 1)
    step_s = max(change.step_s, grid.resolution(excess=per_bucket))
    return replace(change, where=tuple(found[:1]), weight=excess, step_s=step_s)


def _times_as_many(grid: Grid, name: str, first: int, last: int) -> float | None:
    """How many times as many requests of a route there are while it fails, if that looks like
    retries: many more, and not because all traffic grew."""
    route = next(each for each in grid.routes if each.name == name)
    inside, total = sum(route.requests[first:last]), sum(grid.total.requests[first:last])
    scale = (last - first) / (len(grid.times) - (last - first))
    rest = sum(route.requests) - inside
    usual = rest * scale
    usual_others = (sum(grid.total.requests) - total - rest) * scale
    failed = sum(route.errors[first:last])
    if usual < limits.EVENTS_MIN or failed < limits.RETRIES_FAIL_MIN * inside:
        return None
    times, others_times = inside / usual, (total - inside) / max(usual_others, 1.0)
    if times < limits.RETRIES_TIMES_MIN * max(others_times, 1.0):
        return None
    return float(f"{times:.3g}")


def _latency(grid: Grid) -> list[Change]:
    """Response times, within routes: all together, standardized to their mix, and each."""
    measured = sum(grid.total.measured)
    if measured < 2 * limits.EVENTS_MIN:
        return []
    counted, sums, squares = _standardized(grid)
    total = Mean(counted, sums, squares)
    rhythm = Rhythm(grid, sums, counted, limits.LATENCY_LOG_MIN)
    found = [
        _latency_change(grid, each, grid.total, None)
        for each in find_intervals(total, limits.LIKELIHOOD_MIN, rhythm)
    ]
    singles: list[Change] = []
    for route in grid.routes:
        if sum(route.measured) < 2 * limits.EVENTS_MIN:
            continue
        series = Mean(route.measured, route.log_sum, route.log_sq)
        rhythm = Rhythm(grid, route.log_sum, route.measured, limits.LATENCY_LOG_MIN)
        for each in find_intervals(series, limits.LIKELIHOOD_MIN, rhythm):
            singles.append(_latency_change(grid, each, route, route.name))
    joined: list[Change] = []
    for change in found:
        same = [each for each in singles if each.overlaps(change)]
        slower = {each.within for each in same}
        share = sum(sum(r.measured) for r in grid.routes if r.name in slower) / measured
        if not same or share > 0.5 or len(slower) > max(2, len(grid.routes) // 2):
            joined.append(change)
            singles = [each for each in singles if each not in same]
    for change in sorted(singles, key=lambda each: -each.weight):
        if not any(change.overlaps(other) for other in joined if other.within is None):
            joined.append(change)
    return joined


def _standardized(grid: Grid) -> tuple[list[int], list[int], list[int]]:
    """Counts, sums and squares of logarithms of response times less the mean of their routes.

    Other records are one more route where they are the most; else they are left out, as their mix
    is not known. Sums of integers: means are rounded, which moves all alike.
    """
    size = len(grid.times)
    sums, squares = [0] * size, [0] * size
    rest_n, rest_s = list(grid.total.measured), list(grid.total.log_sum)
    rest_q = list(grid.total.log_sq)
    parts: list[tuple[list[int], list[int], list[int]]] = []
    for route in grid.routes:
        parts.append((route.measured, route.log_sum, route.log_sq))
        for i in range(size):
            rest_n[i] -= route.measured[i]
            rest_s[i] -= route.log_sum[i]
            rest_q[i] -= route.log_sq[i]
    if 2 * sum(rest_n) > sum(grid.total.measured):
        parts.append((rest_n, rest_s, rest_q))
        counted = list(grid.total.measured)
    else:
        counted = [all_ - rest for all_, rest in zip(grid.total.measured, rest_n, strict=True)]
    for n, s, q in parts:
        count = sum(n)
        if count <= 0:
            continue
        mean = sum(s) // count
        for i in range(size):
            if n[i]:
                sums[i] += s[i] - n[i] * mean
                squares[i] += q[i] - 2 * mean * s[i] + n[i] * mean * mean
    return counted, sums, squares


def _latency_change(grid: Grid, found: Found, series: RouteSeries, name: str | None) -> Change:
    """Levels as geometric means in milliseconds of the series itself."""
    counts, sums = prefix(series.measured), prefix(series.log_sum)
    n = counts[found.end] - counts[found.start]
    s = sums[found.end] - sums[found.start]
    outside = (sums[-1] - s) / max(counts[-1] - n, 1)
    # Of all routes the shift is that of the standardized series: their mix may have moved, too.
    inside = outside + (found.inside - found.outside)
    per_bucket = counts[-1] / len(grid.times)
    share = n / max(sum(grid.total.measured[found.start : found.end]), 1)
    return Change(
        "latency",
        grid.start_of(found.start),
        grid.end_of(found.end),
        "response_time_ms",
        2 ** (outside / 256) / 1e6,
        2 ** (inside / 256) / 1e6,
        found.excess,
        grid.resolution(per_bucket),
        found.score,
        () if name is None else (where_entry("route", name, 1.0, share),),
        name,
    )


def _traffic(
    grid: Grid, ranges: Sequence[tuple[int, int]], templates: Sequence[Mapping[str, Any]]
) -> Iterator[Change]:
    total = sum(grid.total.requests)
    by_requests = total * 20 >= sum(grid.records)
    counts = grid.total.requests if by_requests else grid.records
    if grid.step_s > limits.TRAFFIC_STEP_S_MAX:
        return
    debug = sum(each["count"] for each in templates if each["level"] in ("DEBUG", "TRACE"))
    for low, high in covered_parts(grid, ranges):
        for kind, found in find_steps(counts, low, high, grid.step_s):
            # More or fewer lines are not traffic, and DEBUG comes and goes; silence says something.
            is_silence = (
                found.inside <= limits.SILENCE_SHARE_MAX * found.outside
                and found.outside >= limits.BUCKET_EVENTS_MIN
            )
            if not by_requests and (debug or not is_silence):
                continue
            start, end = grid.start_of(found.start), grid.end_of(found.end)
            if is_explained_by_messages(kind, start, end, grid.step_s, templates):
                continue
            if is_silence and is_skipped_hour(start, end, grid.step_s):
                continue
            least = grid.resolution(sum(counts) / len(counts))
            change = Change(
                kind,
                start,
                end,
                "requests_per_second" if by_requests else "records_per_second",
                found.outside / grid.step_s,
                found.inside / grid.step_s,
                abs(found.excess),
                max(least, grid.step_s * found.edge_buckets),
                found.score,
            )
            if not Rhythm(grid, counts, [1] * len(counts), 0).has(found):
                yield change


def _clocks(grid: Grid, figures: Mapping[str, Any]) -> Iterator[Change]:
    """Records far from all others, in a log that goes back and forth."""
    records = sum(each[2] for each in grid.far)
    if not records or figures["time"]["out_of_order"] * 2 < records:
        return
    for first, last, _ in sorted(grid.far, key=lambda each: -each[2])[:1]:
        distance = first - grid.last_s if first > grid.last_s else grid.first_s - last
        yield Change(
            "clock",
            first,
            last,
            "time",
            None,
            float(distance),
            float(records),
            # Where they are rare, the first one comes late.
            max(grid.step_s, math.ceil(limits.EDGE_LIKELIHOOD_MIN * (last - first) / records)),
            details={"records": records, "is_ahead": first > grid.last_s},
        )
