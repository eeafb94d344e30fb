"""Drops and surges of traffic: steps against what lies right before and after.

Traffic has a daily rhythm, so an interval is compared with windows beside it, never with the whole
log, and each of its edges must be a step. Only buckets that the same inputs cover are compared: a
log that begins, ends or lacks a part is not traffic that changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from logan.report.findings import thresholds as limits
from logan.report.findings.grid import Grid, prefix
from logan.report.findings.scan import Found, apart, lengths

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
    series = _Steps(counts, low, high, least)
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


class _Steps:
    """One series of counts, and how it deviates by itself."""

    def __init__(self, counts: Sequence[int], low: int, high: int, least: int) -> None:
        self.sums = prefix(counts)
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
                start, end = self._refined(kind, coarse_start, coarse_end)
                if (kind, start, end) in tried:
                    continue
                tried.add((kind, start, end))
                if end < self.high and 2 * (end - start) > self.high - self.low:
                    continue  # the longer part is the usual one
                reach = min(limits.TRAFFIC_EDGE_BUCKETS, end - start)
                dispersion = self._dispersion(start, end, reach)
                if self._steps_evidence(kind, start, end, dispersion) >= least:
                    # Longer ones have more evidence: a part of an incident is not it.
                    score = self._against_windows(start, end, dispersion)
                    inside, outside = self._levels(start, end)
                    yield (
                        kind,
                        Found(
                            *(
                                start,
                                end,
                                inside,
                                outside,
                                score,
                                (inside - outside) * (end - start),
                            )
                        ),
                    )

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

    def _levels(self, start: int, end: int) -> tuple[float, float]:
        before, after = self._windows(start, end)
        rest = self.sums[start] - self.sums[before] + self.sums[after] - self.sums[end]
        inside = (self.sums[end] - self.sums[start]) / (end - start)
        return inside, rest / (start - before + after - end)

    def _refined(self, kind: str, start: int, end: int) -> tuple[int, int]:
        reach = max(3, (end - start) // 3)

        def value(first: int, last: int) -> float:
            found, found_kind = self.evidence(first, last)
            return found if found_kind == kind else 0.0

        for _ in range(3):
            was = start, end
            firsts = range(max(self.low, start - reach), min(end - 2, start + reach + 1))
            start = max(firsts, key=lambda at: (value(at, end), -at), default=start)
            lasts = range(max(start + 3, end - reach), min(self.high, end + reach) + 1)
            end = max(lasts, key=lambda at: (value(start, at), at), default=end)
            if was == (start, end):
                break
        return start, end

    def _steps_evidence(self, kind: str, start: int, end: int, dispersion: float) -> float:
        """The evidence of steps at both edges (at the first alone, if it lasts to the end); 0 where
        an edge is a ramp, or the level inside is not another."""
        length = end - start
        if length < self.least or self.evidence(start, end)[1] != kind:
            return 0.0
        reach = min(limits.TRAFFIC_EDGE_BUCKETS, length)
        sign = 1 if kind == "traffic_surge" else -1
        edges = [(start, sign)] + ([(end, -sign)] if end < self.high else [])
        for edge, sense in edges:
            near = min(limits.TRAFFIC_NEAR_BUCKETS, reach)
            if self._times(edge, near) ** sense < limits.TRAFFIC_NEAR_MIN:
                return 0.0
            if self._times(edge, reach) ** sense < limits.TRAFFIC_EDGE_MIN:
                return 0.0
        if len(edges) == 1 or length >= 2 * reach:
            return sum(_deviance(*self._sides(edge, reach), dispersion) for edge, _ in edges)
        # What is inside counts once, though it lies at both edges.
        return self._against_windows(start, end, dispersion)

    def _sides(self, edge: int, reach: int) -> tuple[int, int, int, int]:
        """Sums and lengths before and after an edge."""
        first, last = max(self.low, edge - reach), min(self.high, edge + reach)
        sums = self.sums
        return sums[edge] - sums[first], edge - first, sums[last] - sums[edge], last - edge

    def _times(self, edge: int, reach: int) -> float:
        """By what traffic is multiplied across an edge; half an event keeps it finite."""
        before, n, after, m = self._sides(edge, reach)
        return ((after + 0.5) / m) / ((before + 0.5) / n) if n and m else 1.0

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
