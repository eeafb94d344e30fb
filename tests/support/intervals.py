"""Slow reference of the engine's `ratio_intervals` and `mean_intervals`: the definitions, written
down without a thought of speed. Every interval of the lengths that are tried is looked at anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from logan.report.findings import thresholds as limits

__all__ = ["Interval", "mean_intervals", "ratio_intervals"]

Span = tuple[int, int]
Interval = tuple[int, int, float, float]
Evidence = Callable[[int, int], float]
Square = Callable[[int, int], float | None]


def ratio_intervals(
    events: Sequence[int], exposure: Sequence[int], range_: Span, least_score: float
) -> list[Interval]:
    """Of events and exposure by bucket."""
    low, high = range_

    def evidence(start: int, end: int) -> float:
        x, n = sum(events[start:end]), sum(exposure[start:end])
        rest_x, rest_n = sum(events[low:high]) - x, sum(exposure[low:high]) - n
        if x < limits.EVENTS_MIN or n <= 0 or rest_n <= 0 or x * rest_n <= 1.5 * rest_x * n:
            return 0.0
        mean = (x + rest_x) / (n + rest_n)
        value = x * math.log(x / (n * mean))
        if rest_x:
            value += rest_x * math.log(rest_x / (rest_n * mean))
        return 2 * value

    def dispersion(free: Sequence[Span], longest: int) -> float:
        x = sum(sum(events[first:last]) for first, last in free)
        n = sum(sum(exposure[first:last]) for first, last in free)
        if not x or not n:
            return 1.0
        mean = x / n

        def square(first: int, last: int) -> float | None:
            expected = sum(exposure[first:last]) * mean
            return (sum(events[first:last]) - expected) ** 2 / expected if expected else None

        return _largest(square, free, mean * n, longest)

    return _intervals(evidence, dispersion, low, high, len(events), least_score)


def mean_intervals(
    counts: Sequence[int],
    sums: Sequence[int],
    squares: Sequence[int],
    range_: Span,
    least_score: float,
) -> list[Interval]:
    """Of counts, sums and sums of squares by bucket."""
    low, high = range_

    def evidence(start: int, end: int) -> float:
        n, s = sum(counts[start:end]), sum(sums[start:end])
        rest_n, rest_s = sum(counts[low:high]) - n, sum(sums[low:high]) - s
        if n < limits.EVENTS_MIN or rest_n < limits.EVENTS_MIN:
            return 0.0
        inside, outside = s / n, rest_s / rest_n
        if inside <= outside:
            return 0.0
        all_q = sum(squares[low:high])
        within = (all_q - n * inside * inside - rest_n * outside * outside) / (n + rest_n)
        return (inside - outside) ** 2 * n * rest_n / (n + rest_n) / max(within, 1.0)

    def dispersion(free: Sequence[Span], longest: int) -> float:
        n = sum(sum(counts[first:last]) for first, last in free)
        if not n:
            return 1.0
        mean = sum(sum(sums[first:last]) for first, last in free) / n
        all_q = sum(sum(squares[first:last]) for first, last in free)
        variance = max(all_q / n - mean * mean, 1.0)

        def square(first: int, last: int) -> float | None:
            block_n = sum(counts[first:last])
            if not block_n:
                return None
            away = sum(sums[first:last]) / block_n - mean
            return away * away * block_n / variance

        return _largest(square, free, n, longest)

    return _intervals(evidence, dispersion, low, high, len(counts), least_score)


def _largest(square: Square, free: Sequence[Span], expected: float, longest: int) -> float:
    width = sum(last - first for first, last in free)
    size = max(1, math.ceil(limits.DISPERSION_EVENTS_MIN * width / expected))
    most = 1.0
    while True:
        found = []
        for low, high in free:
            for first in range(low, high - size + 1, size):
                value = square(first, first + size)
                if value is not None:
                    found.append(value)
        if len(found) >= limits.DISPERSION_BLOCKS_MIN:
            if len(found) >= 8:
                found = sorted(found)[: -max(1, len(found) // 20)]
            most = max(most, (sum(found) + 2) / (len(found) + 2))
        size *= 2
        if size > max(1, longest):
            return most


def _intervals(
    evidence: Evidence,
    dispersion: Callable[[Sequence[Span], int], float],
    low: int,
    high: int,
    size: int,
    least_score: float,
) -> list[Interval]:
    octaves: dict[int, list[tuple[float, int, int]]] = {}
    for length in _lengths(high - low - limits.OUTSIDE_BUCKETS_MIN):
        tried = octaves.setdefault(length.bit_length(), [])
        starts = range(low, high - length, max(1, length // 4))
        for start in (*starts, high - length):
            value = evidence(start, start + length)
            if value > least_score:
                tried.append((value, start, start + length))
    found = []
    for tried in octaves.values():
        spans = _apart(tried)
        for span in spans:
            start, end = _refined(evidence, *span, low, high)
            value = evidence(start, end)
            most = dispersion(_free([*spans, (start, end)], low, high), end - start)
            if high == size and end < high:
                lasting = evidence(start, high)
                if value - lasting <= 2 * math.log(1 + high - end) * most:
                    end, value = high, lasting
            if value / most >= least_score:
                found.append((start, end, value, value / most))
    return found


def _lengths(most: int) -> list[int]:
    found: list[int] = []
    length = float(limits.INSIDE_BUCKETS_MIN)
    while round(length) <= most:
        if not found or round(length) > found[-1]:
            found.append(round(length))
        length *= 1.26
    return found


def _apart(tried: Sequence[tuple[float, int, int]]) -> list[Span]:
    taken: list[Span] = []
    for _, start, end in sorted(tried, key=lambda each: (-each[0], each[1], each[2])):
        if all(end <= first or start >= last for first, last in taken):
            taken.append((start, end))
    return taken[: limits.INTERVALS_MAX]


def _refined(evidence: Evidence, start: int, end: int, low: int, high: int) -> Span:
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


def _free(spans: Sequence[Span], low: int, high: int) -> list[Span]:
    """Runs of buckets that are in no interval and next to none."""
    near = {at for start, end in spans for at in range(start - 1, end + 1)}
    free: list[Span] = []
    for at in range(low, high):
        if at in near:
            continue
        if free and free[-1][1] == at:
            free[-1] = (free[-1][0], at + 1)
        else:
            free.append((at, at + 1))
    return free
