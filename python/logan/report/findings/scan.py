"""The interval of a series that differs most from the rest, with its evidence.

Intervals of about three lengths in each octave are tried at steps of a quarter of their length, the
best of each octave is refined bucket by bucket, and its evidence divided by the dispersion that
blocks of the rest show at lengths up to its own: counts that come in clumps or drift over hours
must not count as if each event were independent. `Ratio` compares counts for each unit of exposure
(quasi-Poisson), `Mean` sums of measurements (quasi-normal). Pure; integers in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from logan.report.findings import thresholds as limits
from logan.report.findings.grid import prefix

__all__ = ["Found", "Mean", "Ratio", "Series", "find_intervals", "lengths"]


class Found(NamedTuple):
    """Buckets `[start, end)`: level inside and outside, and the evidence that they differ."""

    start: int
    end: int
    inside: float
    outside: float
    score: float
    excess: float


class Series(Protocol):
    """What is compared: evidence of an interval in a range, and dispersion around it."""

    size: int

    def evidence(self, start: int, end: int, low: int, high: int) -> float:
        """Twice the log of the likelihood ratio; 0 where the interval is not higher."""

    def dispersion(self, start: int, end: int, low: int, high: int) -> float:
        """How many times the variance of independent events; at least 1."""

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        """The interval, if it matters."""


class Ratio:
    """Events for each unit of exposure: errors by requests."""

    def __init__(self, events: Sequence[int], exposure: Sequence[int]) -> None:
        self.size = len(events)
        self.events = prefix(events)
        self.exposure = prefix(exposure)
        self.busy = prefix([int(each > 0) for each in exposure])

    def evidence(self, start: int, end: int, low: int, high: int) -> float:
        events, exposure = self.events, self.exposure
        x = events[end] - events[start]
        n = exposure[end] - exposure[start]
        rest_x = events[high] - events[low] - x
        rest_n = exposure[high] - exposure[low] - n
        if x < limits.EVENTS_MIN or n <= 0 or rest_n <= 0 or x * rest_n <= 1.5 * rest_x * n:
            return 0.0
        mean = (x + rest_x) / (n + rest_n)
        value = x * math.log(x / (n * mean))
        if rest_x:
            value += rest_x * math.log(rest_x / (rest_n * mean))
        return 2 * value

    def dispersion(self, start: int, end: int, low: int, high: int) -> float:
        x = self.events[end] - self.events[start]
        n = self.exposure[end] - self.exposure[start]
        rest_x = self.events[high] - self.events[low] - x
        rest_n = self.exposure[high] - self.exposure[low] - n
        if not rest_x:
            return 1.0
        mean = rest_x / rest_n
        least = limits.DISPERSION_EVENTS_MIN / mean  # exposure of a block
        size = max(1, math.ceil(least * (high - low - (end - start)) / rest_n))
        most = 1.0
        while True:
            squares = []
            for first, last in _blocks(start, end, low, high, size):
                block_n = self.exposure[last] - self.exposure[first]
                if block_n > 0:
                    expected = block_n * mean
                    observed = self.events[last] - self.events[first]
                    squares.append((observed - expected) ** 2 / expected)
            most = max(most, _pooled(squares))
            size *= 2
            if size > max(1, end - start):
                return most

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        x = self.events[end] - self.events[start]
        n = self.exposure[end] - self.exposure[start]
        rest_x = self.events[high] - self.events[low] - x
        rest_n = self.exposure[high] - self.exposure[low] - n
        busy = self.busy[end] - self.busy[start]
        rest_busy = self.busy[high] - self.busy[low] - busy
        if x < limits.EVENTS_MIN or busy < limits.INSIDE_BUCKETS_MIN:
            return None
        if rest_busy < limits.OUTSIDE_BUCKETS_MIN:
            return None
        inside, outside = x / n, rest_x / rest_n
        if (
            inside < limits.ERRORS_TIMES_MIN * outside
            or inside - outside < limits.ERRORS_POINTS_MIN
        ):
            return None
        rest_length = high - low - (end - start)
        if x * rest_length < limits.ERRORS_PER_TIME_MIN * rest_x * (end - start):
            return None
        return Found(start, end, inside, outside, score, x - n * outside)


class Mean:
    """Means of measurements, of which sums and sums of squares are known: logarithms of times."""

    def __init__(self, counts: Sequence[int], sums: Sequence[int], squares: Sequence[int]) -> None:
        self.size = len(counts)
        self.counts = prefix(counts)
        self.sums = prefix(sums)
        self.squares = prefix(squares)
        self.busy = prefix([int(each > 0) for each in counts])

    def _parts(self, start: int, end: int, low: int, high: int) -> tuple[int, int, int, int]:
        n = self.counts[end] - self.counts[start]
        s = self.sums[end] - self.sums[start]
        return (
            n,
            s,
            self.counts[high] - self.counts[low] - n,
            self.sums[high] - self.sums[low] - s,
        )

    def evidence(self, start: int, end: int, low: int, high: int) -> float:
        n, s, rest_n, rest_s = self._parts(start, end, low, high)
        if n < limits.EVENTS_MIN or rest_n < limits.EVENTS_MIN:
            return 0.0
        inside, outside = s / n, rest_s / rest_n
        if inside <= outside:
            return 0.0
        squares = self.squares[high] - self.squares[low]
        within = (squares - n * inside * inside - rest_n * outside * outside) / (n + rest_n)
        return (inside - outside) ** 2 * n * rest_n / (n + rest_n) / max(within, 1.0)

    def dispersion(self, start: int, end: int, low: int, high: int) -> float:
        n, s, rest_n, rest_s = self._parts(start, end, low, high)
        squares = self.squares[high] - self.squares[low]
        inside, outside = s / n, rest_s / rest_n
        within = (squares - n * inside * inside - rest_n * outside * outside) / (n + rest_n)
        variance = max(within, 1.0)
        size = max(1, math.ceil(limits.DISPERSION_EVENTS_MIN * (high - low) / (n + rest_n)))
        most = 1.0
        while True:
            found = []
            for first, last in _blocks(start, end, low, high, size):
                block_n = self.counts[last] - self.counts[first]
                if block_n > 0:
                    mean = (self.sums[last] - self.sums[first]) / block_n
                    found.append((mean - outside) ** 2 * block_n / variance)
            most = max(most, _pooled(found))
            size *= 2
            if size > max(1, end - start):
                return most

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        n, s, rest_n, rest_s = self._parts(start, end, low, high)
        busy = self.busy[end] - self.busy[start]
        rest_busy = self.busy[high] - self.busy[low] - busy
        if n < limits.EVENTS_MIN or busy < limits.INSIDE_BUCKETS_MIN:
            return None
        if rest_n < limits.EVENTS_MIN or rest_busy < limits.OUTSIDE_BUCKETS_MIN:
            return None
        inside, outside = s / n, rest_s / rest_n
        if inside - outside < 256 * math.log2(limits.LATENCY_TIMES_MIN):
            return None
        return Found(start, end, inside, outside, score, (inside - outside) * n / 256)


def _blocks(start: int, end: int, low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    """Blocks of that size outside an interval, not next to it."""
    for first in range(low, start - size, size):
        yield first, first + size
    for first in range(end + 1, high - size + 1, size):
        yield first, first + size


def _pooled(squares: list[float]) -> float:
    """The mean of squared deviations, drawn towards 1 where they are few.

    The largest (one in twenty, at least one) are left out: another incident is not dispersion.
    """
    if len(squares) < limits.DISPERSION_BLOCKS_MIN:
        return 1.0
    if len(squares) >= 8:
        squares = sorted(squares)[: -max(1, len(squares) // 20)]
    return (sum(squares) + 2) / (len(squares) + 2)


def lengths(most: int) -> list[int]:
    """Lengths of intervals to try, about three in each octave."""
    found: list[int] = []
    length = float(limits.INSIDE_BUCKETS_MIN)
    while round(length) <= most:
        if not found or round(length) > found[-1]:
            found.append(round(length))
        length *= 1.26
    return found


def find_intervals(series: Series, least_score: float) -> list[Found]:
    """The intervals that matter, beyond chance, best first; they do not overlap."""
    todo = [(0, series.size)]
    found: list[Found] = []
    while todo and len(found) < limits.INTERVALS_MAX:
        low, high = todo.pop()
        best = _best(series, low, high, least_score)
        if best is None:
            continue
        found.append(best)
        # What its edges left over is not an incident of its own.
        margin = 1 + (best.end - best.start) // 8
        rest = [(low, best.start - margin), (best.end + margin, high)]
        todo += [each for each in rest if each[1] - each[0] >= limits.BUCKETS_MIN]
    return sorted(found, key=lambda each: (-each.score, each.start))


def _best(series: Series, low: int, high: int, least_score: float) -> Found | None:
    most = high - low - limits.OUTSIDE_BUCKETS_MIN
    by_octave: dict[int, tuple[float, int, int]] = {}
    evidence = series.evidence
    for length in lengths(most):
        octave = length.bit_length()
        best = by_octave.get(octave, (least_score, 0, 0))
        for start in range(low, high - length + 1, max(1, length // 4)):
            value = evidence(start, start + length, low, high)
            if value > best[0]:
                best = (value, start, start + length)
        if high - low > length:  # the last one may lie between two steps
            value = evidence(high - length, high, low, high)
            if value > best[0]:
                best = (value, high - length, high)
        if best[2]:
            by_octave[octave] = best
    candidates = []
    for _, coarse_start, coarse_end in by_octave.values():
        start, end = _refined(evidence, coarse_start, coarse_end, low, high)
        score = evidence(start, end, low, high) / series.dispersion(start, end, low, high)
        if score >= least_score:
            found = series.found(start, end, low, high, score)
            if found is not None:
                candidates.append(found)
    return max(candidates, key=lambda each: (each.score, -each.start), default=None)


def _refined(
    evidence: Callable[[int, int, int, int], float], start: int, end: int, low: int, high: int
) -> tuple[int, int]:
    """Edges at which the evidence is largest, near the given ones."""
    reach = max(4, (end - start) // 3)
    for _ in range(3):
        before = start, end
        start = max(
            range(max(low, start - reach), min(end - 2, start + reach + 1)),
            key=lambda at: (evidence(at, end, low, high), -at),
            default=start,
        )
        end = max(
            range(max(start + 3, end - reach), min(high, end + reach) + 1),
            key=lambda at: (evidence(start, at, low, high), at),
            default=end,
        )
        if (start, end) == before:
            break
    return start, end
