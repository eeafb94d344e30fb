"""Drops and surges of traffic: steps against what lies right before and after.

Traffic has a daily rhythm, so an interval is compared with windows beside it, never with the whole
log, and each of its edges must be a step. Only buckets that the same inputs cover are compared: a
log that begins, ends or lacks a part is not traffic that changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from logan.report.findings import thresholds as limits
from logan.report.findings.grid import Grid, prefix
from logan.report.findings.rhythm import without_hourly_peaks
from logan.report.findings.scan import Found, apart, lengths
from logan.report.findings.trend import (
    Step,
    edge_width,
    likely_end,
    likely_start,
    step_beside_trend,
)

__all__ = ["covered_parts", "find_steps"]


def covered_parts(grid: Grid, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of buckets over which the same inputs are there, whole; `ranges` are the first and
    last timestamp of each input, in seconds."""
    size, step = len(grid.times), grid.step_s
    if not grid.is_dense:
        return []
    edges = {0, size}
    for first, last in ranges:
        for moment in (first, last):
            at = (moment - grid.times[0]) // step
            # The bucket in which an input begins or ends is covered in part.
            edges |= {min(max(at, 0), size), min(max(at + 1, 0), size)}
    ordered = sorted(edges)
    parts = list(pairwise(ordered))
    return [
        (low, high)
        for low, high in parts
        if high - low >= limits.BUCKETS_MIN // 2
        and any(first <= grid.times[low] and last >= grid.times[high - 1] for first, last in ranges)
    ]


