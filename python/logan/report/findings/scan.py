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
from dataclasses import dataclass, replace
from typing import Protocol

from logan.report.findings import thresholds as limits
from logan.report.findings.grid import prefix

__all__ = ["Found", "Mean", "Ratio", "Series", "apart", "find_intervals", "lengths"]


Span = tuple[int, int]
"""Buckets `[start, end)`."""

Evidence = Callable[[int, int], float]
"""Of an interval `[start, end)`: twice the log of the likelihood ratio, 0 if it is not higher."""


@dataclass(frozen=True, order=True, slots=True)
class Found:
    """Buckets `[start, end)`: level inside and outside, and the evidence that they differ.

    Attributes:
        score: evidence over dispersion.
        evidence: as if events were independent.
        edge_buckets: to how many buckets the edges are known.
    """

    start: int
    end: int
    inside: float
    outside: float
    score: float
    excess: float
    evidence: float = 0.0
    edge_buckets: int = 1


class Series(Protocol):
    """What is compared: evidence of an interval in a range, and dispersion around it."""

    size: int

    def against(self, low: int, high: int) -> Evidence:
        """The evidence of intervals against the rest of the range `[low, high)`."""

    def dispersion(self, free: Sequence[Span], longest: int, enough: float) -> float:
        """How many times the variance of independent events blocks within `free` have, of lengths
        up to `longest`; at least 1. One above `enough` may be too small."""

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        """The interval, if it matters."""


class Ratio:
    """Events for each unit of exposure: errors by requests."""

    def __init__(self, events: Sequence[int], exposure: Sequence[int]) -> None:
        self.size = len(events)
        self.events = prefix(events)
        self.exposure = prefix(exposure)
        self.busy = prefix([int(each > 0) for each in exposure])

    def against(self, low: int, high: int) -> Evidence:
        events, exposure = self.events, self.exposure
        all_x = events[high] - events[low]
        all_n = exposure[high] - exposure[low]

        def evidence(start: int, end: int) -> float:
            x = events[end] - events[start]
            n = exposure[end] - exposure[start]
            rest_x, rest_n = all_x - x, all_n - n
            if x < limits.EVENTS_MIN or n <= 0 or rest_n <= 0 or x * rest_n <= 1.5 * rest_x * n:
                return 0.0
            mean = all_x / all_n
            value = x * math.log(x / (n * mean))
            if rest_x:
                value += rest_x * math.log(rest_x / (rest_n * mean))
            return 2 * value

        return evidence

    def dispersion(self, free: Sequence[Span], longest: int, enough: float) -> float:
        events, exposure = self.events, self.exposure
        rest_x = sum(events[last] - events[first] for first, last in free)
        rest_n = sum(exposure[last] - exposure[first] for first, last in free)
        if not rest_x or not rest_n:
            return 1.0
        mean = rest_x / rest_n
        width = sum(last - first for first, last in free)
        least = max(1, math.ceil(limits.DISPERSION_EVENTS_MIN / mean * width / rest_n))

        def squares(size: int) -> Iterator[float]:
            for first, last in _blocks(free, size):
                block_n = exposure[last] - exposure[first]
                if block_n > 0:
                    expected = block_n * mean
                    yield (events[last] - events[first] - expected) ** 2 / expected

        return _largest(squares, least, longest, enough)

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
        is_doubled = inside >= limits.ERRORS_TIMES_MIN * outside
        is_success_halved = outside < 1 and (1 - inside) * limits.ERRORS_TIMES_MIN <= 1 - outside
        if not (is_doubled or is_success_halved) or inside - outside < limits.ERRORS_POINTS_MIN:
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

    def against(self, low: int, high: int) -> Evidence:
        counts, sums = self.counts, self.sums
        all_n = counts[high] - counts[low]
        all_s = sums[high] - sums[low]
        all_q = self.squares[high] - self.squares[low]
        # In integers: of large sums little is left.
        scatter = (all_q * all_n - all_s * all_s) / max(all_n, 1)
        least = limits.EVENTS_MIN

        def evidence(start: int, end: int) -> float:
            n = counts[end] - counts[start]
            rest_n = all_n - n
            if n < least or rest_n < least:
                return 0.0
            s = sums[end] - sums[start]
            if s * all_n <= all_s * n:
                return 0.0
            away = s / n - (all_s - s) / rest_n
            between = away * away * n * rest_n / all_n
            return between / max((scatter - between) / all_n, 1.0)

        return evidence

    def dispersion(self, free: Sequence[Span], longest: int, enough: float) -> float:
        counts, sums = self.counts, self.sums
        n = sum(counts[last] - counts[first] for first, last in free)
        if not n:
            return 1.0
        mean = sum(sums[last] - sums[first] for first, last in free) / n
        squares = sum(self.squares[last] - self.squares[first] for first, last in free)
        variance = max(squares / n - mean * mean, 1.0)
        width = sum(last - first for first, last in free)
        least = max(1, math.ceil(limits.DISPERSION_EVENTS_MIN * width / n))

        def squares(size: int) -> Iterator[float]:
            for first, last in _blocks(free, size):
                block_n = counts[last] - counts[first]
                if block_n > 0:
                    away = (sums[last] - sums[first]) / block_n - mean
                    yield away * away * block_n / variance

        return _largest(squares, least, longest, enough)

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        n = self.counts[end] - self.counts[start]
        s = self.sums[end] - self.sums[start]
        rest_n = self.counts[high] - self.counts[low] - n
        rest_s = self.sums[high] - self.sums[low] - s
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


def _free(spans: Sequence[Span], low: int, high: int) -> list[Span]:
    """What is left of a range beside some intervals, and not next to them."""
    free, at = [], low
    for start, end in sorted(spans):
        if start - 1 > at:
            free.append((at, start - 1))
        at = max(at, end + 1)
    if high > at:
        free.append((at, high))
    return free


def _blocks(free: Sequence[Span], size: int) -> Iterator[Span]:
    """Blocks of that size within ranges."""
    for low, high in free:
        for first in range(low, high - size + 1, size):
            yield first, first + size


def _largest(
    squares: Callable[[int], Iterator[float]], least: int, longest: int, enough: float
) -> float:
    """The largest dispersion of blocks of `least` buckets, and of twice as many up to `longest`;
    or one that is more than `enough`.

    Long blocks come first: they are few, and drift shows in them.
    """
    octaves = max(longest // least, 1).bit_length()
    most = 1.0
    for octave in reversed(range(octaves)):
        most = max(most, _pooled([*squares(least << octave)]))
        if most > enough:
            break
    return most


def _pooled(squares: list[float]) -> float:
    """The mean of squared deviations, drawn towards 1 where they are few.

    The largest twentieth (at least one) is left out: what is there once is not dispersion.
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


def find_intervals(
    series: Series, least_score: float, recurs: Callable[[Found], bool]
) -> list[Found]:
    """The intervals that matter, beyond chance, best first; they do not overlap.

    Those that `recurs` knows are not among them, and do not keep others from being found.
    """
    todo = [(0, series.size)]
    found: list[Found] = []
    for _ in range(limits.SEARCHES_MAX):
        if not todo or len(found) >= limits.INTERVALS_MAX:
            break
        low, high = todo.pop(0)
        best = _disjoint(_candidates(series, low, high, least_score), least_score)
        found += [each for each in best if not recurs(each)]
        # What is smaller shows beside them; what their edges left over is no incident of its own.
        at = low
        for each in [*best, None] if best else []:
            until = high
            if each is not None:
                until = each.start - 1 - (each.end - each.start) // 8
            if until - at >= limits.BUCKETS_MIN:
                todo.append((at, until))
            if each is not None:
                at = each.end + 1 + (each.end - each.start) // 8
    return sorted(found, key=lambda each: (-each.score, each.start))[: limits.INTERVALS_MAX]


def _disjoint(candidates: Sequence[Found], least_score: float) -> list[Found]:
    """The intervals without overlap that have the most evidence together, in the order of time.

    One that spans several incidents has less than these have together, a part of an incident has
    less than the whole of it. All are measured by the same dispersion: shorter ones have been
    compared with less.
    """
    if not candidates:
        return []
    strongest = max(candidates, key=lambda each: (each.evidence, each.start))
    dispersion = strongest.evidence / strongest.score

    def worth(each: Found) -> float:
        return max(each.evidence / dispersion - least_score, each.score / 1_000)

    ordered = sorted(candidates, key=lambda each: (each.end, each.start))
    best: list[tuple[float, list[Found]]] = [(0.0, [])]
    for index, each in enumerate(ordered):
        before = max(i for i in range(index + 1) if i == 0 or ordered[i - 1].end <= each.start)
        total, chosen = best[before]
        taken = (total + worth(each), [*chosen, each])
        best.append(max(best[-1], taken, key=lambda pair: pair[0]))
    return best[-1][1]


def _candidates(series: Series, low: int, high: int, least_score: float) -> list[Found]:
    """The best intervals of each octave of lengths, as far as they matter."""
    most = high - low - limits.OUTSIDE_BUCKETS_MIN
    octaves: dict[int, list[tuple[float, int, int]]] = {}
    evidence = series.against(low, high)
    for length in lengths(most):
        found = octaves.setdefault(length.bit_length(), [])
        starts = range(low, high - length, max(1, length // 4))
        for start in (*starts, high - length):  # the last one may lie between two steps
            value = evidence(start, start + length)
            if value > least_score:
                found.append((value, start, start + length))
    candidates = []
    for found in octaves.values():
        # Those that stand out together are incidents, not each other's dispersion.
        spans = apart(found)
        for span in spans:
            start, end = _refined(evidence, *span, low, high)
            free = _free([*spans, (start, end)], low, high)
            value = evidence(start, end)
            may_last = high == series.size and end < high
            lasting = evidence(start, high) if may_last else 0.0
            enough = max(value, lasting) / least_score
            dispersion = series.dispersion(free, end - start, enough)
            # It may end in any of the buckets that are left, or last: that is as likely as all of
            # these together.
            if may_last and value - lasting <= 2 * math.log(1 + high - end) * dispersion:
                end, value = high, lasting
            score = value / dispersion
            if score >= least_score:
                candidate = series.found(start, end, low, high, score)
                if candidate is not None:
                    candidates.append(replace(candidate, evidence=value))
    return candidates


def apart(found: Sequence[tuple[float, int, int]]) -> list[Span]:
    """The best of overlapping intervals, a few of them; given as (evidence, start, end)."""
    taken: list[Span] = []
    for _, start, end in sorted(found, key=lambda each: (-each[0], each[1], each[2])):
        if all(end <= first or start >= last for first, last in taken):
            taken.append((start, end))
            if len(taken) == limits.INTERVALS_MAX:
                break
    return taken


def _refined(evidence: Evidence, start: int, end: int, low: int, high: int) -> Span:
    """Edges at which the evidence is largest, near the given ones; of buckets that say nothing none
    is inside."""
    reach = max(4, (end - start) // 3)
    for _ in range(3):
        before = start, end
        start = max(
            range(max(low, start - reach), min(end - 2, start + reach + 1)),
            key=lambda at: (evidence(at, end), at),
            default=start,
        )
        end = max(
            range(max(start + 3, end - reach), min(high, end + reach) + 1),
            key=lambda at: (evidence(start, at), -at),
            default=end,
        )
        if (start, end) == before:
            break
    return start, end