def find_steps(
    counts: Sequence[int], low: int, high: int, step_s: int
) -> Iterator[tuple[str, Found]]:
    """Drops and surges of `counts[low:high]`, best first; they do not overlap."""
    if high - low < limits.BUCKETS_MIN // 2:
        return
    least = max(limits.INSIDE_BUCKETS_MIN, -(-limits.TRAFFIC_SECONDS_MIN // step_s))
    series = _Steps(counts, low, high, least, step_s)
    reach = limits.TRAFFIC_EDGE_BUCKETS
    candidates = list(series.candidates())
    taken: list[Found] = []
    for kind, found in sorted(candidates, key=lambda each: (-each[1].score, each[1])):
        margin = 1 + (found.end - found.start) // 8
        # What rises (falls) to the end where a drop (surge) ends is the usual traffic, come back.
        is_back = found.end == high and any(
            other != kind and each.start < found.start and abs(each.end - found.start) <= reach
            for other, each in candidates
        )
        if not is_back and all(
            found.end + margin <= each.start or found.start >= each.end + max(margin, reach)
            for each in taken
        ):
            taken.append(found)
            yield kind, found
        if len(taken) == limits.INTERVALS_MAX:
            return


class _Part(NamedTuple):
    """Neighboring buckets from `low` on, with the step in them."""

    low: int
    counts: Sequence[int]
    step: Step

    def best_start(self, near: int, dispersion: float) -> int:
        """The bucket, near the given one, in which the interval most likely begins."""
        reach = self._around(near)
        return self.low + likely_start(self.counts, self.step, dispersion, reach)

    def best_end(self, near: int, dispersion: float) -> int:
        """One past the bucket, near the given end, in which the interval most likely ends."""
        reach = self._around(near)
        return self.low + likely_end(self.counts, self.step, dispersion, reach)

    def _around(self, near: int) -> range:
        reach, size = limits.TRAFFIC_EDGE_BUCKETS // 2, len(self.counts)
        return range(max(near - reach - self.low, 0), min(near + reach - self.low, size) + 1)


def _evidence(parts: Sequence[_Part]) -> float:
    return sum(each.step.evidence for each in parts)


_ROUNDS: Final = 3
"""In which edges are moved at most."""


class _Steps:
    """One series of counts, and how it deviates by itself."""

    def __init__(self, counts: Sequence[int], low: int, high: int, least: int, step_s: int) -> None:
        self.sums = prefix(without_hourly_peaks(counts, step_s))
        self.raw = prefix(counts)
        self.step_s = step_s
        self.low, self.high, self.least = low, high, least

    def candidates(self) -> Iterator[tuple[str, Found]]:
        """Intervals that pass every test, at most a few of each octave of lengths."""
        least = limits.TRAFFIC_LIKELIHOOD_MIN
        octaves: dict[tuple[str, int], list[tuple[float, int, int]]] = {}
        for length in lengths((self.high - self.low) * 2 // 3):
            if length < self.least:
                continue
            starts = range(
                self.low + limits.INSIDE_BUCKETS_MIN, self.high - length, max(1, length // 4)
            )
            for start in (*starts, self.high - length):  # what lasts to the end
                value, kind = self.evidence(start, start + length)
                if value >= least:
                    key = (kind, length.bit_length())
                    octaves.setdefault(key, []).append((value, start, start + length))
        tried = set()
        for (kind, _), found in sorted(octaves.items()):
            for coarse_start, coarse_end in apart(found):
                reach = min(limits.TRAFFIC_EDGE_BUCKETS, coarse_end - coarse_start)
                dispersion = self._dispersion(coarse_start, coarse_end, reach)
                start, end = self._refined(kind, coarse_start, coarse_end, dispersion)
                if (kind, start, end) in tried:
                    continue
                tried.add((kind, start, end))
                if end < self.high and 2 * (end - start) > self.high - self.low:
                    continue  # the longer part is the usual one
                found_step = self._judged(kind, start, end)
                if found_step is not None:
                    yield kind, found_step

    def _judged(self, kind: str, start: int, end: int) -> Found | None:
        """The interval with its edges, if traffic steps there to another level, beyond what chance
        and the usual rhythm do."""
        dispersion = self._dispersion(start, end, min(limits.TRAFFIC_EDGE_BUCKETS, end - start))
        if not self._has_edges(kind, start, end, dispersion):
            return None
        sign = 1 if kind == "traffic_surge" else -1
        parts = self._parts(start, end, dispersion)
        for _ in range(_ROUNDS):
            # Edges as the trend has them, and the trend beside those, over the same buckets.
            first, last = self._best_edges(parts, start, end, dispersion)
            if (first, last) == (start, end) or last - first < self.least:
                break
            moved = [
                self._part(first, last, each.low, each.low + len(each.counts), dispersion)
                for each in parts
            ]
            if _evidence(moved) <= _evidence(parts):
                break
            start, end, parts = first, last, moved
        log_factor = sum(each.step.log_factor for each in parts) / len(parts)
        error = math.hypot(*(each.step.error for each in parts)) / len(parts)
        evidence = _evidence(parts)
        is_halved = sign * log_factor + limits.TRAFFIC_Z * error >= math.log(limits.TRAFFIC_HALF)
        if not is_halved or evidence < limits.TRAFFIC_LIKELIHOOD_MIN:
            return None
        start, end = self._best_edges(parts, start, end, dispersion)
        if end - start < self.least:  # the edges may even meet
            return None
        inside, outside = self._levels(self.sums, start, end)
        excess = (inside - outside) * (end - start)
        if not self._is_long(start, end, outside):
            return None
        # Longer ones have more evidence: a part of an incident is not it.
        edge_buckets = edge_width(inside, outside, dispersion)
        inside, outside = self._levels(self.raw, start, end)
        return Found(start, end, inside, outside, evidence, excess, evidence, edge_buckets)

    def _best_edges(
        self, parts: Sequence[_Part], start: int, end: int, dispersion: float
    ) -> tuple[int, int]:
        """The most likely edges near these, as the trend has them."""
        first = parts[0].best_start(start, dispersion)
        return first, parts[-1].best_end(end, dispersion) if end < self.high else end

    def _is_long(self, start: int, end: int, outside: float) -> bool:
        """Whether it lasts as long as counts; the buckets at its edges may be in it in part."""
        interior = self.sums[end - 1] - self.sums[start + 1]
        level = interior / max(end - start - 2, 1)
        first, last = max(self.low, start - 1), min(self.high, end + 1)
        missing = abs(outside * (last - first) - (self.sums[last] - self.sums[first]))
        whole = missing / max(abs(outside - level), 1e-9)
        return whole * self.step_s >= limits.TRAFFIC_SECONDS_MIN

    def _windows(self, start: int, end: int) -> tuple[int, int]:
        """How far the windows before and after an interval reach."""
        width = min(max(end - start, limits.TRAFFIC_EDGE_BUCKETS), 24)
        return max(self.low, start - width), min(self.high, end + width)

    def evidence(self, start: int, end: int) -> tuple[float, str]:
        """Twice the log of the likelihood ratio against the windows beside, and what it is."""
        sums = self.sums
        before, after = self._windows(start, end)
        x, length = sums[end] - sums[start], end - start
        rest_x = sums[start] - sums[before] + sums[after] - sums[end]
        rest_length = start - before + after - end
        if start - before < limits.INSIDE_BUCKETS_MIN:
            return 0.0, ""
        inside, outside = x / length, rest_x / rest_length
        if outside > inside * limits.TRAFFIC_TIMES_MIN:
            kind = "traffic_drop"
        elif inside > outside * limits.SURGE_TIMES_MIN:
            kind = "traffic_surge"
        else:
            return 0.0, ""
        if max(inside, outside) * length < limits.EVENTS_MIN:
            return 0.0, ""
        return _deviance(x, length, rest_x, rest_length, 1.0), kind

    def _against_windows(self, start: int, end: int, dispersion: float) -> float:
        """The evidence against the windows beside, of counts that are dispersed."""
        sums = self.sums
        before, after = self._windows(start, end)
        rest_x = sums[start] - sums[before] + sums[after] - sums[end]
        rest_length = start - before + after - end
        x = sums[end] - sums[start]
        return _deviance(x, end - start, rest_x, rest_length, dispersion)

    def _levels(self, sums: Sequence[int], start: int, end: int) -> tuple[float, float]:
        """Counts of a bucket inside, and in the windows beside."""
        before, after = self._windows(start, end)
        rest = sums[start] - sums[before] + sums[after] - sums[end]
        inside = (sums[end] - sums[start]) / (end - start)
        return inside, rest / max(start - before + after - end, 1)

    def _refined(self, kind: str, start: int, end: int, dispersion: float) -> tuple[int, int]:
        reach = max(3, (end - start) // 3)

        def value(first: int, last: int) -> float:
            if self.evidence(first, last)[1] != kind:
                return 0.0
            return self._against_windows(first, last, dispersion)

        for _ in range(3):
            was = start, end
            firsts = range(max(self.low, start - reach), min(end - 2, start + reach + 1))
            start = max(firsts, key=lambda at: (value(at, end), -at), default=start)
            lasts = range(max(start + 3, end - reach), min(self.high, end + reach) + 1)
            end = max(lasts, key=lambda at: (value(start, at), at), default=end)
            if was == (start, end):
                break
        return start, end

    def _has_edges(self, kind: str, start: int, end: int, dispersion: float) -> bool:
        """Whether each edge is a step (the first alone, if it lasts to the end): not a ramp."""
        length = end - start
        if length < self.least or self.evidence(start, end)[1] != kind:
            return False
        reach = min(limits.TRAFFIC_EDGE_BUCKETS, length)
        near = min(limits.TRAFFIC_NEAR_BUCKETS, reach)
        sign = 1 if kind == "traffic_surge" else -1
        edges = [(start, sign)] + ([(end, -sign)] if end < self.high else [])
        return all(
            self._is_times(edge, near, sense, limits.TRAFFIC_NEAR_MIN, dispersion)
            and self._is_times(edge, reach, sense, limits.TRAFFIC_EDGE_MIN, dispersion)
            for edge, sense in edges
        )

    def _parts(self, start: int, end: int, dispersion: float) -> list[_Part]:
        """An interval beside the trend around it; of a long one, each of its edges."""
        width = limits.TRAFFIC_TREND_BUCKETS
        before, after = max(self.low, start - width), min(self.high, end + width)
        if end - start <= 2 * width:
            ranges = [(before, after)]
        else:
            ranges = [(before, start + width)] + [(end - width, after)] * (end < self.high)
        return [self._part(start, end, low, high, dispersion) for low, high in ranges]

    def _part(self, start: int, end: int, low: int, high: int, dispersion: float) -> _Part:
        counts = [self.sums[i + 1] - self.sums[i] for i in range(low, high)]
        inside = [start <= i < end for i in range(low, high)]
        return _Part(low, counts, step_beside_trend(counts, inside, self.step_s, dispersion))

    def _is_times(self, edge: int, reach: int, sense: int, least: float, dispersion: float) -> bool:
        """Whether traffic is multiplied across an edge by at least so much, or may be."""
        before, n, after, m = self._sides(edge, reach)
        if not n or not m:
            return True
        times = ((after + 0.5) / m) / ((before + 0.5) / n)
        error = math.sqrt(dispersion * (1 / (before + 0.5) + 1 / (after + 0.5)))
        return sense * math.log(times) + error >= math.log(least)

    def _sides(self, edge: int, reach: int) -> tuple[int, int, int, int]:
        """Sums and lengths before and after an edge."""
        first, last = max(self.low, edge - reach), min(self.high, edge + reach)
        sums = self.sums
        return sums[edge] - sums[first], edge - first, sums[last] - sums[edge], last - edge

    def _dispersion(self, start: int, end: int, longest: int) -> float:
        """How neighboring blocks differ, at lengths up to `longest`, as times the variance of
        independent events; blocks at the edges of the interval do not count."""
        most, size = 1.0, 1
        while size <= longest:
            pairs = []
            for first in range(self.low, self.high - 2 * size + 1, size):
                last = first + 2 * size
                if last <= start - 1 or first >= end + 1 or start < first < last < end:
                    one = self.sums[first + size] - self.sums[first]
                    two = self.sums[last] - self.sums[first + size]
                    pairs.append(((one - two) ** 2, one + two))
            if len(pairs) >= limits.DISPERSION_BLOCKS_MIN:
                if size > 2 and len(pairs) >= 8:
                    # The edges of another incident are not dispersion; clumps are short.
                    pairs = sorted(pairs)[: -max(1, len(pairs) // 20)]
                # Sums before their ratio: counts of skewed distributions are mostly small.
                events = sum(each[1] for each in pairs)
                mean = events / len(pairs)
                most = max(most, (sum(each[0] for each in pairs) + mean) / (events + mean or 1))
            size *= 2
        return most


def _deviance(x: int, n: int, y: int, m: int, dispersion: float) -> float:
    """Twice the log of the likelihood ratio of two counts over `n` and `m` buckets.

    Negative binomial: their variance is `dispersion` times the mean, and large counts are far more
    likely than a normal distribution of that variance has it.
    """
    mean = (x + y) / (n + m)
    value = 0.0
    for count, length in ((x, n), (y, m)):
        expected = mean * length
        if count:
            value += count * math.log(count / expected)
        if dispersion > 1.001:
            size = expected / (dispersion - 1)
            value -= (count + size) * math.log((count + size) / (expected + size))
        else:
            value -= count - expected
    return 2 * value


def is_explained_by_messages(
    kind: str, start_s: int, end_s: int | None, step_s: int, templates: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether messages say that it was meant: a restart, or DEBUG switched on or off."""
    if end_s is None and kind == "traffic_drop":
        return False

    def near(moment: float | None, edge: int | None) -> bool:
        return moment is not None and edge is not None and abs(moment - edge) <= 2 * step_s

    stops = starts = False
    for each in templates:
        moments = (each["first"], each["last"])
        words = str(each["text"]).lower()
        stops |= any(word in words for word in _STOPS) and any(near(t, start_s) for t in moments)
        starts |= any(word in words for word in _STARTS) and any(near(t, end_s) for t in moments)
    return kind == "traffic_drop" and stops and starts


_STOPS = ("shutting down", "shutdown", "stopping", "stopped", "terminat", "sigterm", "exiting")
_STARTS = ("started", "starting", "listening", "ready", "initialized", "booting")
